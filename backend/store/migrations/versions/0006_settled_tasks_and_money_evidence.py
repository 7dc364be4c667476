"""Who settled a matter and how; what money an answer spoke of; cards by what they really are

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("staff_task", sa.Column("done_by", sa.Text(), nullable=True))
    op.add_column("staff_task", sa.Column("note", sa.Text(), nullable=True))
    op.add_column("payment_evidence", sa.Column("gateway_reference", sa.Text(), nullable=True))
    op.add_column("payment_evidence", sa.Column("amount", sa.Integer(), nullable=True))
    op.create_index("ix_card_on_file_fingerprint", "card_on_file", ["gateway", "fingerprint"])


def downgrade() -> None:
    raise RuntimeError("Money's history is never taken back; restore a backup instead.")
