"""Violations that two persons have looked at and accepted

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# What was accepted stays accepted: it is the reason why charging went on.
_GUARDS = (
    """
CREATE FUNCTION refuse_acceptance_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.accepted_by IS NOT NULL
     OR (NEW.invariant, NEW.subject, NEW.detail, NEW.proposed_by, NEW.proposed_note, NEW.proposed_at)
       IS DISTINCT FROM (OLD.invariant, OLD.subject, OLD.detail, OLD.proposed_by, OLD.proposed_note, OLD.proposed_at) THEN
    RAISE EXCEPTION 'accepted violation %: what was written down never changes', OLD.id;
  END IF;
  RETURN NEW;
END $$
""",
    """
CREATE TRIGGER refuse_acceptance_rewrite BEFORE UPDATE ON accepted_violation
  FOR EACH ROW EXECUTE FUNCTION refuse_acceptance_rewrite()
""",
    """
CREATE TRIGGER refuse_any_rewrite BEFORE DELETE ON accepted_violation
  FOR EACH ROW EXECUTE FUNCTION refuse_any_rewrite()
""",
)


def upgrade() -> None:
    op.create_table(
        "accepted_violation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("invariant", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_note", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_by", sa.Text(), nullable=True),
        sa.Column("accepted_note", sa.Text(), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("btrim(proposed_by) <> ''", name=op.f("ck_accepted_violation_proposed_by")),
        sa.CheckConstraint("btrim(proposed_note) <> ''", name=op.f("ck_accepted_violation_proposed_note")),
        sa.CheckConstraint("btrim(accepted_note) <> ''", name=op.f("ck_accepted_violation_accepted_note")),
        sa.CheckConstraint(
            "num_nonnulls(accepted_by, accepted_note, accepted_at) IN (0, 3)",
            name=op.f("ck_accepted_violation_accepted"),
        ),
        sa.CheckConstraint(
            "btrim(accepted_by) <> '' AND lower(btrim(accepted_by)) <> lower(btrim(proposed_by))",
            name=op.f("ck_accepted_violation_two_persons"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accepted_violation")),
        sa.UniqueConstraint(
            "invariant", "subject", "detail", name=op.f("uq_accepted_violation_invariant_subject_detail")
        ),
    )
    for guard in _GUARDS:
        op.execute(guard)


def downgrade() -> None:
    raise RuntimeError("Money's history is never taken back; restore a backup instead.")
