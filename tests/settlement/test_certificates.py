"""Certificates: issued once for each retirement, verified offline, and true to what was retired for ever."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from settlement import certificates, retirement
from settlement.certificate_claim import DEMO_LEGAL_EFFECT, NotAValidCertificate
from settlement.certificate_format import verify
from tanyi.kernel.errors import NotFound
from tanyi.kernel.signatures import SigningKey, jwks
from tanyi.ledger import audit_log
from tests.market_makers import SALT, Market, make_issued


def retire(market: Market, quantity_t: int = 10, code: str = "P01") -> int:
    issuance_id = make_issued(market, "E01", quantity_t, code)
    order = retirement.Order(
        holder_id=market.party("E01"), purpose="VOLUNTARY_ORG", parts={issuance_id: quantity_t}, salt=SALT
    )
    with market.work("E01") as work:
        (retired,) = retirement.retire(work, orders=[order], legal_effect=market.house.legal_effect)
    return retired


def issue(market: Market) -> list[str]:
    with market.work() as work:
        return certificates.issue_pending(work, key=market.house.signing_key)


def document(market: Market, number: str) -> bytes:
    with market.house.open_reader() as reader:
        return certificates.document(reader, number)


def test_a_certificate_is_verified_with_the_public_keys_alone(market: Market) -> None:
    retire(market)
    (number,) = issue(market)
    found = verify(document(market, number), market.house.public_keys())
    assert (found.payload.number, found.payload.tonnes) == (number, 10)
    assert found.payload.retired_by.name == "演示E01"
    assert found.payload.legal_effect == DEMO_LEGAL_EFFECT
    assert found.payload.tonnes_in_chinese_capitals == "壹拾吨"


def test_each_retirement_has_one_certificate(market: Market) -> None:
    retire(market)
    retire(market, 20, "P02")
    assert len(issue(market)) == 2
    assert issue(market) == []
    retire(market, 30, "P03")
    assert len(issue(market)) == 1


def test_an_issued_certificate_is_never_changed(market: Market) -> None:
    retire(market)
    issue(market)
    with pytest.raises(IntegrityError, match="append-only"), market.house.database.owner_engine().begin() as owner:
        owner.execute(text("UPDATE settlement_certificate SET document = ''"))


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_certificate_says_what_was_retired_even_if_names_change_later(market: Market, when: str) -> None:
    retire(market)
    if when == "after":
        issue(market)
    rename = "UPDATE kernel_organisation SET name_zh = '改名公司'", "UPDATE registry_project SET name_zh = '改名林场'"
    with market.house.database.owner_engine().begin() as owner:
        for statement in rename:
            owner.execute(text(statement))
    issue(market)
    with market.house.open_reader() as reader:
        ((_, raw),) = certificates.all_documents(reader)
    found = verify(raw, market.house.public_keys())
    assert (found.payload.retired_by.name, found.payload.lines[0].project.name) == ("演示E01", "演示林场P01")


def test_the_log_holds_the_hash_of_the_claim_and_no_name(market: Market) -> None:
    retire(market)
    (number,) = issue(market)
    with market.house.open_reader() as reader:
        seq = audit_log.seqs_of(reader, "retirement.recorded", "number", [number])[number]
        body = reader.session.scalars(text(f"SELECT body FROM ledger_audit_entry WHERE seq = {seq}")).one()
    assert set(json.loads(body)["facts"]) == {"claim_sha256", "number", "retirement", "tonnes"}
    assert "E01" not in json.dumps(json.loads(body)["facts"])


def test_another_key_does_not_verify_it(market: Market) -> None:
    retire(market)
    (number,) = issue(market)
    with pytest.raises(NotAValidCertificate):
        verify(document(market, number), jwks([SigningKey.generate().public]))


def test_an_unknown_number_is_not_found(market: Market) -> None:
    with pytest.raises(NotFound):
        document(market, "R1")


def test_two_who_issue_at_once_issue_each_certificate_once(market: Market) -> None:
    for number in range(3):
        retire(market, 10, f"P0{number}")
    start = threading.Barrier(3)

    def issue_together(_: int) -> list[str]:
        start.wait(timeout=10)
        return issue(market)

    with ThreadPoolExecutor(3) as threads:
        issued = sorted(number for numbers in threads.map(issue_together, range(3)) for number in numbers)
    with market.house.open_reader() as reader:
        assert [number for number, _ in certificates.all_documents(reader)] == issued
    assert len(issued) == 3
