"""Accounts: memberships, sessions, second factors, keys with scopes, invitations, and the counts of the brake."""

from pathlib import Path

from alembic import op

revision = "20261125_accounts"
down_revision = "20261123_solvings"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Every user becomes a member, with all rights, of the organisation that he or she signed in for."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf8")
    op.get_bind().exec_driver_sql(statements.replace("%", "%%"))


def downgrade() -> None:
    """Back to one organisation a user, the oldest: only for tests."""
    statements = Path(__file__).with_name(f"{revision}.down.sql").read_text(encoding="utf8")
    op.get_bind().exec_driver_sql(statements.replace("%", "%%"))
