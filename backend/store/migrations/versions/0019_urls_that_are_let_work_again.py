"""A URL that too many tries have stopped can be let work again: what was tried before then counts no more (f42, f93)

Revision ID: 0019
Revises: 0018
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

# One count for page, bot and the list for people; a refusal that is our own fault is no try of the payer's. A look at
# one link is a few rows by their indexes: behind the OFFSET nothing is looked up among the declines of everybody.
_TRIES = """
CREATE VIEW payment_link_tries AS
SELECT l.id AS link_id, l.proof_failures,
  (SELECT count(*) FROM (SELECT state, origin, decline_class, created_at FROM payment_attempt
                         WHERE request_id = l.request_id OFFSET 0) d
   WHERE d.state = 'declined' AND d.origin = 'link'
     AND d.decline_class IS DISTINCT FROM 'ours'
     AND d.created_at > coalesce(l.unlocked_at, '-infinity')) AS declines,
  (SELECT count(*) FROM card_registration g
   WHERE g.link_id = l.id AND g.created_at > coalesce(l.unlocked_at, '-infinity')) AS registrations
FROM payment_link l
"""


def upgrade() -> None:
    op.execute("ALTER TABLE payment_link ADD COLUMN unlocked_at timestamptz")
    op.create_index("ix_card_registration_link", "card_registration", ["link_id"])
    op.execute(_TRIES)


def downgrade() -> None:
    raise RuntimeError("Money's history is never taken back; restore a backup instead.")
