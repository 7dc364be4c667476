"""Find a customer's events that were put aside, to erase in them what was taken back

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_inbox_event_quarantined",
        "inbox_event",
        ["order_key"],
        postgresql_where=sa.text("state = 'quarantined'"),
    )


def downgrade() -> None:
    op.drop_index("ix_inbox_event_quarantined", table_name="inbox_event")
