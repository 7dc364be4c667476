"""A URL that too many tries have stopped can be let work again: what was tried before then counts no more (f42, f93)

Revision ID: 0019
Revises: 0018
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

# One count for page, bot and the list for people. A look at one link is a few rows by their indexes.
_TRIES = """
CREATE VIEW payment_link_tries AS
SELECT l.id AS link_id, l.proof_failures,
  (SELECT count(*) FROM payment_attempt d
   WHERE d.request_id = l.request_id AND d.state = 'declined' AND d.origin = 'link'
     AND d.created_at > coalesce(l.unlocked_at, '-infinity')) AS declines,
  (SELECT count(*) FROM card_registration g
   WHERE g.link_id = l.id AND g.created_at > coalesce(l.unlocked_at, '-infinity')) AS registrations
FROM payment_link l
"""


def upgrade() -> None:
    op.execute("ALTER TABLE payment_link ADD COLUMN unlocked_at timestamptz")
    op.execute(_TRIES)


def downgrade() -> None:
    raise RuntimeError("Money's history is never taken back; restore a backup instead.")
