"""What a provider said of a notice, with its own name of the call: one row for each word that moved the notice

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_STATES = "'queued', 'sending', 'sent', 'delivered', 'failed', 'unknown', 'needs_human'"
_ONLY_ADDED_TO = (
    """
CREATE TRIGGER refuse_any_rewrite BEFORE UPDATE OR DELETE ON notice_evidence
  FOR EACH ROW EXECUTE FUNCTION refuse_any_rewrite()
""",
    # contract: nothing is taken away, the trigger refuses exactly that
    """
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON notice_evidence
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_any_rewrite()
""",
)
# The newest name that each notice has kept until now; its state is the one that was found.
_AS_FOUND = """
INSERT INTO notice_evidence (notice_id, attempt, word, state_after, provider_request_id, at)
SELECT id, attempts, 'answer', state, provider_request_id, coalesce(last_sent_at, created_at)
FROM notice WHERE provider_request_id IS NOT NULL
"""


def upgrade() -> None:
    op.create_table(
        "notice_evidence",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("notice_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("state_after", sa.Text(), nullable=False),
        sa.Column("provider_request_id", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("word IN ('answer', 'look_up', 'receipt')", name=op.f("ck_notice_evidence_word")),
        sa.CheckConstraint(f"state_after IN ({_STATES})", name=op.f("ck_notice_evidence_state_after")),
        sa.ForeignKeyConstraint(["notice_id"], ["notice.id"], name=op.f("fk_notice_evidence_notice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_evidence")),
    )
    op.create_index(op.f("ix_notice_evidence_notice_id"), "notice_evidence", ["notice_id"])
    for guard in _ONLY_ADDED_TO:
        op.execute(guard)
    op.execute(_AS_FOUND)


def downgrade() -> None:
    raise RuntimeError("What providers said is never taken back; restore a backup instead.")
