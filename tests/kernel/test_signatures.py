"""Keys, JWS and signed notes: published vectors, interchange with other implementations, and what must be refused."""

from __future__ import annotations

import base64
import json
import multiprocessing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OKPKey

from tanyi.kernel import signatures
from tanyi.kernel.canonical import canonical
from tanyi.kernel.chain import EMPTY_ROOT
from tanyi.kernel.signatures import BadSignature, Checkpoint, NoteVerifier, SigningKey, VerifyingKey

# RFC 8037 appendix A.1 to A.4
RFC_SEED = signatures.read_base64url("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
RFC_X = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
RFC_KID = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
RFC_SIGNED = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
RFC_SIGNATURE = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"

KEY = SigningKey.from_seed(bytes(range(32)))
OTHER = SigningKey.from_seed(bytes(32))
KEYS = {KEY.kid: KEY.public}
TYP = "tanyi.test/1"
PAYLOAD = canonical({"tonnes": "119"})
ORIGIN = "log.example/hebei"
ROOT = bytes(range(32))
LOG = [NoteVerifier(ORIGIN, KEY.public)]
NOTE = signatures.checkpoint_note(ORIGIN, 1000, ROOT, KEY)
WITNESS = NoteVerifier("witness.example", OTHER.public)


def token_with_header(header: bytes, key: SigningKey = KEY, payload: bytes = PAYLOAD) -> str:
    signed = f"{signatures.base64url(header)}.{signatures.base64url(payload)}"
    return f"{signed}.{signatures.base64url(key.sign(signed.encode()))}"


# keys


def test_a_key_has_the_public_half_and_the_thumbprint_of_rfc_8037() -> None:
    key = SigningKey.from_seed(RFC_SEED)
    assert key.public.jwk() == {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": RFC_X,
        "kid": RFC_KID,
        "alg": "EdDSA",
        "use": "sig",
    }
    assert key.sign(RFC_SIGNED) == signatures.read_base64url(RFC_SIGNATURE)
    assert key.public.holds(signatures.read_base64url(RFC_SIGNATURE), RFC_SIGNED)


def test_a_key_never_shows_its_private_half_in_text() -> None:
    assert RFC_SEED.hex() not in repr(vars(SigningKey.from_seed(RFC_SEED)))
    assert "d" not in signatures.jwks([KEY.public])["keys"][0]


def test_two_generated_keys_differ() -> None:
    assert SigningKey.generate().kid != SigningKey.generate().kid


def test_a_saved_key_is_read_back_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "log.pem"
    KEY.save(path)
    assert SigningKey.load(path).kid == KEY.kid
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["log.pem"]


def test_a_key_file_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "log.pem"
    KEY.save(path)
    with pytest.raises(FileExistsError):
        OTHER.save(path)
    assert SigningKey.load_or_create(path).kid == KEY.kid
    assert [file.name for file in tmp_path.iterdir()] == ["log.pem"]


def _make_key(path: Path, start, made) -> None:
    start.wait()
    made.put(SigningKey.load_or_create(path).kid)


def test_processes_that_create_a_key_at_once_end_up_with_the_same_one(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start, made = context.Barrier(4), context.Queue()
    racers = [context.Process(target=_make_key, args=(tmp_path / "log.pem", start, made)) for _ in range(4)]
    for racer in racers:
        racer.start()
    kids = {made.get(timeout=30) for _ in racers}
    for racer in racers:
        racer.join(timeout=30)
    assert kids == {SigningKey.load(tmp_path / "log.pem").kid}
    assert [file.name for file in tmp_path.iterdir()] == ["log.pem"]


@pytest.mark.parametrize("held", ["", "no key", "public", "another curve"])
def test_a_file_without_an_ed25519_private_key_is_refused(tmp_path: Path, held: str) -> None:
    pem = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    contents = {
        "public": b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n",
        "another curve": generate_private_key(SECP256R1()).private_bytes(*pem),
    }
    (tmp_path / "log.pem").write_bytes(contents.get(held, held.encode()))
    with pytest.raises(signatures.NotASigningKey):
        SigningKey.load_or_create(tmp_path / "log.pem")


# key sets


def test_a_published_key_set_is_read_back_and_is_one_that_others_read() -> None:
    published = json.loads(json.dumps(signatures.jwks([KEY.public, OTHER.public])))
    assert signatures.read_jwks(published) == {KEY.kid: KEY.public, OTHER.kid: OTHER.public}
    for member in published["keys"]:
        assert OKPKey.import_key(member).thumbprint() == member["kid"]


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"keys": []},
        {"keys": {}},
        {"keys": ["x"]},
        {"keys": [{}]},
        {"keys": [KEY.public.jwk() | {"d": "AA"}]},
        {"keys": [KEY.public.jwk() | {"kty": "RSA"}]},
        {"keys": [KEY.public.jwk() | {"crv": "Ed448"}]},
        {"keys": [KEY.public.jwk() | {"alg": "none"}]},
        {"keys": [KEY.public.jwk() | {"x": KEY.public.jwk()["x"] + "="}]},
        {"keys": [KEY.public.jwk() | {"x": "AAAA", "kid": VerifyingKey(bytes(3)).kid}]},
        {"keys": [KEY.public.jwk() | {"kid": OTHER.kid}]},
        {"keys": [KEY.public.jwk() | {"x": 7}]},
    ],
)
def test_what_is_no_public_key_set_is_refused(document: object) -> None:
    with pytest.raises(signatures.NotAKeySet):
        signatures.read_jwks(document)


# documents


def test_a_signed_document_is_verified() -> None:
    token = signatures.sign_compact(PAYLOAD, key=KEY, typ=TYP)
    assert signatures.verify_compact(token, keys=KEYS, typ=TYP) == PAYLOAD


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_another_jose_implementation_verifies_our_documents_and_we_verify_its() -> None:
    public = OKPKey.import_key(KEY.public.jwk())
    token = signatures.sign_compact(PAYLOAD, key=KEY, typ=TYP)
    assert jws.deserialize_compact(token, public, algorithms=["EdDSA"]).payload == PAYLOAD
    private = OKPKey.import_key(KEY.public.jwk() | {"d": signatures.base64url(bytes(range(32)))})
    header = {"alg": "EdDSA", "kid": KEY.kid, "typ": TYP}
    theirs = jws.serialize_compact(header, PAYLOAD, private, algorithms=["EdDSA"])
    assert signatures.verify_compact(theirs, keys=KEYS, typ=TYP) == PAYLOAD


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none", "kid": KEY.kid, "typ": TYP},
        {"alg": "HS256", "kid": KEY.kid, "typ": TYP},
        {"alg": "eddsa", "kid": KEY.kid, "typ": TYP},
        {"alg": "EdDSA", "kid": OTHER.kid, "typ": TYP},
        {"alg": "EdDSA", "kid": None, "typ": TYP},
        {"alg": "EdDSA", "kid": [KEY.kid], "typ": TYP},
        {"alg": "EdDSA", "kid": KEY.kid},
        {"alg": "EdDSA", "kid": KEY.kid, "typ": "tanyi.other/1"},
        {"alg": "EdDSA", "kid": KEY.kid, "typ": TYP, "crit": []},
        {"alg": "EdDSA", "kid": KEY.kid, "typ": TYP, "jwk": OTHER.public.jwk()},
        {"alg": "EdDSA", "typ": TYP},
        [],
        "EdDSA",
        None,
    ],
)
def test_a_header_that_is_not_exactly_ours_is_refused_although_the_key_signed_it(header: object) -> None:
    with pytest.raises(BadSignature):
        signatures.verify_compact(token_with_header(canonical(header)), keys=KEYS, typ=TYP)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{",
        b"\xff",
        b'{"alg": "EdDSA","kid":"' + KEY.kid.encode() + b'","typ":"tanyi.test/1"}',
        b'{"alg":"none","alg":"EdDSA","kid":"' + KEY.kid.encode() + b'","typ":"tanyi.test/1"}',
        b"[" * 100_000,
        b"[" * 500 + b"]" * 500,
    ],
)
def test_a_header_that_is_not_canonical_is_refused(header: bytes) -> None:
    with pytest.raises(BadSignature):
        signatures.verify_compact(token_with_header(header), keys=KEYS, typ=TYP)


def test_a_signature_by_another_key_under_our_kid_is_refused() -> None:
    header = canonical({"alg": "EdDSA", "kid": KEY.kid, "typ": TYP})
    with pytest.raises(BadSignature):
        signatures.verify_compact(token_with_header(header, OTHER), keys=KEYS, typ=TYP)


def test_every_changed_character_of_a_token_is_refused() -> None:
    token = signatures.sign_compact(PAYLOAD, key=KEY, typ=TYP)
    for place in range(len(token)):
        for bit in (1, 2, 4, 64):
            changed = token[:place] + chr(ord(token[place]) ^ bit) + token[place + 1 :]
            with pytest.raises(BadSignature):
                signatures.verify_compact(changed, keys=KEYS, typ=TYP)


@given(st.text(max_size=60))
def test_any_text_that_is_not_a_token_is_refused(text: str) -> None:
    with pytest.raises(BadSignature):
        signatures.verify_compact(text, keys=KEYS, typ=TYP)


@given(st.binary(max_size=40))
def test_base64url_is_read_back(raw: bytes) -> None:
    assert signatures.read_base64url(signatures.base64url(raw)) == raw


@pytest.mark.parametrize("text", ["AA==", "AB", "A", "A+AA", "A/AA", "AA AA", "AA\n", "é"])
def test_base64url_that_is_not_canonical_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        signatures.read_base64url(text)


# checkpoints


def test_a_note_of_a_known_implementation_is_verified() -> None:
    """The example of the Go package sumdb/note, whose format C2SP wrote down."""
    name, key_id, encoded = "PeterNeumann", "c74f20a3", "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    text = b"If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    line = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    verifier = NoteVerifier(name, VerifyingKey(base64.b64decode(encoded)[1:]))
    assert verifier.key_id.hex() == key_id == base64.b64decode(line)[:4].hex()
    assert verifier.key.holds(base64.b64decode(line)[4:], text)


def test_a_checkpoint_reads_as_c2sp_has_it() -> None:
    origin, size, root, blank, signature, end = NOTE.split("\n")
    assert (origin, size, blank, end) == (ORIGIN, "1000", "", "")
    assert base64.b64decode(root) == ROOT
    assert signature.startswith(f"— {ORIGIN} ")
    raw = base64.b64decode(signature.split(" ")[2])
    assert raw[:4] == LOG[0].key_id
    assert KEY.public.holds(raw[4:], NOTE.split("\n\n")[0].encode() + b"\n")


def test_a_checkpoint_is_verified_with_one_of_the_keys_of_the_log() -> None:
    expected = Checkpoint(ORIGIN, 1000, ROOT)
    assert signatures.verify_checkpoint(NOTE, LOG) == expected == signatures.read_checkpoint(NOTE)
    assert signatures.verify_checkpoint(NOTE, [NoteVerifier(ORIGIN, OTHER.public), *LOG]) == expected
    assert signatures.verify_checkpoint(NOTE, LOG, has_one_signature=True) == expected


def test_the_checkpoint_of_an_empty_log_is_verified() -> None:
    note = signatures.checkpoint_note(ORIGIN, 0, EMPTY_ROOT, KEY)
    assert signatures.verify_checkpoint(note, LOG) == Checkpoint(ORIGIN, 0, EMPTY_ROOT)


def test_a_checkpoint_by_other_keys_only_is_refused() -> None:
    for log in ([], [NoteVerifier(ORIGIN, OTHER.public)], [NoteVerifier("log.example/other", KEY.public)]):
        with pytest.raises(BadSignature):
            signatures.verify_checkpoint(NOTE, log)


def test_a_log_cannot_sign_for_another_origin() -> None:
    body = Checkpoint("log.example/other", 1000, ROOT).body()
    note = f"{body}\n{signatures.signature_line(body, name=ORIGIN, key=KEY)}"
    with pytest.raises(BadSignature):
        signatures.verify_checkpoint(note, LOG)


def test_a_witness_signs_beside_the_log_and_never_instead_of_it() -> None:
    body = Checkpoint(ORIGIN, 1000, ROOT).body()
    line = signatures.signature_line(body, name=WITNESS.name, key=OTHER)
    for witnesses in ([WITNESS], []):  # known, and unknown but beside a good one
        assert signatures.verify_checkpoint(NOTE + line, LOG, witnesses=witnesses).size == 1000
        with pytest.raises(BadSignature):
            signatures.verify_checkpoint(f"{body}\n{line}", LOG, witnesses=witnesses)
        with pytest.raises(BadSignature):
            signatures.verify_checkpoint(NOTE + line, LOG, witnesses=witnesses, has_one_signature=True)


def test_a_witness_that_calls_itself_the_log_does_not_stand_for_it() -> None:
    body = Checkpoint(ORIGIN, 1000, ROOT).body()
    note = f"{body}\n{signatures.signature_line(body, name=ORIGIN, key=OTHER)}"
    with pytest.raises(BadSignature):
        signatures.verify_checkpoint(note, LOG, witnesses=[NoteVerifier(ORIGIN, OTHER.public)])


def test_a_known_witness_whose_signature_does_not_hold_spoils_the_note() -> None:
    line = signatures.signature_line("another body\n", name=WITNESS.name, key=OTHER)
    with pytest.raises(BadSignature):
        signatures.verify_checkpoint(NOTE + line, LOG, witnesses=[WITNESS])
    assert signatures.verify_checkpoint(NOTE + line, LOG).size == 1000


def test_the_same_line_twice_is_refused() -> None:
    with pytest.raises(BadSignature):
        signatures.verify_checkpoint(NOTE + NOTE.split("\n\n")[1], LOG)


@pytest.mark.parametrize(
    "changed",
    [
        "",
        NOTE[:-1],
        NOTE + "\n",
        NOTE.replace("\n", "\r\n"),
        NOTE.replace("\n1000\n", "\n01000\n"),
        NOTE.replace("\n1000\n", "\n-1000\n"),
        NOTE.replace("\n1000\n", "\n１０００\n"),
        NOTE.replace("\n1000\n", "\n" + "9" * 5000 + "\n"),
        NOTE.replace("\n\n", "\nextension\n\n"),
        NOTE.replace("\n\n", "\n"),
        NOTE.split("\n\n")[0] + "\n\n",
        NOTE.replace("— ", "- "),
        NOTE.replace("— ", "—  "),
        NOTE.replace(ORIGIN, "\ud800"),
        signatures.checkpoint_note(ORIGIN, 1000, ROOT[:31], KEY),
        signatures.checkpoint_note(ORIGIN, 1000, ROOT + ROOT, KEY),
        signatures.checkpoint_note(ORIGIN, -1, ROOT, KEY),
        signatures.checkpoint_note(ORIGIN, 10**19, ROOT, KEY),
    ],
)
def test_a_note_in_any_other_form_is_refused(changed: str) -> None:
    with pytest.raises(BadSignature):
        signatures.verify_checkpoint(changed, LOG)


def test_every_changed_character_of_a_checkpoint_is_refused() -> None:
    for place in range(len(NOTE)):
        for bit in (1, 2, 4, 8, 16, 32, 64):
            changed = NOTE[:place] + chr(ord(NOTE[place]) ^ bit) + NOTE[place + 1 :]
            with pytest.raises(BadSignature):
                signatures.verify_checkpoint(changed, LOG)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "line\nbreak", "wide\u3000space"])
def test_a_name_that_a_note_cannot_carry_is_refused(name: str) -> None:
    with pytest.raises(BadSignature):
        signatures.checkpoint_note(name, 1, ROOT, KEY)


@given(st.text(max_size=80))
def test_any_text_that_is_not_a_note_is_refused(text: str) -> None:
    for note in (text, text + "\n\n" + text, NOTE.replace("\n\n", text)):
        if note != NOTE:
            with pytest.raises(BadSignature):
                signatures.verify_checkpoint(note, LOG)
