"""The public pages: home, registry, projects, market, listings, rounds and certificates."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from matching import rounds
from settlement import certificates
from tanyi.app.api import certificates as signed_files
from tanyi.app.installation import Installation
from tanyi.app.pages import (
    pieces,
    views_certificates,
    views_figures,
    views_issuances,
    views_market,
    views_registry,
    views_rounds,
)
from tanyi.app.pages.exports import answer, asked_of
from tanyi.app.pages.organiser import empty_form
from tanyi.app.security import Visitor, access, page, see_other
from tanyi.kernel.errors import NotFound
from tanyi.kernel.work import Reader


@get("/", opt=access(scope="public"), sync_to_thread=True)
def home(
    request: Request[Any, Any, Any], visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]
) -> Response[Any]:
    """The market in ten seconds."""
    asked = asked_of(request, visitor)
    return answer(visitor, asked, "pages/public/home.html", views_market.home(reader, asked))


@get("/live", opt=access(scope="public"), sync_to_thread=True)
def live(visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]) -> Response[str]:
    """The figures of the home page as they are now, as the part of the page that shows them."""
    return page(visitor, "parts/_figures.html", **views_market.figures(reader))


@get("/registry", opt=access(scope="public"), sync_to_thread=True)
def registry(
    request: Request[Any, Any, Any], visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]
) -> Response[Any]:
    """The public search of projects and serials; the number of a certificate leads to it."""
    number = pieces.typed(request.query_params, "q").strip().upper()
    if certificates.is_issued(reader, number):
        return see_other(f"/certificates/{number}")
    asked = asked_of(request, visitor)
    jurisdiction = visitor.user.jurisdiction if visitor.user else None
    return answer(visitor, asked, "pages/public/registry.html", views_registry.registry(reader, asked, jurisdiction))


@get("/registry/issuances", opt=access(scope="public"), sync_to_thread=True)
def issuances(
    request: Request[Any, Any, Any], visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]
) -> Response[Any]:
    """Every issuance."""
    asked = asked_of(request, visitor)
    told = {"issuances": views_issuances.issuances(reader, asked)}
    return answer(visitor, asked, "pages/public/issuances.html", told)


@get("/registry/retirements", opt=access(scope="public"), sync_to_thread=True)
def retirements(
    request: Request[Any, Any, Any], visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]
) -> Response[Any]:
    """Every retirement."""
    asked = asked_of(request, visitor)
    months = views_figures.retired_by_month(reader, asked)
    told = {"retirements": views_issuances.retirements(reader, asked), "retired_by_month": months}
    return answer(visitor, asked, "pages/public/retirements.html", told)


@get("/projects/{code:str}", opt=access(scope="public"), sync_to_thread=True)
def project(
    request: Request[Any, Any, Any],
    visitor: NamedDependency[Visitor],
    reader: NamedDependency[Reader],
    code: FromPath[str],
) -> Response[Any]:
    """One project and where each of its tonnes is."""
    asked = asked_of(request, visitor)
    return answer(visitor, asked, "pages/public/project.html", views_registry.project(reader, code, asked))


@get("/market", opt=access(scope="public"), sync_to_thread=True)
def market(
    request: Request[Any, Any, Any], visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]
) -> Response[Any]:
    """What is on sale."""
    asked = asked_of(request, visitor)
    return answer(visitor, asked, "pages/public/market.html", views_market.market(reader, asked))


@get("/listings/{number:str}", opt=access(scope="public"), sync_to_thread=True)
def listing(
    request: Request[Any, Any, Any],
    visitor: NamedDependency[Visitor],
    reader: NamedDependency[Reader],
    number: FromPath[str],
) -> Response[Any]:
    """One listing; an organiser may buy from it here, and its seller reads what a round did with it."""
    asked = asked_of(request, visitor)
    offer = views_market.listing(reader, number, asked, buyer=visitor.actor)
    return answer(visitor, asked, "pages/public/listing.html", offer | empty_form())


@get("/rounds", opt=access(scope="public"), sync_to_thread=True)
def all_rounds(
    request: Request[Any, Any, Any], visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]
) -> Response[Any]:
    """All rounds, newest first."""
    may_operate = "operator" in visitor.actor.roles
    asked = asked_of(request, visitor)
    found = views_rounds.all_rounds(reader, asked, may_operate=may_operate)
    return answer(visitor, asked, "pages/public/rounds.html", found)


@get("/rounds/{number:str}", opt=access(scope="public"), sync_to_thread=True)
def one_round(
    request: Request[Any, Any, Any],
    visitor: NamedDependency[Visitor],
    reader: NamedDependency[Reader],
    number: FromPath[str],
) -> Response[Any]:
    """One round: its result once it is published."""
    may_operate = "operator" in visitor.actor.roles
    asked = asked_of(request, visitor)
    found = views_rounds.result(reader, number, asked, may_operate=may_operate)
    return answer(visitor, asked, "pages/public/round.html", found)


@get("/rounds/{number:str}/problem.json", opt=access(scope="public"), sync_to_thread=True)
def problem_file(reader: NamedDependency[Reader], number: FromPath[str]) -> Response[bytes]:
    """The frozen problem of a published round, byte for byte."""
    found = rounds.by_number(reader, pieces.named(number))
    return _published_file(found, found.problem)


@get("/rounds/{number:str}/result.json", opt=access(scope="public"), sync_to_thread=True)
def result_file(reader: NamedDependency[Reader], number: FromPath[str]) -> Response[bytes]:
    """The checked result of a published round, byte for byte."""
    found = rounds.by_number(reader, pieces.named(number))
    return _published_file(found, found.result)


@get("/rounds/{number:str}/certificate.json", opt=access(scope="public"), sync_to_thread=True)
def bounds_file(reader: NamedDependency[Reader], number: FromPath[str]) -> Response[bytes]:
    """The certificate of the bounds of a published round, byte for byte; a round solved before there were any has none."""
    found = rounds.by_number(reader, pieces.named(number))
    return _published_file(found, found.certificate)


def _published_file(found: rounds.Round, raw: bytes | None) -> Response[bytes]:
    if found.published_at is None or raw is None:
        raise NotFound
    return Response(raw, media_type="application/json")


@get("/certificates/{name:str}", opt=access(scope="public"), sync_to_thread=True)
def certificate(
    visitor: NamedDependency[Visitor],
    reader: NamedDependency[Reader],
    house: NamedDependency[Installation],
    name: FromPath[str],
) -> Response[Any]:
    """The public page of a certificate, or its signed file for a name that ends with .json."""
    if name.endswith(".json"):
        return signed_files.signed_file(reader, pieces.named(name))
    told = views_certificates.certificate(reader, name, house.settings.public_url)
    return page(visitor, "pages/public/certificate.html", **told)


@get("/docs", opt=access(scope="public"), sync_to_thread=True)
def docs(visitor: NamedDependency[Visitor]) -> Response[str]:
    """The page on which the programming interface can be read and tried."""
    return page(visitor, "pages/public/docs.html", schema_url="/schema/openapi.json")


ROUTES = [
    docs,
    home,
    live,
    registry,
    issuances,
    retirements,
    project,
    market,
    listing,
    all_rounds,
    one_round,
    problem_file,
    result_file,
    bounds_file,
    certificate,
]
