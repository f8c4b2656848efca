"""The simulated bank: its books in the schema `gateway`."""

from pathlib import Path

from alembic import op

revision = "20261123_gateway"
down_revision = "20261123_first_house"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates the bank's books."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf8")
    op.get_bind().exec_driver_sql(statements.replace("%", "%%"))


def downgrade() -> None:
    """Takes the bank down: only for tests."""
    op.execute("DROP SCHEMA gateway CASCADE")
