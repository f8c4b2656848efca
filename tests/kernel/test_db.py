"""The database as the application meets it: a role that may change no structure, refusals, retries, migrations."""

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from tanyi.kernel import db
from tanyi.kernel.config import SettingNotValid, settings


@pytest.fixture
def bare_database(server):
    """A database without any schema or rights of ours."""
    name = sql.Identifier("tanyi_bare")
    with psycopg.connect(server, autocommit=True) as administrator:
        administrator.execute(sql.SQL("CREATE DATABASE {}").format(name))
    opened = db.embedded_database(make_conninfo(server, dbname="tanyi_bare"))
    yield opened
    opened.close()
    with psycopg.connect(server, autocommit=True) as administrator:
        administrator.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture
def kept(database):
    """A table of the owner with one row, of which the application may read and insert."""
    with database.owner_engine().begin() as owner:
        owner.execute(text("CREATE TABLE kept (figure bigint PRIMARY KEY)"))
        owner.execute(text("INSERT INTO kept VALUES (1), (2)"))
        owner.execute(text("GRANT SELECT, INSERT ON kept TO tanyi_app"))
    return database


# --- the role of the application --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (figure bigint)",
        "CREATE TEMPORARY TABLE mine (figure bigint)",
        "CREATE TABLE mine AS SELECT 1",
        "SELECT 1 AS figure INTO mine",
        "CREATE SCHEMA mine",
        "CREATE VIEW mine AS SELECT 1",
        "CREATE SEQUENCE mine",
        "CREATE TYPE mine AS ENUM ('a')",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE EXTENSION vector",
        "CREATE DATABASE mine",
        "CREATE ROLE mine",
        "CREATE INDEX mine ON kept (figure)",
        "CREATE TRIGGER mine BEFORE INSERT ON kept EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "ALTER TABLE kept ADD COLUMN mine bigint",
        "ALTER TABLE kept DROP CONSTRAINT kept_pkey",
        "ALTER TABLE kept DISABLE TRIGGER ALL",
        "ALTER TABLE kept OWNER TO tanyi_app",
        "ALTER ROLE tanyi_app SUPERUSER",
        "ALTER SYSTEM SET fsync = off",
        "DROP TABLE kept",
        "DROP SCHEMA public CASCADE",
        "TRUNCATE kept",
        "UPDATE kept SET figure = 3",
        "DELETE FROM kept",
        "SET ROLE postgres",
        "SET SESSION AUTHORIZATION postgres",
        "SET session_replication_role = replica",
        "COPY kept TO PROGRAM 'cat'",
        "SELECT pg_read_file('/etc/hostname')",
    ],
)
def test_the_application_may_change_no_structure(kept, statement):
    at_once = kept.app_engine().execution_options(isolation_level="AUTOCOMMIT")
    with at_once.connect() as connection, pytest.raises(DBAPIError) as refused:
        connection.execute(text(statement))
    assert refused.value.orig.sqlstate == "42501", refused.value.orig


def test_the_application_cannot_grant_itself_anything(kept):
    with kept.app_engine().begin() as connection:
        connection.execute(text("GRANT UPDATE, DELETE ON kept TO tanyi_app"))  # PostgreSQL only warns
    with kept.app_engine().connect() as connection, pytest.raises(ProgrammingError):
        connection.execute(text("DELETE FROM kept"))


def test_the_application_does_what_it_was_granted(kept):
    with kept.sessions().begin() as session:
        session.execute(text("INSERT INTO kept VALUES (3)"))
    with kept.app_engine().connect() as connection:
        assert connection.execute(text("SELECT sum(figure) FROM kept")).scalar_one() == 6


def test_an_owner_address_without_another_for_the_application_switches_to_its_role(server, database):
    with database.owner_engine().connect() as owner:
        name = owner.execute(text("SELECT current_database()")).scalar_one()
    opened = db.Database(owner_url=make_conninfo(server, dbname=name))
    with opened.app_engine().connect() as connection:
        assert connection.execute(text("SELECT current_user, session_user")).one() == ("tanyi_app", "postgres")
        with pytest.raises(ProgrammingError):
            connection.execute(text("CREATE TABLE mine (figure bigint)"))
    opened.close()


def test_the_role_may_be_made_by_many_at_once(bare_database):
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: db.ensure_app_role(bare_database.owner_engine()), range(8)))
    with bare_database.app_engine().connect() as connection:
        assert connection.execute(text("SELECT current_user")).scalar_one() == "tanyi_app"


# --- sessions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("timezone", "UTC"),
        ("lock_timeout", "5s"),
        ("statement_timeout", "1min"),
        ("idle_in_transaction_session_timeout", "1min"),
        ("transaction_isolation", "read committed"),
    ],
)
def test_every_session_of_the_application_has_its_limits(database, name, expected):
    with database.app_engine().connect() as connection:
        assert connection.execute(text("SELECT current_setting(:name)"), {"name": name}).scalar_one() == expected


def test_other_users_of_the_driver_get_the_same_session(database):
    with psycopg.connect(database.conninfo()) as connection:
        assert connection.execute("SELECT current_user, current_setting('lock_timeout')").fetchone() == (
            "tanyi_app",
            "5s",
        )


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://somebody:secret@127.0.0.1:1/market",
        "postgresql:///market?host=/nowhere",
        "postgresql://h.invalid/m",
    ],
)
def test_a_database_that_does_not_answer_is_one_refusal(address):
    with db.open_database(settings({"DATABASE_URL": address})) as database:
        with pytest.raises(db.DatabaseDown) as refused, database.app_engine().connect():
            pass
        assert "secret" not in str(refused.value)


def test_an_address_that_nobody_understands_is_refused_without_its_password():
    with (
        pytest.raises(SettingNotValid) as refused,
        db.open_database(settings({"DATABASE_URL": "postgresql://somebody:secret@h:x:y/m?no=such"})),
    ):
        pass
    assert "DATABASE_URL" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_connection_that_is_ended_under_a_statement_is_a_refusal_and_the_next_one_works(database):
    with database.app_engine().connect() as connection:
        backend = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with database.owner_engine().connect() as owner:
            owner.execute(text("SELECT pg_terminate_backend(:backend, 5000)"), {"backend": backend})
        with pytest.raises(db.DatabaseDown):
            connection.execute(text("SELECT 1"))
    with database.app_engine().connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_an_idle_connection_that_was_ended_is_replaced_without_a_word(database):
    with database.app_engine().connect() as connection:
        backend = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    with database.owner_engine().connect() as owner:
        owner.execute(text("SELECT pg_terminate_backend(:backend, 5000)"), {"backend": backend})
    with database.app_engine().connect() as connection:
        assert connection.execute(text("SELECT pg_backend_pid()")).scalar_one() != backend


def test_a_lock_that_is_not_given_in_time_is_a_refusal(kept):
    with kept.owner_engine().begin() as owner, kept.app_engine().connect() as connection:
        owner.execute(text("LOCK TABLE kept IN ACCESS EXCLUSIVE MODE"))
        connection.execute(text("SET LOCAL lock_timeout = '20ms'"))
        with pytest.raises(db.DatabaseBusy):
            connection.execute(text("SELECT * FROM kept"))


def test_what_a_statement_did_wrong_stays_what_it_is(kept):
    with kept.app_engine().connect() as connection, pytest.raises(DBAPIError) as raised:
        connection.execute(text("INSERT INTO kept VALUES (1)"))
    assert raised.value.orig.sqlstate == "23505"


# --- retries ----------------------------------------------------------------------------------------------------------


def collide(kept, times):
    """One serializable transaction that loses against another one `times` times, and counts its runs."""
    runs = []

    def attempt():
        runs.append(1)
        engine = kept.owner_engine().execution_options(isolation_level="SERIALIZABLE")
        with engine.begin() as ours:
            ours.execute(text("SELECT sum(figure) FROM kept"))
            if len(runs) <= times:
                with kept.owner_engine().begin() as theirs:
                    theirs.execute(text("UPDATE kept SET figure = figure + 10 WHERE figure % 10 = 1"))
            ours.execute(text("UPDATE kept SET figure = figure + 10 WHERE figure % 10 = 1"))
        return len(runs)

    return attempt


def test_a_transaction_that_collided_runs_again_and_waits_longer_each_time(kept):
    pauses_seconds = []
    assert db.retrying(collide(kept, 3), random=lambda: 0.5, sleep=pauses_seconds.append) == 4
    assert pauses_seconds == [0.01, 0.02, 0.04]


def test_a_transaction_that_collides_for_ever_is_refused(kept):
    pauses_seconds = []
    with pytest.raises(db.DatabaseBusy):
        db.retrying(collide(kept, 99), random=lambda: 0.0, sleep=pauses_seconds.append, attempts=3)
    assert len(pauses_seconds) == 2


def test_a_deadlock_is_tried_again(kept):
    both_hold_one = threading.Barrier(2, timeout=20)

    def change(first, second):
        runs = []

        def attempt():
            runs.append(1)
            with kept.owner_engine().begin() as connection:
                connection.execute(text("SET LOCAL deadlock_timeout = '20ms'"))
                statement = text("UPDATE kept SET figure = figure WHERE figure = :figure")
                connection.execute(statement, {"figure": first})
                if len(runs) == 1:
                    both_hold_one.wait()
                connection.execute(statement, {"figure": second})
            return len(runs)

        return db.retrying(attempt, random=lambda: 0.5, sleep=threading.Event().wait)

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(change, (1, 2), (2, 1))) == [1, 2]


def test_nothing_else_is_tried_again(kept):
    runs = []

    def attempt():
        runs.append(1)
        with kept.app_engine().begin() as connection:
            connection.execute(text("INSERT INTO kept VALUES (1)"))

    with pytest.raises(DBAPIError):
        db.retrying(attempt, random=lambda: 0.5, sleep=lambda _: None)
    assert len(runs) == 1


# --- migrations -------------------------------------------------------------------------------------------------------


def test_migrations_run_at_once_from_several_sides_run_once(bare_database):
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda _: db.migrate(bare_database), range(3)))
    with bare_database.owner_engine().connect() as owner:
        present = owner.execute(text("SELECT to_regclass('alembic_version') IS NOT NULL")).scalar_one()
    assert present
