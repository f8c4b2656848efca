"""API keys of the acting membership: granted with a name, scopes and an end; shown once; revoked at once."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from tanyi.app.pages import pieces, views_accounts
from tanyi.app.pages.account import flash_of
from tanyi.app.pages.account_overview import SIGNED_IN
from tanyi.app.pages.forms import Form as TypedForm
from tanyi.app.security import Form, Visitor, page, see_other
from tanyi.kernel import api_keys
from tanyi.kernel.clock import SHANGHAI
from tanyi.kernel.errors import N_
from tanyi.kernel.work import Reader, Work

KEYS: Final = "pages/account/keys.html"
FIELDS = ("name", "expires_on", *(f"scope_{scope}" for scope in api_keys.SCOPES))
LONGEST_LIFE = timedelta(days=366)
NOT_IN_TIME = N_("Choose a day after today, at most a year ahead.")


@get("/account/keys", opt=SIGNED_IN, sync_to_thread=True)
def keys_page(
    request: Request[Any, Any, Any], visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]
) -> Response[str]:
    """The keys and the form for a new one."""
    return page(visitor, KEYS, flash=flash_of(request, visitor), **views_accounts.keys(reader, visitor))


@post("/account/keys", opt=SIGNED_IN, sync_to_thread=True)
def grant(visitor: NamedDependency[Visitor], work: NamedDependency[Work], form: NamedDependency[Form]) -> Response[str]:
    """Grants a key and shows it, this once."""
    sent = TypedForm(form, FIELDS, visitor.locale)
    name, expires_at = sent.text("name"), _end_of(sent, work)
    scopes = [scope for scope in api_keys.SCOPES if sent.typed[f"scope_{scope}"]]
    key = None
    try:
        if not sent.errors:
            key = _granted(work, visitor, name, scopes, expires_at)
    except (api_keys.NoScope, api_keys.TooManyKeys) as refusal:
        sent.say_refusal("scope", refusal)
    work.session.flush()
    told = views_accounts.keys(work, visitor, sent=sent if key is None else None)
    return page(visitor, KEYS, status=200 if key else 422, path="/account/keys", **(told | {"fresh_key": key}))


def _granted(work: Work, visitor: Visitor, name: str, scopes: list[str], expires_at: datetime | None) -> str:
    assert visitor.user is not None
    return api_keys.grant_api_key(
        work,
        user_id=visitor.user.user_id,
        membership_id=visitor.user.membership_id,
        name=name,
        scopes=scopes,
        expires_at=expires_at,
    )


def _end_of(sent: TypedForm, reader: Reader) -> datetime | None:
    """The end of the chosen day in China; a key lives a year at most."""
    day = sent.day("expires_on")
    if day is None:
        return None
    if not reader.today < day <= reader.today + LONGEST_LIFE:
        sent.say("expires_on", NOT_IN_TIME)
    return datetime.combine(day + timedelta(days=1), time(), SHANGHAI)


@post("/account/keys/{number:str}/revoke", opt=SIGNED_IN, sync_to_thread=True)
def revoke(visitor: NamedDependency[Visitor], work: NamedDependency[Work], number: FromPath[str]) -> Redirect:
    """Ends a key with the next request that brings it."""
    assert visitor.user is not None
    api_keys.revoke(work, membership_id=visitor.user.membership_id, key_id=pieces.id_of(number))
    return see_other("/account/keys?said=key-revoked")


ROUTES = [keys_page, grant, revoke]
