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


def downgrade() -> None:
    """Drops everything: only for tests, a registry is never taken down."""
    op.execute("DROP SCHEMA public CASCADE")
    op.execute("CREATE SCHEMA public")
