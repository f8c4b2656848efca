"""The queue of solvings, where a round waits for a worker; and the certificate that a round keeps beside its result."""

from pathlib import Path

from alembic import op

revision = "20261123_solvings"
down_revision = "20261123_gateway"
branch_labels = None
depends_on = None

WITHOUT_CERTIFICATE = """
CREATE OR REPLACE FUNCTION a_round_keeps_its_files() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'PUBLISHED' OR NEW.problem IS DISTINCT FROM COALESCE(OLD.problem, NEW.problem)
       OR NEW.result IS DISTINCT FROM COALESCE(OLD.result, NEW.result) THEN
        RAISE EXCEPTION 'round % keeps its problem and its result', OLD.number
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    """Creates the queue and the certificate's column."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf8")
    op.get_bind().exec_driver_sql(statements.replace("%", "%%"))


def downgrade() -> None:
    """Takes the queue down: only for tests. Rounds and their results stay as they are, certificates are lost."""
    op.get_bind().exec_driver_sql(WITHOUT_CERTIFICATE.replace("%", "%%"))
    op.execute("ALTER TABLE matching_round DROP COLUMN certificate")
    op.execute("DROP TABLE matching_solving")
    op.execute("DROP FUNCTION an_ended_solving_is_final()")
