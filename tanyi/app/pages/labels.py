"""Words for codes: product types, states, classes, purposes and roles as people read them in either language.

Codes stay what the capability files declare; this is the one place where a page finds the English msgid of a code, and
the catalogs hold its Chinese. A code without a word is shown as it is, so that a new methodology never breaks a page.
"""

from __future__ import annotations

from collections.abc import Mapping

from tanyi.kernel.errors import N_
from tanyi.kernel.identity import PROVINCE, REGIONS

PRODUCT_TYPES: Mapping[str, str] = {  # a methodology's own names win; these serve where only the code is at hand
    "forestry": N_("Forestry"),
    "wetland": N_("Wetland"),
    "photovoltaic": N_("Photovoltaic power"),
    "wind": N_("Wind power"),
    "grassland": N_("Grassland"),
    "building": N_("Ultra-low-energy building"),
    "bivalve": N_("Bivalve mariculture"),
    "clean_heating": N_("Rural clean heating"),
}

BLOCK = {
    "FREE": N_("Held"),
    "LISTED": N_("On sale"),
    "RESERVED": N_("Reserved for delivery"),
    "PLEDGED": N_("Pledged"),
    "LOCKED": N_("Locked"),
    "FROZEN": N_("Frozen"),
    "BUFFER": N_("In the buffer"),
    "RETIRED": N_("Retired"),
    "CANCELLED": N_("Cancelled"),
}
PROJECT = {
    "DRAFT": N_("Draft"),
    "SUBMITTED": N_("Submitted"),
    "ACCEPTED": N_("Accepted"),
    "PUBLICISED": N_("Public notice"),
    "VALIDATED": N_("Validated"),
    "REGISTERED": N_("Registered"),
    "MONITORING": N_("Monitored"),
    "VERIFYING": N_("Under verification"),
    "ISSUED": N_("Issued"),
    "CLOSED": N_("Project closed"),
    "RETURNED": N_("Returned for correction"),
    "REJECTED": N_("Rejected"),
    "SUSPENDED": N_("Suspended"),
    "REVERSED": N_("Reversed"),
    "METHODOLOGY_PENDING": N_("Methodology pending"),
}
REPORT = {
    "DRAFT": N_("Draft"),
    "SUBMITTED": N_("Submitted"),
    "VERIFYING": N_("Under verification"),
    "VERIFIED": N_("Verified"),
    "ACCEPTED": N_("Accepted"),
    "RETURNED": N_("Returned for correction"),
    "REJECTED": N_("Rejected"),
    "ISSUED": N_("Issued"),
}
LISTING = {
    "OPEN": N_("On sale"),
    "IN_ROUND": N_("In a round"),
    "SOLD": N_("Sold out"),
    "WITHDRAWN": N_("Withdrawn"),
    "EXPIRED": N_("Expired"),
}
OBLIGATION = {
    "NONE": N_("No duty"),
    "OPEN": N_("Not yet met"),
    "PARTIAL": N_("Partly met"),
    "MET": N_("Met in full"),
    "OVER": N_("More than met"),
    "NOT_ASSESSABLE_NO_BENCHMARK": N_("Not assessable: no benchmark"),
    "NOTIFIED": N_("Notified"),
    "CANCELLED": N_("Cancelled"),
    "CLOSED": N_("Ended"),
}
BID = {
    "DRAFT": N_("To be confirmed"),
    "CONFIRMED": N_("Confirmed"),
    "ENTERED": N_("Entered in the round"),
    "LAPSED": N_("Lapsed"),
}
ROUND = {
    "OPEN": N_("Collecting bids and lots"),
    "CLOSED": N_("Closed"),
    "SOLVED": N_("Solved and checked"),
    "PUBLISHED": N_("Published"),
    "VOID": N_("Void"),
}
SOLVING = {
    "QUEUED": N_("Waiting for a worker"),
    "RUNNING": N_("Being solved"),
    "DONE": N_("Solved and checked"),
    "FAILED": N_("Not solved"),
    "CANCELLED": N_("Solving cancelled"),
}
TRADE = {
    "MATCHED": N_("Matched"),
    "RESERVED": N_("Reserved for delivery"),
    "FUNDED": N_("Paid in"),
    "SETTLED": N_("Settled"),
    "EXPIRED": N_("Expired"),
    "CANCELLED": N_("Cancelled"),
}
APPROVAL = {
    "PENDING": N_("Waits for a second person"),
    "APPROVED": N_("Approved, being carried out"),
    "DONE": N_("Approved and done"),
    "FAILED": N_("Approved, but not possible"),
    "REJECTED": N_("Rejected"),
    "WITHDRAWN": N_("Withdrawn"),
    "LAPSED": N_("Lapsed"),
}
MESSAGE = {
    "QUEUED": N_("Waits to be sent"),
    "SENT": N_("Sent"),
    "FAILED": N_("Given up"),
}
EVENT = {
    "DRAFT": N_("Draft"),
    "PLANNED": N_("Plan published"),
    "ACCOUNTED": N_("Real figures counted"),
    "NEUTRAL": N_("Covered"),
    "DECLARED": N_("Neutral, declared"),
    "WITHDRAWN": N_("Withdrawn"),
}
EVALUATION = {
    "COMMISSIONED": N_("Commissioned"),
    "REPORTED": N_("Reported, under review"),
    "APPROVED": N_("Approved"),
    "ENDED": N_("Ended"),
}
RESULT = {
    "optimal": N_("Proven optimal"),
    "bounded": N_("Best found, with a proven bound"),
    "time_limit": N_("Stopped at the time limit"),
}
KEY = {
    "IN_FORCE": N_("In force"),
    "EXPIRED": N_("Expired"),
    "REVOKED": N_("Revoked"),
}
STATES: Mapping[str, Mapping[str, str]] = {
    "block": BLOCK,
    "project": PROJECT,
    "report": REPORT,
    "listing": LISTING,
    "obligation": OBLIGATION,
    "bid": BID,
    "round": ROUND,
    "solving": SOLVING,
    "trade": TRADE,
    "result": RESULT,
    "approval": APPROVAL,
    "message": MESSAGE,
    "event": EVENT,
    "evaluation": EVALUATION,
    "key": KEY,
}
GOOD = frozenset(
    {"FREE", "LISTED", "OPEN", "REGISTERED", "ISSUED", "VERIFIED", "ACCEPTED", "MET", "OVER", "CONFIRMED", "ENTERED"}
    | {"PUBLISHED", "SETTLED", "RETIRED", "SOLVED", "OPTIMAL", "IN_ROUND", "APPROVED", "DONE"}
    | {"NEUTRAL", "DECLARED", "IN_FORCE"}
)
WARNING = frozenset(
    {"PARTIAL", "DRAFT", "RESERVED", "NOT_ASSESSABLE_NO_BENCHMARK", "METHODOLOGY_PENDING", "BOUNDED", "TIME_LIMIT"}
    | {"RETURNED", "SUSPENDED", "LOCKED", "FROZEN", "PLEDGED", "PENDING"}
)
BAD = frozenset({"FAILED", "REJECTED", "REVERSED", "CANCELLED", "VOID", "LAPSED", "EXPIRED"})

CLASSES: Mapping[str, str] = {
    "KEY": N_("Key emitter"),
    "GENERAL": N_("General emitter"),
    "OTHER": N_("Other emitter"),
    "UNCLASSIFIED": N_("Not classified: no verified emissions"),
}
SECTORS: Mapping[str, str] = {
    "steel": N_("Steel"),
    "power": N_("Power"),
    "petrochem": N_("Petrochemicals"),
    "chemical": N_("Chemicals"),
    "building_materials": N_("Building materials"),
    "paper": N_("Paper"),
    "eia": N_("Approved projects"),  # a duty of a new, rebuilt or extended plant rests on no sector's benchmark
}
PURPOSES: Mapping[str, str] = {
    "COMPLIANCE_BENCHMARK": N_("Duty above the benchmark"),
    "COMPLIANCE_EIA": N_("Duty of an approved project"),
    "VOLUNTARY_EVENT": N_("Neutral event"),
    "VOLUNTARY_ORG": N_("Organisation's own emissions"),
    "VOLUNTARY_PERSON": N_("Personal emissions"),
}
ROLES: Mapping[str, str] = {
    "seller": N_("Seller"),
    "firm": N_("Firm with a duty"),
    "organiser": N_("Event organiser"),
    "verifier": N_("Verifier"),
    "operator": N_("Market operator"),
    "regulator": N_("Regulator"),
}
REASONS: Mapping[str, str] = {
    "price": N_("the price asked is above the limit"),
    "type": N_("the product type is not wanted"),
    "vintage": N_("the vintage is not wanted"),
    "region": N_("the region is not wanted"),
    "floor": N_("the ecological share leaves no room"),
    "group_cap": N_("the share from one seller group is used up"),
    "max_sellers": N_("the number of sellers is used up"),
    "min_line": N_("less than the smallest contract"),
    "all_or_none": N_("all or nothing was asked"),
    "own_group": N_("offered by the same control group"),
    "supply_short": N_("too little is offered"),
    "priority": N_("others came first"),
    "demand_short": N_("too little is asked for"),
}
STAGES: Mapping[str, str] = {  # of a solver, in their order
    "reading": N_("Reading the round"),
    "bounding": N_("Computing the proven bound"),
    "lines": N_("Forming contracts"),
    "repair": N_("Fitting contracts to every rule"),
    "proof": N_("Looking for the proof"),
    "explaining": N_("Writing down the reasons"),
}
FAILURES: Mapping[str, str] = {
    "refused": N_("The solver does not clear rounds of this kind."),
    "out_of_memory": N_(
        "The solver needed more memory than its worker allows. Ask whoever runs the worker to allow more, then solve again."
    ),
    "too_late": N_("The solver gave no result in its time. Solve again with more time."),
    "killed": N_("The solver was ended from outside, perhaps by the operating system. Solve again."),
    "crashed": N_(
        "The solver broke down. Solving again may end the same way: ask whoever runs the worker for its log."
    ),
    "check_failed": N_(
        "The result did not pass the independent check and nothing of it was kept. Ask whoever runs the worker for its log."
    ),
    "worker_lost": N_("The worker ended while it solved. Solve again."),
    "overtaken": N_("The round was solved in another way meanwhile."),
}
DUTIES: Mapping[str, str] = {
    "BENCHMARK": N_("Duty above the benchmark"),
    "EIA": N_("Duty of an approved project"),
}
EVENT_KINDS: Mapping[str, str] = {
    "PERFORMANCE": N_("Performance"),
    "COMPETITION": N_("Competition"),
    "MEETING": N_("Meeting"),
    "FORUM": N_("Forum"),
    "EXHIBITION": N_("Exhibition"),
    "OFFICE": N_("Office work"),
    "PRODUCTION": N_("Production"),
    "DAILY_LIFE": N_("Daily life"),
    "OTHER": N_("Other event"),
}
EVENT_PHASES: Mapping[str, str] = {
    "PREPARATION": N_("Preparation"),
    "EVENT": N_("The event itself"),
    "CLOSE_OUT": N_("Closing"),
}
EVENT_ACCOUNTS: Mapping[str, str] = {"ESTIMATE": N_("estimated"), "ACTUAL": N_("counted afterwards")}
OFFSET_WAYS: Mapping[str, str] = {
    "CREDITS": N_("Reduction products bought and retired"),
    "NEW_FOREST": N_("A newly planted forest of its own"),
}
CONFIRMATIONS: Mapping[str, str] = {
    "SELF": N_("Self-declaration of the organiser"),
    "INDEPENDENT": N_("Evaluation by an independent body"),
}
FOOTPRINT_CATEGORIES: Mapping[str, str] = {  # annex 1 of the guide of 2019
    "FUEL_STATIONARY": N_("Fuel burnt in fixed plants"),
    "FUEL_MOBILE": N_("Fuel burnt in vehicles and machines"),
    "ELECTRICITY_HEAT": N_("Purchased electricity and heat"),
    "TRANSPORT": N_("Journeys of organisers and participants"),
    "LODGING_CATERING": N_("Lodging and catering"),
    "SUPPLIES": N_("Supplies of the event"),
    "WASTE": N_("Waste"),
}
FOOTPRINT_STANDARDS: Mapping[str, str] = {
    "FUEL_STATIONARY": N_("Boilers, direct-fired chillers, gas stoves of the venue and of the offices that serve it."),
    "FUEL_MOBILE": N_("Vehicles and machines that burn fuel for the event."),
    "ELECTRICITY_HEAT": N_("Electric vehicles that serve the event belong here too."),
    "TRANSPORT": N_("Everybody who comes because of the event: by air, rail, road, metro, taxi."),
    "LODGING_CATERING": N_("Nights and meals of those who take part."),
    "SUPPLIES": N_("Emissions embodied in what is bought for the event."),
    "WASTE": N_("Methane from landfill, fossil carbon dioxide from incineration."),
}
ACTIVITY_UNITS: Mapping[str, str] = {
    "kWh": N_("kWh"),
    "GJ": N_("GJ"),
    "Nm3": N_("Nm³"),
    "kg": N_("kg"),
    "m3": N_("m³"),
    "vehicle-km": N_("vehicle-km"),
    "passenger-km": N_("passenger-km"),
    "room-night": N_("room-nights"),
    "meal": N_("meals"),
}
RIGHTS: Mapping[str, str] = {
    "PREPARE": N_("To prepare"),
    "APPROVE": N_("To approve"),
    "ADMINISTER": N_("To administer"),
}
RIGHTS_MEAN: Mapping[str, str] = {
    "PREPARE": N_("Prepare what moves money or tonnes: offers, bids, purchases, decisions."),
    "APPROVE": N_("Approve what somebody else prepared, where two people must agree."),
    "ADMINISTER": N_("Invite people, and change what each of them may do."),
}
SCOPES: Mapping[str, str] = {
    "read": N_("read"),
    "write": N_("write"),
    "trade": N_("trade"),
}
SCOPES_MEAN: Mapping[str, str] = {
    "read": N_("Look up everything that you may see."),
    "write": N_("Change things that move neither money nor tonnes."),
    "trade": N_("Offer, bid, buy, publish and settle: whatever moves money or tonnes, or decides that they move."),
}
AREAS: Mapping[str, str] = {PROVINCE: N_("Hebei Province"), **REGIONS}
TRIALS: Mapping[str, str] = {  # what one can try with an account of the demo, in the order of the sign-in page
    "duty": N_("Meet a duty: one prepares, another approves"),
    "group": N_("One person for two companies of a group"),
    "seller": N_("Sell tonnes of one's own projects"),
    "organiser": N_("Make an event neutral"),
    "operator": N_("Run rounds: prepare and review"),
    "regulator": N_("Supervise: the province and one city"),
    "verifier": N_("Validate and verify"),
}
TABLES: Mapping[str, Mapping[str, str]] = {
    "duty": DUTIES,
    "type": PRODUCT_TYPES,
    "class": CLASSES,
    "sector": SECTORS,
    "purpose": PURPOSES,
    "role": ROLES,
    "reason": REASONS,
    "stage": STAGES,
    "failure": FAILURES,
    "event_kind": EVENT_KINDS,
    "event_phase": EVENT_PHASES,
    "event_account": EVENT_ACCOUNTS,
    "offset_way": OFFSET_WAYS,
    "confirmation": CONFIRMATIONS,
    "footprint_category": FOOTPRINT_CATEGORIES,
    "footprint_standard": FOOTPRINT_STANDARDS,
    "activity_unit": ACTIVITY_UNITS,
    "right": RIGHTS,
    "right_means": RIGHTS_MEAN,
    "scope": SCOPES,
    "scope_means": SCOPES_MEAN,
    "area": AREAS,
    "trial": TRIALS,
}


def word_for(table: str, code: str) -> str | None:
    """The msgid for a code of one of `TABLES`, None when the table has none. Case does not matter."""
    words = TABLES[table]
    return words.get(code) or words.get(code.upper()) or words.get(code.lower())


def state_word(kind: str, state: str) -> str | None:
    """The msgid for a state of one kind of thing (a key of `STATES`)."""
    words = STATES[kind]
    return words.get(state) or words.get(state.upper()) or words.get(state.lower())


def tone(state: str, kind: str = "") -> str:
    """good, warning, bad or plain: which colour a state of this kind of thing is shown in."""
    code = state.upper()
    if (kind, code) == ("obligation", "OPEN"):
        return "warning"
    for name, states in (("good", GOOD), ("warning", WARNING), ("bad", BAD)):
        if code in states:
            return name
    return "plain"
