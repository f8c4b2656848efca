"""The public pages of neutral events: the list, one event, and its badge."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from tanyi.app.installation import Installation
from tanyi.app.pages import badges, pieces, views_neutral
from tanyi.app.pages.exports import answer, asked_of
from tanyi.app.pages.rendering import LANGUAGES
from tanyi.app.security import Visitor, access, page
from tanyi.kernel.work import Reader

BADGE_LASTS_S = 300


@get("/events", opt=access(scope="public"), sync_to_thread=True)
def all_events(
    request: Request[Any, Any, Any], visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]
) -> Response[Any]:
    """Every event with a published plan."""
    asked = asked_of(request, visitor)
    return answer(visitor, asked, "pages/public/events.html", views_neutral.all_events(reader, asked))


@get("/events/{number:str}", opt=access(scope="public"), sync_to_thread=True)
def one_event(
    visitor: NamedDependency[Visitor],
    reader: NamedDependency[Reader],
    house: NamedDependency[Installation],
    number: FromPath[str],
) -> Response[str]:
    """One event: plan, measures, estimate against reality, retirements, statement."""
    whose = visitor.user.organisation_id if visitor.user else None
    told = views_neutral.public_event(reader, number, house.settings.public_url, whose)
    return page(visitor, "pages/public/event.html", **told)


@get("/events/{number:str}/badge.svg", opt=access(scope="public"), sync_to_thread=True)
def badge(
    request: Request[Any, Any, Any],
    visitor: NamedDependency[Visitor],
    reader: NamedDependency[Reader],
    number: FromPath[str],
) -> Response[str]:
    """The badge as a picture for other pages."""
    facts = views_neutral.badge_facts(reader, number)
    locale = pieces.chosen(request.query_params, "lang", LANGUAGES) or "zh"
    headers = {"Cache-Control": f"public, max-age={BADGE_LASTS_S}"}
    drawn = badges.svg(facts, locale=locale, is_demo=visitor.is_demo)
    return Response(drawn, media_type="image/svg+xml", headers=headers)


ROUTES = [all_events, one_event, badge]
