"""One story in a real browser: listed, bid for, matched, bought for an event, retired, certified, verified."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from settlement.certificate_format import verify
from tests.browser.surfing import Site, Surfer

LISTED_T, BOUGHT_T = 1_500, 40
EVENT = "第三届白洋淀环湖徒步大会"


def test_a_tonne_goes_from_the_seller_to_a_verified_certificate(
    surfer: Callable[..., Surfer], site: Site, tmp_path: Path
) -> None:
    _a_seller_lists(surfer("zh", user="forest.listing"))
    _a_firm_confirms_its_bid(surfer("zh", user="steel.compliance"))
    _the_operator_clears_the_round(surfer("zh", user="platform.rounds"))
    _the_public_reads_the_result(surfer("en"))
    organiser = surfer("zh", user="forum.organiser")
    number = _an_organiser_buys_for_its_event(organiser)
    _the_certificate_is_verified(organiser, site, number, tmp_path)


def _a_seller_lists(seller: Surfer) -> None:
    page = seller.visit("/sell")
    page.check("[name=holding]")
    page.fill("[name=quantity_t]", "999999999")
    page.fill("[name=price_yuan]", "47.5")
    page.click("main form button[type=submit]")
    expect(page.locator(".field-error")).to_have_count(1)
    assert page.input_value("[name=price_yuan]") == "47.5"  # what was typed is kept
    seller.complaints = [each for each in seller.complaints if "422" not in each]  # Chromium notes every 4xx
    page.fill("[name=quantity_t]", str(LISTED_T))
    page.click("main form button[type=submit]")
    expect(page.locator(".notice-success")).to_contain_text("已上架")
    assert "1,500" in seller.text()


def _a_firm_confirms_its_bid(firm: Surfer) -> None:
    page = firm.visit("/my")
    page.click("a:has-text('确认申报')")
    page.fill("[name=limit_yuan]", "60.00")
    page.fill("[name=max_group_percent]", "80")
    page.click("main form button[type=submit]")
    expect(page.locator(".notice-success")).to_be_visible()
    assert page.input_value("[name=limit_yuan]") == "60.00"


def _the_operator_clears_the_round(operator: Surfer) -> None:
    page = operator.visit("/operator/rounds/2026-2")
    page.click("button:has-text('截止本场次')")
    page.click("button:has-text('求解并校验')")
    expect(page.locator(".chip-good", has_text="未违反规则")).to_be_visible(timeout=60_000)
    page.click("main form button[type=submit]")
    expect(page.locator("main")).to_contain_text("已公布并完成结算", timeout=60_000)
    operator.keep_picture("desk-published")
    operator.visit("/rounds")
    expect(page.locator("main form button", has_text="开启下一场次")).to_be_visible()


def _the_public_reads_the_result(reader: Surfer) -> None:
    page = reader.visit("/rounds/2026-2")
    assert "2,000" in reader.text()  # E01 asked for 2,000 t
    reader.keep_picture("round-voluntary")
    with page.expect_download() as download:
        page.click("a[href$='result.json']")
    result = json.loads(Path(download.value.path()).read_bytes())
    assert result["totals"]["voluntary_t"] == 2_000
    page.click("a.quiet[lang=zh-Hans]")
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")


def _an_organiser_buys_for_its_event(organiser: Surfer) -> str:
    page = organiser.visit("/market?type=wetland")
    page.click("table.ledger tbody tr:first-child a")
    organiser.keep_picture("buy-form")
    page.fill("[name=quantity_t]", str(BOUGHT_T))
    expect(page.locator("[data-cost]")).to_contain_text("¥2,400.00")
    page.fill("[name=event_name]", EVENT)
    page.fill("[name=event_on]", "2026-12-12")
    page.fill("[name=event_place]", "雄安新区安新县")
    page.check("[name=understood]")
    page.click("main form button[type=submit]")
    page.wait_for_url("**/purchases/*", timeout=30_000)
    assert EVENT in organiser.text()
    organiser.keep_picture("receipt-bought")
    page.click("a.btn-main")
    page.wait_for_url("**/certificates/*")
    found = re.search(r"/certificates/(R\d+)$", page.url)
    assert found is not None
    return found.group(1)


def _the_certificate_is_verified(organiser: Surfer, site: Site, number: str, folder: Path) -> None:
    page = organiser.page
    assert EVENT in organiser.text()
    assert "肆拾吨" in organiser.text()
    assert page.locator("svg path").count() >= 1
    with page.expect_download() as download:
        page.click(f"a[href='/certificates/{number}.json']")
    path = folder / f"{number}.json"
    download.value.save_as(path)
    with urllib.request.urlopen(f"{site.url}/.well-known/jwks.json") as answer:
        keys = json.load(answer)
    verified = verify(path.read_bytes(), keys)
    assert (verified.payload.number, int(verified.payload.tonnes)) == (number, BOUGHT_T)
    assert verified.payload.event is not None
    assert verified.payload.event.name == EVENT
