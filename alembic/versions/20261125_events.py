"""Neutrality of events: the event's own facts and states, what is worked out for it, and guests without an account."""

from pathlib import Path

from alembic import op

revision = "20261125_events"
down_revision = "20261123_solvings"
branch_labels = None
depends_on = None

TABLES = (
    "kernel_guest",
    "neutrality_cover",
    "neutrality_statement",
    "neutrality_confirmation",
    "neutrality_evaluation",
    "neutrality_suspension",
    "neutrality_forest",
    "neutrality_plan",
    "neutrality_measure",
    "neutrality_calculation",
)
COLUMNS = (
    "number",
    "co_organisers",
    "kind",
    "starts_on",
    "ends_on",
    "region",
    "content",
    "expected_participants",
    "phases",
    "boundary",
    "offset_method",
    "neutral_by_on",
    "state",
)


def upgrade() -> None:
    """Extends events, whose rows stay as they are, and creates the tables of neutrality."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf8")
    op.get_bind().exec_driver_sql(statements.replace("%", "%%"))


def downgrade() -> None:
    """Takes it all down again: only for tests. Events keep their name, last day and place."""
    op.execute("DROP TRIGGER a_declared_event_stands ON settlement_event")
    for table in TABLES:
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP FUNCTION a_declared_event_stands()")
    op.execute("DROP FUNCTION measures_of_a_published_plan_stand()")
    op.execute("DROP FUNCTION an_ended_evaluation_is_final()")
    op.execute("DROP FUNCTION a_cover_ends_once()")
    op.execute("DROP INDEX settlement_event_by_organiser_id")
    op.execute("ALTER TABLE settlement_event ADD COLUMN held_on DATE")
    op.execute("UPDATE settlement_event SET held_on = ends_on")
    op.execute("ALTER TABLE settlement_event ALTER COLUMN held_on SET NOT NULL")
    for column in COLUMNS:
        op.execute(f"ALTER TABLE settlement_event DROP COLUMN {column}")
