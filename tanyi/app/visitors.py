"""A visitor: who asks, in which language, and what every page and cookie for a person carries.

The visitor of a request is found by the gate (`security.py`); handlers get it as a dependency of this name.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from litestar import Response
from litestar.datastructures import Cookie
from litestar.enums import MediaType
from litestar.response import Redirect

from tanyi.app.installation import Installation
from tanyi.app.pages import rendering
from tanyi.kernel import parties
from tanyi.kernel.parties import SignedIn
from tanyi.kernel.work import Actor

SESSION_COOKIE, FORM_COOKIE, LOCALE_COOKIE = "tanyi_session", "tanyi_form", "tanyi_locale"
PENDING_COOKIE: Final = "tanyi_sign_in"  # between the two steps of signing in


@dataclass
class Visitor:
    """Who asks, in which language; `user` is None for the public."""

    locale: str
    path: str
    is_demo: bool
    user: SignedIn | None = None
    session_token: str | None = None
    session_id: int | None = None
    key_scopes: frozenset[str] | None = None  # None: no bearer key was brought
    lacks_second_factor: bool = False
    form_secret: str | None = None
    unread: int = 0  # notices, for the header of every page
    is_new: bool = field(default=False)
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(16))  # of the scripts of this one answer

    @property
    def actor(self) -> Actor:
        return self.user.actor if self.user else Actor(label="public")

    @property
    def organisation_id(self) -> int:
        """The own organisation; asked for only on routes with scope "own"."""
        assert self.user is not None, "only a route of scope own asks this"
        return self.user.organisation_id

    @property
    def csrf_token(self) -> str:
        """For the field `_csrf_token` of every form; bound to the session, or to the form cookie of the public."""
        if self.form_secret is None:
            self.form_secret, self.is_new = secrets.token_urlsafe(32), True
        return _form_token(self.form_secret)

    def frame(self, flash: list[dict[str, str]] | None = None) -> dict[str, Any]:
        """What `layout/base.html` asks of every page."""
        return {
            "locale": self.locale,
            "demo": self.is_demo,
            "user": self._shown() if self.user else None,
            "path": self.path,
            "csrf_token": self.csrf_token,
            "flash": flash or [],
            "nonce": self.nonce,
        }

    def _shown(self) -> dict[str, Any]:
        assert self.user is not None
        return {
            "display_name": {"name_zh": self.user.name_zh, "name_en": self.user.name_en},
            "organisation": {
                "name_zh": self.user.organisation_name_zh,
                "name_en": self.user.organisation_name_en,
            },
            "roles": sorted(self.user.roles),
            "unread": self.unread,
            "jurisdiction": self.user.jurisdiction,
            "may_administer": parties.ADMINISTER in self.user.rights,
            "others": [
                {
                    "membership_id": other.membership_id,
                    "name_zh": other.organisation_name_zh,
                    "name_en": other.organisation_name_en,
                }
                for other in self.user.memberships
                if other.membership_id != self.user.membership_id
            ],
        }


def page(
    visitor: Visitor,
    template: str,
    *,
    status: int = 200,
    flash: list[dict[str, str]] | None = None,
    cookies: Sequence[Cookie] = (),
    **context: Any,
) -> Response[str]:
    """A rendered page in the visitor's language; rendered at once, so that a mistake in it undoes the work."""
    html = rendering.render(template, **(visitor.frame(flash) | context))
    return Response(
        html,
        media_type=MediaType.HTML,
        status_code=status,
        headers={"Cache-Control": "no-store"},
        cookies=list(cookies),
    )


def see_other(path: str, cookies: list[Cookie] | None = None) -> Redirect:
    """After a form was taken in: go and look at the result (303)."""
    return Redirect(path, status_code=303, cookies=cookies)


def locale_of(cookies: Mapping[str, str], accepted: str) -> str:
    """'zh' or 'en': the cookie, else the first of the two that the browser names, else Chinese."""
    chosen = cookies.get(LOCALE_COOKIE)
    if chosen in rendering.LANGUAGES:
        return chosen
    for part in accepted.lower().split(","):
        language = part.partition(";")[0].strip().partition("-")[0]
        if language in rendering.LANGUAGES:
            return language
    return "zh"


def _form_token(secret: str) -> str:
    return hmac.new(secret.encode(), b"tanyi form", hashlib.sha256).hexdigest()


def safe_next(wanted: str) -> str:
    """Where to go after signing in: a path of this site, or the own page."""
    inside = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if inside and "\\" not in wanted else "/my"


def sign_in_address(path: str) -> str:
    """The sign-in page, which leads back to `path` afterwards."""
    return f"/sign-in?next={quote(path)}"


def locale_cookie(house: Installation, locale: str) -> Cookie:
    """Remembers the language for a year."""
    return cookie(house, LOCALE_COOKIE, locale if locale in rendering.LANGUAGES else "zh", 365 * 86_400)


def form_cookie(house: Installation, secret: str) -> Cookie:
    """Ties the forms of somebody who is not signed in to this browser."""
    return cookie(house, FORM_COOKIE, secret, None)


def cookie(house: Installation, key: str, content: str, max_age: int | None) -> Cookie:
    """A cookie that no script reads and no other site sends along; `max_age` None ends it with the browser."""
    is_secure = house.settings.public_url.startswith("https:")
    return Cookie(key, value=content, max_age=max_age, path="/", httponly=True, samesite="lax", secure=is_secure)
