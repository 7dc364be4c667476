"""Whose the month's rows are is judged once a statement, by more than a foreign key can say (decision 19)

Revision ID: 0018
Revises: 0017
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_KEYS = {
    "bill": ["account_id"],
    "payment_request": ["account_id"],
    "payment_request_bill": ["request_id", "bill_id"],
    "payment_link": ["request_id"],
    "notice_evidence": ["notice_id"],
}
# Which fresh rows name what is not there, or not theirs. Looked up row by row in the primary key and never joined: so
# the plan that a session keeps is right for one row and for a hundred thousand.
_STRANGE = {
    "bill": ("account_id", "(SELECT true FROM account a WHERE a.id = f.account_id) IS NULL"),
    "payment_request": ("account_id", "(SELECT true FROM account a WHERE a.id = f.account_id) IS NULL"),
    "payment_link": ("request_id", "(SELECT true FROM payment_request r WHERE r.id = f.request_id) IS NULL"),
    "notice_evidence": ("notice_id", "(SELECT true FROM notice n WHERE n.id = f.notice_id) IS NULL"),
    "payment_request_bill": (
        "bill_id",
        """((SELECT b.account_id FROM bill b WHERE b.id = f.bill_id)
        = (SELECT r.account_id FROM payment_request r WHERE r.id = f.request_id)) IS NOT TRUE""",
    ),
}
# No sequential scans: the plan may have been made while the tables were empty.
_JUDGE = """
CREATE FUNCTION refuse_strange_{table}() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  strange bigint;
BEGIN
  SELECT f.{column} INTO strange FROM fresh f WHERE {is_strange} LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION '{table}: {column} % is not there, or somebody else''s', strange
      USING ERRCODE = 'foreign_key_violation';
  END IF;
  RETURN NULL;
END $$
"""
_ON_INSERT = """
CREATE TRIGGER refuse_strange AFTER INSERT ON {table} REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_strange_{table}()
"""
# What others name stays, under its name; and nothing that is there changes hands. (A request's account and the bills
# of a request are kept by older guards.)
_KEEP = """
CREATE FUNCTION refuse_another_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%: no row goes, none changes hands', TG_TABLE_NAME;
END $$
"""
_KEPT = {
    "account": "UPDATE OF id",
    "bill": "UPDATE OF id, account_id",
    "payment_request": "UPDATE OF id",
    "payment_link": "UPDATE OF id, request_id",
    "notice": "UPDATE OF id",
}
_ON_CHANGE = (
    """
CREATE TRIGGER refuse_another_owner BEFORE DELETE OR {change} ON {table}
  FOR EACH ROW EXECUTE FUNCTION refuse_another_owner()
""",
    # contract: nothing is taken away, the trigger refuses exactly that
    """
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON {table}
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_another_owner()
""",
)


def upgrade() -> None:
    """The guards first: between them and the keys there is no moment without either."""
    op.execute(_KEEP)
    for table, change in _KEPT.items():
        for trigger in _ON_CHANGE:
            op.execute(trigger.format(table=table, change=change))
    for table, (column, is_strange) in _STRANGE.items():
        op.execute(_JUDGE.format(table=table, column=column, is_strange=is_strange))
        op.execute(_ON_INSERT.format(table=table))
    for table, columns in _KEYS.items():
        for column in columns:
            op.drop_constraint(f"fk_{table}_{column}", table, type_="foreignkey")


def downgrade() -> None:
    raise RuntimeError("Money's history is never taken back; restore a backup instead.")
