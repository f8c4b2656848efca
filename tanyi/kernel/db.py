"""The one database: two engines onto it, the shared table metadata, retries, and migrations.

The owner role runs migrations and nothing else. Everything the application does runs as `tanyi_app`, which owns nothing
and may create, alter or drop nothing, so that a mistake or an intruder in the application cannot switch off a
constraint. Sessions speak UTC and give up on locks and statements that take too long.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import Connection, Dialect, Engine, ExceptionContext, MetaData, NullPool, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from tanyi.kernel import embedded
from tanyi.kernel.config import APP_ROLE, SettingNotValid, Settings, bundle_folder, ensure_data_folder
from tanyi.kernel.errors import N_, Unavailable

T = TypeVar("T")

log = logging.getLogger(__name__)

NAMING_CONVENTION = {
    "pk": "%(table_name)s_pkey",
    "uq": "%(table_name)s_%(column_0_N_name)s_is_unique",
    "fk": "%(table_name)s_%(column_0_N_name)s_refers_to_%(referred_table_name)s",
    "ix": "%(table_name)s_by_%(column_0_N_name)s",
    "ck": "%(constraint_name)s",
}
metadata = MetaData(naming_convention=NAMING_CONVENTION)

CONNECT_SECONDS: Final = 5
POOL_SIZE: Final = 10
POOL_OVERFLOW: Final = 10
POOL_SECONDS: Final = 10.0
APP_SESSION = {
    "timezone": "UTC",
    "lock_timeout": "5s",
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "60s",
}
OWNER_SESSION = {"timezone": "UTC", "lock_timeout": "5s"}  # a migration may run long, but may not queue up the rest
MIGRATION_LOCK: Final = 4_201_202_701  # any number that no other lock of this database uses
RETRIED_STATES = frozenset({"40001", "40P01"})  # serialization failure, deadlock
BUSY_STATES = frozenset({"55P03", "57014"})  # lock timeout, statement timeout
DOWN_CLASSES = frozenset({"08", "53", "58"})  # connection, resources (disk, connections), system
DOWN_STATES = frozenset({"57P01", "57P02", "57P03", "57P04", "57P05"})  # shut down, crashed, starting, dropped, idle


class Base(DeclarativeBase):
    """Base of every package's table classes; all of them share one metadata."""

    metadata = metadata


class DatabaseDown(Unavailable):
    """The database does not answer, is going down or coming up, or has run out of room."""

    code = "database.down"
    message = N_("The database does not answer. Nothing was changed; please try again in a moment.")


class DatabaseBusy(Unavailable):
    """A lock, a statement or the retries took longer than we wait; the transaction was rolled back."""

    code = "database.busy"
    message = N_("Too many people are changing the same thing. Nothing was changed; please try again in a moment.")


class AppRoleMissing(Unavailable):
    """The role of the application is missing and the owner may not make it."""

    code = "database.app_role_missing"
    message = N_("The database has no role %(role)s, or its owner may not give it. Ask its administrator to make it.")


class Database:
    """One database by its connection parameters. Engines are made on first use and closed by `close`."""

    def __init__(self, *, owner_url: str, app_url: str | None = None, revive: Callable[[], None] | None = None) -> None:
        """`app_url` defaults to the owner's; connections of another user than the app role switch to it.

        `revive` is called once when a connection fails, before the one repetition.
        """
        self._revive = revive
        self._owner = _parameters(owner_url, "TANYI_OWNER_DATABASE_URL")
        self._app = _parameters(app_url or owner_url, "DATABASE_URL")

    def owner_engine(self) -> Engine:
        """For migrations and administration only; keeps no connection open."""
        return self._owner_engine

    def app_engine(self) -> Engine:
        """For everything the application does, as the role `tanyi_app`."""
        return self._app_engine

    def sessions(self) -> sessionmaker[Session]:
        """Makes sessions of the application; objects stay readable after commit."""
        return sessionmaker(self._app_engine, expire_on_commit=False)

    def conninfo(self) -> str:
        """libpq connection string of the application, with its session settings, for other users of psycopg."""
        return make_conninfo(**self._app_parameters())

    def close(self) -> None:
        """Closes the connections of both engines; either can be used again and reconnects."""
        for name in ("_owner_engine", "_app_engine"):
            if (engine := self.__dict__.get(name)) is not None:
                engine.dispose()

    @cached_property
    def _owner_engine(self) -> Engine:
        return _engine(_with_session(self._owner, OWNER_SESSION), self._revive, poolclass=NullPool)

    @cached_property
    def _app_engine(self) -> Engine:
        return _engine(
            self._app_parameters(),
            self._revive,
            pool_size=POOL_SIZE,
            max_overflow=POOL_OVERFLOW,
            pool_timeout=POOL_SECONDS,
            pool_pre_ping=True,
        )

    def _app_parameters(self) -> dict[str, Any]:
        switch = {} if self._app.get("user") == APP_ROLE else {"role": APP_ROLE}
        return _with_session(self._app, APP_SESSION | switch)


@contextmanager
def open_database(chosen: Settings) -> Iterator[Database]:
    """The database that these settings name; starts the embedded server when they name none.

    Connects lazily: a server that is down is refused (`DatabaseDown`) by the first statement, not here.
    """
    if chosen.database_url is not None:
        database = Database(owner_url=chosen.owner_database_url or chosen.database_url, app_url=chosen.database_url)
        try:
            yield database
        finally:
            database.close()
        return
    folder = ensure_data_folder(chosen.data)
    database = embedded_database(embedded.start(folder), folder)
    try:
        yield database
    finally:
        database.close()
        embedded.stop(folder)


def embedded_database(owner_url: str, folder: Path | None = None) -> Database:
    """The database at the embedded server's URL, where the application signs in as its own role.

    With the data folder given, a server that was killed is started again by whoever next wants a connection.
    """
    revive = partial(embedded.revive, folder) if folder is not None else None
    return Database(owner_url=owner_url, app_url=make_conninfo(owner_url, user=APP_ROLE), revive=revive)


def retrying(
    attempt: Callable[[], T], *, random: Callable[[], float], sleep: Callable[[float], None], attempts: int = 6
) -> T:
    """Runs one whole transaction again when PostgreSQL asks for that (40001, 40P01), later each time, with jitter.

    `random` gives [0, 1), `sleep` takes seconds. After the last attempt refuses with `DatabaseBusy`.
    """
    for number in range(1, attempts + 1):
        try:
            return attempt()
        except DBAPIError as error:
            if _state(error.orig) not in RETRIED_STATES:
                raise
            if number == attempts:
                raise DatabaseBusy from error
            sleep(random() * 0.01 * 2**number)
    raise AssertionError("unreachable: attempts is at least one")


def migrate(database: Database) -> None:
    """Brings the schema to the newest version, or leaves it exactly as it was: one transaction, one at a time.

    Two processes may call it at once; the second waits and finds nothing to do.
    """
    from alembic import command  # here, because only migrations should pay for its import
    from alembic.config import Config

    configuration = Config(attributes={})
    configuration.set_main_option("script_location", str(bundle_folder("alembic")).replace("%", "%%"))
    with database.owner_engine().begin() as connection:
        _wait_for_turn(connection)
        _ensure_app_role(connection)
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "head")


def ensure_app_role(owner_engine: Engine) -> None:
    """Makes the application's role if need be and takes from everyone the right to create anything here.

    May be called by several processes at once. Refuses with `AppRoleMissing` when the owner may not make roles.
    """
    with owner_engine.begin() as connection:
        _wait_for_turn(connection)
        _ensure_app_role(connection)


def _wait_for_turn(connection: Connection) -> None:
    connection.execute(text("SET LOCAL lock_timeout = 0"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
    connection.execute(text(f"SET LOCAL lock_timeout = '{OWNER_SESSION['lock_timeout']}'"))


# Roles belong to the whole server, the turn above to one database: another database may make the role meanwhile.
MAKE_ROLE = f"""
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{APP_ROLE}') THEN
    CREATE ROLE {APP_ROLE} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$
"""
LET_OWNER_SWITCH = f"""
DO $$ BEGIN
  IF NOT pg_has_role(current_user, '{APP_ROLE}', 'MEMBER') THEN
    GRANT {APP_ROLE} TO CURRENT_USER;
  END IF;
END $$
"""
TAKE_RIGHTS = f"""
DO $$ BEGIN
  EXECUTE 'REVOKE CREATE, TEMPORARY ON DATABASE ' || quote_ident(current_database()) || ' FROM PUBLIC, {APP_ROLE}';
  EXECUTE 'GRANT CONNECT ON DATABASE ' || quote_ident(current_database()) || ' TO {APP_ROLE}';
  REVOKE CREATE ON SCHEMA public FROM PUBLIC, {APP_ROLE};
  GRANT USAGE ON SCHEMA public TO {APP_ROLE};
END $$
"""


def _ensure_app_role(connection: Connection) -> None:
    try:
        for statement in (MAKE_ROLE, LET_OWNER_SWITCH, TAKE_RIGHTS):
            connection.exec_driver_sql(statement)
    except DBAPIError as error:
        if _state(error.orig) != "42501":  # insufficient privilege
            raise
        raise AppRoleMissing(role=APP_ROLE) from error


def _parameters(url: str, variable: str) -> dict[str, Any]:
    try:
        return conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # not chained: libpq repeats the address, and the address holds a password
        raise SettingNotValid(variable=variable, expected="a PostgreSQL address") from None


def _with_session(parameters: Mapping[str, Any], session: Mapping[str, str]) -> dict[str, Any]:
    ours = " ".join(f"-c {name}={setting}" for name, setting in session.items())
    given = parameters.get("options")
    return {
        "connect_timeout": CONNECT_SECONDS,
        "application_name": "tanyi",
        **parameters,
        "options": f"{given} {ours}" if given else ours,
    }


def _engine(parameters: dict[str, Any], revive: Callable[[], None] | None, **pool: Any) -> Engine:
    engine = create_engine("postgresql+psycopg://", connect_args=parameters, **pool)
    if revive is not None:
        event.listen(engine, "do_connect", partial(_connect_or_revive, revive))
    event.listen(engine, "handle_error", _refuse_instead, retval=True)
    return engine


def _connect_or_revive(
    revive: Callable[[], None], dialect: Dialect, _record: object, words: list[Any], parameters: dict[str, Any]
) -> Any:
    try:
        return dialect.connect(*words, **parameters)
    except psycopg.OperationalError:
        revive()
        return dialect.connect(*words, **parameters)


def _refuse_instead(context: ExceptionContext) -> BaseException | None:
    """Turns what the database says about itself into a refusal; what it says about the statement stays as it is."""
    if context.is_pre_ping:  # the pool replaces that connection by itself
        return None
    state = _state(context.original_exception)
    could_not_connect = context.connection is None and isinstance(context.original_exception, psycopg.OperationalError)
    if could_not_connect or context.is_disconnect or state[:2] in DOWN_CLASSES or state in DOWN_STATES:
        log.warning("database down: %s", context.original_exception)
        return DatabaseDown()
    return DatabaseBusy() if state in BUSY_STATES else None


def _state(error: BaseException | None) -> str:
    return getattr(error, "sqlstate", None) or ""
