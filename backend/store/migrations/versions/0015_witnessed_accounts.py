"""When an account was first written by the database's clock, which never travels: how old a ledger is

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # In two steps: of accounts that are there already nobody knows it, and the day of this migration would be wrong.
    op.add_column("account", sa.Column("witnessed_at", sa.DateTime(timezone=True), nullable=True))
    op.alter_column("account", "witnessed_at", server_default=sa.text("now()"))


def downgrade() -> None:
    raise RuntimeError("Money's history is never taken back; restore a backup instead.")
