"""A unit of work remembers what happened and who did it; a reader cannot remember anything."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from tanyi.kernel.clock import civil_date, rfc3339, system_clock
from tanyi.kernel.work import SYSTEM, Happening, Reader, Work
from tanyi.ledger import audit_log

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_what_happens_is_kept_in_its_order_with_its_facts():
    work = Work(session=None, now=NOON)
    work.record("listing.opened", number="L1")
    work.record("listing.withdrawn", number="L1")
    assert work.happenings == [
        Happening("listing.opened", {"number": "L1"}),
        Happening("listing.withdrawn", {"number": "L1"}),
    ]


def test_two_works_share_no_memory():
    one, two = Work(session=None, now=NOON), Work(session=None, now=NOON)
    one.record("thing.happened")
    assert two.happenings == []


def test_whoever_is_not_named_is_the_system():
    assert Work(session=None, now=NOON).actor is SYSTEM
    assert (SYSTEM.user_id, SYSTEM.organisation_id, SYSTEM.roles) == (None, None, frozenset())


def test_a_reader_cannot_record():
    assert not hasattr(Reader(session=None, now=NOON), "record")


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (datetime(2026, 3, 1, 15, 59, 59, tzinfo=UTC), date(2026, 3, 1)),
        (datetime(2026, 3, 1, 16, 0, tzinfo=UTC), date(2026, 3, 2)),
        (datetime(2026, 3, 1, 23, 0, tzinfo=timezone(timedelta(hours=-5))), date(2026, 3, 2)),
    ],
)
def test_today_is_the_civil_date_in_hebei(instant, day):
    assert Reader(session=None, now=instant).today == civil_date(instant) == day


def test_an_instant_is_written_in_utc_with_a_z():
    assert rfc3339(NOON) == "2026-03-01T12:00:00Z"
    assert rfc3339(NOON.astimezone(timezone(timedelta(hours=8)))) == "2026-03-01T12:00:00Z"
    assert rfc3339(NOON.replace(microsecond=5)) == "2026-03-01T12:00:00.000005Z"
    assert system_clock().utcoffset() == timedelta(0)


def test_a_work_has_one_instant_from_beginning_to_end(database):
    instants = iter([NOON, NOON + timedelta(days=1)])
    with audit_log.open_work(database.app_engine(), clock=lambda: next(instants)) as work:
        work.record("thing.happened")
        assert work.now == NOON
    with audit_log.open_reader(database.app_engine(), clock=lambda: next(instants)) as reader:
        assert reader.now == NOON + timedelta(days=1)
        assert audit_log.moments(reader, number="", events=["thing.happened"]) == {}
