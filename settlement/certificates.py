"""Certificates (注销凭证): the signed document of a retirement, which anyone can check offline.

Issued after the retirement is in the log: one checkpoint is signed over the whole log, and each certificate carries the
proof that its entry lies under it. The document is kept byte for byte as issued.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import func, insert, select

from settlement import certificate_format as form
from settlement import retirement
from settlement.certificate_claim import Claim
from settlement.tables import Certificate, Retirement
from tanyi.kernel import notices
from tanyi.kernel.errors import NotFound
from tanyi.kernel.signatures import SigningKey
from tanyi.kernel.work import Reader, Work
from tanyi.ledger import audit_log


def issue_pending(work: Work, *, key: SigningKey) -> list[str]:
    """Issues the certificate of every retirement that has none; gives their numbers."""
    audit_log.take_turn(work)  # two who issue at once would issue the same certificates
    waiting = select(Retirement.id, Retirement.number).outerjoin(
        Certificate, Certificate.retirement_id == Retirement.id
    )
    numbers = {row[0]: row[1] for row in work.session.execute(waiting.where(Certificate.retirement_id.is_(None)))}
    if not numbers:
        return []
    checkpoint = audit_log.checkpoint(work, key=key)
    seqs = audit_log.seqs_of(work, "retirement.recorded", "number", list(numbers.values()))
    proofs = audit_log.proofs(work, list(seqs.values()), checkpoint)
    rows = [
        {
            "retirement_id": retirement_id,
            "number": claim.number,
            "document": _signed(claim, proofs[seqs[claim.number]], key),
            "issued_at": work.now,
        }
        for retirement_id, claim in retirement.claims_of(work, numbers).items()
    ]
    work.session.execute(insert(Certificate), rows)
    work.record("certificates.issued", certificates=str(len(rows)), log_size=str(checkpoint.tree_size))
    _tell_holders(work, numbers)
    return sorted(numbers.values())


def _tell_holders(work: Work, certified: Mapping[int, str]) -> None:
    """Whoever retired learns that the certificate is there."""
    retired = retirement.by_ids(work, certified)
    notes = [
        notices.Note(
            organisation_id=row.holder_id,
            kind="certificate.issued",
            address=f"/certificates/{row.number}",
            facts={"certificate": row.number, "retired_t": row.quantity_t},
        )
        for row in retired.values()
    ]
    notices.tell(work, notes=notes)


def _signed(claim: Claim, proof: audit_log.Proof, key: SigningKey) -> bytes:
    payload = form.build_payload(claim, log_index=proof.index, log_origin=audit_log.ORIGIN)
    entry = json.loads(proof.entry)
    return form.issue(payload, signing_key=key, entry=entry, proof=proof.hashes, checkpoint=proof.checkpoint)


def document(reader: Reader, number: str) -> bytes:
    """A certificate by its number, byte for byte, or `NotFound`."""
    found = reader.session.scalar(select(Certificate.document).where(Certificate.number == number))
    if found is None:
        raise NotFound
    return found


def all_documents(reader: Reader) -> Sequence[tuple[str, bytes]]:
    """Every certificate with its number, in order."""
    query = select(Certificate.number, Certificate.document).order_by(Certificate.retirement_id)
    return [(row[0], row[1]) for row in reader.session.execute(query)]


def is_issued(reader: Reader, number: str) -> bool:
    """Whether there is a certificate of this number."""
    return reader.session.scalar(select(Certificate.number).where(Certificate.number == number)) is not None


def numbers(reader: Reader, retirement_ids: Iterable[int]) -> dict[int, str]:
    """The numbers of the certificates that these retirements have."""
    query = select(Certificate.retirement_id, Certificate.number)
    found = reader.session.execute(query.where(Certificate.retirement_id.in_(set(retirement_ids))))
    return {row[0]: row[1] for row in found}


def total(reader: Reader) -> int:
    """How many certificates there are."""
    return reader.session.scalars(select(func.count()).select_from(Certificate)).one()
