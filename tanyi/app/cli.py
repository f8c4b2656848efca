"""The command line `tanyi`: exit status 0 done, 1 the answer is no, 2 bad input, with one line on standard error.

Each command is a few lines here and its work elsewhere. Modules are imported by the command that needs them, so that
verifying a certificate does not wait for a solver.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import rich_click as click

from tanyi import __version__
from tanyi.kernel.config import Settings, settings
from tanyi.kernel.errors import Refusal

if TYPE_CHECKING:
    from tanyi.app.installation import Installation

BAD_INPUT = 2
DataOption = Callable[[Callable[..., Any]], Callable[..., Any]]
data_option: DataOption = click.option(
    "--data", type=click.Path(path_type=Path), help="Data folder (default: in the user's data directory)."
)
json_option: DataOption = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
no_worker_option: DataOption = click.option(
    "--no-worker", is_flag=True, help="Solve rounds by `tanyi worker` elsewhere."
)


def main() -> NoReturn:
    """The console script: a refusal is one sentence, never a traceback."""
    logging.basicConfig(level=logging.ERROR)  # what the person has to know is said in one sentence
    try:
        cli(standalone_mode=False)
    except click.ClickException as wrong:
        fail(wrong.format_message())
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except Refusal as refusal:
        fail(str(refusal))
    except OSError as wrong:  # a full disk, a host that does not exist, a pipe that nobody reads
        fail(": ".join(str(part) for part in (wrong.filename, wrong.strerror or type(wrong).__name__) if part))
    sys.exit(0)


def fail(sentence: str) -> NoReturn:
    """One line on standard error and exit status 2."""
    click.echo(f"tanyi: {' '.join(sentence.split())}", err=True)
    sys.exit(BAD_INPUT)


def say(text: str) -> None:
    """Progress, on standard error."""
    click.echo(text, err=True)


def print_json(document: object) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(document, ensure_ascii=False))


@contextmanager
def house_at(data: Path | None) -> Iterator[Installation]:
    """The installation of this environment, brought to the newest schema."""
    from tanyi.app.installation import open_installation
    from tanyi.kernel.db import migrate

    with open_installation(chosen(data)) as house:
        migrate(house.database)
        yield house


def chosen(data: Path | None) -> Settings:
    """The settings of the environment, with `--data` before TANYI_DATA."""
    return settings(os.environ, data)


def refuse_unless_there(there: Settings) -> None:
    """An audit of a folder without a database would pass, and mean nothing."""
    if there.database_url is None and not (there.data / "postgres").is_dir():
        fail(f"{there.data} holds no database; name its folder with --data, or run tanyi demo first")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tanyi")
def cli() -> None:
    """Market, matching and settlement of carbon-reduction products (碳易)."""


@cli.command()
@data_option
@json_option
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
@click.option("--no-serve", is_flag=True, help="Stop after the summary.")
@no_worker_option
def demo(data: Path | None, as_json: bool, port: int, no_serve: bool, no_worker: bool) -> None:
    """One complete cycle on the demo province, a summary, then the site."""
    from tanyi.app import demo as cycle
    from tanyi.app.report import report
    from tanyi.app.serving import refuse_unless_free, serve_house
    from tanyi.app.summary import summary

    if not no_serve:
        refuse_unless_free(port)
    with house_at(data) as house:
        seconds = cycle.run(house, lambda stage: say(f"… {stage}"))
        with house.open_reader() as reader:
            figures = summary(reader)
        figures["demo_accounts"] = cycle.accounts(house)
        print_json(figures | {"seconds": seconds}) if as_json else report(figures, seconds)
        if not no_serve:
            serve_house(house, port, with_worker=not no_worker)


@cli.command()
@data_option
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True)
@no_worker_option
def serve(data: Path | None, port: int, host: str, no_worker: bool) -> None:
    """Serve the site and the API, with a worker beside them."""
    from tanyi.app.serving import refuse_unless_free, serve_house

    refuse_unless_free(port, host)
    with house_at(data) as house:
        serve_house(house, port, host, with_worker=not no_worker)


@cli.command()
@data_option
def migrate(data: Path | None) -> None:
    """Bring the database to the newest schema."""
    with house_at(data):
        say("The database has the newest schema.")


@cli.command()
@data_option
@json_option
def audit(data: Path | None, as_json: bool) -> None:
    """Derive every invariant again from the database; name the first breach."""
    from tanyi.app.summary import breaches
    from tanyi.ledger.audit import extent

    refuse_unless_there(chosen(data))
    with house_at(data) as house, house.open_reader() as reader:
        found, over = breaches(reader), extent(reader)
    if as_json:
        print_json({"ok": not found, "breaches": [vars(breach) for breach in found], "over": over})
    elif found:
        click.echo("\n".join(f"BROKEN {breach.invariant}: {breach.row}" for breach in found))
    else:
        click.echo(
            "OK: every invariant holds over " + ", ".join(f"{rows:,} {name}" for name, rows in over.items()) + "."
        )
    sys.exit(1 if found else 0)


@cli.group()
def certificate() -> None:
    """Retirement certificates."""


@certificate.command("verify")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--keys", type=click.Path(path_type=Path), help="Public key set (JWKS); default: the data folder's.")
@data_option
@json_option
def verify_certificate(file: Path, keys: Path | None, data: Path | None, as_json: bool) -> None:
    """Verify a certificate offline: no database, no network."""
    from settlement.certificate_claim import NotAValidCertificate, claim_document
    from settlement.certificate_format import verify

    key_set = read_json(keys or chosen(data).data / "jwks.json")
    try:
        found = verify(read_bytes(file), key_set)
    except NotAValidCertificate as wrong:
        print_json({"valid": False, "reason": str(wrong)}) if as_json else click.echo(f"NOT VALID: {wrong}")
        sys.exit(1)
    if as_json:
        print_json({"valid": True, "claim": claim_document(found.payload)})
    else:
        by = found.payload.retired_by.name
        click.echo(f"VALID: {found.payload.number}, {found.payload.tonnes} t, {found.payload.purpose}, {by}")
        if found.payload.legal_effect:
            click.echo(found.payload.legal_effect)


def read_bytes(path: Path) -> bytes:
    """A file's bytes, or one sentence and exit status 2."""
    try:
        return sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as wrong:
        fail(f"{path} cannot be read: {os.strerror(wrong.errno or 0)}")


def read_json(path: Path) -> Any:
    """A JSON file's document, or one sentence and exit status 2."""
    try:
        return json.loads(read_bytes(path))
    except (ValueError, RecursionError) as wrong:
        fail(f"{path} is not JSON: {wrong}")


def write_bytes(path: Path, raw: bytes) -> None:
    """Writes a file, or one sentence and exit status 2."""
    try:
        path.write_bytes(raw)
    except OSError as wrong:
        fail(f"{path} cannot be written: {os.strerror(wrong.errno or 0)}")


from tanyi.app import cli_matching, cli_worker  # noqa: E402, F401  add their commands to the group above
