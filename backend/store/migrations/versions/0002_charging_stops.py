"""Charging can be stopped, and some work repeats every few minutes

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "charging_stop",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.Text(), nullable=True),
        sa.Column("lift_note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "reason IN ('broken_invariant', 'restore_gate', 'decline_ratio', 'amount_anomaly', 'provider_errors', 'staff')",
            name=op.f("ck_charging_stop_reason"),
        ),
        sa.CheckConstraint("scope IN ('all', 'automatic')", name=op.f("ck_charging_stop_scope")),
        sa.CheckConstraint("(lifted_at IS NULL) = (lifted_by IS NULL)", name=op.f("ck_charging_stop_lifted")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_charging_stop")),
    )
    op.create_index(
        "uq_charging_stop_open",
        "charging_stop",
        ["reason"],
        unique=True,
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.create_table(
        "periodic_run",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("job", name=op.f("pk_periodic_run")),
    )


def downgrade() -> None:
    raise RuntimeError("Money's history is never taken back; restore a backup instead.")
