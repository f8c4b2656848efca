"""The commands that need no database: `match`, `check` and `explain` on problem and result files (contracts §1)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from tanyi.app.cli import cli, fail, json_option, print_json, read_bytes, read_json, say, write_bytes

if TYPE_CHECKING:
    from matching.problem import Problem, Result

file_argument = click.argument("file", type=click.Path(path_type=Path))
result_argument = click.argument("result", type=click.Path(path_type=Path))


@cli.command()
@file_argument
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where to write the result (default: stdout).")
@click.option("--time-limit", type=click.IntRange(min=1), help="Seconds; the best checked result is written then.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True)
def match(file: Path, output: Path | None, time_limit: int | None, workers: int) -> None:
    """Solve a problem file and write its checked result."""
    from matching.checker import check
    from matching.problem import BadProblem, read_problem, write_result
    from matching.solver import NotSolvable, solve

    try:
        problem = read_problem(read_bytes(file))
        result = solve(problem, time_limit_s=time_limit, workers=workers)
    except (BadProblem, NotSolvable) as wrong:
        fail(f"{file}: {wrong}")
    violations = check(problem, result)
    assert not violations, f"the solver broke a rule: {violations[0]}"
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
    """Verify a result from first principles, without the solver."""
    from matching import checker

    problem, claimed = _both(file, result)
    found = checker.check(problem, claimed, read_json(certificate) if certificate else None)
    if as_json:
        print_json({"ok": not found, "violations": [vars(one) for one in found]})
    else:
        click.echo("\n".join(str(one) for one in found) or f"OK, feasible: {_in_one_line(claimed)}")
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


def _in_one_line(result: Result) -> str:
    """What a result reached, its bound and its gap."""
    totals, bound, gap = result.totals, result.bound, result.gap_ppm
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
@json_option
def explain(file: Path, result: Path, bid: str | None, lot: str | None, as_json: bool) -> None:
    """Say why a bid or a lot was or was not served."""
    from matching import explain as reasons

    if (bid is None) == (lot is None):
        fail("give either --bid or --lot")
    problem, claimed = _both(file, result)
    is_bid = bid is not None
    try:
        said = (
            reasons.explain_bid(problem, claimed, bid) if is_bid else reasons.explain_lot(problem, claimed, lot or "")
        )
    except reasons.NoSuchOrder as wrong:
        fail(str(wrong))
    except KeyError as wrong:
        fail(f"{result} is not a result of {file}: it names {wrong}")
    if as_json:
        print_json(said)
        return
    filled = "filled_t" if is_bid else "sold_t"
    click.echo(f"{bid or lot}: {said[filled]} of {said['quantity_t']} t.")
    for reason in said["reasons"]:
        click.echo(f"- {reason['tonnes']} t: {reason['sentence']}")
