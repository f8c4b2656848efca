"""Only a fresh, unchanged message signed with the shared secret is believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement.gateway.signing import BadSignature, EmptySecret, WebhookKey
from tests.settlement.gateway.makers import KEY

BODY = b'{"id":"evt_1","object":"event"}'
AT = datetime.fromtimestamp(1_700_000_000, UTC)


def test_a_signature_is_the_hmac_of_time_dot_body() -> None:
    # Made with: printf '%s' '1700000000.{"id":"evt_1","object":"event"}' | openssl dgst -sha256 -hmac whsec_test
    assert (
        WebhookKey("whsec_test").sign(BODY, at=AT)
        == "t=1700000000,v1=4c15fb2a43f93ef61eaa3e0893866d57cad9cad4223242cfb96f362480cb4021"
    )


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_a_fresh_signature_is_believed(seconds: int) -> None:
    KEY.verify(BODY, KEY.sign(BODY, at=AT), now=AT + timedelta(seconds=seconds))


@pytest.mark.parametrize("seconds", [-301, 301, 10**8])
def test_an_old_or_future_signature_is_not_believed(seconds: int) -> None:
    with pytest.raises(BadSignature):
        KEY.verify(BODY, KEY.sign(BODY, at=AT), now=AT + timedelta(seconds=seconds))


def test_another_secret_is_not_believed() -> None:
    with pytest.raises(BadSignature):
        KEY.verify(BODY, WebhookKey("whsec_other").sign(BODY, at=AT), now=AT)


def test_a_moved_time_is_not_believed() -> None:
    header = KEY.sign(BODY, at=AT).replace("t=1700000000", "t=1700000001")
    with pytest.raises(BadSignature):
        KEY.verify(BODY, header, now=AT)


@given(st.integers(0, 8 * len(BODY) - 1))
def test_no_bit_of_the_body_may_change(bit: int) -> None:
    changed = bytearray(BODY)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BadSignature):
        KEY.verify(bytes(changed), KEY.sign(BODY, at=AT), now=AT)


def test_every_v1_is_tried_and_other_schemes_are_ignored() -> None:
    _, _, good = KEY.sign(BODY, at=AT).partition(",")
    bad = "v1=" + "0" * 64
    for signatures in (f"{bad},{good}", f"{good},{bad}", f"v0=aa,{bad},{good}", f" {good} , {bad}"):
        KEY.verify(BODY, f"t=1700000000,{signatures}", now=AT)
    with pytest.raises(BadSignature):
        KEY.verify(BODY, f"t=1700000000,{bad},{bad},{good.replace('v1', 'v0')}", now=AT)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=1700000000",
        "t=1700000000,v1=",
        "v1={good}",
        "t=,v1={good}",
        "t=-1700000000,v1={good}",
        "t=1.7e9,v1={good}",
        "t=1700000000,t=1700000000,v1={good}",
        "t=1700000000,v0={good}",
        "t=1700000000;v1={good}",
        "t=1700000000,V1={good}",
        "t=1700000000,v1={good}é",
        "t=１７００００００００,v1={good}",
        "t=1700000000,v1={good}" + "," * 5000,
        "t=" + "9" * 5000 + ",v1={good}",
    ],
)
def test_a_header_that_is_not_plain_is_not_believed(header: str) -> None:
    good = KEY.sign(BODY, at=AT).rpartition("=")[2]
    with pytest.raises(BadSignature):
        KEY.verify(BODY, header.replace("{good}", good), now=AT)


@given(st.text(max_size=80))
def test_no_text_as_header_breaks_the_check(header: str) -> None:
    with pytest.raises(BadSignature):
        KEY.verify(BODY, header, now=AT)


@pytest.mark.parametrize("secret", ["", " ", "\n\t"])
def test_an_empty_secret_is_refused_at_construction(secret: str) -> None:
    with pytest.raises(EmptySecret):
        WebhookKey(secret)


def test_a_key_does_not_show_its_secret() -> None:
    assert "whsec" not in repr(KEY)
