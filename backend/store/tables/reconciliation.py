"""The gateway's books as we have read them, what in them is not explained, and which database this is."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from backend.domain.gateway_objects import MovementKind
from backend.domain.states import ExceptionKind
from backend.store.tables.base import instant, metadata, state_column

# One movement of money in the gateway's account, word by word. No foreign key: some are not ours.
gateway_transaction = Table(
    "gateway_transaction",
    metadata,
    Column("gateway", Text, primary_key=True),
    Column("line_reference", Text, primary_key=True),
    Column("gateway_reference", Text, nullable=False),  # the charge, refund or dispute behind it
    Column("charge_reference", Text, nullable=False),
    state_column("kind", MovementKind),
    Column("amount", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempt_id", Uuid),
    Column("refund_id", Uuid),
    instant("occurred_at"),  # the gateway's clock
    Column("body", JSONB, nullable=False),
    instant("first_seen_at"),
    Index("ix_gateway_transaction_attempt", "attempt_id"),
    Index("ix_gateway_transaction_charge", "charge_reference"),
    Index("ix_gateway_transaction_time", "occurred_at"),
)

# The same movement as it was paid out to us.
settlement_line = Table(
    "settlement_line",
    metadata,
    Column("gateway", Text, primary_key=True),
    Column("line_reference", Text, primary_key=True),  # the movement's
    Column("settlement_reference", Text, nullable=False),
    Column("gateway_reference", Text, nullable=False),
    Column("charge_reference", Text, nullable=False),
    state_column("kind", MovementKind),
    Column("amount", Integer, nullable=False),
    Column("fee", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("settled_on", Date, nullable=False),
    Column("attempt_id", Uuid),
    Column("refund_id", Uuid),
    Column("body", JSONB, nullable=False),
    instant("first_seen_at"),
)

# What does not fit. It closes itself when a later run finds the explanation; otherwise a person ends it.
reconciliation_exception = Table(
    "reconciliation_exception",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    state_column("kind", ExceptionKind),
    Column("reference", Text, nullable=False),  # the gateway's object, or our attempt
    Column("attempt_id", Uuid),
    Column("account_id", ForeignKey("account.id")),  # while open, nothing of this account is charged (some kinds)
    Column("order_number", Text),
    Column("amount", Integer),
    Column("detail", JSONB, nullable=False),
    Column("is_blocking", Boolean, nullable=False),
    instant("found_at"),
    instant("accepted_at", nullable=True),
    Column("accepted_by", Text),
    instant("resolved_at", nullable=True),
    Column("resolved_by", Text),
    Column("note", Text),
    CheckConstraint("(resolved_at IS NULL) = (resolved_by IS NULL)", name="resolved"),
    CheckConstraint("(accepted_at IS NULL) = (accepted_by IS NULL)", name="accepted"),
    Index(
        "uq_reconciliation_exception_open",
        "kind",
        "reference",
        unique=True,
        postgresql_where=text("resolved_at IS NULL"),
    ),
    Index(
        "ix_reconciliation_exception_account",
        "account_id",
        postgresql_where=text("resolved_at IS NULL AND is_blocking"),
    ),
)

# How far the gateway's books have been read; the next walk begins a little before.
reconciliation_run = Table(
    "reconciliation_run",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("gateway", Text, nullable=False),
    instant("since"),
    instant("until"),
    instant("finished_at"),
    Column("counts", JSONB, nullable=False),
)

# Which database we have been writing to. A restored or failed-over one shows another face (restore gate).
database_identity = Table(
    "database_identity",
    metadata,
    Column("is_only_row", Boolean, primary_key=True, server_default=text("true")),
    Column("parts", JSONB, nullable=False),
    instant("noted_at"),
    Column("noted_by", Text, nullable=False),
)
