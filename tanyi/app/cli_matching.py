"""The commands that need no database: `match`, `check` and `explain` on problem and result files (contracts §1)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from tanyi.app.cli import cli, fail, json_option, print_json, read_bytes, say, write_bytes

if TYPE_CHECKING:
    from matching.certificate import Certificate
    from matching.problem import Problem, Result

file_argument = click.argument("file", type=click.Path(path_type=Path))
result_argument = click.argument("result", type=click.Path(path_type=Path))


@cli.command()
@file_argument
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where to write the result (default: stdout).")
@click.option("--time-limit", type=click.IntRange(min=1), help="Seconds; the best checked result is written then.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True)
@click.option("--certificate", type=click.Path(path_type=Path), help="Where to write the certificate of the bounds.")
def match(file: Path, output: Path | None, time_limit: int | None, workers: int, certificate: Path | None) -> None:
    """Solve a problem file and write its checked result."""
    from matching.certificate import write_certificate
    from matching.checker import check
    from matching.problem import BadProblem, read_problem, write_result
    from matching.solver import NotSolvable, solve_certified

    try:
        problem = read_problem(read_bytes(file))
        result, proof = solve_certified(problem, time_limit_s=time_limit, workers=workers)
    except (BadProblem, NotSolvable) as wrong:
        fail(f"{file}: {wrong}")
    violations = check(problem, result, proof if certificate else None)
    assert not violations, f"the solver broke a rule: {violations[0]}"
    if certificate is not None:
        write_bytes(certificate, write_certificate(proof))
    raw = write_result(result)
    if output is None:
        click.echo(raw.decode(), nl=False)
    else:
        write_bytes(output, raw)
    say(f"{_in_one_line(result)}; {result.solver.seconds} s")


@cli.command()
@file_argument
@result_argument
@click.option("--certificate", type=click.Path(path_type=Path), help="The certificate of the bounds.")
@json_option
def check(file: Path, result: Path, certificate: Path | None, as_json: bool) -> None:
    """Verify a result from first principles, without the solver; with a certificate, its bounds as well."""
    from matching import checker

    problem, claimed = _both(file, result)
    found = checker.check(problem, claimed, _proof(certificate) if certificate else None)
    if as_json:
        print_json({"ok": not found, "violations": [vars(one) for one in found]})
    else:
        verdict = "feasible and the bounds are proven" if certificate else "feasible"
        also = "; the search bound has no certificate" if certificate and claimed.search_bound else ""
        click.echo("\n".join(str(one) for one in found) or f"OK, {verdict}: {_in_one_line(claimed)}{also}")
    sys.exit(1 if found else 0)


def _both(file: Path, result: Path) -> tuple[Problem, Result]:
    """A problem and a result, or one sentence that names the file, the place and what is wrong there."""
    from matching.problem import BadProblem, read_problem, read_result

    at = file
    try:
        problem = read_problem(read_bytes(file))
        at = result
        return problem, read_result(read_bytes(result))
    except BadProblem as wrong:
        fail(f"{at}: {wrong}")


def _proof(certificate: Path) -> Certificate:
    """A certificate, or one sentence that names the file, the place and what is wrong there."""
    from matching.certificate import BadCertificate, read_certificate

    try:
        return read_certificate(read_bytes(certificate))
    except BadCertificate as wrong:
        fail(f"{certificate}: {wrong}")


def _in_one_line(result: Result) -> str:
    """What a result reached, its bound and its gap."""
    totals, bound, gap = result.totals, result.bound, result.gap_ppm
    if bound.compliance_t is None:  # an auction clears for the surplus, its tonnes have no bound
        return (
            f"{result.status}, {totals.compliance_t + totals.voluntary_t} t in {totals.lines} lines;"
            f" surplus {totals.surplus_fen} of at most {bound.surplus_fen} fen, gap {gap.surplus} ppm"
        )
    return (
        f"{result.status}, {totals.compliance_t} t for duties and {totals.voluntary_t} t voluntary in {totals.lines} lines;"
        f" bound {bound.compliance_t} t and {bound.voluntary_t} t;"
        f" gap {gap.coverage} ppm of tonnes, {gap.surplus} ppm of surplus"
    )


@cli.command()
@file_argument
@result_argument
@click.option("--bid", help="A bid's id.")
@click.option("--lot", help="A lot's id.")
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Language of the words.")
@json_option
def explain(file: Path, result: Path, bid: str | None, lot: str | None, lang: str, as_json: bool) -> None:
    """Say why a bid or a lot was or was not served, and what one more tonne would be worth."""
    from matching import explain as reasons
    from tanyi.app import explanations

    if (bid is None) == (lot is None):
        fail("give either --bid or --lot")
    problem, claimed = _both(file, result)
    order, tell = (lot or "", reasons.explain_lot) if bid is None else (bid, reasons.explain_bid)
    try:
        told = tell(problem, claimed, order)
    except reasons.NoSuchOrder as wrong:
        fail(str(wrong))
    except reasons.AnotherProblem as wrong:
        fail(f"{result} is not a result of {file}: {wrong}")
    if as_json:
        print_json(explanations.spoken(told, lang))
    else:
        click.echo("\n".join(explanations.as_text(told, lang)))
