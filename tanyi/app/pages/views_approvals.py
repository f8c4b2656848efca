"""What two persons see of an approval: exactly what will be done, by whom it was prepared, and who may decide."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from market.registry import issuance
from market.trading import listings
from settlement import certificates
from settlement.neutrality import events
from tanyi.app import approved_acts, event_orders, wording
from tanyi.app.pages import pieces
from tanyi.kernel import approval_book, approvals, parties, tasks, thresholds
from tanyi.kernel.approval_book import Approval
from tanyi.kernel.work import Actor, Reader
from tanyi.ledger import blocks


def all_of(reader: Reader, query: Mapping[str, str], actor: Actor) -> dict[str, Any]:
    """What the organisation prepared or decides, newest first, and from which amount two persons are needed."""
    assert actor.organisation_id is not None, "only somebody of an organisation asks this"
    mine = actor.organisation_id
    paging, first = pieces.paging_of(query, approval_book.newest(reader, organisation_id=mine, most=0)[1])
    rows, _ = approval_book.newest(reader, organisation_id=mine, first=first, most=pieces.PER_PAGE)
    return {
        "approvals": [_row(row) for row in rows],
        "paging": paging,
        "threshold": threshold(reader, mine),
        "may_prepare": bool(actor.rights & {parties.PREPARE, parties.APPROVE}),
        "form": {"above_yuan": ""},
        "errors": {},
    }


def threshold(reader: Reader, organisation_id: int) -> dict[str, Any]:
    """The setting that holds, whose it is, and how many could be the second person."""
    found = thresholds.in_force(reader, organisation_id)
    members = parties.members(reader, {organisation_id})
    deciders = [member for member in members if parties.APPROVE in member.rights]
    preparers = [member for member in members if member.rights & {parties.PREPARE, parties.APPROVE}]
    return {
        "above_fen": int(found.above_fen),
        "since_on": found.since_on,
        "is_own": found.is_own,
        "deciders": len(deciders),
        "has_two": bool(deciders) and len(preparers) > 1,
    }


def _row(row: Approval) -> dict[str, Any]:
    word = wording.ACTS.get(row.kind)
    return {
        "number": row.number,
        "what": pieces.both(word) if word else row.kind,
        "subject": row.subject,
        "state": row.state,
        "prepared_at": row.prepared_at,
        "deadline_on": row.deadline_on,
        "may_still_be_decided": approvals.STATES.may(row.state, "APPROVED"),
    }


def one(reader: Reader, number: str, actor: Actor) -> dict[str, Any]:
    """One approval whole; another organisation's is not admitted to exist, a document that was changed is refused."""
    assert actor.organisation_id is not None, "only somebody of an organisation asks this"
    row = approval_book.own(reader, number=pieces.named(number), organisation_id=actor.organisation_id)
    act = approval_book.document_of(row)["act"]
    people = parties.people(reader, {row.prepared_by, *([row.decided_by] if row.decided_by else [])})
    told = _row(row) | {
        "kind": row.kind,
        "payload_sha256": row.payload_sha256,
        "prepared_by": _person(people[row.prepared_by]),
        "decided_by": _person(people[row.decided_by]) if row.decided_by else None,
        "decided_at": row.decided_at,
        "reason": row.reason,
        "outcome": row.outcome,
        "certificate": row.outcome if row.outcome and certificates.is_issued(reader, row.outcome) else None,
    }
    return {
        "approval": told,
        "purchase": _purchase(reader, act) if row.kind == event_orders.NEW_EVENT.code else None,
        "cover": _cover(reader, act, row.organisation_id) if row.kind == event_orders.OWN_EVENT.code else None,
        "change": act if row.kind == approved_acts.THRESHOLD.code else None,
        "standing": _standing(reader, row, actor),
        "errors": {},
    }


def _person(user: parties.User) -> pieces.Names:
    return {"name_zh": user.display_name_zh, "name_en": user.display_name_en}


def _standing(reader: Reader, row: Approval, actor: Actor) -> dict[str, bool]:
    """What the reader may do with it now."""
    is_open = approvals.STATES.may(row.state, "APPROVED") and not tasks.is_overdue(row.deadline_on, reader.today)
    is_own = row.prepared_by == actor.user_id
    held = actor.roles if row.needs == approvals.REGULATOR else actor.rights
    has_right = row.needs in held and row.organisation_id == actor.organisation_id
    return {
        "is_open": is_open,
        "is_own": is_own,
        "may_decide": is_open and has_right and not is_own,
        "may_withdraw": is_own and approvals.STATES.may(row.state, "WITHDRAWN"),
    }


def _cover(reader: Reader, act: Mapping[str, Any], organiser_id: int) -> dict[str, Any]:
    """Purchases for an event of the own organisation as they were prepared, beside what the listings offer now."""
    offers = [listings.by_number(reader, number) for number in sorted(act["chosen"])]
    origins = issuance.provenance(reader, {offer.issuance_id for offer in offers})
    offered_t = blocks.offered_t(reader, [offer.id for offer in offers])
    lines = [
        pieces.origin_facts(origins[offer.issuance_id])
        | {
            "listing": offer.number,
            "quantity_t": act["chosen"][offer.number],
            "price_fen": act["prices_fen"][offer.number],
            "is_offered": int(offered_t.get(offer.id, 0)) >= act["chosen"][offer.number],
        }
        for offer in offers
    ]
    return {"lines": lines, "event": events.own(reader, act["event"], organiser_id)} | {
        name: act[name] for name in ("quantity_t", "total_fen", "beneficiary")
    }


def _purchase(reader: Reader, act: Mapping[str, Any]) -> dict[str, Any]:
    """A purchase as it was prepared, beside what its listing offers now."""
    offer = listings.by_number(reader, act["listing"])
    origin = issuance.provenance(reader, [offer.issuance_id])[offer.issuance_id]
    seller = pieces.organisation_names(reader, [offer.seller_id])[offer.seller_id]
    is_on_sale = listings.STATES.may(offer.state, "IN_ROUND") and offer.expires_at > reader.now
    offered_t = int(blocks.offered_t(reader, [offer.id]).get(offer.id, 0))
    now = {"offered_t": offered_t, "is_on_sale": is_on_sale, "seller": seller}
    return pieces.origin_facts(origin) | dict(act) | now | {"held_on": date.fromisoformat(act["held_on"])}
