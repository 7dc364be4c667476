"""Money given back or taken back by issuers, and each step on the way."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from backend.domain.gateway_objects import DisputeState
from backend.domain.states import LIVE_REFUNDS, RefundOrigin, RefundState
from backend.store.tables.base import instant, metadata, quoted, state_column

# Triggers bound the sum by what was captured and keep ended states as they are (migration 0004).
refund = Table(
    "refund",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),  # also the idempotency key
    Column("attempt_id", ForeignKey("payment_attempt.id"), nullable=False, index=True),
    Column("charge_reference", Text, nullable=False),  # frozen: the gateway's charge that is given back
    state_column("origin", RefundOrigin),
    state_column("state", RefundState),
    Column("amount", Integer, nullable=False),  # yen
    Column("reason", Text, CheckConstraint("btrim(reason) <> ''", name="reason"), nullable=False),
    Column("requested_by", Text),
    Column("approved_by", Text),
    Column("gateway_reference", Text, unique=True),
    Column("refusal", Text),  # the gateway's word
    Column("checks", SmallInteger, nullable=False, server_default="0"),
    instant("created_at"),
    instant("approved_at", nullable=True),
    instant("not_before", nullable=True),
    instant("first_sent_at", nullable=True),
    instant("next_check_at", nullable=True),
    instant("settled_at", nullable=True),
    instant("lease_until", nullable=True),  # database clock
    CheckConstraint("amount BETWEEN 1 AND 9999999", name="amount"),
    CheckConstraint("origin = 'console' OR btrim(requested_by) <> ''", name="requested_by"),
    CheckConstraint("lower(btrim(approved_by)) <> lower(btrim(requested_by))", name="two_persons"),
    # What we send has two names; one that a restored database does not remember to have sent may have lost the second.
    CheckConstraint(
        "origin = 'console' OR state IN ('requested', 'withdrawn') OR approved_by IS NOT NULL "
        "OR state = 'succeeded' AND first_sent_at IS NULL",
        name="approved",
    ),
    CheckConstraint("state <> 'succeeded' OR gateway_reference IS NOT NULL", name="evidence"),
    # One at a time: pressed twice it is one refund.
    Index(
        "uq_refund_live",
        "attempt_id",
        unique=True,
        postgresql_where=text(f"state IN ({quoted(*LIVE_REFUNDS)})"),
    ),
    Index(
        "ix_refund_work",
        "not_before",
        postgresql_where=text(f"state IN ({quoted(RefundState.PREPARED, RefundState.SENT, RefundState.UNKNOWN)})"),
    ),
)

# Who or what moved a refund, and what the gateway said, word by word; append-only (invariant 19).
refund_step = Table(
    "refund_step",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("refund_id", ForeignKey("refund.id"), nullable=False, index=True),
    Column("actor", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("state_before", Text),
    Column("state_after", Text, nullable=False),
    Column("gateway_request_id", Text),
    Column("body", JSONB, nullable=False),
    instant("at"),
)

# Chargebacks. While one is open nothing of its attempt is refunded and its account is not charged by itself.
dispute = Table(
    "dispute",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("gateway", Text, nullable=False),
    Column("gateway_reference", Text, nullable=False),
    Column("charge_reference", Text, nullable=False),
    Column("attempt_id", ForeignKey("payment_attempt.id"), index=True),
    Column("account_id", ForeignKey("account.id")),
    Column("amount", Integer, CheckConstraint("amount > 0", name="amount"), nullable=False),  # yen
    Column("reason", Text, nullable=False),
    state_column("state", DisputeState),
    instant("opened_at"),  # the gateway's clock
    instant("closed_at", nullable=True),
    instant("recorded_at"),
    UniqueConstraint("gateway", "gateway_reference"),
    CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="closed"),
    Index("ix_dispute_open", "account_id", postgresql_where=text("state = 'open'")),
)
