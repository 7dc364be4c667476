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


def upgrade() -> None:
    _create_books()
    _create_reconciliation()
    _create_identity()


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
