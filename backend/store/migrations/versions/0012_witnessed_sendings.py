"""When a charge was first sent by the database's clock; jobs that are overdue

Revision ID: 0012
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payment_attempt", sa.Column("witnessed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("periodic_run", sa.Column("succeeded_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "job_waiting",
        sa.Column("job", sa.Text(), primary_key=True),
        sa.Column("due_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
    )


def downgrade() -> None:
    raise RuntimeError("Money's history is never taken back; restore a backup instead.")
