"""Contexts for the pages of firms, sellers, organisers and the operator, the rounds and the certificate."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from tanyi.app.pages import views_firms, views_holdings, views_rounds, views_sellers
from tanyi.app.pages.tabular import Table
from tests.app import sample_facts as sample
from tests.app import sample_frames as frames

NOON, PAGING = sample.NOON, sample.PAGING
MATCHED = {"matched_t": 254211, "money_fen": 1326298787, "coverage_gap_ppm": 0, "surplus_gap_ppm": 0, "lines": 63}


def desk_pages() -> dict[str, tuple[str, dict[str, Any]]]:
    return firm_pages() | seller_pages() | round_pages() | organiser_pages()


def firm_pages() -> dict[str, tuple[str, dict[str, Any]]]:
    duty = {
        "number": "D-2025-E01",
        "kind": "BENCHMARK",
        "year": 2025,
        "state": "MET",
        "firm": sample.STEEL,
        "class": "KEY",
    }
    duty |= {"due_on": date(2026, 12, 31), "required_t": 34440, "covered_t": 34440, "rate_permille": 100}
    duty["due_is_assumption"] = True
    product = sample.names("粗钢（高炉—转炉）", "Crude steel (blast furnace)")
    product |= {
        "output": Decimal(8200000),
        "output_unit": "t",
        "benchmark": Decimal("1.75"),
        "benchmark_unit": "tCO2e/t",
    }
    assessment = {
        "emission_tco2e": Decimal(14694400),
        "products": [product | {"benchmark_emission_tco2e": Decimal(14350000)}],
        "benchmark_tco2e": Decimal(14350000),
        "excess_tco2e": Decimal(344400),
        "raw_t": Decimal("34440.0"),
        "benchmark_source": sample.names("演示值", "demonstration value"),
    }
    met = {
        "duty": duty | {"is_illustrative": True},
        "assessment": assessment,
        "bid": {"number": "B-2026-R1-E01", "state": "ENTERED", "round": "2026-R1"},
        "lines": lines(("P01", 17220, 5600), ("P15", 12000, 4700), ("P19", 5220, 4500)),
    }
    unmet = met | {"lines": lines(), "duty": met["duty"] | {"state": "OPEN", "covered_t": 0}}
    unmet["bid"] = met["bid"] | {"state": "DRAFT"}
    tile = sample.names("陶瓷砖", "Tile") | {"output": Decimal(41000000), "output_unit": "m²", "benchmark": None}
    tile |= {"benchmark_unit": "", "benchmark_emission_tco2e": None}
    none = dict.fromkeys(("benchmark_tco2e", "excess_tco2e", "raw_t", "benchmark_source"))
    unknown = {"state": "NOT_ASSESSABLE_NO_BENCHMARK", "required_t": None, "covered_t": 0, "is_illustrative": False}
    no_benchmark = {
        "duty": duty | unknown | {"firm": sample.CERAMICS, "due_on": None},
        "assessment": none | {"emission_tco2e": Decimal(182400), "products": [tile]},
        "bid": None,
        "lines": lines(),
    }
    eia = met | {
        "duty": duty | {"kind": "EIA", "required_t": 866, "covered_t": 866, "rate_permille": 10, "class": None}
    }
    eia["duty"] |= {"firm": sample.GLASS, "is_illustrative": False}
    eia["assessment"] = {
        "project": sample.names("沙河浮法玻璃生产线改建项目", "Reconstruction of the Shahe float-glass line"),
        "approval_number": "HB-2026-0118",
        "approved_on": date(2026, 3, 9),
        "total_tco2e": Decimal(86505),
        "raw_t": Decimal("865.05"),
    }
    eia["lines"] = lines(("P31", 866, 6200))
    owed = duty | {"open_t": 0}
    duties = [
        owed,
        owed | {"number": "D-EIA-2026-01", "kind": "EIA", "state": "OPEN", "required_t": 48600, "open_t": 48600},
    ]
    duties.append(owed | {"number": None, "state": "NONE", "required_t": None, "open_t": None, "due_on": None})
    bids = [{"number": "B1001", "round": "2026-R1", "state": "CONFIRMED", "quantity_t": 34440, "limit_fen": 6500}]
    bought = sample.line("P01", 2000, 5600) | {"state": "FREE", "settled_at": NOON}
    retired = {"certificate": sample.CERTIFICATE, "retired_at": NOON, "quantity_t": 34440}
    retired |= {"beneficiary": sample.STEEL, "purpose": "COMPLIANCE_BENCHMARK"}
    home = {
        "organisation": sample.STEEL,
        "year": 2025,
        "summary": {"due_t": 83040, "covered_t": 34440, "spent_fen": 176322000, "free_t": 2000},
        "todo": frames.todo(),
        "emitter": {"class": "KEY", "emission_tco2e": Decimal(14694400), "sector": "steel", "place": sample.KANGBAO},
        "coverage": frames.drawn(),
        "duties": frames.shown(views_firms.DUTIES, duties),
        "bids": frames.shown(views_firms.BIDS, bids),
        "tonnes": frames.shown(views_holdings.TONNES, [bought, bought | {"certificate": None}]),
        "purchases": frames.shown(views_holdings.PURCHASES, [bought, bought | {"round": None}]),
        "certificates": frames.shown(views_holdings.CERTIFICATES, [retired]),
    }
    nothing = {"todo": [], "emitter": None, "coverage": None, "duties": frames.shown(views_firms.DUTIES, [])}
    nothing |= {"bids": frames.shown(views_firms.BIDS, []), "tonnes": frames.shown(views_holdings.TONNES, [])}
    return {
        "firm-home": ("pages/firm/home.html", home | sample.frame("firm", "/my")),
        "firm-home-empty": ("pages/firm/home.html", home | nothing | sample.frame("firm", "/my")),
        "duty": ("pages/firm/duty.html", met | sample.frame("firm", "/my")),
        "duty-open": ("pages/firm/duty.html", unmet | sample.frame("firm", "/my")),
        "duty-no-benchmark": ("pages/firm/duty.html", no_benchmark | sample.frame("firm", "/my")),
        "duty-eia": ("pages/firm/duty.html", eia | sample.frame("firm", "/my")),
    } | bid_pages()


def lines(*rows: tuple[str, int, int]) -> Table:
    """What was retired for a duty."""
    return frames.shown(views_firms.LINES, [sample.line(*row) for row in rows])


def bid_pages() -> dict[str, tuple[str, dict[str, Any]]]:
    bid = {"number": "B-2026-R1-E01", "state": "DRAFT", "round": "2026-R1", "quantity_t": 34440, "duty": "D-2025-E01"}
    bid |= {"limit_fen": None, "ecological_permille": 500, "max_group_permille": None, "confirmed_at": None}
    draft = {
        "bid": bid | {"may_be_changed": True},
        "plan": {"year": 2026, "ecological_permille": 500, "is_assumption": True, "closes_at": NOON},
        "form": {"limit_yuan": "", "ecological_percent": "45", "max_group_percent": ""},
        "errors": {"ecological_percent": "≥ 50%"},
        "outcome": None,
        "market_low_fen": 4500,
        "market_high_fen": 6300,
    }
    voluntary = draft | {"bid": draft["bid"] | {"duty": None, "ecological_permille": 0}, "errors": {}}
    confirmed = {"state": "CONFIRMED", "limit_fen": 6500, "max_group_permille": 400, "confirmed_at": NOON}
    lapsed = draft | {"bid": bid | {"state": "LAPSED", "duty": None, "may_be_changed": False}, "errors": {}}
    closed = draft | {"bid": bid | confirmed | {"may_be_changed": False}, "errors": {}}
    served = closed | {"outcome": sample.outcome()}
    unserved = closed | {"outcome": sample.outcome() | {"done_t": 0, "lines": sample.bought(), "worth": []}}
    return {
        "bid": ("pages/firm/bid.html", draft | sample.frame("firm", "/my")),
        "bid-voluntary": ("pages/firm/bid.html", voluntary | sample.frame("firm", "/my")),
        "bid-lapsed": ("pages/firm/bid.html", lapsed | sample.frame("firm", "/my")),
        "bid-closed": ("pages/firm/bid.html", closed | sample.frame("firm", "/my")),
        "bid-served": ("pages/firm/bid.html", served | sample.frame("firm", "/my")),
        "bid-unserved": ("pages/firm/bid.html", unserved | sample.frame("firm", "/my")),
    }


def seller_pages() -> dict[str, tuple[str, dict[str, Any]]]:
    selling = sample.line("P01", 16452, 5600) | {"number": "L-2026-0012", "state": "OPEN"}
    tonnes = {"issued_t": 56120, "free_t": 22448, "listed_t": 16452, "sold_t": 17220}
    paid = {"paid_at": NOON, "buyer": sample.STEEL, "quantity_t": 17220, "price_fen": 5600, "amount_fen": 96432000}
    home = {
        "organisation": sample.FARM,
        "summary": tonnes | {"received_fen": 96432000},
        "projects": [sample.project("P01") | tonnes | {"state": "ISSUED"}],
        "todo": frames.todo(),
        "listings": frames.shown(views_sellers.OFFERS, [selling, selling | {"state": "SOLD"}]),
        "payments": frames.shown(views_sellers.PAYMENTS, [paid | {"round": "2026-R1"}]),
        "tonnes": frames.shown(views_holdings.TONNES, [sample.line("P01", 22448, 5600) | {"state": "FREE"}]),
    }
    holding = sample.line("P01", 22448, 5600) | {"key": "1402001"}
    form = {"holding": "1402001", "quantity_t": "30000", "price_yuan": "56", "expires_on": "2027-03-01"}
    offer = {"holdings": [holding, sample.line("P31", 9144, 6200) | {"key": "1502001"}], "listing_key": "77aa"}
    offer |= {"first_day": "2026-09-19", "last_day": "2027-09-18"}
    offer |= {"form": form, "errors": {"quantity_t": "≤ 22,448"}, "market_low_fen": 4500, "market_high_fen": 6300}
    nothing = frames.shown(views_sellers.OFFERS, [])
    empty = home | {"projects": [], "listings": nothing, "payments": frames.shown(views_sellers.PAYMENTS, [])}
    return {
        "seller-home": ("pages/seller/home.html", home | sample.frame("seller", "/my")),
        "seller-home-empty": ("pages/seller/home.html", empty | sample.frame("seller", "/my")),
        "sell": ("pages/seller/list.html", offer | sample.frame("seller", "/sell")),
        "sell-nothing": ("pages/seller/list.html", offer | {"holdings": []} | sample.frame("seller", "/sell")),
    }


def round_pages() -> dict[str, tuple[str, dict[str, Any]]]:
    reached = MATCHED | {"due_t": 258211, "bound_t": 254211, "average_price_fen": 5217}
    reached |= {"lowest_price_fen": 4500, "highest_price_fen": 6300, "bids": 20, "lots": 25, "is_checked": True}
    made = [sample.line("P01", 17220, 5600), sample.line("P15", 12000, 4700), sample.line("P31", 5220, 6200)]
    contracts = frames.shown(views_rounds.CONTRACTS, made)
    result = {
        "round": reached | {"number": "2026-R1", "state": "PUBLISHED", "published_at": NOON, "status": "optimal"},
        "firms": [
            {"name": sample.STEEL, "wanted_t": 34440, "filled_t": 34440, "reasons": []},
            {"name": sample.CEMENT, "wanted_t": 450, "filled_t": 450, "reasons": []},
            {
                "name": sample.PAPER,
                "wanted_t": 6184,
                "filled_t": 2184,
                "reasons": [{"code": "price", "quantity_t": 4000}],
            },
        ],
        "by_type": [
            {"type": sample.names(*sample.TYPES[code]), "code": code, "quantity_t": tonnes, "average_price_fen": price}
            for code, tonnes, price in [("wind", 98211, 4655), ("forestry", 96000, 5580), ("wetland", 33000, 6120)]
        ],
        "contracts": contracts,
        "coverage": frames.drawn(),
        "curves": frames.curve(),
    }
    result["round"] |= {"problem_sha256": sample.SHA, "solver_seconds": "0.41", "has_certificate": True}
    result |= {"may_operate": False, "firms_left_out": 0}
    unsold = dict.fromkeys(("average_price_fen", "lowest_price_fen", "highest_price_fen"))
    empty = result | {"round": result["round"] | unsold | {"matched_t": 0}, "by_type": [], "firms": []}
    empty |= {"contracts": frames.shown(views_rounds.CONTRACTS, []), "coverage": None, "curves": None}
    waiting = {"number": "2026-R2", "state": "CLOSED", "opened_at": NOON, "closed_at": NOON, "seed": "9f2c41a07b3de865"}
    gap = result | {"round": result["round"] | {"coverage_gap_ppm": 1250, "bound_t": 254529, "status": "bounded"}}
    gap["round"]["has_certificate"] = False
    gap["firms_left_out"] = 3
    rounds = {"rounds": frames.shown(views_rounds.ROUNDS, frames.round_rows()), "may_operate": False, "may_open": False}
    no_rounds = rounds | {"rounds": frames.shown(views_rounds.ROUNDS, [])}
    shown = {
        "rounds": ("pages/public/rounds.html", rounds | sample.frame(path="/rounds")),
        "rounds-empty": ("pages/public/rounds.html", no_rounds | sample.frame(path="/rounds")),
        "rounds-operator": (
            "pages/public/rounds.html",
            rounds | {"may_operate": True, "may_open": True} | sample.frame("operator"),
        ),
        "round": ("pages/public/round.html", result | sample.frame(path="/rounds")),
        "round-open": (
            "pages/public/round.html",
            {"round": waiting, "is_solving": False, "may_operate": True} | sample.frame("operator", path="/rounds"),
        ),
        "round-solving": (
            "pages/public/round.html",
            {"round": waiting, "is_solving": True, "may_operate": False} | sample.frame(path="/rounds"),
        ),
        "round-empty": ("pages/public/round.html", empty | {"may_operate": True} | sample.frame(path="/rounds")),
        "round-gap": ("pages/public/round.html", gap | sample.frame(path="/rounds")),
    }
    shown["desk-unsettled"] = (
        "pages/operator/round.html",
        desk("published") | {"is_settled": False} | sample.frame("operator"),
    )
    for state in ("open", "closed", "solved", "refused", "published"):
        shown[f"desk-{state}"] = ("pages/operator/round.html", desk(state) | sample.frame("operator", "/rounds"))
    for name, said in solvings().items():
        told = desk("closed") | {"solving": said}
        shown[f"desk-{name}"] = ("pages/operator/round.html", told | sample.frame("operator", "/rounds"))
    wrong = {"form": {"time_limit_s": "soon"}, "errors": {"time_limit_s": "1–86400"}}
    shown["desk-limit"] = ("pages/operator/round.html", desk("closed") | wrong | sample.frame("operator", "/rounds"))
    return shown


def solvings() -> dict[str, dict[str, Any]]:
    """A solving in each state that the desk of a closed round may show."""
    unknown = dict.fromkeys(("stage", "bound_t", "best_t", "bound_surplus_fen", "best_surplus_fen", "time_limit_s"))
    queued = unknown | {"state": "QUEUED", "is_under_way": True, "is_cancel_requested": False, "is_heard": True}
    queued |= {"is_waiting_long": False, "elapsed_s": 1, "failure": None}
    running = queued | {"state": "RUNNING", "stage": "proof", "bound_t": 254529, "best_t": 254211, "elapsed_s": 1204}
    running |= {"bound_surplus_fen": 318400250, "best_surplus_fen": 318211400, "time_limit_s": 3600}
    ended = running | {"is_under_way": False}
    return {
        "queued": queued,
        "waiting-long": queued | {"is_waiting_long": True, "elapsed_s": 95},
        "bounding": queued | {"state": "RUNNING", "stage": "bounding"},
        "running": running,
        "cancelling": running | {"is_cancel_requested": True},
        "silent": running | {"is_heard": False, "is_cancel_requested": True},
        "failed": ended | {"state": "FAILED", "failure": "out_of_memory"},
        "cancelled": ended | {"state": "CANCELLED"},
    }


def desk(state: str) -> dict[str, Any]:
    reached = ["open", "closed", "solved", "published"]
    stage = reached.index("solved" if state == "refused" else state)
    times = {f"{name}_at": NOON + timedelta(hours=n) if n <= stage else None for n, name in enumerate(reached)}
    times["opened_at"] = times.pop("open_at")
    valid = {"is_valid": True, "violations": [], "status": "optimal", "seconds": "0.41", "problem_sha256": sample.SHA}
    if state == "refused":
        valid |= {"is_valid": False, "violations": ["B1 × L7"]}
    return {
        "round": times | {"number": "2026-R2", "state": reached[stage].upper()},
        "demand": {"bids": 20, "confirmed": 19, "wanted_t": 254211},
        "supply": {"lots": 25, "offered_t": 324568},
        "result": MATCHED | valid if stage >= 2 else None,
        "solving": None,
        "form": {"time_limit_s": ""},
        "errors": {},
        "is_settled": True,
    }


def organiser_pages() -> dict[str, tuple[str, dict[str, Any]]]:
    forum = {
        "name": sample.names("第十二届冀中绿色论坛", "12th Green Forum of Central Hebei"),
        "held_on": date(2026, 10, 24),
    }
    forum |= {"place": sample.names("石家庄市", "Shijiazhuang")}
    bought = sample.line("P31", 119, 6200) | {"number": "R-2026-0031", "event": forum, "amount_fen": 737800}
    bought |= {"bought_at": NOON, "beneficiary": forum["name"], "payment_reference": "pi_3PqS8x-0031"}
    writing = bought | {"certificate": None}
    certificate = {
        "tonnes_in_chinese_capitals": "叁万肆仟肆佰肆拾吨",
        "number": sample.CERTIFICATE,
        "quantity_t": 34440,
        "beneficiary": sample.STEEL,
        "retiree": sample.STEEL,
        "beneficiary_uscc": "91130200MA0DEMO123",
        "purpose": "COMPLIANCE_BENCHMARK",
        "event": None,
        "is_demo": True,
        "obligation": {"number": "D-2025-E01", "year": 2025},
        "retired_at": NOON,
        "log_index": 1482,
        "signature_key": "demo-2026-1",
        "payload_sha256": sample.SHA,
        "origins": [
            sample.line(code, tonnes, 5600) | {"methodology": "HB-AFF@1"}
            for code, tonnes in [("P01", 22440), ("P15", 12000)]
        ],
    }
    for_event = {"obligation": None, "event": forum, "purpose": "VOLUNTARY_EVENT", "beneficiary_uscc": None}
    for_event |= {
        "beneficiary": forum["name"],
        "retiree": sample.EXPO,
        "quantity_t": 119,
        "tonnes_in_chinese_capitals": "壹佰壹拾玖吨",
        "is_demo": False,
    }
    frame = sample.frame(path="/certificates") | {"qr_svg": sample.qr_svg()}
    frame["public_url"] = f"https://example.org/certificates/{sample.CERTIFICATE}"
    return {
        "purchase": ("pages/organiser/purchase.html", {"purchase": bought} | sample.frame("organiser", "/my")),
        "purchase-writing": ("pages/organiser/purchase.html", {"purchase": writing} | sample.frame("organiser", "/my")),
        "certificate": ("pages/public/certificate.html", {"certificate": certificate} | frame),
        "certificate-event": ("pages/public/certificate.html", {"certificate": certificate | for_event} | frame),
    }
