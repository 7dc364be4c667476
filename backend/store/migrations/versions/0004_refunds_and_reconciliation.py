"""Refunds, disputes and what the gateway lists

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


# The database itself refuses what must never happen, whoever asks (money.md, invariants 1 and 17).
_MONEY_GUARDS = (
    # A paid bill stays paid unless its money went back; then it is not payable again by itself: its claim stays.
    """
CREATE FUNCTION refuse_bill_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.amount <> OLD.amount THEN
    RAISE EXCEPTION 'bill %: an amount never changes; write a new row instead', OLD.id;
  END IF;
  IF NEW.state = OLD.state THEN
    RETURN NEW;
  END IF;
  IF OLD.state IN ('void', 'refunded')
     OR OLD.state = 'paid' AND NEW.state NOT IN ('refunded', 'disputed')
     OR OLD.state = 'disputed' AND NEW.state NOT IN ('paid', 'refunded') THEN
    RAISE EXCEPTION 'bill %: state % is final', OLD.id, OLD.state;
  END IF;
  IF NEW.state IN ('refunded', 'disputed') AND OLD.state NOT IN ('paid', 'disputed') THEN
    RAISE EXCEPTION 'bill %: only a paid bill can become %', OLD.id, NEW.state;
  END IF;
  RETURN NEW;
END $$
""",
    "DROP TRIGGER refuse_money_rewrite ON bill",
    """
CREATE TRIGGER refuse_bill_rewrite BEFORE UPDATE OF amount, state ON bill
  FOR EACH ROW EXECUTE FUNCTION refuse_bill_rewrite()
""",
    # What the gateway took for an attempt: its amount, or for one that was given up what the evidence says it took
    # (the columns of the evidence come with 0006). Waits for the attempt's row, so that two requests see each other.
    """
CREATE FUNCTION captured_by(attempt uuid) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  taken integer;
BEGIN
  SELECT CASE a.state WHEN 'succeeded' THEN a.amount END INTO taken
  FROM payment_attempt a WHERE a.id = attempt FOR UPDATE;
  IF taken IS NULL THEN
    SELECT max(e.amount) INTO taken FROM payment_evidence e
    WHERE e.attempt_id = attempt AND e.outcome = 'succeeded';
  END IF;
  RETURN coalesce(taken, 0);
END $$
""",
    # A refund made at the gateway's own console is a fact, not a wish: the gateway has bounded it.
    """
CREATE FUNCTION refuse_refund_beyond() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  captured integer;
  gone bigint;
BEGIN
  captured := captured_by(NEW.attempt_id);
  IF NEW.origin = 'console' THEN
    RETURN NEW;
  END IF;
  IF NEW.state <> 'requested' THEN
    RAISE EXCEPTION 'a refund begins as requested, not as %', NEW.state;
  END IF;
  IF EXISTS (SELECT FROM dispute WHERE attempt_id = NEW.attempt_id AND state = 'open') THEN
    RAISE EXCEPTION 'attempt %: nothing is refunded while a dispute is open', NEW.attempt_id;
  END IF;
  SELECT coalesce((SELECT sum(amount) FROM refund
                   WHERE attempt_id = NEW.attempt_id AND state NOT IN ('refused', 'withdrawn')), 0)
    + coalesce((SELECT sum(amount) FROM dispute WHERE attempt_id = NEW.attempt_id AND state = 'lost'), 0) INTO gone;
  IF gone + NEW.amount > captured THEN
    RAISE EXCEPTION 'attempt %: % were captured, % given back or promised; % more is too much',
      NEW.attempt_id, captured, gone, NEW.amount;
  END IF;
  RETURN NEW;
END $$
""",
    """
CREATE TRIGGER refuse_refund_beyond BEFORE INSERT ON refund
  FOR EACH ROW EXECUTE FUNCTION refuse_refund_beyond()
""",
    """
CREATE FUNCTION refuse_refund_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.attempt_id, NEW.charge_reference, NEW.origin, NEW.amount, NEW.reason, NEW.requested_by, NEW.created_at)
     IS DISTINCT FROM (OLD.attempt_id, OLD.charge_reference, OLD.origin, OLD.amount, OLD.reason, OLD.requested_by,
       OLD.created_at)
     OR OLD.approved_by IS NOT NULL AND NEW.approved_by IS DISTINCT FROM OLD.approved_by THEN
    RAISE EXCEPTION 'refund %: what was asked for never changes', OLD.id;
  END IF;
  IF NEW.state <> OLD.state AND NOT (
       OLD.state = 'requested' AND NEW.state IN ('prepared', 'withdrawn')
    OR OLD.state = 'prepared' AND NEW.state IN ('sent', 'withdrawn')
    OR OLD.state = 'sent' AND NEW.state IN ('prepared', 'succeeded', 'refused', 'unknown')
    OR OLD.state = 'unknown' AND NEW.state IN ('succeeded', 'refused')
    OR OLD.state = 'refused' AND NEW.state = 'succeeded') THEN
    RAISE EXCEPTION 'refund %: % cannot become %', OLD.id, OLD.state, NEW.state;
  END IF;
  RETURN NEW;
END $$
""",
    """
CREATE TRIGGER refuse_refund_rewrite BEFORE UPDATE ON refund
  FOR EACH ROW EXECUTE FUNCTION refuse_refund_rewrite()
""",
    """
CREATE TRIGGER refuse_any_rewrite BEFORE DELETE ON refund
  FOR EACH ROW EXECUTE FUNCTION refuse_any_rewrite()
""",
    """
CREATE TRIGGER refuse_any_rewrite BEFORE UPDATE OR DELETE ON refund_step
  FOR EACH ROW EXECUTE FUNCTION refuse_any_rewrite()
""",
    """
CREATE FUNCTION refuse_dispute_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state <> 'open' AND NEW.state <> OLD.state OR NEW.amount <> OLD.amount THEN
    RAISE EXCEPTION 'dispute %: % is final, and its amount never changes', OLD.gateway_reference, OLD.state;
  END IF;
  RETURN NEW;
END $$
""",
    """
CREATE TRIGGER refuse_dispute_rewrite BEFORE UPDATE ON dispute
  FOR EACH ROW EXECUTE FUNCTION refuse_dispute_rewrite()
""",
)


def upgrade() -> None:
    _create_refund()
    _create_refund_step()
    _create_dispute()
    for guard in _MONEY_GUARDS:
        op.execute(guard)
    _create_books()
    _create_reconciliation()
    _create_identity()


def _create_refund() -> None:
    op.create_table(
        "refund",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("charge_reference", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=True),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("gateway_reference", sa.Text(), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("checks", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("origin IN ('staff', 'console')", name=op.f("ck_refund_origin")),
        sa.CheckConstraint(
            "state IN ('requested', 'prepared', 'sent', 'unknown', 'succeeded', 'refused', 'withdrawn')",
            name=op.f("ck_refund_state"),
        ),
        sa.CheckConstraint("btrim(reason) <> ''", name=op.f("ck_refund_reason")),
        sa.CheckConstraint("amount BETWEEN 1 AND 9999999", name=op.f("ck_refund_amount")),
        sa.CheckConstraint("origin = 'console' OR btrim(requested_by) <> ''", name=op.f("ck_refund_requested_by")),
        sa.CheckConstraint(
            "lower(btrim(approved_by)) <> lower(btrim(requested_by))", name=op.f("ck_refund_two_persons")
        ),
        sa.CheckConstraint(
            "origin = 'console' OR state IN ('requested', 'withdrawn') OR approved_by IS NOT NULL",
            name=op.f("ck_refund_approved"),
        ),
        sa.CheckConstraint("state <> 'succeeded' OR gateway_reference IS NOT NULL", name=op.f("ck_refund_evidence")),
        sa.ForeignKeyConstraint(["attempt_id"], ["payment_attempt.id"], name=op.f("fk_refund_attempt_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund")),
        sa.UniqueConstraint("gateway_reference", name=op.f("uq_refund_gateway_reference")),
    )
    op.create_index(op.f("ix_refund_attempt_id"), "refund", ["attempt_id"])
    op.create_index(
        "uq_refund_live",
        "refund",
        ["attempt_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('requested', 'prepared', 'sent', 'unknown')"),
    )
    op.create_index(
        "ix_refund_work",
        "refund",
        ["not_before"],
        postgresql_where=sa.text("state IN ('prepared', 'sent', 'unknown')"),
    )


def _create_refund_step() -> None:
    op.create_table(
        "refund_step",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("refund_id", sa.Uuid(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("state_before", sa.Text(), nullable=True),
        sa.Column("state_after", sa.Text(), nullable=False),
        sa.Column("gateway_request_id", sa.Text(), nullable=True),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["refund_id"], ["refund.id"], name=op.f("fk_refund_step_refund_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund_step")),
    )
    op.create_index(op.f("ix_refund_step_refund_id"), "refund_step", ["refund_id"])


def _create_dispute() -> None:
    op.create_table(
        "dispute",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("gateway_reference", sa.Text(), nullable=False),
        sa.Column("charge_reference", sa.Text(), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=True),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_dispute_amount")),
        sa.CheckConstraint("state IN ('open', 'won', 'lost')", name=op.f("ck_dispute_state")),
        sa.CheckConstraint("(state = 'open') = (closed_at IS NULL)", name=op.f("ck_dispute_closed")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_dispute_account_id")),
        sa.ForeignKeyConstraint(["attempt_id"], ["payment_attempt.id"], name=op.f("fk_dispute_attempt_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute")),
        sa.UniqueConstraint("gateway", "gateway_reference", name=op.f("uq_dispute_gateway_gateway_reference")),
    )
    op.create_index(op.f("ix_dispute_attempt_id"), "dispute", ["attempt_id"])
    op.create_index("ix_dispute_open", "dispute", ["account_id"], postgresql_where=sa.text("state = 'open'"))


def _create_books() -> None:
    op.create_table(
        "gateway_transaction",
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("line_reference", sa.Text(), nullable=False),
        sa.Column("gateway_reference", sa.Text(), nullable=False),
        sa.Column("charge_reference", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=True),
        sa.Column("refund_id", sa.Uuid(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('charge', 'refund', 'dispute')", name=op.f("ck_gateway_transaction_kind")),
        sa.PrimaryKeyConstraint("gateway", "line_reference", name=op.f("pk_gateway_transaction")),
    )
    op.create_index("ix_gateway_transaction_attempt", "gateway_transaction", ["attempt_id"])
    op.create_index("ix_gateway_transaction_charge", "gateway_transaction", ["charge_reference"])
    op.create_index("ix_gateway_transaction_time", "gateway_transaction", ["occurred_at"])
    op.create_table(
        "settlement_line",
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("line_reference", sa.Text(), nullable=False),
        sa.Column("settlement_reference", sa.Text(), nullable=False),
        sa.Column("gateway_reference", sa.Text(), nullable=False),
        sa.Column("charge_reference", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("fee", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("settled_on", sa.Date(), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=True),
        sa.Column("refund_id", sa.Uuid(), nullable=True),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('charge', 'refund', 'dispute')", name=op.f("ck_settlement_line_kind")),
        sa.PrimaryKeyConstraint("gateway", "line_reference", name=op.f("pk_settlement_line")),
    )


def _create_reconciliation() -> None:
    kinds = (
        "'missing_locally', 'missing_at_gateway', 'amount_differs', 'state_differs', 'captured_twice', "
        "'foreign_refund', 'dispute', 'not_settled', 'settled_unseen'"
    )
    op.create_table(
        "reconciliation_exception",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=True),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("order_number", sa.Text(), nullable=True),
        sa.Column("amount", sa.Integer(), nullable=True),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_blocking", sa.Boolean(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_by", sa.Text(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(f"kind IN ({kinds})", name=op.f("ck_reconciliation_exception_kind")),
        sa.CheckConstraint(
            "(resolved_at IS NULL) = (resolved_by IS NULL)", name=op.f("ck_reconciliation_exception_resolved")
        ),
        sa.CheckConstraint(
            "(accepted_at IS NULL) = (accepted_by IS NULL)", name=op.f("ck_reconciliation_exception_accepted")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_reconciliation_exception_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation_exception")),
    )
    op.create_index(
        "uq_reconciliation_exception_open",
        "reconciliation_exception",
        ["kind", "reference"],
        unique=True,
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_index(
        "ix_reconciliation_exception_account",
        "reconciliation_exception",
        ["account_id"],
        postgresql_where=sa.text("resolved_at IS NULL AND is_blocking"),
    )
    op.create_table(
        "reconciliation_run",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation_run")),
    )


# Without a noted identity (a database that no process has used yet) nothing has moved; who may not ask where the log
# stands is answered by the other signs (backend/store/restore_gate.py).
_HAS_MOVED = """
CREATE FUNCTION database_has_moved() RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
  noted jsonb;
BEGIN
  SELECT parts INTO noted FROM database_identity;
  IF noted IS NULL THEN
    RETURN false;
  END IF;
  IF noted->>'database' <> (SELECT oid::text FROM pg_database WHERE datname = current_database()) THEN
    RETURN true;
  END IF;
  RETURN coalesce(noted->>'timeline' <> substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8), false);
EXCEPTION WHEN insufficient_privilege OR undefined_function OR feature_not_supported
    OR object_not_in_prerequisite_state THEN
  RETURN false;
END $$
"""


def _create_identity() -> None:
    op.create_table(
        "database_identity",
        sa.Column("is_only_row", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("parts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("noted_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("is_only_row", name=op.f("pk_database_identity")),
    )
    op.execute(_HAS_MOVED)


def downgrade() -> None:
    raise RuntimeError("Money's history is never taken back; restore a backup instead.")
