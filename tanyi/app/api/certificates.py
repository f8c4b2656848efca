"""Retirements and certificates in the API: public, and certificates byte for byte as they were signed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from settlement import certificates, retirement
from tanyi.app.api.answers import Listed
from tanyi.app.intake import refuse_unless_paged
from tanyi.app.security import access
from tanyi.kernel import parties
from tanyi.kernel.work import Reader


class RetirementShown(msgspec.Struct, frozen=True, kw_only=True):
    """A retirement; `certificate` is the address of its signed file, None while it is being written."""

    number: str
    retired_by: str
    beneficiary: str | None
    purpose: str
    quantity_t: int
    retired_at: datetime
    certificate: str | None


@get("/api/v1/retirements", opt=access(scope="public"), sync_to_thread=True, tags=["certificates"])
def all_retirements(
    reader: NamedDependency[Reader], cursor: FromQuery[int | None] = None, limit: FromQuery[int | None] = None
) -> Listed[RetirementShown]:
    """All retirements, newest first."""
    most = refuse_unless_paged(cursor, limit)
    found = retirement.newest(reader, most + 1, before_id=cursor)
    following = found[most - 1].id if len(found) > most else None
    return Listed(items=_shown(reader, found[:most]), next_cursor=following)


@get("/api/v1/certificates/{number:str}", opt=access(scope="public"), sync_to_thread=True, tags=["certificates"])
def one_certificate(number: FromPath[str], reader: NamedDependency[Reader]) -> Response[bytes]:
    """The signed document of a retirement, byte for byte."""
    return signed_file(reader, number)


def signed_file(reader: Reader, name: str) -> Response[bytes]:
    """The signed file of a certificate by its number, with or without `.json` after it; `NotFound` if there is none."""
    number = name.removesuffix(".json")
    named = {"Content-Disposition": f'inline; filename="{number}.json"'}
    return Response(certificates.document(reader, number), media_type="application/json", headers=named)


def _shown(reader: Reader, rows: Sequence[retirement.Retirement]) -> list[RetirementShown]:
    holders = parties.organisations(reader, {row.holder_id for row in rows})
    numbers = certificates.numbers(reader, [row.id for row in rows])
    return [
        RetirementShown(
            number=row.number,
            retired_by=holders[row.holder_id].code,
            beneficiary=row.beneficiary,
            purpose=row.purpose,
            quantity_t=row.quantity_t,
            retired_at=row.retired_at,
            certificate=f"/certificates/{numbers[row.id]}.json" if row.id in numbers else None,
        )
        for row in rows
    ]


ROUTES = [all_retirements, one_certificate]
