"""What the application's role may not do, statement by statement, on the migrated schema (T15).

An intruder with the application's connection can read, append, and change what the grants name; the structure, the
sums, the past and the server are out of reach.
"""

from __future__ import annotations

import pytest
from sqlalchemy import text

from tests.ledger import makers
from tests.ledger.makers import PERMISSION_DENIED, refusal, working

STRUCTURE = (
    "CREATE TABLE mine (id bigint)",
    "CREATE TEMPORARY TABLE mine (id bigint)",
    "CREATE TABLE mine AS SELECT * FROM ledger_block",
    "CREATE SCHEMA mine",
    "CREATE VIEW mine AS SELECT * FROM ledger_block",
    "CREATE MATERIALIZED VIEW mine AS SELECT 1",
    "CREATE SEQUENCE mine",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "ALTER FUNCTION refuse_change() RENAME TO mine",
    "DROP FUNCTION refuse_change() CASCADE",
    "CREATE TRIGGER mine BEFORE INSERT ON ledger_block EXECUTE FUNCTION refuse_change()",
    "DROP TRIGGER block_keeps_its_rules ON ledger_block",
    "ALTER TABLE ledger_block DISABLE TRIGGER block_keeps_its_rules",
    "ALTER TABLE ledger_block DISABLE TRIGGER ALL",
    "ALTER TABLE ledger_block DROP CONSTRAINT blocks_form_one_chain",
    "ALTER TABLE ledger_block ADD COLUMN mine bigint",
    "ALTER TABLE ledger_block OWNER TO tanyi_app",
    "ALTER TABLE emitters_obligation ALTER COLUMN coverage DROP EXPRESSION",
    "CREATE RULE mine AS ON DELETE TO ledger_block DO INSTEAD NOTHING",
    "CREATE POLICY mine ON ledger_block USING (true)",
    "CREATE INDEX mine ON ledger_block (holder_id)",
    "DROP INDEX blocks_by_holder",
    "DROP TABLE ledger_audit_entry CASCADE",
    "DROP SCHEMA public CASCADE",
    "DROP SCHEMA gateway CASCADE",
    "TRUNCATE ledger_audit_entry, ledger_log_head",
    "CREATE EXTENSION vector",
)
SERVER = (
    "SET ROLE postgres",
    "SET SESSION AUTHORIZATION postgres",
    "SET session_replication_role = replica",
    "ALTER ROLE tanyi_app SUPERUSER",
    "CREATE ROLE mine LOGIN",
    "GRANT postgres TO tanyi_app",
    "SELECT pg_read_file('/etc/hostname')",
    "SELECT pg_ls_dir('.')",
    "SELECT lo_import('/etc/hostname')",
    "COPY ledger_block TO '/tmp/blocks'",
    "COPY ledger_block TO PROGRAM 'cat'",
    "COPY settlement_inbox FROM PROGRAM 'echo'",
    "SELECT pg_reload_conf()",
    "SET log_statement = 'none'",
    "SELECT rolpassword FROM pg_authid",
)
PAST = (
    "DELETE FROM ledger_block",
    "DELETE FROM ledger_issuance",
    "UPDATE ledger_issuance SET end_ = end_ + 1",
    "UPDATE ledger_issuance SET quantity_t = quantity_t + 1",
    "UPDATE ledger_issuance SET verified_t = 1000000",
    "UPDATE ledger_block SET lo = lo - 1",
    "UPDATE ledger_block SET prev_end = lo",
    "UPDATE ledger_block SET issuance_id = 0",
    "UPDATE ledger_block SET holder_kind = 'SYSTEM'",
    "INSERT INTO ledger_genesis VALUES (1, 1)",
    "DELETE FROM ledger_genesis",
    "UPDATE ledger_transfer SET amount_fen = 1",
    "DELETE FROM ledger_transfer",
    "UPDATE ledger_audit_entry SET body = '{}'",
    "DELETE FROM ledger_audit_entry",
    "INSERT INTO ledger_log_head SELECT 2, seq, leaf_hash FROM ledger_audit_entry",
    "DELETE FROM ledger_log_head",
    "UPDATE ledger_checkpoint SET note = ''",
    "DELETE FROM ledger_checkpoint",
    "UPDATE settlement_settlement SET settled_at = now()",
    "DELETE FROM settlement_settlement",
    "UPDATE settlement_retirement SET quantity_t = 1",
    "UPDATE settlement_retirement SET purpose = 'VOLUNTARY_ORG'",
    "DELETE FROM settlement_retirement",
    "UPDATE settlement_certificate SET document = ''",
    "DELETE FROM settlement_certificate",
    "UPDATE settlement_payment_trade SET payment_id = 1",
    "DELETE FROM settlement_payment_trade",
    "UPDATE registry_monitoring SET reduction_t = 1000000",
    "UPDATE emitters_assessment SET duty_t = 0",
    "UPDATE emitters_report SET emissions_tco2e = 0",
    "UPDATE kernel_answer SET answer = '{}'",
    "DELETE FROM kernel_answer",
    "DELETE FROM settlement_inbox",
    "UPDATE kernel_approval SET payload = '{}'",
    "UPDATE kernel_approval SET payload_sha256 = ''",
    "UPDATE kernel_approval SET prepared_by = 1",
    "UPDATE kernel_approval SET deadline_on = 'infinity'",
    "DELETE FROM kernel_approval",
    "UPDATE kernel_threshold SET above_fen = 0",
    "DELETE FROM kernel_threshold",
    "UPDATE kernel_notice SET user_id = 1",
    "DELETE FROM kernel_notice",
    "UPDATE kernel_task SET organisation_id = 1",
    "DELETE FROM kernel_task",
    "UPDATE kernel_contact SET user_id = 1",
    "DELETE FROM kernel_contact",
    "UPDATE kernel_message SET facts = '{}'",
    "UPDATE kernel_message SET reference = 'mine'",
    "DELETE FROM kernel_message",
    "INSERT INTO alembic_version VALUES ('mine')",
    "UPDATE alembic_version SET version_num = 'mine'",
)
SUMS = (
    "UPDATE ledger_account SET balance_fen = 1000000",
    "INSERT INTO ledger_account (code, kind, balance_fen) VALUES ('payable:9', 'PAYABLE', 1)",
    "UPDATE ledger_account SET kind = 'OUTSIDE'",
    "DELETE FROM ledger_account",
    "UPDATE emitters_obligation SET retired_t = required_t",
    "INSERT INTO emitters_obligation (number, retired_t) VALUES ('mine', 1)",
    "DELETE FROM emitters_obligation",
    "UPDATE registry_verification SET verified_t = 1000000",
    "UPDATE trading_trade SET quantity_t = 1",
    "UPDATE trading_trade SET price_fen = 1",
    "UPDATE trading_trade SET buyer_id = seller_id",
    "DELETE FROM trading_trade",
    "UPDATE trading_listing SET seller_id = 1",
    "UPDATE trading_listing SET ask_fen = 1",
    "UPDATE trading_bid SET quantity_t = 1",
    "UPDATE trading_bid SET buyer_id = 1",
    "UPDATE settlement_payment SET amount_fen = 1",
    "UPDATE settlement_payout SET amount_fen = 1",
    "UPDATE settlement_payout SET seller_id = 1",
    "UPDATE matching_round SET seed = 'mine'",
    "UPDATE kernel_organisation SET group_code = 'mine'",
    "UPDATE kernel_organisation SET kind = 'PARTICIPANT'",
    "DELETE FROM kernel_organisation",
    "UPDATE kernel_user SET roles = ARRAY['operator']",
    "UPDATE kernel_user SET password_hash = ''",
    "UPDATE kernel_sign_in SET expires_at = 'infinity'",
    "UPDATE kernel_api_key SET user_id = 1",
    "DELETE FROM gateway.balance",
    "DELETE FROM gateway.event",
)
FORBIDDEN = STRUCTURE + SERVER + PAST + SUMS


def test_the_application_is_refused_every_one_of_these_statements(database):
    with working(database) as work:
        market = makers.open_market(work)
        stock = makers.issue(work, market, 10)
        makers.settled(work, makers.offer(work, market.seller, stock, 5), market.buyer, 5)
        makers.retired(work, market.seller, stock, 5)
    assert len(set(FORBIDDEN)) >= 60
    answers = {statement: refusal(database, statement) for statement in FORBIDDEN}
    assert {statement: answer for statement, answer in answers.items() if answer != PERMISSION_DENIED} == {}


def test_a_grant_that_the_application_gives_itself_gives_nothing(database):
    for statement in ("GRANT ALL ON ledger_transfer TO tanyi_app", "GRANT UPDATE ON ledger_account TO PUBLIC"):
        refusal(database, statement)  # PostgreSQL only warns
    assert refusal(database, "DELETE FROM ledger_transfer") == PERMISSION_DENIED
    assert refusal(database, "UPDATE ledger_account SET balance_fen = 1") == PERMISSION_DENIED


@pytest.mark.parametrize("privilege", ["DELETE", "TRUNCATE", "TRIGGER", "REFERENCES", "MAINTAIN", "UPDATE"])
def test_the_application_has_no_right_on_a_whole_table_but_to_read_and_append(database, privilege):
    """One exception: a session is deleted when somebody signs out. Everything else is named column by column."""
    query = text(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm')"
        " AND has_table_privilege('tanyi_app', c.oid, :privilege)"
    )
    with database.owner_engine().connect() as owner:
        granted = set(owner.scalars(query, {"privilege": privilege}))
    assert granted == ({"kernel_sign_in"} if privilege == "DELETE" else set())
