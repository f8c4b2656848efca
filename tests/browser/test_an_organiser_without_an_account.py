"""Somebody without an account, in a real browser: from nothing to a verified certificate in twelve clicks at most.

Every click and every choice in a list is counted; typing is free. Pictures of each step are kept, in both languages, on a
desk and on a telephone. The certificate is then verified by the command that anyone can run.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tanyi.kernel.clock import civil_date, system_clock
from tests.app.walks import FIGURES, facts_of
from tests.browser.surfing import Site, Surfer

MOST_CLICKS = 12
SIZES = pytest.mark.parametrize("width", [1280, 390])
LANGUAGES = pytest.mark.parametrize("language", ["zh", "en"])
TYPED_FACTS = ("name", "participants", "starts_on", "ends_on", "place", "organiser", "content")
NEW = "a[href='/neutral/new']"
MAIN = "main form button.btn-main[type=submit]"


class Clicks:
    """Clicks that are counted; a picture is kept before each."""

    def __init__(self, surfer: Surfer) -> None:
        self.surfer, self.page, self.count = surfer, surfer.page, 0
        self.too_wide: dict[str, list[str]] = {}

    def click(self, selector: str, step: str) -> None:
        """Looks at the page, then clicks the first thing that fits."""
        self.look(step)
        self.page.locator(selector).first.click()
        self.count += 1

    def look(self, step: str) -> None:
        """Keeps a picture, and what does not fit the window."""
        self.surfer.keep_picture(f"neutral-{step}")
        if found := self.surfer.overflow():
            self.too_wide[step] = found


def days_ahead() -> tuple[date, date]:
    """Two days next month, so that the plan is published before the event."""
    first_on = civil_date(system_clock()) + timedelta(days=30)
    return first_on, first_on + timedelta(days=1)


@LANGUAGES
@SIZES
def test_an_organiser_without_an_account_reaches_a_verified_certificate(
    surfer: Callable[..., Surfer], site: Site, tmp_path: Path, language: str, width: int
) -> None:
    clicks = Clicks(surfer(language, width))
    page = clicks.surfer.visit("/neutral")
    clicks.click(NEW, "1-landing")
    facts = facts_of(*days_ahead())
    for name in TYPED_FACTS:
        page.fill(f"[name={name}]", facts[name])
    clicks.click(MAIN, "2-facts")
    _types_the_figures(clicks)
    page.fill("[name=contact]", f"guest.{language}.{width}@example.com")
    clicks.click("button[value=save]", "3-calculator-filled")
    clicks.click("input[name=measures]", "4-measures")
    clicks.click(MAIN, "4-measures-ticked")
    clicks.click(MAIN, "5-plan")
    clicks.click("form.take button", "6-offsets")
    clicks.click("[name=understood]", "7-checkout")
    clicks.click("form[action$='/checkout'] button[type=submit]", "7-checkout-understood")
    page.wait_for_url(re.compile(r"/purchases/R\d+$"), timeout=30_000)
    number = page.url.rpartition("/")[2]
    with page.expect_download() as download:
        clicks.click("a[download][href^='/certificates/']", "8-receipt")
    assert clicks.count <= MOST_CLICKS, clicks.count
    download.value.save_as(tmp_path / f"{number}.json")
    _is_verified_by_command(site, tmp_path, number)
    _the_public_reads_it(clicks, facts["name"])
    assert clicks.too_wide == {}


def _types_the_figures(clicks: Clicks) -> None:
    """Types the fixture over the suggestions and sees the total follow."""
    page = clicks.page
    clicks.look("3-calculator")
    assert page.locator("[data-suggested]:visible").count() > 0
    for field in page.locator("[data-quantity]:not([name^=more])").all():
        field.fill("")
    for name in ("many-hotel", "each-hotel"):
        page.fill(f"[name={name}]", "")
    for name, typed in FIGURES.items():
        page.fill(f"[name={name}]", typed)
    expect(page.locator("[data-total]")).to_have_text("118.782")
    expect(page.locator("[data-due]")).to_have_text("119")


def _is_verified_by_command(site: Site, folder: Path, number: str) -> None:
    with urllib.request.urlopen(f"{site.url}/.well-known/jwks.json") as answer:
        (folder / "jwks.json").write_bytes(answer.read())
    command = [sys.executable, "-c", "from tanyi.app.cli import main; main()", "certificate", "verify"]
    files = [str(folder / f"{number}.json"), "--keys", str(folder / "jwks.json")]
    told = subprocess.run([*command, *files], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert int(json.loads((folder / f"{number}.json").read_text("utf8"))["payload"]["tonnes"]) == 119


def _the_public_reads_it(clicks: Clicks, name: str) -> None:
    page = clicks.page
    number = page.url.split("/")[4]
    clicks.surfer.visit(f"/neutral/{number}")
    clicks.look("9-room")
    clicks.surfer.visit(f"/events/{number}")
    assert name in clicks.surfer.text()
    clicks.look("10-public")
    clicks.surfer.visit("/events")
    clicks.look("11-list")
    clicks.surfer.visit("/my")
    clicks.look("12-home")
    clicks.surfer.visit("/neutral/return")
    page.fill("[name=contact]", f"guest.{clicks.surfer.language}.{clicks.surfer.width}@example.com")
    page.click("main form button[type=submit]")
    clicks.look("13-return")
    page.click("a[href^='/neutral/link']")
    assert name in clicks.surfer.text()


def test_the_whole_purchase_can_be_made_with_the_keyboard_alone(surfer: Callable[..., Surfer]) -> None:
    visitor = surfer("zh", 1280)
    page = visitor.visit("/neutral")
    keys = Keys(page)
    keys.press_on(NEW, "Enter")
    facts = facts_of(*days_ahead())
    for name in TYPED_FACTS:
        keys.type_into(f"[name={name}]", _as_keyed(facts[name]))
    keys.press_on(MAIN, "Enter")
    keys.type_into("[name=quantity-grid_electricity]", "42000")
    keys.type_into("[name=contact]", "13812345678")
    keys.press_on("button[value=save]", "Enter")
    keys.press_on("input[name=measures]", "Space")
    keys.press_on(MAIN, "Enter")
    keys.press_on(MAIN, "Enter")
    keys.press_on("form.take button", "Enter")
    keys.press_on("[name=understood]", "Space")
    keys.press_on("form[action$='/checkout'] button[type=submit]", "Enter")
    page.wait_for_url(re.compile(r"/purchases/R\d+$"), timeout=30_000)
    assert facts["name"] in visitor.text()


def _as_keyed(text: str) -> str:
    """A date as its field takes it key by key in this browser: month, day, year."""
    found = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", text)
    return "".join(found.group(2, 3, 1)) if found else text


class Keys:
    """Tab, Enter, Space and letters; a field is reached by Tab alone and must be seen to be reached."""

    MOST_TABS = 250

    def __init__(self, page: Page) -> None:
        self.page = page

    def reach(self, selector: str) -> None:
        """Goes on with Tab until the first thing that fits has the focus."""
        wanted = self.page.locator(selector).first
        wanted.wait_for()
        for _ in range(self.MOST_TABS):
            if wanted.evaluate("each => each === document.activeElement"):
                outline = wanted.evaluate("each => getComputedStyle(each).outlineStyle")
                assert outline != "none", f"{selector} has the focus and does not show it"
                return
            self.page.keyboard.press("Tab")
        pytest.fail(f"{selector} cannot be reached with the keyboard")

    def press_on(self, selector: str, key: str) -> None:
        """Reaches something and presses a key on it."""
        self.reach(selector)
        before = self.page.url
        self.page.keyboard.press(key)
        if key == "Enter":
            self.page.wait_for_url(lambda address: address != before, timeout=30_000)

    def type_into(self, selector: str, text: str) -> None:
        """Reaches a field and types."""
        self.reach(selector)
        if not re.fullmatch(r"\d{8}", text):
            self.page.keyboard.press("ControlOrMeta+A")
        self.page.keyboard.type(text)
