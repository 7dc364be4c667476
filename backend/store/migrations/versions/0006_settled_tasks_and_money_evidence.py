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

# Whether declines of this card forbid to charge it: `never` wherever it was heard; others too often for one customer.
_REFUSED_CARD = """
CREATE FUNCTION is_refused_card(
  card_account bigint, card_gateway text, card_fingerprint text, since timestamptz, most integer
) RETURNS boolean LANGUAGE sql STABLE SET enable_seqscan = off AS $$
  SELECT coalesce(bool_or(a.decline_class = 'never'), false)
    OR count(*) FILTER (WHERE a.decline_class IN ('soft', 'new_card') AND a.settled_at >= since
                        AND c.account_id = card_account) >= most
  FROM card_on_file c JOIN payment_attempt a ON a.card_id = c.id AND a.state = 'declined'
  WHERE c.gateway = card_gateway AND c.fingerprint = card_fingerprint
$$
"""


def upgrade() -> None:
    op.add_column("staff_task", sa.Column("done_by", sa.Text(), nullable=True))
    op.add_column("staff_task", sa.Column("note", sa.Text(), nullable=True))
    op.add_column("payment_evidence", sa.Column("gateway_reference", sa.Text(), nullable=True))
    op.add_column("payment_evidence", sa.Column("amount", sa.Integer(), nullable=True))
    op.create_index("ix_card_on_file_fingerprint", "card_on_file", ["gateway", "fingerprint"])
    op.create_index(
        "ix_payment_attempt_declined", "payment_attempt", ["card_id"], postgresql_where=sa.text("state = 'declined'")
    )
    op.execute(_REFUSED_CARD)


def downgrade() -> None:
    raise RuntimeError("Money's history is never taken back; restore a backup instead.")
