"""A database read as one value: everything in it that keeps a rule, so that two databases can be compared."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, MetaData, text

from tanyi.kernel import db

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = "n.nspname IN ('public', 'gateway')"
OURS = f"FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND {SCHEMAS}"

# one query for each kind of thing; a row is a name and what it says
STRUCTURE = {
    "columns": f"""
        SELECT n.nspname || '.' || c.relname || '.' || a.attname, concat_ws(' ', format_type(a.atttypid, a.atttypmod),
            a.attnotnull, a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid))
        {OURS} JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum WHERE c.relkind = 'r'""",
    "constraints": f"""
        SELECT n.nspname || '.' || c.relname || '.' || k.conname, concat_ws(' ', pg_get_constraintdef(k.oid),
            k.condeferrable, k.condeferred, k.convalidated)
        {OURS} JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype <> 't'""",
    "indexes": f"SELECT c.oid::regclass::text, pg_get_indexdef(c.oid) {OURS} WHERE c.relkind = 'i'",
}
RULES = {
    "triggers": f"""
        SELECT n.nspname || '.' || c.relname || '.' || t.tgname, concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled)
        {OURS} JOIN pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal""",
    "functions": f"""
        SELECT p.oid::regprocedure::text, concat_ws(' ', p.prosrc, p.prosecdef, p.proconfig)
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace AND {SCHEMAS}""",
    "rights on tables": f"""
        SELECT n.nspname || '.' || c.relname || ' ' || r.grantee::regrole, string_agg(r.privilege_type, ' '
            ORDER BY r.privilege_type)
        {OURS}, aclexplode(c.relacl) r WHERE c.relkind IN ('r', 'S') AND r.grantee <> c.relowner GROUP BY 1""",
    "rights on columns": f"""
        SELECT n.nspname || '.' || c.relname || '.' || a.attname || ' ' || r.grantee::regrole,
            string_agg(r.privilege_type, ' ' ORDER BY r.privilege_type)
        {OURS} JOIN pg_attribute a ON a.attrelid = c.oid, aclexplode(a.attacl) r GROUP BY 1""",
    "rights on schemas": """
        SELECT n.nspname, string_agg(DISTINCT r.privilege_type, ' ') FROM pg_namespace n, aclexplode(n.nspacl) r
        WHERE n.nspname IN ('public', 'gateway') AND r.grantee = 'tanyi_app'::regrole GROUP BY 1""",
    "first rows": "SELECT 'genesis', to_jsonb(g)::text FROM ledger_genesis g",
    "first entry": "SELECT 'entry', seq || body || encode(leaf_hash, 'hex') FROM ledger_audit_entry",
    "head": "SELECT 'head', to_jsonb(h)::text FROM ledger_log_head h",
    "version": "SELECT 'version', version_num FROM alembic_version",
}


def fingerprint(engine: Engine, queries: dict[str, str]) -> dict[str, dict[str, str]]:
    """What each query says, by name."""
    with engine.connect() as connection:
        return {kind: {row[0]: row[1] for row in connection.execute(text(query))} for kind, query in queries.items()}


def whole_metadata() -> list[MetaData]:
    """The metadata of every module that has tables, found by looking for them in the tree."""
    found: list[MetaData] = [db.metadata]
    for package in ("tanyi", "market", "matching", "settlement"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if "mapped_column(" not in path.read_text("utf8") and "= Table(" not in path.read_text("utf8"):
                continue
            module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
            own = getattr(module, "metadata", db.metadata)
            if isinstance(own, MetaData) and own not in found:
                found.append(own)
    return found


def downgrade(connection: Connection, to: str) -> None:
    """Takes migrations back on this connection."""
    configuration = Config(attributes={"connection": connection})
    configuration.set_main_option("script_location", str(ROOT / "alembic"))
    command.downgrade(configuration, to)
