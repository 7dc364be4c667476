"""Since when LINE has refused a notice, how old a reply token is, and whom a nonce of the account link is for

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("notice", sa.Column("reply_token_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("notice", sa.Column("held_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("line_link_nonce", sa.Column("line_user_id", sa.Text(), nullable=True))


def downgrade() -> None:
    raise RuntimeError("Money's history is never taken back; restore a backup instead.")
