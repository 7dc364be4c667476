"""The history of every money state, written by the database itself; history is only ever added to (invariant 19)

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# What the gateway said that a step rests on, by the kind of thing that moved; NULL where it was no word of the
# gateway. `m` is the step. The sum keeps the planner from walking the primary key backwards for max().
_EVIDENCE = {
    "bill": """
      CASE WHEN m.after IN ('paid', 'held') THEN (
        SELECT max(e.id) FROM bill_claim c JOIN payment_evidence e ON e.attempt_id = c.attempt_id
        WHERE c.bill_id = m.id AND (m.after = 'held' OR e.outcome = 'succeeded')) END""",
    "payment_request": """
      CASE WHEN m.after = 'settled' THEN (
        SELECT max(e.id) FROM payment_attempt p JOIN payment_evidence e ON e.attempt_id = p.id
        WHERE p.request_id = m.id AND p.state = 'succeeded' AND e.outcome = 'succeeded') END""",
    "payment_attempt": """
      CASE WHEN m.after IN ('succeeded', 'declined', 'challenged', 'unknown') THEN (
        SELECT max(e.id + 0) FROM payment_evidence e
        WHERE e.attempt_id = m.id AND (m.after = 'unknown' OR e.outcome = m.after)) END""",
    "card_on_file": """
      CASE WHEN m.after IN ('active', 'unusable') THEN (
        SELECT max(e.id) FROM card_on_file c JOIN payment_request r ON r.account_id = c.account_id
        JOIN payment_attempt p ON p.request_id = r.id AND p.card_id = c.id
        JOIN payment_evidence e ON e.attempt_id = p.id
        WHERE c.id = m.id AND e.outcome = CASE m.after WHEN 'active' THEN 'succeeded' ELSE 'declined' END) END""",
}

# One statement for all rows of an UPDATE: a month is opened by a thousand bills at a time. Grouped and not joined, so
# that the plan which the session keeps is right for one row and for a thousand; no sequential scans, because it may
# have been made while the tables were empty. The time is the application's: the database's clock and the shift of a
# development system.
_WRITE = """
CREATE FUNCTION write_{table}_step() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  INSERT INTO money_step (entity, entity_id, state_before, state_after, actor, cause, evidence_id, at)
  SELECT '{table}', CAST(m.id AS text), m.before, m.after,
    coalesce(nullif(current_setting('tsukibarai.actor', true), ''), session_user),
    coalesce(nullif(current_setting('tsukibarai.cause', true), ''), 'not said'),
    {evidence},
    clock_timestamp() + coalesce((SELECT shift FROM clock_shift), interval '0')
  FROM (
    SELECT id, max(state) FILTER (WHERE is_old) AS before, max(state) FILTER (WHERE NOT is_old) AS after
    FROM (SELECT id, state, true AS is_old FROM old_rows UNION ALL SELECT id, state, false FROM new_rows) each_row
    GROUP BY id
  ) m
  WHERE m.before <> m.after;
  RETURN NULL;
END $$
"""
_TRIGGER = """
CREATE TRIGGER write_step AFTER UPDATE ON {table} REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION write_{table}_step()
"""
_BEGINNINGS = {
    "bill": "finalized",
    "payment_request": "open",
    "payment_attempt": "prepared",
    "card_on_file": "pending",
}
# What was there before this history: one step each that says how it was found.
_AS_FOUND = """
INSERT INTO money_step (entity, entity_id, state_before, state_after, actor, cause, at)
SELECT '{table}', CAST(id AS text), NULL, state, session_user, 'as found when the history began', clock_timestamp()
FROM {table} WHERE state <> '{beginning}'
"""
_ONLY_ADDED_TO = (
    """
CREATE TRIGGER refuse_any_rewrite BEFORE UPDATE OR DELETE ON money_step
  FOR EACH ROW EXECUTE FUNCTION refuse_any_rewrite()
""",
    *(
        # contract: nothing is taken away, the trigger refuses exactly that
        f"""
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON {table}
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_any_rewrite()
"""
        for table in ("money_step", "payment_evidence", "refund_step")
    ),
)


def upgrade() -> None:
    op.create_table(
        "money_step",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("state_before", sa.Text(), nullable=True),
        sa.Column("state_after", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("evidence_id", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["evidence_id"], ["payment_evidence.id"], name=op.f("fk_money_step_evidence_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_money_step")),
    )
    op.create_index("ix_money_step_entity", "money_step", ["entity", "entity_id", "id"])
    for table, evidence in _EVIDENCE.items():
        op.execute(_WRITE.format(table=table, evidence=evidence.strip()))
        op.execute(_TRIGGER.format(table=table))
        op.execute(_AS_FOUND.format(table=table, beginning=_BEGINNINGS[table]))
    for guard in _ONLY_ADDED_TO:
        op.execute(guard)


def downgrade() -> None:
    raise RuntimeError("Money's history is never taken back; restore a backup instead.")
