"""The public books of how tonnes begin and end: every issuance and every retirement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from market.registry import issuance
from settlement import retirement
from tanyi.app.pages import labels, pieces, tabular
from tanyi.app.pages.tabular import Asked, Column, Filter, Source, Spec, Table
from tanyi.app.pages.views_holdings import certified_rows
from tanyi.kernel.errors import N_
from tanyi.kernel.work import Reader
from tanyi.ledger import blocks

ISSUANCES: Final = Spec(
    "issuances",
    N_("Issuances"),
    (
        Column("project", N_("Project"), "names", link="/projects/{project.code}"),
        Column("serial", N_("Serial range"), "serial", place="under"),
        Column("type", N_("Type"), "type"),
        Column("vintage", N_("Vintage"), "year"),
        Column("issued_at", N_("Issued on"), "date"),
        Column("issued_t", N_("Issued"), "tonnes"),
        Column("offered_t", N_("On sale"), "tonnes"),
        Column("retired_t", N_("Retired"), "tonnes"),
    ),
    empty_title=N_("Nothing issued"),
    empty_text=N_("Every issuance is shown here with its serial numbers."),
)
RETIREMENTS: Final = Spec(
    "retirements",
    N_("Retirements"),
    (
        Column("number", N_("Number"), "serial", link="/certificates/{certificate}"),
        Column("retired_at", N_("Retired on"), "instant"),
        Column("beneficiary", N_("Beneficiary"), "names"),
        Column("purpose", N_("Purpose"), "word", words="purpose"),
        Column("quantity_t", N_("Tonnes"), "tonnes"),
    ),
    empty_title=N_("Nothing retired"),
    empty_text=N_("Remove a filter or come back later."),
)


def issuances(reader: Reader, asked: Asked, *, prefix: str = "") -> Table:
    """Every issuance, newest first, narrowed by product type."""
    known = blocks.issued(reader)
    types = pieces.type_codes()
    chosen = {"type": pieces.chosen(asked.query, "type", types)}
    if chosen["type"]:
        wanted = issuance.ids_of(reader, product_type=chosen["type"])
        known = [each for each in known if each.id in wanted]
    filters = [] if prefix else [Filter("type", N_("Product type"), pieces.type_options(types))]
    source = Source(known, lambda part: _issued(reader, part))
    return tabular.table(
        replace(ISSUANCES, prefix=prefix, size=10 if prefix else ISSUANCES.size),
        source,
        asked,
        filters=filters,
        chosen=chosen,
    )


def _issued(reader: Reader, known: Sequence[blocks.Issued]) -> list[dict[str, Any]]:
    ids = [each.id for each in known]
    origins, states_t = issuance.provenance(reader, ids), blocks.states_t(reader, ids)
    return [
        pieces.origin_facts(origins[each.id])
        | {
            "serial": origins[each.id].serial(each.lo, each.end),
            "issued_at": each.issued_at,
            "issued_t": int(each.quantity_t),
            "offered_t": int(states_t.get(each.id, {}).get("LISTED", 0)),
            "retired_t": int(states_t.get(each.id, {}).get("RETIRED", 0)),
        }
        for each in known
    ]


def issued_t(reader: Reader) -> int:
    """All tonnes ever issued."""
    return sum(int(each.quantity_t) for each in blocks.issued(reader))


def retirements(reader: Reader, asked: Asked) -> Table:
    """Every retirement, newest first, narrowed by purpose."""
    chosen = {"purpose": pieces.chosen(asked.query, "purpose", labels.PURPOSES)}
    options = [(code, pieces.both(word)) for code, word in labels.PURPOSES.items()]
    ids = retirement.ids(reader, purpose=chosen["purpose"])

    def load(part: Sequence[int]) -> list[dict[str, Any]]:
        found = retirement.by_ids(reader, part)
        return certified_rows(reader, [found[retirement_id] for retirement_id in part])

    filters = [Filter("purpose", N_("Purpose"), options)]
    return tabular.table(RETIREMENTS, Source(ids, load), asked, filters=filters, chosen=chosen)
