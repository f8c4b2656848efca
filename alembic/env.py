"""Where alembic meets the tables of every package. It is the roof: it alone may import from every floor.

`tanyi.kernel.db.migrate` hands over its connection, whose transaction and advisory lock hold the whole upgrade; called
from the command line by a developer it opens the database that the environment names.
"""

import os
from importlib import import_module

from alembic import context
from sqlalchemy import Connection, MetaData

from tanyi.kernel import config, db

TABLE_MODULES = (
    "tanyi.kernel.parties",
    "tanyi.kernel.sessions",
    "tanyi.kernel.api_keys",
    "tanyi.kernel.attempts",
    "tanyi.kernel.invitations",
    "tanyi.kernel.second_factor",
    "tanyi.kernel.idempotency",
    "tanyi.kernel.approval_book",
    "tanyi.kernel.thresholds",
    "tanyi.kernel.notices",
    "tanyi.kernel.tasks",
    "tanyi.kernel.messages",
    "tanyi.ledger.tables",
    "market.registry.tables",
    "market.emitters.tables",
    "market.trading.tables",
    "matching.tables",
    "settlement.tables",
    "settlement.gateway.tables",
)


def all_metadata() -> list[MetaData]:
    """Our metadata with every table in it, and that of the gateway, which imports nothing of ours."""
    found = [db.metadata]
    for name in TABLE_MODULES:
        own = getattr(import_module(name), "metadata", db.metadata)
        if own not in found:
            found.append(own)
    return found


def run(connection: Connection) -> None:
    """Runs the asked-for migrations on this connection; a transaction that is open already stays the caller's."""
    context.configure(
        connection=connection,
        target_metadata=all_metadata(),
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def main() -> None:
    """With the connection that was handed over, or with the database of the environment."""
    if context.is_offline_mode():
        raise SystemExit("migrations run on a database, never as a script: they check what they find")
    connection = context.config.attributes.get("connection")
    if connection is not None:
        run(connection)
        return
    with db.open_database(config.settings(os.environ)) as database, database.owner_engine().begin() as own:
        run(own)


main()
