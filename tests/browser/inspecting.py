"""What only a browser can tell of a page: accessibility (axe-core), the keyboard, its weight, what it asks for.

axe-core is put into the page by the browser's own protocol, which the content policy does not bind; pages themselves
load no such thing.
"""

from __future__ import annotations

from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from tanyi.app.visitors import LOCALE_COOKIE
from tests.browser.crawling import Reached
from tests.browser.languages import untranslated
from tests.browser.reading import Reading, faults
from tests.browser.surfing import Site, Surfer

AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
MOST_BYTES = 600_000
MOST_SCREENS = 40  # of 900 px; a page that is longer needs paging
DRAWN_BY_OTHERS = {"/docs": "#api-docs"}  # the viewer of the programming interface is a library's, marked as English
MOST_TABS = 25
STOPS_OF_A_DATE = 4  # a date field is walked through part by part
SERIOUS = """async others => (await axe.run({include: [['html']], exclude: others}, {resultTypes: ['violations']})).violations
  .filter(each => ['serious', 'critical'].includes(each.impact))
  .map(each => `${each.impact} ${each.id}: ${each.nodes.length} × ${each.nodes[0].target} `
    + `${each.nodes[0].html.slice(0, 120)} (${each.nodes[0].failureSummary.replace(/\\s+/g, ' ').slice(0, 160)})`)"""
REACHABLE = """() => [...document.querySelectorAll(
    'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]')]
  .filter(e => e.tabIndex >= 0 && !e.disabled && e.checkVisibility({visibilityProperty: true})
    && e.getBoundingClientRect().width > 0)"""
FOCUS = f"""() => {{
  const look = e => {{ const s = getComputedStyle(e); return [s.outlineStyle, s.outlineWidth, s.outlineColor, s.boxShadow,
    s.backgroundColor, s.borderColor].join('|'); }};
  const shows = e => {{ const s = getComputedStyle(e); return s.outlineStyle === 'auto'
    || (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2); }};
  const wrong = [];
  for (const e of ({REACHABLE})()) {{
    if (e.tabIndex > 0) wrong.push('a positive tabindex: ' + e.outerHTML.slice(0, 100));
    document.activeElement.blur();
    const before = look(e);
    e.focus({{preventScroll: true, focusVisible: true}});
    if (document.activeElement !== e) wrong.push('cannot be focused: ' + e.outerHTML.slice(0, 100));
    else if (look(e) === before || !(shows(e) || getComputedStyle(e).boxShadow !== 'none'))
      wrong.push('focus cannot be seen: ' + e.outerHTML.slice(0, 100));
  }}
  document.activeElement.blur();
  return wrong;
}}"""
LISTEN = f"""() => {{
  window.tabbed = [];
  const all = ({REACHABLE})();
  document.addEventListener('focusin', event => window.tabbed.push(all.indexOf(event.target)));
  return all.length;
}}"""
SKIP = """() => { const e = document.activeElement, r = e.getBoundingClientRect();
  return [e.getAttribute('href') || '', r.left >= 0 && r.top >= 0 && r.width > 0]; }"""


@cache
def axe_source() -> str:
    """axe-core as npm brought it."""
    return AXE.read_text(encoding="utf-8")


class Inspector:
    """One browser profile of one visitor in one language at one width, which looks at pages as if for the first time."""

    def __init__(self, browser: Browser, site: Site, seen: Reached, language: str, width: int) -> None:
        self.surfer = Surfer(browser, site, language, width)
        self.language, self.page = language, self.surfer.page
        cookies = dict(seen.visitor.cookies) | {LOCALE_COOKIE: language}
        self.surfer.context.add_cookies([{"name": n, "value": v, "url": site.url} for n, v in cookies.items()])
        self.protocol = self.surfer.context.new_cdp_session(self.page)
        self.protocol.send("Network.enable")
        self.protocol.send("Network.setCacheDisabled", {"cacheDisabled": True})
        self.protocol.on("Network.loadingFinished", self._weigh)
        self.weight_bytes = 0

    def _weigh(self, event: dict[str, Any]) -> None:
        self.weight_bytes += int(event["encodedDataLength"])

    def weigh(self, address: str) -> int:
        """Goes to a page with an empty cache; gives the bytes that came over the wire until nothing more is fetched."""
        self.weight_bytes, self.surfer.complaints = 0, []
        self.page.goto(address)
        if self.page.evaluate("document.scripts.length") > 1:  # something may be fetched later
            self.page.wait_for_load_state("networkidle")
        return self.weight_bytes

    def look_at(self, address: str, route: str, *, thoroughly: bool) -> list[str]:
        """Everything that is wrong with a page; thoroughly: the tab key is pressed until the page ends."""
        self.weigh(address)
        wrong = list(self.surfer.complaints)
        wrong += [f"wider than the window: {each}" for each in self.surfer.overflow()[:2]]
        height = self.page.evaluate("document.documentElement.scrollHeight")
        wrong += [f"{height} px tall"] if height > MOST_SCREENS * 900 and route not in DRAWN_BY_OTHERS else []
        wrong += [f"{self.weight_bytes:,} bytes on a first visit"] if self.weight_bytes > MOST_BYTES else []
        wrong += self._axe(route)
        if route not in DRAWN_BY_OTHERS:
            drawn = Reading(self.page.content(), address)
            wrong += faults(drawn) + untranslated(drawn, self.language)
            wrong += self._keyboard(thoroughly=thoroughly)
        return list(dict.fromkeys(wrong))

    def _axe(self, route: str) -> list[str]:
        self.page.evaluate(f"() => {{ {axe_source()} }}")
        others = [[DRAWN_BY_OTHERS[route]]] if route in DRAWN_BY_OTHERS else []
        return self.page.evaluate(SERIOUS, others)

    def _keyboard(self, *, thoroughly: bool) -> list[str]:
        """The way past the navigation first, then every control in the order of the page, each seen, none a trap."""
        count = self.page.evaluate(LISTEN)
        self.page.keyboard.press("Tab")
        href, is_seen = self.page.evaluate(SKIP)
        wrong = [] if (href, is_seen) == ("#main", True) else [f"the tab key first reaches {href!r}, seen: {is_seen}"]
        dates = self.page.locator("input[type=date], input[type=datetime-local], input[type=time]").count()
        presses = count + 2 + STOPS_OF_A_DATE * dates if thoroughly else min(count, MOST_TABS)
        for _ in range(presses - 1):
            self.page.keyboard.press("Tab")
        reached = [place for place in self.page.evaluate("window.tabbed") if place >= 0]
        tabbed = [place for place, _ in groupby(reached)]
        end = tabbed.index(0, 1) if 0 in tabbed[1:] else len(tabbed)  # after the last control it begins again
        if tabbed[:end] != sorted(set(tabbed[:end])):
            wrong.append(f"the tab key does not follow the page: {tabbed[:end]}")
        if thoroughly and tabbed[:end] and tabbed[end - 1] < count - 1:
            wrong.append(f"the tab key is trapped at control {tabbed[end - 1]} of {count}")
        wrong += self.page.evaluate(FOCUS)[:5]
        return wrong + self._past_the_navigation()

    def _past_the_navigation(self) -> list[str]:
        self.page.evaluate(
            "() => { document.activeElement.blur(); document.querySelector('a[href=\"#main\"]').focus(); }"
        )
        self.page.keyboard.press("Enter")
        where = self.page.evaluate("document.activeElement.id")
        return [] if where == "main" else [f"the way past the navigation leads to {where!r}"]

    def close(self) -> None:
        """Ends the profile."""
        self.surfer.close()
