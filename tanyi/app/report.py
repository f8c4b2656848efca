"""The demo's summary for people: a few tables on standard output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from settlement.certificate_claim import DEMO_LEGAL_EFFECT
from tanyi.kernel.quantities import yuan


def report(figures: Mapping[str, Any], seconds: Mapping[str, float]) -> None:
    """Prints the summary of a demo; the same figures as `--json`."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"\n[bold]Tanyi[/bold]  {DEMO_LEGAL_EFFECT}\n")
    table = Table(show_header=False, box=None, pad_edge=False)
    for label, figure in _rows(figures):
        table.add_row(label, figure)
    console.print(table)
    console.print(f"\n{sum(seconds.values()):.1f} s: " + ", ".join(f"{name} {took}" for name, took in seconds.items()))
    users = ", ".join(user["username"] for user in figures["demo_accounts"]["users"])
    console.print(f"Sign-ins: {users}")
    console.print(f"Their passwords and API keys: {figures['demo_accounts']['file']}\n")


def _rows(figures: Mapping[str, Any]) -> list[tuple[str, str]]:
    found, gap = figures["round"], figures["round"]["gap_ppm"]
    return [
        ("Projects (issued)", f"{figures['projects']} ({figures['projects_issued']})"),
        ("Issued", _t(figures["issued_t"])),
        ("Offered", _t(figures["offered_t"])),
        ("Benchmark duty, E01-E23", _t(figures["duty_all_benchmarks_t"])),
        ("  strict: named sectors only", _t(figures["duty_strict_t"])),
        ("  E25, netted by enterprise", _t(figures["duty_netted_e25_t"])),
        ("EIA duties", _t(figures["duty_eia_t"])),
        ("Due in all", f"{_t(figures['due_t'])} in {figures['obligations']} duties"),
        ("Covered by retirement", f"{_t(figures['covered_t'])}, {figures['obligations_met']} duties met"),
        ("Retired in all", _t(figures["retired_t"])),
        (f"Round {found['number']}", f"{found['status']}, {found['lines']} lines, {_t(found['compliance_t'])}"),
        ("  proven gap", f"{gap['coverage']} ppm of tonnes, {gap['surplus']} ppm of surplus"),
        ("Trades", str(figures["trades"])),
        (
            "Money moved",
            f"{yuan(figures['money_moved_fen']):,} CNY, sum of the lines {yuan(figures['lines_sum_fen']):,}",
        ),
        ("Certificates", str(figures["certificates"])),
        ("Audit", "clean" if figures["audit"]["ok"] else f"BROKEN: {figures['audit']['breaches'][0]}"),
    ]


def _t(tonnes: int) -> str:
    return f"{tonnes:,} t"
