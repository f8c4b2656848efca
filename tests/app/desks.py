"""One person's browser without a browser: reads pages and sends their forms with the token that the page gave."""

from __future__ import annotations

import re
from typing import Any

from tests.app.web import Site

HTML = {"Accept": "text/html"}


class Desk:
    """One person's browser: reads pages and sends their forms with the token that the page gave."""

    def __init__(self, site: Site, role: str) -> None:
        self.site = site
        self.headers = site.cookie(site.session(role)) | HTML
        self.token = site.form_token(self.headers)

    def get(self, path: str) -> Any:
        return self.site.client.get(path, headers=self.headers)

    def post(self, path: str, **fields: str) -> Any:
        form = {"_csrf_token": self.token, **fields}
        return self.site.client.post(path, data=form, headers=self.headers, follow_redirects=False)


def field(page: str, name: str) -> str:
    """What stands in a field of a form."""
    found = re.search(rf'<input[^>]*name="{name}"[^>]*value="([^"]*)"', page)
    assert found is not None, f"the page has no field {name}"
    return found.group(1)
