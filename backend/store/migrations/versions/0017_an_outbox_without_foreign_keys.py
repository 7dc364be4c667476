"""The outbox names its rows without foreign keys (decision 18)

Revision ID: 0017
Revises: 0016
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in ("account_id", "request_id", "link_id"):
        op.drop_constraint(f"fk_notice_{column}", "notice", type_="foreignkey")


def downgrade() -> None:
    raise RuntimeError("Money's history is never taken back; restore a backup instead.")
