"""Money received by bank, shop or cash

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# The database itself refuses what must never happen, whoever asks (money.md, invariants 1 and 20).
_GUARDS = (
    """
CREATE FUNCTION refuse_receipt_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.bill_id, NEW.kind, NEW.reference, NEW.amount, NEW.received_on, NEW.recorded_by, NEW.recorded_at)
     IS DISTINCT FROM (OLD.bill_id, OLD.kind, OLD.reference, OLD.amount, OLD.received_on, OLD.recorded_by,
       OLD.recorded_at) THEN
    RAISE EXCEPTION 'receipt %: what was recorded never changes; reject it and record another', OLD.id;
  END IF;
  IF OLD.state IN ('approved', 'rejected')
     AND (NEW.state, NEW.approved_by, NEW.rejected_by, NEW.decided_at)
       IS DISTINCT FROM (OLD.state, OLD.approved_by, OLD.rejected_by, OLD.decided_at) THEN
    RAISE EXCEPTION 'receipt %: state % is final', OLD.id, OLD.state;
  END IF;
  IF NEW.state = 'approved' AND OLD.state <> 'approved'
     AND NOT EXISTS (SELECT FROM bill_claim WHERE receipt_id = NEW.id AND bill_id = NEW.bill_id) THEN
    RAISE EXCEPTION 'receipt %: only the holder of the bill''s claim can be approved', OLD.id;
  END IF;
  RETURN NEW;
END $$
""",
    """
CREATE TRIGGER refuse_receipt_rewrite BEFORE UPDATE ON receipt
  FOR EACH ROW EXECUTE FUNCTION refuse_receipt_rewrite()
""",
    """
CREATE FUNCTION refuse_other_receipt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state <> 'recorded' THEN
    RAISE EXCEPTION 'a receipt begins as recorded, not as %', NEW.state;
  END IF;
  IF NEW.amount IS DISTINCT FROM (SELECT amount FROM bill WHERE id = NEW.bill_id) THEN
    RAISE EXCEPTION 'a receipt has the amount of its bill';
  END IF;
  RETURN NEW;
END $$
""",
    """
CREATE TRIGGER refuse_other_receipt BEFORE INSERT ON receipt
  FOR EACH ROW EXECUTE FUNCTION refuse_other_receipt()
""",
    """
CREATE TRIGGER refuse_any_rewrite BEFORE DELETE ON receipt
  FOR EACH ROW EXECUTE FUNCTION refuse_any_rewrite()
""",
    # Money that was approved keeps its claim for ever: nothing else can be taken for the bill.
    """
CREATE FUNCTION refuse_claim_release() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM receipt WHERE id = OLD.receipt_id AND state = 'approved') THEN
    RAISE EXCEPTION 'bill %: paid by receipt %, its claim stays', OLD.bill_id, OLD.receipt_id;
  END IF;
  RETURN OLD;
END $$
""",
    """
CREATE TRIGGER refuse_claim_release BEFORE DELETE ON bill_claim
  FOR EACH ROW WHEN (OLD.receipt_id IS NOT NULL) EXECUTE FUNCTION refuse_claim_release()
""",
)


def upgrade() -> None:
    _create_receipt()
    _share_the_claim()
    for guard in _GUARDS:
        op.execute(guard)


def _create_receipt() -> None:
    op.create_table(
        "receipt",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("bill_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("rejected_by", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('bank', 'shop', 'cash')", name=op.f("ck_receipt_kind")),
        sa.CheckConstraint("state IN ('recorded', 'approved', 'rejected')", name=op.f("ck_receipt_state")),
        sa.CheckConstraint("btrim(reference) <> ''", name=op.f("ck_receipt_reference")),
        sa.CheckConstraint("btrim(recorded_by) <> ''", name=op.f("ck_receipt_recorded_by")),
        sa.CheckConstraint("(state = 'approved') = (approved_by IS NOT NULL)", name=op.f("ck_receipt_approved")),
        sa.CheckConstraint("(state = 'rejected') = (rejected_by IS NOT NULL)", name=op.f("ck_receipt_rejected")),
        sa.CheckConstraint("(state = 'recorded') = (decided_at IS NULL)", name=op.f("ck_receipt_decided")),
        sa.CheckConstraint(
            "lower(btrim(approved_by)) <> lower(btrim(recorded_by))", name=op.f("ck_receipt_two_persons")
        ),
        sa.ForeignKeyConstraint(["bill_id"], ["bill.id"], name=op.f("fk_receipt_bill_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt")),
    )
    op.create_index(op.f("ix_receipt_bill_id"), "receipt", ["bill_id"], unique=False)
    not_rejected = sa.text("state <> 'rejected'")
    op.create_index("uq_receipt_bill", "receipt", ["bill_id"], unique=True, postgresql_where=not_rejected)
    op.create_index(
        "uq_receipt_reference", "receipt", ["kind", "reference"], unique=True, postgresql_where=not_rejected
    )


def _share_the_claim() -> None:
    op.add_column("bill_claim", sa.Column("receipt_id", sa.BigInteger(), nullable=True))
    op.alter_column("bill_claim", "attempt_id", existing_type=sa.UUID(), nullable=True)
    op.create_unique_constraint(op.f("uq_bill_claim_receipt_id"), "bill_claim", ["receipt_id"])
    op.create_foreign_key(op.f("fk_bill_claim_receipt_id"), "bill_claim", "receipt", ["receipt_id"], ["id"])
    op.create_check_constraint(
        op.f("ck_bill_claim_one_holder"), "bill_claim", "num_nonnulls(attempt_id, receipt_id) = 1"
    )


def downgrade() -> None:
    raise RuntimeError("Money's history is never taken back; restore a backup instead.")
