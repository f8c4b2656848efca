"""The first house: every table of the chain from forest to certificate, its triggers, its genesis and its grants.

The statements stand in the SQL file of the same name, because constraints and triggers are read and reviewed as SQL.
"""

from pathlib import Path

from alembic import op

revision = "20261123_first_house"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates everything."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf8")
    op.get_bind().exec_driver_sql(statements.replace("%", "%%"))


TAKE_DOWN = """
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT oid::regclass FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version' LOOP
        EXECUTE 'DROP TABLE ' || name || ' CASCADE';
    END LOOP;
    FOR name IN SELECT oid::regprocedure FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND prorettype = 'trigger'::regtype LOOP
        EXECUTE 'DROP FUNCTION ' || name;
    END LOOP;
END $$
"""


def downgrade() -> None:
    """Drops everything but alembic's own table: only for tests, a registry is never taken down."""
    op.execute(TAKE_DOWN)
