"""A visitor with a browser: signs in, reads, fills forms, and notes every complaint of the page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request

LOCALES = {"zh": "zh-CN", "en": "en-GB"}
SCREENSHOTS = Path(__file__).resolve().parents[2] / "artifacts" / "screenshots"
OVERFLOW = """() => {
  const most = document.documentElement.clientWidth;
  const wide = [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > most + 1
    && !e.closest('.scroll, pre, svg, .skip'));
  return document.documentElement.scrollWidth > most
    ? [`${document.documentElement.scrollWidth} > ${most}`, ...wide.slice(0, 3).map(e => e.outerHTML.slice(0, 120))] : [];
}"""


@dataclass(frozen=True)
class Site:
    """A served site: its address, its data folder, and the passwords and roles of its demo accounts."""

    url: str
    data: Path
    passwords: dict[str, str]
    roles: dict[str, tuple[str, ...]]


class Surfer:
    """One browser profile. `complaints` holds what must not happen: errors on a page, calls to another host."""

    def __init__(self, browser: Browser, site: Site, language: str, width: int) -> None:
        self.site, self.language, self.width = site, language, width
        self.complaints: list[str] = []
        self.context = browser.new_context(
            base_url=site.url, locale=LOCALES[language], viewport={"width": width, "height": 900}
        )
        self.page: Page = self.context.new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(f"page error at {self.page.url}: {error}"))
        self.page.on("request", self._see)
        self.context.on("page", lambda page: self.complaints.append(f"a second page opened: {page.url}"))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"console {message.type} at {self.page.url}: {message.text}")

    def _see(self, request: Request) -> None:
        if urlsplit(request.url).netloc != urlsplit(self.site.url).netloc and not request.url.startswith("data:"):
            self.complaints.append(f"{self.page.url} calls {request.url}")

    def visit(self, path: str, status: int = 200) -> Page:
        """Goes to a page and expects this status."""
        response = self.page.goto(path)
        assert response is not None
        assert response.status == status, (path, response.status)
        return self.page

    def sign_in(self, user: str) -> None:
        """Signs in through the form."""
        page = self.visit("/sign-in")
        page.fill("[name=username]", user)
        page.fill("[name=password]", self.site.passwords[user])
        page.click("#sign-in button[type=submit]")
        assert "/sign-in" not in page.url

    def text(self) -> str:
        """What the page says."""
        return self.page.inner_text("main")

    def overflow(self) -> list[str]:
        """What is wider than the window."""
        return self.page.evaluate(OVERFLOW)

    def keep_picture(self, name: str) -> None:
        """Keeps a picture of the whole page among the artifacts."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        path = SCREENSHOTS / f"{name}-{self.language}-{self.width}.png"
        self.page.screenshot(path=path, full_page=True)

    def close(self) -> None:
        """Ends the profile."""
        self.context.close()
