"""One real server for the whole test run, one migrated template, and a fresh copy of it for every test that asks."""

from __future__ import annotations

import fcntl
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tanyi.kernel import cluster, db, embedded
from tanyi.kernel.errors import Unavailable
from tests.app import demo_runs
from tests.market_makers import Market, make_house, make_market

FOLDER_PREFIX = "tanyi-test-"
LOCK_NAME = "run.lock"
TEMPLATE_NAME = "tanyi_template"
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}


def _sweep_abandoned_folders() -> None:
    """Ends servers and removes folders of test runs that were killed; the lock shows which runs live."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*"):
        with suppress(OSError, Unavailable), (folder / LOCK_NAME).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for used in folder.glob(f"*/{embedded.USERS_LOCK}"):
                embedded.stop_abandoned(used.parent)
            shutil.rmtree(folder)


@pytest.fixture(scope="session")
def servers_folder() -> Iterator[Path]:
    """Where the servers of this test run live: not under pytest's own folder, which another run may close or clear."""
    _sweep_abandoned_folders()
    folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
    with (folder / LOCK_NAME).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def server(servers_folder: Path) -> Iterator[str]:
    """URL of the owner on an embedded server in a temporary folder, gone with all its files at the end."""
    folder = servers_folder / "shared"
    folder.mkdir(mode=0o700)
    try:
        yield embedded.start(folder, parameters=FAST)
    finally:
        embedded.stop(folder)
        assert cluster.postmaster(folder) is None, "the test server still runs"


@pytest.fixture(scope="session")
def template_database(server: str) -> str:
    """Name of a database with the newest schema and no rows, which is copied and never used itself."""
    _administer(server, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE_NAME)))
    template = db.embedded_database(make_conninfo(server, dbname=TEMPLATE_NAME))
    db.migrate(template)
    template.close()
    return TEMPLATE_NAME


@pytest.fixture(scope="session")
def database_numbers() -> Iterator[int]:
    """Numbers for the names of the tests' databases."""
    return count(1)


@pytest.fixture
def database(server: str, template_database: str, database_numbers: Iterator[int]) -> Iterator[db.Database]:
    """A fresh migrated database for one test, dropped afterwards."""
    name = sql.Identifier(f"tanyi_test_{next(database_numbers)}")
    _administer(
        server,
        sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(name, sql.Identifier(template_database)),
        # rights on a database are not copied from its template
        sql.SQL("REVOKE CREATE, TEMPORARY ON DATABASE {} FROM PUBLIC").format(name),
    )
    opened = db.embedded_database(make_conninfo(server, dbname=name.as_string().strip('"')))
    try:
        yield opened
    finally:
        opened.close()
        _administer(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture(scope="session")
def demo_folder(servers_folder: Path) -> Path:
    """The data folder of one run of the demo, which nobody changes; its summary stands beside it."""
    folder = servers_folder / "demo" / "data"
    folder.parent.mkdir()
    summary = json.dumps(demo_runs.demo(folder))
    (folder.parent / "summary.json").write_text(summary, encoding="utf-8")
    return folder


@pytest.fixture
def market(database: db.Database, tmp_path: Path) -> Market:
    """A small market with its offices and an annual plan in force, on a database of its own."""
    return make_market(make_house(database, tmp_path))


def _administer(server: str, *statements: sql.Composed) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)
