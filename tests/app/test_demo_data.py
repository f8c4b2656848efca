"""The demo province: its data files say what domain §7 says, and add up."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from decimal import ROUND_CEILING, Decimal
from importlib import resources

import pytest
from stdnum.cn import uscc

from market.registry import methodology
from tanyi.kernel.identity import REGIONS
from tanyi.kernel.parties import KINDS, ROLES


def table(text: str) -> dict[str, int]:
    """Codes and tonnes in turn, as the tables of domain §7 give them."""
    words = text.split()
    return dict(zip(words[::2], map(int, words[1::2]), strict=True))


NAMES = ("projects", "enterprises", "benchmarks", "plan", "bids", "eia_projects", "people")


def refuse_floats(text: str) -> float:
    raise ValueError(f"a float in the data: {text}")


def load(name: str) -> dict:
    text = (resources.files("tanyi.app") / "demo_data" / f"{name}.json").read_text("utf-8")
    return json.loads(text, parse_float=refuse_floats)


DATA = {name: load(name) for name in NAMES}
ENTERPRISES = DATA["enterprises"]["enterprises"]
PROJECTS = DATA["projects"]["projects"]
ISSUING = [each for each in PROJECTS if each["methodology"]]
EIA = DATA["eia_projects"]["eia_projects"]
TERMS = DATA["plan"]["terms"]
ANNUAL_T = table(
    """
    P01 56120 P02 54600 P03 29160 P04 34800 P05 19500 P06 20880 P07 9880 P08 16470 P09 28800 P10 13330
    P11 23030 P12 31500 P13 23100 P14 11890 P15 202590 P16 396912 P17 291482 P18 93026 P19 61190 P20 118246
    P21 32249 P22 41675 P23 5209 P24 10915 P25 18522 P26 17220 P27 3168 P28 860 P29 1428 P30 899
    P31 26860 P32 15600 P33 8580 P34 3080 P35 9024 P36 5828 P37 57000 P38 31000 P39 15180 P40 12150
    """
)
DUTY_T = table(
    """
    E01 34440 E02 33150 E03 0 E04 47300 E05 8960 E06 1620 E07 10370 E08 0 E09 5880 E10 13260 E11 9975 E12 0
    E13 3040 E14 7560 E15 900 E16 0 E17 4640 E18 0 E19 5220 E20 3410 E21 0 E22 2184 E23 0 E25 450
    """
)


def whole_up(figure: Decimal) -> int:
    return int(figure.to_integral_value(ROUND_CEILING))


def excesses(enterprise: dict, *, strict: bool) -> list[Decimal] | None:
    """Emissions above the benchmark, a facility each; None where a benchmark is missing."""
    values = {
        each["key"]: Decimal(each["benchmark_tco2e_per_unit"])
        for each in DATA["benchmarks"]["benchmarks"]
        if each["is_used_in_strict_mode"] or not strict
    }
    sites = enterprise["facilities"]
    if any(site["benchmark_key"] not in values or site["output"] is None for site in sites):
        return None
    return [Decimal(s["emissions_tco2e"]) - values[s["benchmark_key"]] * Decimal(s["output"]) for s in sites]


def duty_t(enterprise: dict, *, strict: bool = False, by_facility: bool = False) -> int:
    above = excesses(enterprise, strict=strict) or []
    netted = (
        sum((max(each, Decimal(0)) for each in above), Decimal(0))
        if by_facility
        else max(sum(above, Decimal(0)), Decimal(0))
    )
    return whole_up(netted / 10)


# What every file says of itself


@pytest.mark.parametrize("name", NAMES)
def test_a_file_says_that_it_is_a_demonstration(name):
    assert DATA[name]["demo"] is True
    assert "无法律效力" in DATA[name]["note"]


def test_benchmarks_say_that_they_are_not_values_of_hebei():
    assert all(each["source"] == "demo" for each in DATA["benchmarks"]["benchmarks"])
    assert "not values published by Hebei" in DATA["benchmarks"]["banner_en"]


def parties() -> list[dict]:
    return [*ENTERPRISES, *DATA["projects"]["owners"], *DATA["people"]["organisations"]]


def test_credit_codes_are_valid_and_unique():
    codes = [each["uscc"] for each in parties() if each["uscc"]]
    assert len(codes) == 30 + 25 + 4
    assert all(uscc.is_valid(code) and code.startswith("9113") for code in codes)
    assert len(set(codes)) == len(codes)
    assert [each["id"] for each in parties() if not each["uscc"]] == ["R01", "R02"]


def test_every_party_has_an_id_a_group_a_region_and_both_names():
    assert len({each["id"] for each in parties()}) == len(parties())
    for each in parties():
        assert each["region"] in REGIONS
        assert all(each[name] for name in ("group", "name_zh", "name_en", "place_zh", "place_en"))
        assert each.get("kind", "PARTICIPANT") in KINDS


# Enterprises and duties


def test_there_are_25_firms_and_5_boundary_fixtures():
    assert [each["id"] for each in ENTERPRISES] == [f"E{n:02d}" for n in range(1, 26)] + [f"B{n}" for n in range(1, 6)]
    shared = [group for group, size in Counter(each["group"] for each in ENTERPRISES).items() if size > 1]
    assert len(shared) == 1
    assert {each["id"] for each in ENTERPRISES if each["group"] == shared[0]} == {"E20", "E21"}


def test_the_benchmark_duty_of_e01_to_e23_is_191909_t_and_160215_t_in_strict_mode():
    first = ENTERPRISES[:23]
    assert sum(duty_t(each) for each in first) == 191_909
    assert sum(duty_t(each, strict=True) for each in first) == 160_215
    missing = [each["id"] for each in first if excesses(each, strict=True) is None]
    assert missing == ["E07", "E08", "E09", "E10", "E22", "E23"]


def test_single_duties_are_those_of_the_table():
    found = {each["id"]: duty_t(each) for each in ENTERPRISES if each["id"] in DUTY_T}
    assert found == DUTY_T


def test_e24_has_no_benchmark_and_the_boundary_fixtures_have_no_output():
    assert excesses(ENTERPRISES[23], strict=False) is None
    assert all(excesses(each, strict=False) is None for each in ENTERPRISES[25:])


def test_e25_owes_450_t_netted_by_enterprise_and_1500_t_by_facility():
    assert len(ENTERPRISES[24]["facilities"]) == 2
    assert duty_t(ENTERPRISES[24]) == 450
    assert duty_t(ENTERPRISES[24], by_facility=True) == 1_500


def test_the_sites_of_a_firm_add_up_to_its_emissions():
    for each in ENTERPRISES[:25]:
        total = sum(Decimal(site["emissions_tco2e"]) for site in each["facilities"])
        assert total == Decimal(each["emissions_tco2e"]), each["id"]


def test_the_boundary_fixtures_stand_at_the_edges_of_the_classes():
    stated = [each["emissions_tco2e"] for each in ENTERPRISES[25:]]
    assert stated == ["26000.00", "25999.99", "13000.00", "12999.99", None]


def test_the_correction_of_e01_gives_35675_t():
    (correction,) = DATA["enterprises"]["corrections"]
    above = Decimal(correction["emissions_tco2e"]) - Decimal("1.75") * 8_200_000
    assert whole_up(above / 10) == correction["duty_t"] == 35_675
    assert correction["duty_t"] - duty_t(ENTERPRISES[0]) == correction["delta_t"] == 1_235


def test_the_eia_duties_are_one_per_cent_rounded_up():
    found = [(each["id"], approval["sequence"], approval["duty_t"]) for each in EIA for approval in each["approvals"]]
    assert found == [("EIA-A", 1, 48600), ("EIA-B", 1, 12385), ("EIA-C", 1, 866), ("EIA-C", 2, 800), ("EIA-E", 1, 300)]
    for each in EIA:
        for approval in each["approvals"]:
            assert whole_up(Decimal(approval["approved_tco2e_per_year"]) / 100) == approval["duty_t"]
    due = sum(each["approvals"][-1]["duty_t"] for each in EIA if each["state"] != "CANCELLED")
    assert due == DATA["eia_projects"]["due_t"] == 48_600 + 12_385 + 800


# Projects


def test_the_40_projects_have_the_tonnes_of_the_table():
    assert {each["code"]: each["annual_t"] for each in PROJECTS} == ANNUAL_T
    assert sum(ANNUAL_T.values()) == 1_852_953


@pytest.mark.parametrize("project", ISSUING, ids=lambda each: each["code"])
def test_an_issuing_project_gives_exactly_its_tonnes(project):
    monitoring = project["monitoring"]
    code, version = project["methodology"], project["methodology_version"]
    result = methodology.quantify(code, version, monitoring["parameters"])
    assert result.quantity_t == project["annual_t"]
    assert result.remarks == ()
    assert methodology.by_code(code).product_type.code == project["product_type"]
    assert (monitoring["from_on"], monitoring["to_on"], monitoring["vintage"]) == ("2025-01-01", "2026-01-01", 2025)


@pytest.mark.parametrize("project", ISSUING, ids=lambda each: each["code"])
def test_an_issuing_project_is_monitored_inside_a_crediting_period_that_its_methodology_allows(project):
    fewest, most = methodology.by_code(project["methodology"]).crediting_years
    assert fewest <= project["crediting_years"] <= most
    start = date.fromisoformat(project["start_on"])
    assert start <= date(2025, 1, 1)
    assert start.replace(year=start.year + project["crediting_years"]) >= date(2026, 1, 1)


def test_25_projects_issue_and_15_wait_for_their_methodology():
    assert len(ISSUING) == 25
    waiting = [each for each in PROJECTS if not each["methodology"]]
    assert all(each["pending_zh"] and each["pending_en"] and each["monitoring"] is None for each in waiting)
    types = {each["code"] for each in DATA["projects"]["product_types"]}
    assert {each["product_type"] for each in PROJECTS} == types
    for each in methodology.product_types():
        words = {"code": each.code, "name_zh": each.zh, "name_en": each.en}
        assert words in DATA["projects"]["product_types"]


def test_every_project_has_a_known_owner_and_a_story_in_both_languages():
    owners = {each["id"] for each in DATA["projects"]["owners"]}
    assert {each["owner"] for each in PROJECTS} == owners
    assert len({each["owner"] for each in ISSUING}) == 19
    for each in PROJECTS:
        assert each["story_zh"].count("。") == 2, each["code"]
        assert each["story_en"].endswith(".")
        assert each["region"] in REGIONS
        assert 4_500 <= each["ask_fen"] <= 7_600


@pytest.mark.parametrize("real", ["御道口", "昌黎", "乐亭", "白洋淀", "衡水湖", "塞罕坝", "南大港", "永年洼"])
def test_no_project_is_named_after_a_real_one(real):
    assert not [each["code"] for each in PROJECTS if real in each["name_zh"] + each["story_zh"]]


# Bids


def offered() -> list[dict]:
    return [{**each, "offered_t": each["annual_t"] * each["on_sale_permille"] // 1000} for each in PROJECTS]


def duties() -> dict[tuple[str, str | None], int]:
    found: dict[tuple[str, str | None], int] = {(each["id"], None): duty_t(each) for each in ENTERPRISES[:25]}
    found |= {(e["enterprise"], e["id"]): e["approvals"][-1]["duty_t"] for e in EIA if e["state"] != "CANCELLED"}
    return {key: tonnes for key, tonnes in found.items() if tonnes}


def test_every_duty_has_one_bid_and_every_bid_a_duty():
    keys = [(each["enterprise"], each["eia_project"]) for each in DATA["bids"]["bids"]]
    assert sorted(keys, key=str) == sorted(duties(), key=str)
    assert sum(duties().values()) == 191_909 + 450 + 61_785


def test_a_bid_may_raise_the_floor_of_the_plan_but_never_lower_it():
    floors = Counter(each["floor_permille"] for each in DATA["bids"]["bids"])
    assert min(floors) == TERMS["ecological_share_permille"]["value"] == 500
    assert sum(size for floor, size in floors.items() if floor > 500) == 3
    assert all(6_200 <= each["limit_fen"] <= 7_600 for each in DATA["bids"]["bids"])


def test_what_is_on_sale_covers_what_is_due_with_floors_and_group_caps():
    from ortools.sat.python import cp_model

    groups = {each["id"]: each["group"] for each in [*DATA["projects"]["owners"], *ENTERPRISES]}
    ecological = set(TERMS["ecological_product_types"]["value"])
    lots = [each for each in offered() if each["offered_t"]]
    model, sold, filled = cp_model.CpModel(), {each["code"]: [] for each in lots}, []
    for bid in DATA["bids"]["bids"]:
        quota = duties()[bid["enterprise"], bid["eia_project"]]
        lines = []
        for lot in lots:
            allowed = bid["product_types"] is None or lot["product_type"] in bid["product_types"]
            if allowed and lot["ask_fen"] <= bid["limit_fen"] and groups[lot["owner"]] != groups[bid["enterprise"]]:
                tonnes = model.new_int_var(0, quota, "")
                lines.append((lot, tonnes))
                sold[lot["code"]].append(tonnes)
                filled.append(tonnes)
        model.add(sum(t for _, t in lines) <= quota)
        outside = sum(t for lot, t in lines if lot["product_type"] not in ecological)
        model.add(outside <= quota * (1000 - bid["floor_permille"]) // 1000)
        for group in {groups[lot["owner"]] for lot, _ in lines} if bid["max_group_permille"] else ():
            taken = sum(t for lot, t in lines if groups[lot["owner"]] == group)
            model.add(taken <= quota * bid["max_group_permille"] // 1000)
    for lot in lots:
        model.add(sum(sold[lot["code"]]) <= lot["offered_t"])
    model.maximize(sum(filled))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    assert solver.solve(model) == cp_model.OPTIMAL
    assert solver.objective_value == 254_144


# Plan and people


def test_the_plan_marks_every_assumption():
    assert {name for name, term in TERMS.items() if not term["assumption"]} == {
        "benchmark_rate_permille",
        "eia_rate_permille",
    }
    assert all(term["citation"] for term in TERMS.values())


def test_a_user_signs_in_for_a_known_party_in_a_known_role():
    known = {each["id"] for each in parties()}
    users = DATA["people"]["users"]
    assert len({each["username"] for each in users}) == len(users)
    for each in users:
        assert each["organisation"] in known
        assert set(each["roles"]) <= set(ROLES)
    assert {role for each in users for role in each["roles"]} == set(ROLES)


def test_four_eyes_are_possible_for_operator_department_and_verifiers():
    staffed = Counter(each["organisation"] for each in DATA["people"]["users"])
    assert all(staffed[code] >= 2 for code in ("R01", "X01", "C01", "C02"))
    assert DATA["people"]["assignments"]["validator"] != DATA["people"]["assignments"]["verifier"]


def test_the_event_retires_119_t():
    (event,) = DATA["people"]["events"]
    total_kg = sum(Decimal(line["emissions_kgco2e"]) for line in event["footprint"])
    assert total_kg == Decimal(event["emissions_kgco2e"]) == Decimal("118781.97")
    assert whole_up(total_kg / 1000) == event["retire_t"] == 119
