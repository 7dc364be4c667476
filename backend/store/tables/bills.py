"""Bills, the requests that bundle them, and the links that open a request."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    Sequence,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)

from backend.domain.states import (
    BillState,
    CarryOverReason,
    LinkState,
    PaymentWay,
    RequestState,
)
from backend.store.tables.base import instant, metadata, one_of, quoted, state_column

# Without foreign keys on what a month writes by the hundred thousand: triggers judge a statement's rows at once (0018).
bill = Table(
    "bill",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("account_id", BigInteger, nullable=False),
    Column("bill_number", Text, nullable=False),
    Column("billing_month", Text, nullable=False),  # 2026-11
    Column("period_from", Date, nullable=False),
    Column("period_to", Date, nullable=False),
    Column("usage_kwh", Numeric(10, 1), nullable=False),
    Column("amount", Integer, nullable=False),  # yen, tax included; never changes (amend = new row)
    Column("confirmed_on", Date, nullable=False),
    state_column("state", BillState),
    instant("created_at"),
    instant("paid_at", nullable=True),
    CheckConstraint("amount BETWEEN 1 AND 9999999", name="amount"),
    CheckConstraint("billing_month ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'", name="billing_month"),
    CheckConstraint("period_from <= period_to", name="period"),
    Index("uq_bill_number", "bill_number", unique=True, postgresql_where=text("state <> 'void'")),
    Index(
        "uq_bill_month",
        "account_id",
        "billing_month",
        unique=True,
        postgresql_where=text("state <> 'void'"),
    ),
    Index(
        "ix_bill_waiting",
        "account_id",
        postgresql_where=text(f"state IN ({quoted(BillState.FINALIZED, BillState.CARRIED_OVER)})"),
    ),
)

order_serial = Sequence("order_serial", metadata=metadata)

payment_request = Table(
    "payment_request",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("account_id", BigInteger, nullable=False),
    Column("order_number", Text, nullable=False, unique=True),
    Column("amount", Integer, nullable=False),  # frozen sum of its bills, yen
    Column("bill_count", SmallInteger, nullable=False),
    state_column("state", RequestState),
    state_column("way", PaymentWay),
    Column(
        "carry_over_reason",
        Text,
        CheckConstraint(one_of("carry_over_reason", CarryOverReason), name="carry_over_reason"),
    ),
    Column("card_change_id", ForeignKey("card_change_request.id")),
    instant("opened_at"),
    instant("valid_until"),  # exclusive (R05)
    instant("closed_at", nullable=True),
    CheckConstraint("amount BETWEEN 1 AND 9999999", name="amount"),
    Index(
        "uq_payment_request_open",
        "account_id",
        unique=True,
        postgresql_where=text("state = 'open'"),
    ),
    Index(
        "ix_payment_request_ending",
        "valid_until",
        postgresql_where=text("state IN ('open', 'closing')"),
    ),
    Index("ix_payment_request_account", "account_id", "id"),
)

# `is_live` mirrors the request's state so that one unique index can say: a bill is in at most one live request.
payment_request_bill = Table(
    "payment_request_bill",
    metadata,
    Column("request_id", BigInteger, primary_key=True),
    Column("bill_id", BigInteger, primary_key=True),
    Column("is_live", Boolean, nullable=False),
    Index("uq_payment_request_bill_live", "bill_id", unique=True, postgresql_where=text("is_live")),
)

payment_link = Table(
    "payment_link",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("request_id", BigInteger, nullable=False),
    Column("token_hash", LargeBinary, nullable=False, unique=True),  # SHA-256; the token is derived
    state_column("state", LinkState),
    Column("proof_failures", SmallInteger, nullable=False, server_default="0"),
    instant("created_at"),
    Column("unlocked_at", DateTime(timezone=True)),  # by support: what was tried before counts no more
    Index("ix_payment_link_request", "request_id"),
    Index(
        "uq_payment_link_active",
        "request_id",
        unique=True,
        postgresql_where=text("state = 'active'"),
    ),
)
