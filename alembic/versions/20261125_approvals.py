"""Four eyes, notices, messages that leave the house, tasks with deadlines, and the day on which a round means to close."""

from pathlib import Path

from alembic import op

revision = "20261125_approvals"
down_revision = "20261125_accounts"
branch_labels = None
depends_on = None

TABLES = ("kernel_threshold", "kernel_approval", "kernel_notice", "kernel_task", "kernel_message", "kernel_contact")
FUNCTIONS = ("an_approval_keeps_its_rules", "a_sent_message_is_final")


def upgrade() -> None:
    """Creates the tables of this capability and a round's announced closing day."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf8")
    op.get_bind().exec_driver_sql(statements.replace("%", "%%"))


def downgrade() -> None:
    """Takes them down: only for tests. What was approved stays done, but nobody can tell any more by whom."""
    op.execute("ALTER TABLE matching_round DROP COLUMN closes_on")
    for table in TABLES:
        op.execute(f"DROP TABLE {table}")
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}()")
