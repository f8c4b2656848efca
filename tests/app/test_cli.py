"""The console script: exit status 0 done, 1 the answer is no, 2 bad input with one line and no traceback."""

from __future__ import annotations

import json
import os
import random
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from settlement.certificate_claim import NotAValidCertificate
from settlement.certificate_format import verify
from tanyi.app.cli import main
from tanyi.kernel.signatures import SigningKey, jwks
from tests.app.demo_runs import Said, environment, tanyi
from tests.matching.rounds import bid, lot, problem, with_value

Run = Callable[..., Said]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the console script's function in an empty folder, in this process: most commands need no other."""

    def command(*words: str | Path, **settings: str) -> Said:
        with monkeypatch.context() as outside:
            outside.chdir(tmp_path)
            outside.setattr(sys, "argv", ["tanyi", *map(str, words)])
            for name in (*(name for name in os.environ if name.startswith("TANYI_")), "DATABASE_URL"):
                outside.delenv(name, raising=False)
            for name, given in settings.items():
                outside.setenv(name, given)
            capsys.readouterr()
            with pytest.raises(SystemExit) as ended:
                main()
        out, err = capsys.readouterr()
        return Said(int(ended.value.code or 0), out, err)

    return command


@pytest.fixture
def run_apart(tmp_path: Path) -> Run:
    """Runs a command in an empty folder and in a process of its own, as a stranger does."""

    def command(*words: str | Path, **settings: str) -> Said:
        return tanyi(*words, cwd=tmp_path, env=environment(**settings))

    return command


@pytest.fixture(scope="module")
def small() -> dict[str, Any]:
    """A problem of three lots and three bids, one of which is too low."""
    from matching.problem import write_problem

    lots = [lot("L1", 500, 5000), lot("L2", 500, 5200), lot("L3", 500, 5400, product_type="wind")]
    bids = [bid("B1", 600, 6000), bid("B2", 400, 5300), bid("B3", 300, 100, purpose="voluntary")]
    return json.loads(write_problem(problem(lots, bids)))


@pytest.fixture
def solved(run: Run, tmp_path: Path, small: dict[str, Any]) -> tuple[Path, Path]:
    """A problem file and its result file."""
    file, result = tmp_path / "problem.json", tmp_path / "result.json"
    file.write_text(json.dumps(small), encoding="utf-8")
    assert run("match", file, "-o", result).status == 0
    return file, result


# Match, check, explain


def test_a_stranger_solves_checks_and_explains_with_the_script(
    run_apart: Run, tmp_path: Path, small: dict[str, Any]
) -> None:
    (tmp_path / "p.json").write_text(json.dumps(small), encoding="utf-8")
    words = (["match", "p.json", "-o", "r.json"], ["check", "p.json", "r.json"], ["match", "missing.json"])
    assert [run_apart(*each).status for each in words] == [0, 0, 2]


def test_match_writes_a_result_that_check_passes(run: Run, solved: tuple[Path, Path]) -> None:
    said = run("check", *solved)
    assert (said.status, said.err) == (0, "")
    assert said.out.startswith("OK")
    assert json.loads(run("check", *solved, "--json").out) == {"ok": True, "violations": []}


def test_match_without_an_output_prints_the_result_alone(run: Run, solved: tuple[Path, Path]) -> None:
    said = run("match", solved[0])
    printed, kept = json.loads(said.out), json.loads(solved[1].read_bytes())
    del printed["solver"], kept["solver"]
    assert (said.status, printed) == (0, kept)


def test_an_empty_problem_has_an_empty_result(run: Run, tmp_path: Path, small: dict[str, Any]) -> None:
    file = tmp_path / "empty.json"
    file.write_text(json.dumps(small | {"lots": [], "bids": []}), encoding="utf-8")
    assert json.loads(run("match", file).out)["lines"] == []


@pytest.mark.parametrize(
    ("place", "forged"),
    [
        ("lines[0].quantity_t", 501),
        ("lines[0].price_fen", 1),
        ("lines[0].bid", "B3"),
        ("totals.compliance_t", 1),
        ("problem_sha256", "0" * 64),
    ],
)
def test_check_says_no_to_a_tampered_result_and_names_what_is_wrong(
    run: Run, solved: tuple[Path, Path], place: str, forged: object
) -> None:
    file, result = solved
    result.write_bytes(with_value(json.loads(result.read_bytes()), place, forged))
    said = run("check", file, result)
    assert (said.status, said.err) == (1, "")
    assert all(": " in line for line in said.out.splitlines())
    told = json.loads(run("check", file, result, "--json").out)
    assert told["ok"] is False
    assert len(told["violations"]) == len(said.out.splitlines()) > 0


def test_a_certificate_of_bounds_proves_them_or_is_a_no(run: Run, solved: tuple[Path, Path]) -> None:
    certificate = solved[0].with_name("bounds.json")
    assert run("match", solved[0], "-o", solved[1], "--certificate", certificate).status == 0
    raw = certificate.read_bytes()
    assert raw.count(b"\n") == 1
    said = run("check", *solved, "--certificate", certificate)
    assert (said.status, said.err) == (0, "")
    assert said.out.startswith("OK, feasible and the bounds are proven: ")
    for forged in (b'{"format": "tanyi.match.certificate/0"}', raw.replace(b'"scale":1,', b'"scale":0,', 1)):
        certificate.write_bytes(forged)
        said = run("check", *solved, "--certificate", certificate)
        assert (said.status, said.err) == (1, "")
        assert "(certificate)" in said.out


@pytest.mark.parametrize("raw", [b"", b"{}", b'{"format": "tanyi.match.certificate/1"}', b"\xff", b"[" * 100_000])
def test_what_is_no_certificate_of_bounds_is_bad_input(
    run: Run, tmp_path: Path, solved: tuple[Path, Path], raw: bytes
) -> None:
    (tmp_path / "bounds.json").write_bytes(raw)
    said = run("check", *solved, "--certificate", "bounds.json")
    assert said.refused_in_one_line()
    assert "bounds.json: $" in said.err


def test_a_certificate_that_cannot_be_written_is_refused(run: Run, solved: tuple[Path, Path]) -> None:
    assert run("match", solved[0], "--certificate", "nowhere/bounds.json").refused_in_one_line()


def test_an_auction_is_told_by_its_surplus(run: Run, tmp_path: Path, small: dict[str, Any]) -> None:
    file = tmp_path / "auction.json"
    file.write_text(json.dumps(small | {"mechanism": "auction", "price_rule": "uniform"}), encoding="utf-8")
    said = run("match", file, "-o", "result.json")
    assert (said.status, "surplus" in said.err, "None" in said.err) == (0, True, False)
    assert run("check", file, "result.json").out.startswith("OK, feasible: ")


def test_explain_says_why_in_words_and_as_data(run: Run, solved: tuple[Path, Path]) -> None:
    said = run("explain", *solved, "--bid", "B3")
    assert (said.status, said.out.startswith("B3: 0 of 300 t.")) == (0, True)
    told = json.loads(run("explain", *solved, "--bid", "B3", "--json").out)
    assert sum(reason["tonnes"] for reason in told["reasons"]) == 300
    assert json.loads(run("explain", *solved, "--lot", "L1", "--json").out)["sold_t"] == 500


def test_explain_speaks_both_languages_and_tells_what_a_tonne_would_be_worth(
    run: Run, solved: tuple[Path, Path]
) -> None:
    assert "B3：300 吨中成交 0 吨。" in run("explain", *solved, "--bid", "B3", "--lang", "zh").out
    told = json.loads(run("explain", *solved, "--lot", "L1", "--json").out)
    assert {"change", "moves", "gain", "figures", "sentence"} <= set(told["worth"][0])
    assert run("explain", *solved, "--bid", "B3", "--lang", "de").refused_in_one_line()


@pytest.mark.parametrize(
    "asked", [["--bid", "B99"], ["--lot", "B1"], ["--bid", ""], [], ["--bid", "B1", "--lot", "L1"]]
)
def test_explain_refuses_an_id_that_is_not_there(run: Run, solved: tuple[Path, Path], asked: list[str]) -> None:
    assert run("explain", *solved, *asked).refused_in_one_line()


# Bad input: one sentence that says what and where


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        ("bids[0].quantity_t", 10.5),
        ("bids[0].quantity_t", "600"),
        ("bids[0].quantity_t", True),
        ("bids[0].quantity_t", -1),
        ("bids[0].quantity_t", 0),
        ("lots[0].quantity_t", 10**18),
        ("lots[0].ask_fen", 10**400),
        ("lots[0].ask_fen", -1),
        ("lots[1].id", "L1"),
        ("bids[0].submitted_at", "yesterday"),
        ("bids[0].wish", "cheap"),
        ("mechanism", "lottery"),
        ("format", "tanyi.match/2"),
    ],
)
def test_a_problem_that_is_wrong_is_refused_with_the_place(
    run: Run, tmp_path: Path, small: dict[str, Any], place: str, wrong: object
) -> None:
    file = tmp_path / "problem.json"
    file.write_bytes(with_value(small, place, wrong))
    said = run("match", file)
    assert said.refused_in_one_line()
    assert f"$.{place}" in said.err


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"\xff\xfe", b'{"id": NaN}', b"[" * 100_000, b'{"format": 1, "format": 1}']
)
def test_a_file_that_is_not_a_problem_is_refused(run: Run, tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "broken.json").write_bytes(raw)
    assert run("match", "broken.json").refused_in_one_line()


@pytest.mark.parametrize(
    "words",
    [
        ["match", "missing.json"],
        ["match", "."],
        ["check", "missing.json", "missing.json"],
        ["certificate", "verify", "missing.json", "--keys", "missing.json"],
        ["certificate", "verify", "missing.json", "--data", "nowhere"],
        ["nonsense"],
        ["match"],
        ["match", "x.json", "--colour", "red"],
        ["match", "x.json", "--time-limit", "0"],
        ["demo", "--port", "70000"],
        ["demo", "--port", "http"],
    ],
)
def test_a_command_that_cannot_be_done_is_refused_in_one_line(run: Run, words: list[str]) -> None:
    assert run(*words).refused_in_one_line()


def test_a_result_that_cannot_be_written_is_refused(run: Run, solved: tuple[Path, Path]) -> None:
    assert run("match", solved[0], "-o", "nowhere/result.json").refused_in_one_line()


@pytest.mark.parametrize("command", ["demo", "migrate", "serve"])
def test_a_data_folder_that_cannot_be_written_is_refused(run_apart: Run, tmp_path: Path, command: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    extra = ["--no-serve"] if command == "demo" else []
    said = run_apart(command, *extra, "--data", tmp_path / "file" / "data")
    assert said.refused_in_one_line()
    assert "cannot be created or written" in said.err


@pytest.mark.parametrize("command", ["demo", "serve"])
def test_a_port_in_use_is_refused_before_anything_is_made(run_apart: Run, tmp_path: Path, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = run_apart(command, "--port", str(taken.getsockname()[1]), "--data", tmp_path / "data")
    assert said.refused_in_one_line()
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("command", ["demo", "audit", "migrate"])
def test_a_database_that_is_down_is_refused_in_one_line(run_apart: Run, tmp_path: Path, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    extra = ["--no-serve"] if command == "demo" else []
    url = f"postgresql://nobody@127.0.0.1:{port}/nothing"
    assert run_apart(command, *extra, "--data", tmp_path / "data", DATABASE_URL=url).refused_in_one_line()


@pytest.mark.parametrize(
    "wrong", [{"DATABASE_URL": "mysql://x"}, {"TANYI_MODE": "party"}, {"TANYI_PUBLIC_URL": "javascript:1"}]
)
def test_a_setting_that_is_not_valid_is_refused(run: Run, tmp_path: Path, wrong: dict[str, str]) -> None:
    assert run("audit", "--data", tmp_path / "data", **wrong).refused_in_one_line()


def test_help_and_version_are_not_bad_input(run: Run) -> None:
    assert [run(word).status for word in ("--help", "--version")] == [0, 0]


# Certificates


@pytest.fixture(scope="module")
def certificate(demo_folder: Path) -> Path:
    return min((demo_folder / "certificates").iterdir())


def test_a_demo_certificate_is_valid_offline(run: Run, demo_folder: Path, certificate: Path) -> None:
    said = run("certificate", "verify", certificate, "--keys", demo_folder / "jwks.json")
    assert (said.status, said.err) == (0, "")
    assert said.out.startswith(f"VALID: {certificate.stem}")
    assert "DEMO 演示，无法律效力" in said.out
    told = json.loads(run("certificate", "verify", certificate, "--data", demo_folder, "--json").out)
    assert (told["valid"], told["claim"]["number"]) == (True, certificate.stem)


def test_each_of_two_hundred_byte_flips_is_refused(demo_folder: Path, certificate: Path) -> None:
    keys, raw = json.loads((demo_folder / "jwks.json").read_bytes()), certificate.read_bytes()
    for one in flips(raw, 200):
        with pytest.raises(NotAValidCertificate):
            verify(one, keys)


def flips(raw: bytes, number: int) -> list[bytes]:
    """The bytes with one bit or more of one byte turned, each at another place."""
    dice = random.Random(20260)
    places = dice.sample(range(len(raw)), number)
    return [raw[:at] + bytes([raw[at] ^ dice.randrange(1, 256)]) + raw[at + 1 :] for at in places]


def test_the_command_says_no_to_a_flipped_byte(
    run_apart: Run, tmp_path: Path, demo_folder: Path, certificate: Path
) -> None:
    for number, one in enumerate(flips(certificate.read_bytes(), 3)):
        (tmp_path / f"{number}.json").write_bytes(one)
        said = run_apart("certificate", "verify", f"{number}.json", "--data", demo_folder)
        assert (said.status, said.err, said.out.startswith("NOT VALID: ")) == (1, "", True)


@pytest.mark.parametrize("raw", [b"", b"{", b"null", b"\xff", b"[" * 100_000])
def test_what_is_no_certificate_at_all_is_not_valid(run: Run, tmp_path: Path, demo_folder: Path, raw: bytes) -> None:
    (tmp_path / "forged.json").write_bytes(raw)
    said = run("certificate", "verify", "forged.json", "--data", demo_folder, "--json")
    assert (said.status, json.loads(said.out)["valid"]) == (1, False)


def test_the_keys_of_another_do_not_verify_it(run: Run, tmp_path: Path, certificate: Path) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps(jwks([SigningKey.generate().public])), encoding="utf-8")
    assert run("certificate", "verify", certificate, "--keys", keys).status == 1


@pytest.mark.parametrize("raw", [b"{", b"{}", b'{"keys": [{}]}'])
def test_a_key_set_that_is_none_is_bad_input(run: Run, tmp_path: Path, certificate: Path, raw: bytes) -> None:
    (tmp_path / "keys.json").write_bytes(raw)
    assert run("certificate", "verify", certificate, "--keys", "keys.json").refused_in_one_line()


# The audit


def test_the_audit_of_a_demo_is_clean(run_apart: Run, demo_folder: Path) -> None:
    said = run_apart("audit", "--data", demo_folder, "--json")
    found = json.loads(said.out)
    assert (said.status, found["ok"], found["breaches"]) == (0, True, [])
    assert found["over"]["issuances"] == 25


def test_an_audit_of_a_folder_without_a_database_is_refused(tmp_path: Path) -> None:
    said = tanyi("audit", "--data", tmp_path / "nothing", cwd=tmp_path)
    assert said.refused_in_one_line()
    assert not (tmp_path / "nothing").exists()
