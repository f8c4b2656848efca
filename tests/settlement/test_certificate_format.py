"""The certificate file: what is issued is verified with public keys alone; what differs in one byte is refused."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from settlement import certificate_format
from settlement.certificate_claim import Claim, NotAValidCertificate, Party, retirement_facts
from tanyi.kernel import signatures
from tanyi.kernel.canonical import canonical
from tanyi.kernel.chain import Tree, leaf_hash
from tanyi.kernel.quantities import Tonnes
from tanyi.kernel.signatures import SigningKey
from tests.settlement.certificate_makers import MEETING, claim, line

KEY = SigningKey.from_seed(bytes(range(32)))
LOG_KEY = SigningKey.from_seed(bytes(range(1, 33)))
STRANGER = SigningKey.from_seed(bytes(32))
JWKS = signatures.jwks([KEY.public, LOG_KEY.public])
ORIGIN = "log.example/hebei"


CLAIMS = {  # by leaf
    2: claim(),
    5: claim(
        number="HB-2026-000018",
        retirement="R-18",
        beneficiary=Party(name="一位居民", uscc=None),
        purpose="VOLUNTARY_EVENT",
        obligation=None,
        event=MEETING,
        tonnes=Tonnes(200),
        lines=(line(5001, 5200),),
    ),
}


def log_entry(index: int, facts: dict[str, Any], event: str = "retirement.recorded") -> dict[str, Any]:
    at, prev_hash = "2026-11-23T03:00:00Z", f"{index:064x}"
    return {"seq": str(index + 1), "at": at, "actor": "clerk", "event": event, "facts": facts, "prev_hash": prev_hash}


ENTRIES = [log_entry(index, {"n": index}, "listing.opened") for index in range(7)]
for _leaf, _claim in CLAIMS.items():
    ENTRIES[_leaf] = log_entry(_leaf, retirement_facts(_claim) | {"lines": 2})
TREE = Tree(leaf_hash(canonical(entry)) for entry in ENTRIES)
NOTE = signatures.checkpoint_note(ORIGIN, TREE.size, TREE.root(), LOG_KEY)


def issued(index: int, **changes: Any) -> bytes:
    payload = certificate_format.build_payload(CLAIMS[index], log_index=index, log_origin=ORIGIN)
    given_parts = {
        "entry": ENTRIES[index],
        "proof": TREE.inclusion_proof(index),
        "checkpoint": NOTE,
        "payload": payload,
    }
    return certificate_format.issue(signing_key=KEY, **(given_parts | changes))


GOOD, OTHER = issued(2), issued(5)


def refusal_of(raw: bytes, jwks: Any = JWKS) -> str:
    with pytest.raises(NotAValidCertificate) as refusal:
        certificate_format.verify(raw, jwks)
    return str(refusal.value)


def signed_again(document: dict[str, Any], key: SigningKey = KEY) -> bytes:
    """The file after its payload was changed, with a good signature over the new payload."""
    token = signatures.sign_compact(canonical(document["payload"]), key=key, typ=certificate_format.FORMAT)
    protected, _, signature = token.split(".")
    return canonical(document | {"signature": {"protected": protected, "signature": signature}})


# what is issued is verified


@pytest.mark.parametrize(("raw", "index"), [(GOOD, 2), (OTHER, 5)])
def test_an_issued_certificate_is_verified_and_says_what_was_claimed(raw: bytes, index: int) -> None:
    found = certificate_format.verify(raw, json.loads(json.dumps(JWKS)))
    claimed = {name: getattr(found.payload, name) for name in CLAIMS[index].__struct_fields__}
    assert Claim(**claimed) == CLAIMS[index]
    assert found.payload.tonnes_in_chinese_capitals == {2: "壹佰壹拾玖吨", 5: "贰佰吨"}[index]
    assert (found.payload.log_index, found.payload.log_origin) == (index, ORIGIN)
    assert found.entry == ENTRIES[index]
    assert found.checkpoint == signatures.Checkpoint(ORIGIN, 7, TREE.root())


def test_a_certificate_is_one_line_of_canonical_json() -> None:
    assert b"\n" not in GOOD
    assert canonical(json.loads(GOOD)) == GOOD
    assert json.loads(GOOD)["format"] == "tanyi.certificate/1"


def test_a_demo_certificate_says_so_inside_what_is_signed() -> None:
    document = json.loads(GOOD)
    assert document["payload"]["legal_effect"] == "DEMO 演示，无法律效力"
    document["payload"]["legal_effect"] = None
    refusal_of(canonical(document))
    assert "another claim" in refusal_of(signed_again(document))


def test_a_certificate_under_a_later_checkpoint_is_verified_too() -> None:
    tree = Tree(leaf_hash(canonical(entry)) for entry in [*ENTRIES, *ENTRIES])
    note = signatures.checkpoint_note(ORIGIN, 14, tree.root(), LOG_KEY)
    raw = issued(2, proof=tree.inclusion_proof(2), checkpoint=note)
    assert certificate_format.verify(raw, JWKS).checkpoint.size == 14


# any byte


@pytest.mark.parametrize("pattern", [0x01, 0x20, 0x80])
def test_a_certificate_with_any_one_byte_changed_is_refused(pattern: int) -> None:
    for place in range(len(GOOD)):
        changed = bytearray(GOOD)
        changed[place] ^= pattern
        refusal_of(bytes(changed))


def test_two_hundred_random_flips_are_refused() -> None:
    chance = random.Random(20261123)
    for _ in range(200):
        changed = bytearray(OTHER)
        changed[chance.randrange(len(OTHER))] ^= 1 << chance.randrange(8)
        refusal_of(bytes(changed))


def test_a_certificate_cut_anywhere_or_lengthened_is_refused() -> None:
    for length in range(0, len(GOOD), 7):
        refusal_of(GOOD[:length])
        refusal_of(GOOD[length + 1 :])
    for longer in (GOOD + b"\n", GOOD + b" ", b" " + GOOD, b"\xef\xbb\xbf" + GOOD, GOOD + GOOD, GOOD + b"\0"):
        refusal_of(longer)


def test_a_certificate_with_one_byte_put_in_or_taken_out_is_refused() -> None:
    for place in range(0, len(GOOD), 7):
        refusal_of(GOOD[:place] + GOOD[place + 1 :])
        refusal_of(GOOD[:place] + GOOD[place : place + 1] + GOOD[place:])


def test_the_same_content_written_otherwise_is_refused() -> None:
    document = json.loads(GOOD)
    for raw in (
        json.dumps(document).encode(),
        json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(),
        GOOD.replace(b'"format":', b'"format": '),
        GOOD.replace("鹿".encode(), b"\\u9e7f"),
        GOOD.decode().encode("utf-16"),
    ):
        if raw != GOOD:
            assert "canonical JSON" in refusal_of(raw)


def test_a_repeated_key_is_refused_wherever_it_stands() -> None:
    for key in (b'"format":"tanyi.certificate/1",', b'"log_index":"2",', b'"seq":"3",'):
        without_comma = key[:-1]
        assert without_comma in GOOD
        refusal_of(GOOD.replace(without_comma, key + without_comma))


def test_spare_bits_of_base64_are_refused() -> None:
    document = json.loads(GOOD)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    signature = document["signature"]["signature"]  # 64 bytes take 86 characters: the last carries two bits of 6
    for spare in range(1, 16):
        other = signature[:-1] + alphabet[(alphabet.index(signature[-1]) & 0b110000) | spare]
        if other != signature:
            refusal_of(canonical(document | {"signature": document["signature"] | {"signature": other}}))


# parts of other certificates, other keys


@pytest.mark.parametrize("part", ["payload", "signature", "inclusion"])
def test_parts_of_two_good_certificates_do_not_make_a_third(part: str) -> None:
    good, other = json.loads(GOOD), json.loads(OTHER)
    refusal_of(canonical(good | {part: other[part]}))
    refusal_of(canonical(other | {part: good[part]}))


@pytest.mark.parametrize("part", ["entry", "index", "hashes", "tree_size"])
def test_parts_of_another_inclusion_do_not_fit(part: str) -> None:
    good, other = json.loads(GOOD), json.loads(OTHER)
    other["inclusion"]["tree_size"] = "6"
    refusal_of(canonical(good | {"inclusion": good["inclusion"] | {part: other["inclusion"][part]}}))


def test_a_good_payload_signed_for_another_kind_of_document_is_refused() -> None:
    document = json.loads(GOOD)
    token = signatures.sign_compact(canonical(document["payload"]), key=KEY, typ="tanyi.other/1")
    protected, _, signature = token.split(".")
    refusal_of(canonical(document | {"signature": {"protected": protected, "signature": signature}}))


@pytest.mark.parametrize("keys", [[STRANGER], [KEY], [LOG_KEY], [KEY, STRANGER]])
def test_keys_that_are_not_those_of_signer_and_log_verify_nothing(keys: list[SigningKey]) -> None:
    refusal_of(GOOD, signatures.jwks(key.public for key in keys))


def test_a_certificate_signed_by_a_stranger_is_refused() -> None:
    assert "not in the key set" in refusal_of(signed_again(json.loads(GOOD), STRANGER))


@pytest.mark.parametrize("jwks", [None, {}, {"keys": []}, {"keys": [{"kty": "RSA"}]}, []])
def test_a_broken_key_set_is_refused_as_such(jwks: object) -> None:
    with pytest.raises(signatures.NotAKeySet):
        certificate_format.verify(GOOD, jwks)


# a signer that contradicts the log


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"log_index": "5"}, "place in the log"),
        ({"log_index": "-1"}, "place in the log"),
        ({"number": "HB-2026-000018"}, "another claim"),
        ({"purpose": "COMPLIANCE_EIA"}, "another claim"),
        ({"retired_at": "2026-11-23T04:00:00Z"}, "another claim"),
        ({"salt": "60" * 16}, "another claim"),
        ({"tonnes": "120"}, "add up"),
        ({"tonnes_in_chinese_capitals": "壹佰贰拾玖吨"}, "capitals"),
        ({"log_origin": "log.example/other"}, "no known key of the log"),
        ({"purpose": "VOLUNTARY_ORG"}, "does not fit"),
        ({"legal_effect": "完全有效"}, "legal effect"),
        ({"lines": []}, "no lines"),
        ({"tonnes": "0119"}, "canonical form"),
        ({"tonnes": " 119"}, "canonical form"),
        ({"tonnes": "１１９"}, "canonical form"),
        ({"tonnes": 119}, "wrong type"),
        ({"retired_at": "2026-11-23T11:00:00+08:00"}, "canonical form"),
        ({"retired_at": "2026-11-23T03:00:00.000Z"}, "canonical form"),
        ({"retired_at": "2026-11-23T03:00:00"}, "wrong type"),
        ({"retired_at": "0001-01-01T00:00:00+14:00"}, "wrong type"),
        ({"tonnes": "9" * 5000}, "wrong type"),
        ({"tonnes": "-119"}, "wrong type"),
        ({"tonnes": 119.5}, "wrong type"),
        ({"tonnes": True}, "wrong type"),
        ({"tonnes": ["119"]}, "wrong type"),
        ({"tonnes": None}, "wrong type"),
        ({"log_index": 2}, "canonical form"),
        ({"log_index": "9" * 5000}, "wrong type"),
        ({"log_index": True}, "wrong type"),
        ({"number": None}, "wrong type"),
        ({"number": 7}, "wrong type"),
        ({"obligation": []}, "wrong type"),
        ({"note": "more"}, "wrong type"),
    ],
)
def test_a_payload_that_the_key_signed_but_the_log_did_not_record_is_refused(changes: Any, reason: str) -> None:
    document = json.loads(GOOD)
    document["payload"] |= changes
    assert reason in refusal_of(signed_again(document))


@pytest.mark.parametrize("name", sorted(json.loads(GOOD)["payload"]))
def test_a_payload_without_one_of_its_fields_is_refused(name: str) -> None:
    document = json.loads(GOOD)
    del document["payload"][name]
    assert "wrong type" in refusal_of(signed_again(document))


def test_another_event_or_an_entry_for_another_claim_cannot_carry_a_certificate() -> None:
    facts = retirement_facts(CLAIMS[2])
    for entry in (
        log_entry(2, facts, "retirement.requested"),
        log_entry(2, facts | {"claim_sha256": "0" * 64}),
        log_entry(2, facts | {"tonnes": "118"}),
        log_entry(2, {}),
        log_entry(3, facts),
        log_entry(2, facts) | {"prev_hash": "F" * 64},
        log_entry(2, facts) | {"seq": 3},
        log_entry(2, facts) | {"more": ""},
    ):
        tree = Tree(leaf_hash(canonical(each)) for each in [*ENTRIES[:2], entry, *ENTRIES[3:]])
        note = signatures.checkpoint_note(ORIGIN, tree.size, tree.root(), LOG_KEY)
        with pytest.raises(NotAValidCertificate):
            issued(2, entry=entry, proof=tree.inclusion_proof(2), checkpoint=note)


def test_what_could_not_be_verified_is_not_issued() -> None:
    for changes in ({"entry": ENTRIES[5]}, {"proof": TREE.inclusion_proof(5)}, {"proof": []}, {"payload": {}}):
        with pytest.raises(NotAValidCertificate):
            issued(2, **changes)
    with pytest.raises(signatures.BadSignature):
        issued(2, checkpoint="not a note")


def test_a_proof_in_capital_letters_is_refused() -> None:
    document = json.loads(GOOD)
    document["inclusion"]["hashes"][0] = document["inclusion"]["hashes"][0].upper()
    assert "hash" in refusal_of(canonical(document))


def test_a_checkpoint_with_a_second_signature_is_refused() -> None:
    body = signatures.read_checkpoint(NOTE).body()
    line = signatures.signature_line(body, name="witness.example", key=STRANGER)
    assert "exactly one signature" in refusal_of(canonical(json.loads(GOOD) | {"checkpoint": NOTE + line}))


# any file at all


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"{}",
        b"[]",
        b'"x"',
        b"1",
        b"1e999",
        b"NaN",
        b"\xff\xfe",
        b"[" * 100_000,
        b"[" * 300 + b"]" * 300,
        b"[" * 900 + b"]" * 900,
        b'{"a":' * 900 + b"1" + b"}" * 900,
        b"9" * 10_000,
        b'{"format":"tanyi.certificate/1"}',
        b'{"format":"\\ud800"}',
        GOOD.replace(b"tanyi.certificate/1", b"tanyi.certificate/2"),
    ],
)
def test_a_file_that_is_no_certificate_is_refused_and_nothing_breaks(raw: bytes) -> None:
    refusal_of(raw)


def test_no_depth_of_nesting_breaks_anything() -> None:
    for depth in range(700, 1050):  # somewhere here decoding still works and encoding does not
        refusal_of(b"[" * depth + b"]" * depth)


def test_a_huge_file_is_refused_before_it_is_decoded() -> None:
    assert "too large" in refusal_of(b" " * (certificate_format.LARGEST_BYTES + 1))


def test_facts_nested_to_any_depth_break_nothing() -> None:
    assert b'"lines":2' in GOOD
    for depth in range(10, 1100, 30):
        deep = b"[" * depth + b"]" * depth
        refusal_of(GOOD.replace(b'"lines":2', b'"lines":' + deep))


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(raw: bytes) -> None:
    refusal_of(raw)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def every_place(document: Any) -> list[tuple[Any, Any]]:
    """Each (container, key) in the document, however deep."""
    keys = document if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ()
    return [(document, key) for key in keys] + [place for key in keys for place in every_place(document[key])]


@given(st.data())
def test_any_value_replaced_by_any_json_is_refused_though_the_payload_is_signed_again(data: st.DataObject) -> None:
    document = json.loads(GOOD)
    container, key = data.draw(st.sampled_from(every_place(document)))
    value = data.draw(JSON)
    assume(canonical(container[key]) != canonical(value))
    container[key] = value
    refusal_of(canonical(document))
    if document["payload"] != json.loads(GOOD)["payload"]:
        refusal_of(signed_again(document))
