"""Attempts to move money, the claims that keep them apart, cards, and the payer's page sessions."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from backend.domain.states import (
    LIVE_ATTEMPTS,
    AttemptOrigin,
    AttemptState,
    CardChangeState,
    CardState,
    DeclineClass,
)
from backend.store.tables.base import instant, metadata, one_of, quoted, state_column

gateway_customer = Table(
    "gateway_customer",
    metadata,
    Column("account_id", ForeignKey("account.id"), primary_key=True),
    Column("gateway", Text, primary_key=True),
    Column("reference", Text, nullable=False),
)

card_on_file = Table(
    "card_on_file",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("account_id", ForeignKey("account.id"), nullable=False),
    Column("gateway", Text, nullable=False),
    Column("customer_reference", Text, nullable=False),
    Column("card_reference", Text, nullable=False),
    Column("brand", Text, nullable=False),
    Column("last4", Text, CheckConstraint("last4 ~ '^[0-9]{4}$'", name="last4"), nullable=False),
    Column("exp_year", SmallInteger, nullable=False),
    Column("exp_month", SmallInteger, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("three_ds_result", Text, nullable=False),
    state_column("state", CardState),
    instant("authenticated_at"),
    instant("consented_at"),
    instant("created_at"),
    UniqueConstraint("gateway", "card_reference"),
    Index("ix_card_on_file_fingerprint", "gateway", "fingerprint"),
    Index(
        "uq_card_on_file_active",
        "account_id",
        unique=True,
        postgresql_where=text("state = 'active'"),
    ),
)

card_change_request = Table(
    "card_change_request",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("account_id", ForeignKey("account.id"), nullable=False),
    state_column("state", CardChangeState),
    instant("received_at"),
    instant("closed_at", nullable=True),
    Index(
        "uq_card_change_request_live",
        "account_id",
        unique=True,
        postgresql_where=text("state IN ('received', 'link_sent')"),
    ),
)

# One try to register a card at the gateway. Its id is the idempotency key; the fields' client token is never stored.
card_registration = Table(
    "card_registration",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("link_id", ForeignKey("payment_link.id"), nullable=False),
    Column("gateway_reference", Text, nullable=False, unique=True),
    instant("consented_at"),
    Column("consent_version", Text, nullable=False),
    instant("created_at"),
    Index("ix_card_registration_link", "link_id"),
)

page_session = Table(
    "page_session",
    metadata,
    Column("id_hash", LargeBinary, primary_key=True),  # SHA-256 of the cookie's value
    Column("link_id", ForeignKey("payment_link.id"), nullable=False),
    Column("registration_id", ForeignKey("card_registration.id")),
    instant("created_at"),
    instant("expires_at"),
    Index("ix_page_session_link", "link_id"),
)

payment_attempt = Table(
    "payment_attempt",
    metadata,
    Column("id", Uuid, primary_key=True),  # also the idempotency key of its charge
    Column("request_id", ForeignKey("payment_request.id"), nullable=False),
    Column("ordinal", SmallInteger, nullable=False),
    Column("transaction_id", Text, nullable=False, unique=True),
    state_column("origin", AttemptOrigin),
    state_column("state", AttemptState),
    Column("card_id", ForeignKey("card_on_file.id"), nullable=False),
    Column("amount", Integer, nullable=False),
    Column("gateway", Text, nullable=False),
    Column("charge_request", JSONB, nullable=False),  # frozen: what goes over the wire
    Column("gateway_reference", Text, unique=True),
    Column(
        "decline_class",
        Text,
        CheckConstraint(one_of("decline_class", DeclineClass), name="decline_class"),
    ),
    Column("decline_code", Text),
    Column("checks", SmallInteger, nullable=False, server_default="0"),
    instant("created_at"),
    instant("not_before"),
    instant("first_sent_at", nullable=True),
    instant("witnessed_at", nullable=True),  # the same moment by the database's clock
    instant("next_check_at", nullable=True),
    instant("settled_at", nullable=True),
    instant("lease_until", nullable=True),  # database clock
    Column("batch_id", ForeignKey("charge_batch.id")),  # automatic charges of one opening stop together
    Column("is_canary", Boolean, nullable=False, server_default=text("false")),
    instant("errored_at", nullable=True),  # the gateway gave no clear answer to the charge itself
    UniqueConstraint("request_id", "ordinal"),
    Index("ix_payment_attempt_batch", "batch_id", postgresql_where=text("batch_id IS NOT NULL")),
    # What waits, lane by lane, in the order of sending: the claim reads no row that may not go yet.
    Index(
        "ix_payment_attempt_prepared",
        text("coalesce(batch_id, 0)"),
        "is_canary",
        "not_before",
        "id",
        postgresql_where=text("state = 'prepared'"),
    ),
    Index(
        "uq_payment_attempt_live",
        "request_id",
        unique=True,
        postgresql_where=text(f"state IN ({quoted(*LIVE_ATTEMPTS)})"),
    ),
    Index(
        "uq_payment_attempt_succeeded",
        "request_id",
        unique=True,
        postgresql_where=text("state = 'succeeded'"),
    ),
    Index("ix_payment_attempt_declined", "card_id", postgresql_where=text("state = 'declined'")),
    Index(
        "ix_payment_attempt_work",
        "not_before",
        postgresql_where=text(f"state IN ({quoted(*LIVE_ATTEMPTS)})"),
    ),
)

# The one lock on a debt: whoever holds it, an attempt or a receipt, may take money for the bill. Deleted only when the
# holder ended without money.
bill_claim = Table(
    "bill_claim",
    metadata,
    Column("bill_id", ForeignKey("bill.id"), primary_key=True),
    Column("attempt_id", ForeignKey("payment_attempt.id"), index=True),
    Column("receipt_id", ForeignKey("receipt.id"), unique=True),
    CheckConstraint("num_nonnulls(attempt_id, receipt_id) = 1", name="one_holder"),
)

# What the gateway said, word by word; append-only.
payment_evidence = Table(
    "payment_evidence",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("attempt_id", ForeignKey("payment_attempt.id"), nullable=False, index=True),
    Column("source", Text, nullable=False),  # charge, look_up, webhook, cancel, no_answer
    Column("outcome", Text, nullable=False),
    Column("gateway_request_id", Text),
    Column("gateway_reference", Text),  # of the money, where the outcome is `succeeded`
    Column("amount", Integer),
    Column("body", JSONB, nullable=False),
    instant("at"),
)
