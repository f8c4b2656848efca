"""The account itself: who am I, for whom do I act, what may I do there; and the change from one organisation to another."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect

from tanyi.app import signing_in
from tanyi.app.installation import Installation
from tanyi.app.pages import pieces, views_accounts
from tanyi.app.pages.account import flash_of
from tanyi.app.security import Form, Visitor, access, page, see_other
from tanyi.kernel import parties
from tanyi.kernel.work import Reader

SIGNED_IN = access(*parties.ROLES, scope="own")


@get("/account", opt=SIGNED_IN, sync_to_thread=True)
def overview(
    request: Request[Any, Any, Any], visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]
) -> Response[str]:
    """Who is signed in, and for whom."""
    flash = flash_of(request, visitor)
    return page(visitor, "pages/account/overview.html", flash=flash, **views_accounts.overview(reader, visitor))


@post("/account/switch", opt=SIGNED_IN, sync_to_thread=True)
def switch(
    visitor: NamedDependency[Visitor], house: NamedDependency[Installation], form: NamedDependency[Form]
) -> Redirect:
    """Acts for another of one's organisations from now on; somebody else's does not exist."""
    membership_id = pieces.id_of(form.get("membership", ""))
    cookie = signing_in.renewed(house, visitor, membership_id=membership_id, ends_others=False)
    return see_other("/account?said=switched", cookies=[cookie])


ROUTES = [overview, switch]
