"""The month goes out in batches with a canary

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "charge_batch",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("canary_size", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=True),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("median", sa.Integer(), nullable=True),
        sa.Column("stop_reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("canary_passed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("counted_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('opening', 'canary', 'running', 'stopped', 'done')", name=op.f("ck_charge_batch_state")
        ),
        sa.CheckConstraint(
            "stop_reason IN ('broken_invariant', 'restore_gate', 'decline_ratio', 'amount_anomaly', 'provider_errors', 'staff')",
            name=op.f("ck_charge_batch_stop_reason"),
        ),
        sa.CheckConstraint("state <> 'stopped' OR stop_reason IS NOT NULL", name=op.f("ck_charge_batch_stopped")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_charge_batch")),
    )
    op.create_index(
        "uq_charge_batch_opening", "charge_batch", ["state"], unique=True, postgresql_where=sa.text("state = 'opening'")
    )
    op.add_column("payment_attempt", sa.Column("batch_id", sa.BigInteger(), nullable=True))
    op.add_column(
        "payment_attempt", sa.Column("is_canary", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column("payment_attempt", sa.Column("errored_at", sa.DateTime(timezone=True), nullable=True))
    op.create_foreign_key(
        op.f("fk_payment_attempt_batch_id"), "payment_attempt", "charge_batch", ["batch_id"], ["id"]
    )
    op.create_index(
        "ix_payment_attempt_batch", "payment_attempt", ["batch_id"], postgresql_where=sa.text("batch_id IS NOT NULL")
    )
    op.create_index(
        "ix_payment_attempt_prepared",
        "payment_attempt",
        [sa.text("coalesce(batch_id, 0)"), "is_canary", "not_before", "id"],
        postgresql_where=sa.text("state = 'prepared'"),
    )


def downgrade() -> None:
    raise RuntimeError("Money's history is never taken back; restore a backup instead.")
