"""A bank with empty books for every test that asks."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.schema import CreateSchema

from settlement.gateway import tables
from settlement.gateway.simulator import SimulatedGateway
from tests.settlement.gateway.makers import open_gateway


@pytest.fixture(scope="module")
def bank_database(server: str) -> Iterator[Engine]:
    """A database of the bank's own, made from its tables alone: it needs nothing of ours."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE gateway_alone")
    words = conninfo_to_dict(server) | {"dbname": "gateway_alone"}
    engine = create_engine("postgresql+psycopg://", connect_args=words, pool_size=16)
    with engine.begin() as connection:
        connection.execute(CreateSchema(tables.SCHEMA))
        tables.metadata.create_all(connection)
    yield engine
    engine.dispose()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP DATABASE gateway_alone WITH (FORCE)")


@pytest.fixture
def bank(bank_database: Engine) -> Engine:
    """The same database with empty books."""
    names = ", ".join(f"{table.schema}.{table.name}" for table in tables.metadata.sorted_tables)
    with bank_database.begin() as connection:
        connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))
    return bank_database


@pytest.fixture
def gateway(bank: Engine) -> SimulatedGateway:
    return open_gateway(bank)
