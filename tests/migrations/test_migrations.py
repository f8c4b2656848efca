"""The migrations and the tables say the same, and the way down and up again changes nothing (T14)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import sql
from psycopg.conninfo import make_conninfo
from sqlalchemy import text

from tanyi.kernel import db
from tests.migrations import schema


@pytest.fixture
def empty(server, database_numbers):
    """A database in which nothing is yet."""
    name = f"tanyi_migrated_{next(database_numbers)}"
    with psycopg.connect(server, autocommit=True) as administrator:
        administrator.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    opened = db.embedded_database(make_conninfo(server, dbname=name))
    yield opened
    opened.close()
    with psycopg.connect(server, autocommit=True) as administrator:
        administrator.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_there_is_one_newest_migration_and_one_line_to_it():
    configuration = Config()
    configuration.set_main_option("script_location", str(schema.ROOT / "alembic"))
    scripts = ScriptDirectory.from_config(configuration)
    assert len(scripts.get_heads()) == 1
    assert [script.revision for script in scripts.walk_revisions() if script.is_branch_point] == []


@pytest.mark.filterwarnings("ignore:Cannot correctly sort tables")
def test_a_migrated_database_has_what_the_tables_declare_and_nothing_else(database):
    def is_ours(name, kind, _parents):
        return kind != "schema" or name in (None, "gateway")

    def is_comparable(_thing, name, *_rest):
        return name != "entries_by_event_and_number"  # over expressions: the next test compares it word for word

    with database.owner_engine().connect() as connection:
        options = {
            "include_schemas": True,
            "include_name": is_ours,
            "include_object": is_comparable,
            "compare_server_default": True,
        }
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, schema.whole_metadata()) == []


def test_every_column_and_constraint_is_word_for_word_what_the_tables_declare(database, empty):
    with empty.owner_engine().begin() as owner:
        owner.execute(text("CREATE SCHEMA gateway"))
        for metadata in schema.whole_metadata():
            metadata.create_all(owner)
    declared = schema.fingerprint(empty.owner_engine(), schema.STRUCTURE)
    migrated = schema.fingerprint(database.owner_engine(), schema.STRUCTURE)
    for kind, rows in migrated.items():
        ours = {name: said for name, said in rows.items() if "alembic_version" not in name}
        assert ours == declared[kind], kind


def test_up_down_and_up_again_gives_the_same_rules(empty):
    everything = schema.STRUCTURE | schema.RULES
    db.migrate(empty)
    first = schema.fingerprint(empty.owner_engine(), everything)
    assert all(first.values())
    with empty.owner_engine().begin() as connection:
        schema.downgrade(connection, "base")
    with empty.owner_engine().connect() as owner:
        left = text("SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')")
        assert owner.scalar(left) <= 1  # alembic's own
    db.migrate(empty)
    assert schema.fingerprint(empty.owner_engine(), everything) == first


def test_every_single_step_down_can_be_taken_up_again(empty):
    db.migrate(empty)
    first = schema.fingerprint(empty.owner_engine(), schema.STRUCTURE | schema.RULES)
    configuration = Config()
    configuration.set_main_option("script_location", str(schema.ROOT / "alembic"))
    for script in ScriptDirectory.from_config(configuration).walk_revisions():
        with empty.owner_engine().begin() as connection:
            schema.downgrade(connection, script.down_revision or "base")
        db.migrate(empty)
    assert schema.fingerprint(empty.owner_engine(), schema.STRUCTURE | schema.RULES) == first


def test_migrating_at_once_from_several_sides_gives_one_schema(empty, database):
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda _: db.migrate(empty), range(3)))
    everything = schema.STRUCTURE | schema.RULES
    assert schema.fingerprint(empty.owner_engine(), everything) == schema.fingerprint(
        database.owner_engine(), everything
    )


def test_migrating_again_changes_nothing(empty):
    db.migrate(empty)
    first = schema.fingerprint(empty.owner_engine(), schema.STRUCTURE | schema.RULES)
    db.migrate(empty)
    assert schema.fingerprint(empty.owner_engine(), schema.STRUCTURE | schema.RULES) == first


def test_the_application_owns_nothing_after_a_migration(database):
    owned = text("SELECT count(*) FROM pg_shdepend WHERE refobjid = 'tanyi_app'::regrole AND deptype = 'o'")
    functions = text("SELECT count(*) FROM pg_proc WHERE proowner = 'tanyi_app'::regrole")
    with database.owner_engine().connect() as owner:
        assert owner.scalar(owned) == 0
        assert owner.scalar(functions) == 0
        role = "SELECT rolsuper, rolcreatedb, rolcreaterole, rolbypassrls FROM pg_roles WHERE rolname = 'tanyi_app'"
        assert tuple(owner.execute(text(role)).one()) == (False, False, False, False)


def test_what_runs_with_the_owners_rights_has_a_fixed_path(database):
    query = text(
        "SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname = 'public'"
        " WHERE p.prosecdef AND NOT COALESCE(array_to_string(p.proconfig, ',') LIKE '%search_path=%pg_temp', false)"
    )
    with database.owner_engine().connect() as owner:
        assert list(owner.scalars(query)) == []
