"""What an organisation owns: its tonnes by state with their serials, what it bought, and its certificates.

Each table reads what belongs to one organisation and nothing else; a page gives the organisation of whoever is signed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from market.registry import issuance
from market.trading import trades
from settlement import certificates, delivery, retirement
from tanyi.app.pages import pieces, tabular
from tanyi.app.pages.tabular import Asked, Column, Source, Spec, Table
from tanyi.app.pages.views_certificates import beneficiary_of
from tanyi.app.pages.views_rounds import contract_lines
from tanyi.kernel.errors import N_
from tanyi.kernel.work import Reader
from tanyi.ledger import blocks

TONNES: Final = Spec(
    "tonnes",
    N_("My tonnes"),
    (
        Column("project", N_("Project"), "names", link="/projects/{project.code}"),
        Column("serial", N_("Serial range"), "serial", place="under"),
        Column("type", N_("Type"), "type"),
        Column("vintage", N_("Vintage"), "year"),
        Column("state", N_("State"), "state", words="block"),
        Column("quantity_t", N_("Tonnes"), "tonnes"),
        Column("certificate", N_("Certificate"), "certificate"),
    ),
    prefix="tonnes-",
    size=10,
    empty_title=N_("No tonnes"),
    empty_text=N_("What is issued to you or bought by you is shown here, with its serial numbers."),
)
PURCHASES: Final = Spec(
    "purchases",
    N_("My purchases"),
    (
        Column("project", N_("Project"), "names", link="/projects/{project.code}"),
        Column("seller", N_("Seller"), "names", place="under"),
        Column("type", N_("Type"), "type"),
        Column("quantity_t", N_("Tonnes"), "tonnes"),
        Column("price_fen", N_("Price"), "price"),
        Column("cost_fen", N_("Cost"), "yuan"),
        Column("round", N_("Round"), "serial", link="/rounds/{round}"),
        Column("settled_at", N_("Delivered"), "date"),
    ),
    prefix="purchases-",
    size=10,
    empty_title=N_("Nothing bought yet"),
    empty_text=N_("What you buy in a round or from a listing is shown here once it is delivered."),
)
CERTIFICATES: Final = Spec(
    "certificates",
    N_("Certificates"),
    (
        Column("certificate", N_("Certificate"), "certificate"),
        Column("retired_at", N_("Retired"), "date"),
        Column("quantity_t", N_("Tonnes"), "tonnes"),
        Column("beneficiary", N_("Beneficiary"), "names"),
        Column("purpose", N_("Purpose"), "word", words="purpose"),
    ),
    prefix="certificates-",
    size=10,
    empty_title=N_("No certificate yet"),
    empty_text=N_("Each retirement is certified, signed and shown here."),
)


def tonnes(reader: Reader, organisation_id: int, asked: Asked) -> Table:
    """Every run of tonnes that an organisation holds, retired ones included."""
    runs = blocks.runs(reader, holder_id=organisation_id)
    return tabular.table(TONNES, Source(runs, lambda part: _runs(reader, part)), asked)


def _runs(reader: Reader, runs: Sequence[blocks.Run]) -> list[dict[str, Any]]:
    origins = issuance.provenance(reader, {run.issuance_id for run in runs})
    certified = certificates.numbers(reader, {run.retirement_id for run in runs if run.retirement_id})
    return [
        pieces.origin_facts(origins[run.issuance_id])
        | {
            "serial": origins[run.issuance_id].serial(run.lo, run.end),
            "state": run.state,
            "quantity_t": int(run.quantity_t),
            "certificate": certified.get(run.retirement_id or 0),
        }
        for run in runs
    ]


def states_t(reader: Reader, organisation_id: int) -> dict[str, int]:
    """An organisation's tonnes by state."""
    sums: dict[str, int] = {}
    for run in blocks.runs(reader, holder_id=organisation_id):
        sums[run.state] = sums.get(run.state, 0) + int(run.quantity_t)
    return sums


def purchases(reader: Reader, organisation_id: int, asked: Asked) -> Table:
    """What an organisation bought and received, newest first."""
    bought = [trade for trade in trades.of_buyer(reader, organisation_id) if trade.settlement_id is not None]
    return tabular.table(PURCHASES, Source(bought, lambda part: _bought(reader, part)), asked)


def _bought(reader: Reader, bought: Sequence[trades.Trade]) -> list[dict[str, Any]]:
    settled_at = delivery.settled_at(reader, [trade.id for trade in bought])
    lines = contract_lines(reader, bought)
    return [line | {"settled_at": settled_at[trade.id]} for trade, line in zip(bought, lines, strict=True)]


def own_certificates(reader: Reader, organisation_id: int, asked: Asked) -> Table:
    """The certificates of an organisation's retirements, newest first."""
    retired = retirement.newest(reader, holder_id=organisation_id)
    return tabular.table(CERTIFICATES, Source(retired, lambda part: certified_rows(reader, part)), asked)


def certified_rows(reader: Reader, retired: Sequence[retirement.Retirement]) -> list[dict[str, Any]]:
    """Retirements with their certificate, quantity, purpose and in whose name they stand."""
    numbers, whose = certificates.numbers(reader, [row.id for row in retired]), beneficiary_of(reader, retired)
    return [
        {
            "number": row.number,
            "certificate": numbers.get(row.id),
            "retired_at": row.retired_at,
            "quantity_t": row.quantity_t,
            "beneficiary": whose[row.id],
            "purpose": row.purpose,
        }
        for row in retired
    ]
