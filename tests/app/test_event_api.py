"""Neutral events over the API: the calculator, the fixture by form, by list and by workbook, and the way to a statement."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import msgspec
import pytest
from python_calamine import CalamineWorkbook

from tanyi.kernel import parties
from tanyi.kernel.clock import SHANGHAI, system_clock
from tests.app.test_event_lists import HEAD, ROWS_ZH, book
from tests.app.web import Site, site_of
from tests.market_makers import Market, make_actor, make_issued, make_listing
from tests.settlement import neutral_events as made
from tests.settlement import test_event_neutrality

LIST = {"activities": msgspec.to_builtins(made.ACTIVITIES), "has_radiative_forcing": True}
HEBEI = {"year": 2026, "region": "HEBEI"}
CHINESE = {"Accept-Language": "zh"}
HELD = {"kind": "FORUM", "name": "x", "place": "y", "starts_on": "2026-05-14", "ends_on": "2026-05-15"}
FOREST = msgspec.to_builtins(vars(test_event_neutrality.FOREST))
# Routes of scope "own" that name an object: who asks for somebody else's, and with what.
OF_OTHERS: dict[str, tuple[str, Any]] = {
    "GET /api/v1/events/{number}": ("firm", None),
    "PUT /api/v1/events/{number}": ("firm", HELD),
    "POST /api/v1/events/{number}/withdrawal": ("firm", None),
    "PUT /api/v1/events/{number}/plan": ("firm", {"measures": []}),
    "POST /api/v1/events/{number}/plan/publication": ("firm", None),
    "POST /api/v1/events/{number}/estimates": ("firm", LIST),
    "POST /api/v1/events/{number}/actuals": ("firm", LIST),
    "GET /api/v1/events/{number}/calculations": ("firm", None),
    "GET /api/v1/events/{number}/calculations.xlsx": ("firm", None),
    "GET /api/v1/events/{number}/offers": ("firm", None),
    "POST /api/v1/events/{number}/covers": ("firm", {"quantity_t": 1}),
    "POST /api/v1/events/{number}/forest": ("firm", FOREST),
    "POST /api/v1/events/{number}/confirmation": ("firm", {"responsible": "x", "evidence": ["y"]}),
    "POST /api/v1/events/{number}/statement": ("firm", None),
    "POST /api/v1/events/{number}/evaluations": ("firm", {"evaluator": "C01"}),
    "POST /api/v1/evaluations/{number}/report": ("other", msgspec.to_builtins(made.REPORT)),
    "POST /api/v1/evaluations/{number}/approval": ("other", {"reviewer": "x"}),
    "POST /api/v1/evaluations/{number}/return": ("other", None),
}


@pytest.fixture
def site(market: Market) -> Iterator[Site]:
    """A site over a small market."""
    with site_of(market) as opened:
        yield opened


def today() -> date:
    return system_clock().astimezone(SHANGHAI).date()


def stated(first_on: date, last_on: date) -> dict[str, Any]:
    held = {"starts_on": first_on.isoformat(), "ends_on": last_on.isoformat()}
    return {"kind": "FORUM", "name": "演示论坛", "place": "石家庄", "content": "四百人开会", **held}


def send(site: Site, method: str, path: str, body: Any = None, role: str = "organiser") -> Any:
    return site.client.request(method, f"/api/v1{path}", json=body, headers=site.bearer(role, f"key of {path}"[-100:]))


def planned(site: Site) -> str:
    """An event of the last two days whose plan was published; gives its number."""
    last_on = today() - timedelta(days=1)
    number = send(site, "POST", "/events", stated(last_on - timedelta(days=1), last_on)).json()["number"]
    assert send(site, "POST", f"/events/{number}/estimates", LIST).status_code == 201
    measures = [{"phase": "EVENT", "description": "绿色电力", "saving_kg": "1200.5"}]
    plan = {"measures": measures, "offset_method": "CREDITS", "neutral_by_on": today().isoformat()}
    assert send(site, "PUT", f"/events/{number}/plan", plan).json()["plan_lacks"] == []
    assert send(site, "POST", f"/events/{number}/plan/publication").json()["state"] == "PLANNED"
    return number


def on_sale(market: Market) -> None:
    make_listing(market, "S01", make_issued(market, "S01", 80), 80)
    make_listing(market, "S02", make_issued(market, "S02", 100, "P02", "wind"), 100, 5000)


def test_every_factor_comes_with_its_citation_in_both_languages(site: Site) -> None:
    items = site.client.get("/api/v1/factors").json()["items"]
    assert len(items) == 52
    assert all(each["source"]["citation_zh"] and each["source"]["citation_en"] for each in items)
    assert len(site.client.get("/api/v1/factors?year=2022&region=HEBEI").json()["items"]) < 52
    one = site.client.get("/api/v1/factors/EL-HB-2022").json()
    assert (one["kgco2e_per_unit"], one["data_year"]) == ("0.7252", 2022)
    assert "公告2024年第33号" in one["source"]["citation_zh"]
    assert site.client.get("/api/v1/factors/EL-XX-1999").status_code == 404


def test_the_fixture_by_list_gives_119_t_with_every_factor_cited(site: Site) -> None:
    answer = site.client.post("/api/v1/footprints", json={**HEBEI, **LIST}).json()
    assert (answer["shown_kg"], answer["footprint"]["tonnes_to_retire"]) == ("118781.97", 119)
    assert len(answer["footprint"]["lines"]) == len(answer["factors"]) == 12
    assert set(answer["flags"]) == {"PROXY", "ASSUMPTION"}
    assert sum(Decimal(each["emissions_kg"]) for each in answer["by_category"]) == Decimal("118781.9654")


def test_the_fixture_by_workbook_gives_119_t(site: Site) -> None:
    path = "/api/v1/footprints/uploads?year=2026&region=HEBEI&has_radiative_forcing=true"
    answer = site.client.post(path, content=book([HEAD, *ROWS_ZH, ("hotel", "many")])).json()
    assert answer["calculation"]["shown_kg"] == "118781.97"
    assert answer["calculation"]["footprint"]["tonnes_to_retire"] == 119
    assert [(each["row"], each["column"]) for each in answer["bad_cells"]] == [(14, "B")]


@pytest.mark.parametrize(
    ("place", "activity", "code"),
    [
        ({"year": 2020, "region": "HEBEI"}, "grid_electricity", "factors.no_factor_for_year"),
        ({"year": 2026, "region": "HONG_KONG"}, "grid_electricity", "factors.no_factor_for_region"),
        ({"year": 2026, "region": "ATLANTIS"}, "hotel", "factors.unknown_region"),
        ({"year": 2026, "region": "HEBEI"}, "flight_domestic", "factors.radiative_forcing_undecided"),
    ],
)
def test_a_wrong_year_and_a_missing_region_are_refused_in_both_languages(
    site: Site, place: dict[str, Any], activity: str, code: str
) -> None:
    asked = {**place, "activities": [{"activity": activity, "quantity": "10"}]}
    english = site.client.post("/api/v1/footprints", json=asked, headers={"Accept-Language": "en"}).json()
    chinese = site.client.post("/api/v1/footprints", json=asked, headers=CHINESE).json()
    assert english["code"] == chinese["code"] == code and english["detail"] != chinese["detail"]


def test_a_proxy_is_told_on_its_line(site: Site) -> None:
    asked = {**HEBEI, "activities": [{"activity": "rail", "persons": 3, "distance_km": "100"}]}
    (line,) = site.client.post("/api/v1/footprints", json=asked).json()["footprint"]["lines"]
    assert (line["flags"], line["region"]) == (["PROXY"], "UK")


def test_the_template_and_the_export_are_workbooks_in_the_readers_language(site: Site) -> None:
    empty = site.client.get("/api/v1/footprints/template", headers=CHINESE)
    assert len(CalamineWorkbook.from_filelike(BytesIO(empty.content)).sheet_names) == 2
    raw = site.client.post("/api/v1/footprints/workbook", json={**HEBEI, **LIST}, headers=CHINESE)
    assert raw.headers["content-disposition"] == 'attachment; filename="tanyi-footprint.xlsx"'
    sheet = CalamineWorkbook.from_filelike(BytesIO(raw.content)).get_sheet_by_index(0).to_python()
    assert sheet[1][0] == "外购电力" and len(sheet) == 14


def test_an_event_goes_from_nothing_to_its_statement(site: Site, market: Market) -> None:
    on_sale(market)
    number = planned(site)
    assert send(site, "POST", f"/events/{number}/actuals", LIST).json()["retire_t"] == 119
    offered = send(site, "GET", f"/events/{number}/offers").json()
    assert (offered["best"]["covered_t"], len(offered["best"]["lines"])) == (119, 2)
    cover = {"quantity_t": 119, "most_fen": offered["best"]["cost_fen"]}
    bought = send(site, "POST", f"/events/{number}/covers", cover)
    assert bought.status_code == 201 and bought.json()["event_state"] == "NEUTRAL"
    again = send(site, "POST", f"/events/{number}/covers", cover)
    assert again.json() == bought.json() and again.headers["idempotent-replayed"] == "true"
    declared = {"responsible": "会务处", "evidence": ["电费单"]}
    assert send(site, "POST", f"/events/{number}/confirmation", declared).status_code == 201
    published = send(site, "POST", f"/events/{number}/statement").json()
    public = site.client.get(f"/api/v1/neutral-events/{number}/statement").json()
    assert public == published and public["document"]["emissions"]["tonnes"] == "119"
    assert public["document"]["offset"]["certificates"] == [bought.json()["retirement"]]
    assert site.client.get(f"/api/v1/neutral-events/{number}/plan").json()["document"]["is_late"] is True
    assert {"number": number, "name": "演示论坛", "state": "DECLARED"} in site.client.get(
        "/api/v1/neutral-events"
    ).json()
    told = send(site, "GET", f"/events/{number}").json()
    assert (told["state"], told["standing"]["missing_t"]) == ("DECLARED", 0)


def test_an_evaluator_confirms_an_event(site: Site, market: Market) -> None:
    on_sale(market)
    number = planned(site)
    send(site, "POST", f"/events/{number}/actuals", LIST)
    send(site, "POST", f"/events/{number}/covers", {"quantity_t": 119})
    evaluation = send(site, "POST", f"/events/{number}/evaluations", {"evaluator": "C01"}).json()["number"]
    report = msgspec.to_builtins(made.REPORT)
    assert send(site, "POST", f"/evaluations/{evaluation}/report", report).status_code == 403
    assert send(site, "POST", f"/evaluations/{evaluation}/report", report, "verifier").json()["state"] == "REPORTED"
    approval = {"reviewer": "赵三"}
    assert send(site, "POST", f"/evaluations/{evaluation}/approval", approval, "verifier").json()["is_neutral"]
    assert [each["state"] for each in send(site, "GET", "/evaluations", role="verifier").json()] == ["APPROVED"]
    assert send(site, "POST", f"/events/{number}/statement").json()["document"]["confirmation"] == "INDEPENDENT"


def test_another_organisers_event_does_not_exist_in_any_route(site: Site) -> None:
    number = planned(site)
    evaluation = send(site, "POST", f"/events/{number}/evaluations", {"evaluator": "C01"}).json()["number"]
    with site.market.house.open_work() as work:
        other = make_actor(work, "C09", parties.VERIFIER, "verifier")
        assert other.user_id is not None
        site.keys["other"] = parties.grant_api_key(work, user_id=other.user_id)
    for route, (role, body) in OF_OTHERS.items():
        method, path = route.split(" ")
        named = path.removeprefix("/api/v1").replace("{number}", evaluation if role == "other" else number)
        assert send(site, method, named, body, role).status_code == 404, route


def test_the_versions_and_the_workbook_of_an_event_are_its_organisers(site: Site) -> None:
    number = planned(site)
    versions = send(site, "GET", f"/events/{number}/calculations").json()
    assert [(each["stage"], each["version"], each["retire_t"]) for each in versions] == [("ESTIMATE", 1, 119)]
    assert send(site, "GET", f"/events/{number}/calculations.xlsx").content[:2] == b"PK"


def test_a_draft_is_entered_once_whatever_is_sent_twice(site: Site) -> None:
    body = stated(today(), today())
    first, second = (send(site, "POST", "/events", body).json() for _ in range(2))
    assert first == second and len(send(site, "GET", "/events").json()["items"]) == 1
    assert "estimate" in first["plan_lacks"]


def test_a_draft_is_not_public(site: Site) -> None:
    number = send(site, "POST", "/events", stated(today(), today())).json()["number"]
    assert site.client.get(f"/api/v1/neutral-events/{number}/plan").status_code == 404
    assert site.client.get("/api/v1/neutral-events").json() == []


def test_a_bad_shape_is_refused_with_its_place(site: Site) -> None:
    wrong = site.client.post("/api/v1/footprints", json={**HEBEI, "activities": [{"activity": "hotel", "surprise": 1}]})
    assert wrong.status_code == 400 and "activities" in wrong.json()["facts"]["path"]
    for raw in (b"", b"not a workbook"):
        answer = site.client.post("/api/v1/footprints/uploads?year=2026&region=HEBEI", content=raw)
        assert answer.json()["code"] == "uploads.not_a_workbook"
