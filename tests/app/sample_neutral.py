"""Contexts for the pages of neutral events: the calculator over the event fixture, its plan, offsets and what follows."""

from __future__ import annotations

from datetime import date
from typing import Any

from market.emitters import footprint
from market.emitters.footprint import Activity
from settlement.neutrality.evaluations import Report
from tanyi.app.event_lists import BadCell
from tanyi.app.pages import (
    calculator_page,
    evaluations,
    event_facts,
    measure_options,
    views_footprint,
    views_neutral,
    views_organiser_home,
)
from tanyi.app.pages.views_events import STEPS, steps
from tests.app import sample_facts as sample
from tests.app.sample_frames import shown, todo
from tests.app.walks import FIGURES
from tests.settlement.neutral_events import ACTIVITIES

FORUM = sample.names("第九届燕赵低碳发展论坛", "9th Yanzhao Low-Carbon Forum")
PLACE = sample.names("石家庄国际会展中心", "Shijiazhuang International Convention Centre")
FIRST_ON, LAST_ON = date(2026, 12, 25), date(2026, 12, 26)
BASIS = calculator_page.Basis(LAST_ON, "HEBEI", 400, 2)
DONE = STEPS[:4]
TONNES = {"needed_t": 119, "retired_t": 60, "missing_t": 59, "surplus_t": 0}
CLOCK = {"due_on": date(2027, 12, 26), "days_left": 396, "is_forest": False, "is_over": False}
OTHER = Activity(activity="other", quantity=1, unit="t", own_kgco2e_per_unit=1, own_evidence="OBD-1", category="WASTE")  # type: ignore[arg-type]
PATH = "/neutral/N100001"
Pages = dict[str, tuple[str, dict[str, Any]]]


def event(state: str = "PLANNED", **changed: Any) -> dict[str, Any]:
    """The head of an event."""
    told = {"number": "N100001", "name": FORUM, "kind": "FORUM", "state": state, "from_on": FIRST_ON, "to_on": LAST_ON}
    return told | {"place": PLACE, "is_public": state != "DRAFT"} | changed


def account() -> dict[str, Any]:
    """The fixture as it is read, and one row of everything that can be said of a row."""
    made = footprint.calculate(
        [*ACTIVITIES, replace_phase(ACTIVITIES[0])], year=2026, region="HEBEI", has_radiative_forcing=True
    )
    return views_footprint.account(made) | {"mass_t": views_footprint.t_text(made.total_kg), "made": made}


def replace_phase(stated: Activity) -> Activity:
    """The same activity in the phase of preparation."""
    kept = {name: getattr(stated, name) for name in stated.__struct_fields__}
    return Activity(**(kept | {"phase": "PREPARATION"}))


def plan(**changed: Any) -> dict[str, Any]:
    """A plan with its eight items."""
    stated = [
        {
            "text": measure_options.measure_names(measure_options.sentence("rail")[1]),
            "phase": "EVENT",
            "saving_kg": None,
        },
        {
            "text": sample.names("会场使用绿色电力", "Green power at the venue"),
            "phase": "PREPARATION",
            "saving_kg": 120,
        },
    ]
    told = {"content": sample.names("研讨会", "A symposium"), "phases": ["PREPARATION", "EVENT", "CLOSE_OUT"]}
    told |= {"mass_t": "118.782", "spread_t": "15.2", "due_t": 119, "measures": stated, "offset_way": "CREDITS"}
    return event() | told | {"neutral_by_on": LAST_ON} | changed


def statement(**changed: Any) -> dict[str, Any]:
    """A statement with its eight items."""
    told = {"organisers": [sample.EXPO, sample.FARM], "phases": ["EVENT"], "mass_t": "118.782", "retired_t": 119}
    told |= {"offset_ways": ["CREDITS"], "certificates": ["R100001"], "recognised_by": None, "neutral_on": LAST_ON}
    told |= {"confirmed_by": "SELF", "evaluator": None, "conclusion": None, "declarant": sample.EXPO}
    return event() | told | {"stated_on": LAST_ON} | changed


def purchases() -> list[dict[str, Any]]:
    """One retirement with its certificate and one whose certificate is being written."""
    line = sample.line("P31", 60, 6000)
    kept = {"number": "R100001", "certificate": "R100001", "quantity_t": 60, "retired_at": sample.NOON, "lines": [line]}
    return [kept, kept | {"number": "R100002", "certificate": None}]


def badge() -> dict[str, Any]:
    """The badge's addresses."""
    told = {"number": "N100001", "public_url": f"http://127.0.0.1{PATH}", "badge_url": f"http://127.0.0.1{PATH}.svg"}
    return told | {"qr_svg": sample.qr_svg()}


def neutral_pages() -> Pages:
    """Every page of neutral events and each of its variants."""
    return landing_pages() | wizard_pages() | offset_pages() | after_pages() | public_pages() | own_pages()


def landing_pages() -> Pages:
    empty = {"figures": {"events": 0, "retired_t": 0}, "low_fen": None, "latest": None, "drafts": []}
    latest = event("DECLARED") | {"retired_t": 119, "neutral_on": LAST_ON}
    draft = {"number": "N100001", "name": FORUM, "address": PATH}
    told = {"figures": {"events": 3, "retired_t": 357}, "low_fen": 4600, "latest": latest, "drafts": [draft]}
    link = {"form": {"contact": ""}, "errors": {}, "sent": None}
    sent = {"contact": "13812345678", "links": ["/neutral/link?token=a", "/neutral/link?token=b"]}
    return {
        "neutral": ("pages/neutral/landing.html", told | sample.frame("organiser", "/neutral")),
        "neutral-empty": ("pages/neutral/landing.html", empty | sample.frame(path="/neutral")),
        "neutral-return": ("pages/neutral/return.html", link | sample.frame(path="/neutral")),
        "neutral-return-wrong": (
            "pages/neutral/return.html",
            link | {"errors": {"contact": "✗"}} | sample.frame(path="/neutral"),
        ),
        "neutral-return-sent": ("pages/neutral/return.html", link | {"sent": sent} | sample.frame(path="/neutral")),
    }


def calculator(typed: dict[str, str], **about: Any) -> dict[str, Any]:
    """The calculator's context over what was typed."""
    counted = calculator_page.count(typed, BASIS, "zh")
    counted.sheet.errors = dict.fromkeys(counted.sheet.errors, "✗")
    counted.bad_cells = [BadCell("1", 3, "C", "12x", "x", "✗")] if about.pop("is_uploaded", False) else []
    told = {
        "event": None,
        "facts": {"name": "N", "phases": ["CLOSE_OUT"]},
        "steps": steps("activities", None, ["facts"]),
    }
    told |= {"action": "/neutral/calculate", "asks_contact": True, "is_actual": False, "compared": None}
    return counted.context(**(told | {"back": "/neutral/new"} | about))


def wizard_pages() -> Pages:
    facts = event_facts.page_context({"name": "N"}, ["PREPARATION"], {})
    facts |= {"event": None, "steps": steps("facts", None), "action": "/neutral/calculate", "method": "get"}
    facts |= {"asks_organiser": True, "back": "/neutral"}
    wrong = facts | {"errors": dict.fromkeys(("name", "starts_on", "kind"), "✗"), "event": event("DRAFT")}
    further = {"more-0-activity": "other", "more-0-quantity": "3", "more-0-own": "2", "more-0-evidence": "OBD-1"}
    bad = {"quantity-lpg": "x", "many-rail": "2", "own-meal": "1", "more-1-quantity": "3"}
    saved = {"event": event(), "asks_contact": False, "is_actual": True, "steps": [], "facts": {}}
    actual = calculator(FIGURES, **saved, compared={"estimate": "118.782"})
    measures = {
        "event": event("DRAFT"),
        "steps": steps("measures", "N100001", DONE),
        "options": measure_options.as_choices(),
    }
    measures |= {"chosen": ["rail"], "form": {"own": ""}, "errors": {}, "back": PATH}
    planned = {"event": event("DRAFT"), "steps": steps("plan", "N100001", DONE), "plan": plan(), "account": account()}
    planned |= {"missing": [], "is_published": False, "is_late": True, "back": PATH}
    lacking = planned | {"account": None, "missing": ["✗"], "plan": plan(measures=[], spread_t=None)}
    return {
        "neutral-facts": ("pages/neutral/facts.html", facts | sample.frame(path="/neutral/new")),
        "neutral-facts-wrong": ("pages/neutral/facts.html", wrong | sample.frame("organiser", PATH)),
        "neutral-calculator": (
            "pages/neutral/activities.html",
            calculator(calculator_page.first_figures(400, 2)) | sample.frame(path="/neutral"),
        ),
        "neutral-calculator-further": (
            "pages/neutral/activities.html",
            calculator(FIGURES | further | {"forcing": "no"}) | sample.frame(path="/neutral"),
        ),
        "neutral-calculator-wrong": (
            "pages/neutral/activities.html",
            calculator(FIGURES | bad, is_uploaded=True) | sample.frame(path="/neutral"),
        ),
        "neutral-actuals": ("pages/neutral/activities.html", actual | sample.frame("organiser", PATH)),
        "neutral-measures": ("pages/neutral/measures.html", measures | sample.frame("organiser", PATH)),
        "neutral-measures-wrong": (
            "pages/neutral/measures.html",
            measures | {"errors": {"measures": "✗", "own": "✗"}} | sample.frame("organiser", PATH),
        ),
        "neutral-plan": ("pages/neutral/plan.html", planned | sample.frame("organiser", PATH)),
        "neutral-plan-lacking": ("pages/neutral/plan.html", lacking | sample.frame("organiser", PATH)),
        "neutral-plan-published": (
            "pages/neutral/plan.html",
            planned | {"is_published": True} | sample.frame("organiser", PATH),
        ),
    }


def offset_pages() -> Pages:
    offer = sample.line("P31", 3000, 6000) | {"number": "L100001", "seller": sample.MARSH, "is_poor_area": True}
    offer |= {"cost_fen": 714000}
    best = {"covered_t": 60, "cost_fen": 714000, "average_fen": 6000, "is_proven": True, "lines": [offer]}
    choose = {"event": event(), "steps": steps("offsets", "N100001", DONE), "needed_t": 119, "retired_t": 0}
    choose |= {"clock": CLOCK, "query": {"type": "", "region": "", "vintage_from": "", "poor": "yes"}, "types": []}
    choose |= {
        "regions": [],
        "offers": [offer],
        "cheapest": best,
        "form": {"quantities": {"L100001": "3"}},
        "errors": {},
    }
    none = choose | {"offers": [], "cheapest": None, "errors": {"payment": "✗"}}
    order = {"event": event(), "steps": steps("pay", "N100001", STEPS[:5]), "lines": [offer], "quantity_t": 60}
    order |= {"needed_t": 119, "cost_fen": 714000, "key": "k" * 16, "errors": {}, "form": {"beneficiary": ""}}
    order |= {"organiser": sample.EXPO, "contact": "13812345678", "back": PATH}
    refused = order | {"errors": {"payment": "✗", "understood": "✗", "beneficiary": "✗"}, "contact": None}
    bought = {"number": "R100001", "certificate": "R100001", "quantity_t": 60, "amount_fen": 360000, "lines": [offer]}
    bought |= {"payment_reference": "pi_1", "bought_at": sample.NOON, "beneficiary": sample.EXPO, "serials": ["HB-1-9"]}
    receipt = {"event": event(), "purchase": bought, "missing_t": 59, "ended": False, "clock": CLOCK, "badge": badge()}
    writing = receipt | {"purchase": bought | {"certificate": None}, "ended": True, "clock": None, "contact": None}
    return {
        "neutral-offsets": ("pages/neutral/offsets.html", choose | sample.frame("organiser", PATH)),
        "neutral-offsets-none": ("pages/neutral/offsets.html", none | sample.frame("organiser", PATH)),
        "neutral-checkout": ("pages/neutral/checkout.html", order | sample.frame("organiser", PATH)),
        "neutral-checkout-refused": ("pages/neutral/checkout.html", refused | sample.frame("organiser", PATH)),
        "neutral-receipt": (
            "pages/neutral/receipt.html",
            receipt | {"contact": "13812345678"} | sample.frame("organiser", PATH),
        ),
        "neutral-receipt-writing": ("pages/neutral/receipt.html", writing | sample.frame("organiser", PATH)),
        "neutral-receipt-covered": (
            "pages/neutral/receipt.html",
            writing | {"missing_t": 0, "badge": None} | sample.frame("organiser", PATH),
        ),
    }


def after_pages() -> Pages:
    running = {"number": "V100001", "state": "COMMISSIONED", "body": sample.VERIFIER, "at": sample.NOON}
    confirm = {"event": event("NEUTRAL"), "actual_t": "118.782", "retired_t": 119, "errors": {}, "may_confirm": True}
    confirm |= {"form": dict.fromkeys(("way", "responsible", "evidence", "evaluator", "understood"), "")}
    confirm |= {"evaluators": [{"code": "C01", **sample.VERIFIER}], "running": None}
    wrong = dict.fromkeys(("way", "responsible", "evidence", "evaluator", "understood"), "✗")
    stated = {"event": event("NEUTRAL"), "statement": statement()}
    kept = dict.fromkeys(("plan", "purpose", "scope", "criteria", "document_review", "facts", "conformity"), "一")
    report = Report(team=("甲", "乙"), results="一", references="一", conclusion="一", is_neutral=True, **kept)
    one = {"evaluation": running | {"reviewer": None}, "event": event("NEUTRAL"), "report": None, "errors": {}}
    one |= {"parts": evaluations.parts(), "form": dict.fromkeys(evaluations.FIELDS, ""), "may_report": True}
    one |= {"is_ready": True, "may_approve": False} | TONNES
    handed_in = {
        "evaluation": running | {"state": "REPORTED", "reviewer": None},
        "may_report": False,
        "may_approve": True,
    }
    english = replace_words(report)
    asked = {"evaluations": [running | {"event": event("NEUTRAL")}]}
    return {
        "neutral-confirmation": ("pages/neutral/confirmation.html", confirm | sample.frame("organiser", PATH)),
        "neutral-confirmation-wrong": (
            "pages/neutral/confirmation.html",
            confirm | {"errors": wrong} | sample.frame("organiser", PATH),
        ),
        "neutral-confirmation-running": (
            "pages/neutral/confirmation.html",
            confirm | {"running": running} | sample.frame("organiser", PATH),
        ),
        "neutral-confirmation-early": (
            "pages/neutral/confirmation.html",
            confirm | {"may_confirm": False} | sample.frame("organiser", PATH),
        ),
        "neutral-statement": ("pages/neutral/statement.html", stated | sample.frame("organiser", PATH)),
        "evaluations": ("pages/verifier/evaluations.html", asked | sample.frame("operator", "/evaluations")),
        "evaluations-none": (
            "pages/verifier/evaluations.html",
            {"evaluations": []} | sample.frame("operator", "/evaluations"),
        ),
        "evaluation": ("pages/verifier/evaluation.html", one | sample.frame("operator", "/evaluations")),
        "evaluation-wrong": (
            "pages/verifier/evaluation.html",
            one | {"errors": dict.fromkeys(evaluations.FIELDS, "✗")} | sample.frame("operator", "/evaluations"),
        ),
        "evaluation-early": (
            "pages/verifier/evaluation.html",
            one | {"is_ready": False} | sample.frame("operator", "/evaluations"),
        ),
        "evaluation-reported": (
            "pages/verifier/evaluation.html",
            one | handed_in | {"report": english} | sample.frame("operator", "/evaluations"),
        ),
    }


def replace_words(report: Report) -> Report:
    """The same report with a visit on site."""
    return Report(**({name: getattr(report, name) for name in report.__struct_fields__} | {"site_visit": "一"}))


def public_pages() -> Pages:
    row = event("DECLARED") | TONNES | {"organisers": sample.EXPO, "account": "ACTUAL", "mass_t": None}
    listed = {"events": shown(views_neutral.EVENTS, [row, row | {"retired_t": None, "account": "ESTIMATE"}])}
    made = account()
    told = TONNES | {"event": event() | {"organisers": [sample.EXPO]}, "plan": plan(), "published_at": sample.NOON}
    told |= {"is_late": True, "statement": None, "evaluation": None, "estimate": made, "actual": None, "compared": []}
    told |= {"has_forcing": True, "purchases": [], "clock": CLOCK, "badge": badge(), "is_own": True}
    report = Report(
        team=("甲", "乙"),
        is_neutral=True,
        **dict.fromkeys(evaluations.evaluations.FIELDS, "一"),  # type: ignore[arg-type]
    )
    ended = {"statement": statement(evaluator=sample.VERIFIER, conclusion="一", confirmed_by="INDEPENDENT")}
    ended |= {"evaluation": {"body": sample.VERIFIER, "reviewer": "丙", "report": report}, "actual": made}
    ended |= {"compared": views_footprint.compared(made["made"], made["made"]), "purchases": purchases()}
    ended |= {"has_forcing": False, "surplus_t": 3, "clock": None, "is_own": False, "is_late": False}
    late = {"clock": CLOCK | {"is_over": True, "is_forest": True, "days_left": 0}, "has_forcing": None}
    return {
        "events": ("pages/public/events.html", listed | sample.frame(path="/events")),
        "events-none": (
            "pages/public/events.html",
            {"events": shown(views_neutral.EVENTS, [])} | sample.frame(path="/events"),
        ),
        "event": ("pages/public/event.html", told | sample.frame("organiser", "/events")),
        "event-declared": ("pages/public/event.html", told | ended | sample.frame(path="/events")),
        "event-late": ("pages/public/event.html", told | late | sample.frame(path="/events")),
    }


def own_pages() -> Pages:
    task = {"code": "plan", "address": PATH, "word": "✗", "text": "✗"}
    room = TONNES | {"event": event("DRAFT"), "tasks": [task, task], "clock": CLOCK, "estimate": None, "actual": None}
    room |= {"purchases": [], "evaluations": [], "badge": None, "may_withdraw": True, "waits_until_on": None}
    running = {"number": "V100001", "state": "REPORTED", "body": sample.VERIFIER, "at": sample.NOON}
    full = room | {"event": event("NEUTRAL"), "tasks": [], "estimate": account(), "actual": account(), "surplus_t": 2}
    full |= {"purchases": purchases(), "evaluations": [running], "badge": badge()}
    row = event() | TONNES | {"account": "ESTIMATE", "mass_t": None, "due_on": LAST_ON}
    bought = {"event": event(), "number": "R100001", "bought_at": sample.NOON, "quantity_t": 60, "amount_fen": 360000}
    home = {"organisation": sample.EXPO, "low_fen": 4600, "todo": todo()}
    home |= {"summary": {"events": 1, "missing_t": 59, "retired_t": 60, "spent_fen": 360000}}
    home |= {"events": shown(views_organiser_home.OWN_EVENTS, [row])}
    home |= {"purchases": shown(views_organiser_home.PURCHASES, [bought | {"certificate": "R100001"}])}
    home |= {"certificates": shown(views_organiser_home.PURCHASES, [])}
    return {
        "neutral-room": ("pages/neutral/event.html", room | sample.frame("organiser", PATH)),
        "neutral-room-full": ("pages/neutral/event.html", full | sample.frame("organiser", PATH)),
        "neutral-room-waiting": (
            "pages/neutral/event.html",
            full | {"waits_until_on": LAST_ON} | sample.frame("organiser", PATH),
        ),
        "organiser-home": ("pages/organiser/home.html", home | sample.frame("organiser", "/my")),
        "organiser-home-empty": (
            "pages/organiser/home.html",
            home
            | {"todo": [], "low_fen": None, "events": shown(views_organiser_home.OWN_EVENTS, [])}
            | sample.frame("organiser", "/my"),
        ),
    }
