"""The calculator's form: what somebody typed as a list of activities, and a saved list as what somebody would type.

Each row of the form is one activity in the phase of the event; further rows hold what the form does not ask for, other
phases, and activities of one's own. What cannot be read is said beside its field, and nothing that was typed is lost.
Pure: the list it gives is calculated by `market.emitters.footprint` and kept by `settlement.neutrality`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from market.emitters import factors, footprint
from market.emitters.footprint import Activity, Line
from tanyi.app.pages import forms
from tanyi.app.pages.calculator_rows import CARS_DRIVEN, KNOWN_ROWS, PER_KM, SUGGESTION, suggested
from tanyi.kernel.errors import N_, Refusal
from tanyi.kernel.quantities import exact_decimals

FIGURE = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?", re.ASCII)
TIMES = re.compile(r"([0-9.]{1,13}) × ([0-9.]{1,13})", re.ASCII)
PARTS: Final = ("quantity", "many", "each", "own", "evidence")
MORE_PARTS: Final = ("activity", "label", "phase", "quantity", "unit", "category", "own", "evidence")
BLANK_ROWS, MOST_MORE_ROWS = 2, footprint.MOST_ROWS
MORE = re.compile(r"more-([0-9]{1,3})-[a-z]+", re.ASCII)

NOT_A_FIGURE = N_("Write a figure such as 1200 or 0.75.")
BOTH_FACTORS = N_("Fill in both figures, or none of them.")
TWO_RESULTS = N_("%(many)s × %(each)s is not %(quantity)s. Correct one of them or empty the result.")
WHOLE_PEOPLE = N_("People and cars are whole numbers.")
EVIDENCE_MISSING = N_("Say where the factor comes from.")
FACTOR_MISSING = N_("An activity of your own needs a unit and a factor with its evidence.")
NOTHING_STATED = N_("Fill in at least one figure.")
ACTIVITY_MISSING = N_("Choose what is counted here.")


class Sheet(forms.Form):
    """What was typed into the calculator: `activities` once read, `fields` the field prefix of each of them."""

    def __init__(self, sent: Mapping[str, Any], locale: str) -> None:
        numbers = {int(found.group(1)) for name in sent if (found := MORE.fullmatch(name))}
        self.more = sorted(numbers)[:MOST_MORE_ROWS]
        names = [f"{part}-{activity}" for activity in KNOWN_ROWS for part in PARTS]
        names += [f"more-{place}-{part}" for place in self.more for part in MORE_PARTS]
        super().__init__(sent, (*names, "forcing", "contact"), locale)
        self.activities: list[Activity] = []
        self.fields: list[str] = []

    @property
    def has_forcing(self) -> bool:
        """Whether the radiative forcing of flights is counted: unless somebody says no."""
        return self.typed["forcing"] != "no"

    def take_in(self, proposed: Mapping[str, Mapping[str, str]]) -> list[Activity]:
        """Reads every row; `proposed` are the suggestions, so that one left as it was is known as one."""
        for activity in KNOWN_ROWS:
            self._keep(self._row(activity, proposed.get(activity, {})), f"quantity-{activity}")
        for place in self.more:
            self._keep(self._further(f"more-{place}"), f"more-{place}-quantity")
        if not self.activities and not self.errors:
            self.say("activities", NOTHING_STATED)
        return self.activities

    def lines(self, *, year: int, region: str) -> list[Line]:
        """The lines of all rows that can be counted; what a row is refused for stands beside it."""
        found: list[Line] = []
        for field, stated in zip(self.fields, self.activities, strict=True):
            try:
                line = footprint.line_of(stated, 1, year=year, region=region, has_radiative_forcing=self.has_forcing)
            except Refusal as refusal:
                self.say_refusal(field, refusal)
            else:
                found.append(line)
        return found

    def _keep(self, stated: Activity | None, field: str) -> None:
        if stated is not None:
            self.activities.append(stated)
            self.fields.append(field)

    def _row(self, activity: str, proposed: Mapping[str, str]) -> Activity | None:
        key = f"quantity-{activity}"
        many, each, quantity = (self._figure(f"{part}-{activity}") for part in ("many", "each", "quantity"))
        own, evidence = self._own(f"own-{activity}", f"evidence-{activity}")
        if (many is None) != (each is None):
            self.say(key, BOTH_FACTORS)
            return None
        if many is None or each is None:
            return None if quantity is None else self._stated(activity, {"quantity": quantity}, own, evidence, proposed)
        if quantity is not None and quantity != _times(many, each):
            self.say(key, TWO_RESULTS, many=f"{many:f}", each=f"{each:f}", quantity=f"{quantity:f}")
            return None
        return self._stated(activity, self._counted(activity, many, each), own, evidence, proposed)

    def _counted(self, activity: str, many: Decimal, each: Decimal) -> dict[str, Any]:
        """People or cars times kilometres where the footprint knows them; elsewhere the product, with a note of it."""
        if activity not in PER_KM:
            return {"quantity": _times(many, each), "label": f"{_plain(many)} × {_plain(each)}"}
        if many != many.to_integral_value():
            self.say(f"quantity-{activity}", WHOLE_PEOPLE)
        return {"vehicles" if activity in CARS_DRIVEN else "persons": int(many), "distance_km": each}

    def _stated(
        self, activity: str, counted: dict[str, Any], own: Decimal | None, evidence: str, proposed: Mapping[str, str]
    ) -> Activity:
        typed = {part: self.typed[f"{part}-{activity}"] for part in ("many", "each", "quantity")}
        is_suggested = bool(proposed) and all(typed[part] == proposed.get(part, "") for part in typed)
        stated: dict[str, Any] = {"activity": activity, "own_kgco2e_per_unit": own, "own_evidence": evidence, **counted}
        if is_suggested:
            stated["label"] = SUGGESTION
        return Activity(**stated)

    def _further(self, key: str) -> Activity | None:
        typed = {part: self.typed[f"{key}-{part}"] for part in MORE_PARTS}
        if not any(typed[part] for part in ("activity", "quantity", "own", "evidence")):
            return None
        quantity = self._figure(f"{key}-quantity")
        own, evidence = self._own(f"{key}-own", f"{key}-evidence")
        if not typed["activity"]:
            self.say(f"{key}-quantity", ACTIVITY_MISSING)
        if quantity is None:
            self.say(f"{key}-quantity", NOT_A_FIGURE)
        is_other = typed["activity"] == footprint.OTHER
        if is_other and (own is None or not typed["unit"]):
            self.say(f"{key}-quantity", FACTOR_MISSING)
        if quantity is None or not typed["activity"]:
            return None
        return Activity(
            activity=typed["activity"],
            quantity=quantity,
            unit=typed["unit"] if is_other else None,
            phase=typed["phase"] or footprint.EVENT,
            category=typed["category"] or "SUPPLIES" if is_other else None,
            label=typed["label"][: forms.LONGEST_TEXT],
            own_kgco2e_per_unit=own,
            own_evidence=evidence,
        )

    def _own(self, factor: str, evidence: str) -> tuple[Decimal | None, str]:
        """An own factor and its evidence: both or neither."""
        stated, proof = self._figure(factor), self.text(evidence, is_required=False)
        if stated is not None and not proof:
            self.say(evidence, EVIDENCE_MISSING)
        return (stated, proof) if stated is not None and proof else (None, "")

    def _figure(self, field: str) -> Decimal | None:
        """A figure as people write it, full-width digits and separators included; 0 and nothing are no figure."""
        said = unicodedata.normalize("NFKC", self.typed[field]).replace(",", "").replace(" ", "")
        if said and not FIGURE.fullmatch(said):
            self.say(field if field.startswith(("own", "evidence", "quantity")) else _result_of(field), NOT_A_FIGURE)
            return None
        figure = Decimal(said) if said else Decimal(0)
        return figure or None


def _result_of(field: str) -> str:
    """The field beside which a mistake in a helper's figure or in a further row is said."""
    kind, _, rest = field.partition("-")
    return f"quantity-{rest}" if kind in ("many", "each") else f"{field.rpartition('-')[0]}-quantity"


def typed_of(activities: Sequence[Activity]) -> dict[str, str]:
    """A saved list, or one out of a workbook, as the fields of the form."""
    typed: dict[str, str] = {}
    further: list[Activity] = []
    for stated in activities:
        if stated.activity in KNOWN_ROWS and f"quantity-{stated.activity}" not in typed and _fits(stated):
            typed |= _as_row(stated)
        else:
            further.append(stated)
    for place, stated in enumerate(further):
        typed |= _as_further(stated, f"more-{place}")
    return typed


def _fits(stated: Activity) -> bool:
    """Whether a row of the form can hold it: in the event's phase, in the usual category, without words of its own."""
    usual = factors.series_of(stated.activity).categories[0]
    is_plain = stated.label in ("", SUGGESTION) or TIMES.fullmatch(stated.label) is not None
    return stated.phase == footprint.EVENT and stated.category in (None, usual) and is_plain and not stated.occupants


def _as_row(stated: Activity) -> dict[str, str]:
    many = stated.persons if stated.persons is not None else stated.vehicles
    typed = {"quantity": _plain(footprint.stated_figure(stated, factors.series_of(stated.activity).unit, 1))}
    if many is not None and stated.distance_km is not None:
        typed |= {"many": str(many), "each": _plain(stated.distance_km)}
    elif found := TIMES.fullmatch(stated.label):
        typed |= {"many": found.group(1), "each": found.group(2)}
    if stated.own_kgco2e_per_unit is not None:
        typed |= {"own": _plain(stated.own_kgco2e_per_unit), "evidence": stated.own_evidence}
    return {f"{part}-{stated.activity}": text for part, text in typed.items()}


def _as_further(stated: Activity, key: str) -> dict[str, str]:
    unit = stated.unit or "" if stated.activity == footprint.OTHER else factors.series_of(stated.activity).unit
    own = stated.own_kgco2e_per_unit
    typed = {
        "activity": stated.activity,
        "label": stated.label,
        "phase": stated.phase,
        "quantity": _plain(footprint.stated_figure(stated, unit, 1)),
        "unit": unit if stated.activity == footprint.OTHER else "",
        "category": stated.category or "",
        "own": "" if own is None else _plain(own),
        "evidence": stated.own_evidence,
    }
    return {f"{key}-{part}": text for part, text in typed.items()}


def first_figures(participants: int | None, days: int) -> dict[str, str]:
    """The form of a new event: filled with the suggestions, the rest empty."""
    proposed = suggested(participants or 0, days)
    return {f"{part}-{activity}": text for activity, typed in proposed.items() for part, text in typed.items()}


def _times(many: Decimal, each: Decimal) -> Decimal:
    with exact_decimals():
        return many * each


def _plain(figure: Decimal) -> str:
    """A figure without an exponent and without needless zeros."""
    text = f"{figure:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
