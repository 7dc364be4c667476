"""Places of use and the ways to reach the people behind them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)

from backend.store.tables.base import instant, metadata

account = Table(
    "account",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("customer_number", Text, nullable=False, unique=True),
    Column("name_kanji", Text, nullable=False),
    Column("name_kana", Text, nullable=False),
    Column("phone", Text, nullable=False, index=True),  # E.164
    Column("email", Text),
    Column("service_location", Text, nullable=False),
    instant("created_at"),
    # The same moment by the database's clock; of accounts older than this column nobody knows it.
    Column("witnessed_at", DateTime(timezone=True), server_default=text("now()")),
)

line_user = Table(
    "line_user",
    metadata,
    Column("line_user_id", Text, primary_key=True),
    Column("is_blocked", Boolean, nullable=False),
    instant("changed_at"),  # the event's own time: a late older event must not win
)

# One LINE user may hold many accounts; an account has one LINE user at a time (f60).
line_link = Table(
    "line_link",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("account_id", ForeignKey("account.id"), nullable=False),
    Column("line_user_id", Text, nullable=False),
    instant("linked_at"),
    instant("unlinked_at", nullable=True),
    Index("uq_line_link_live", "account_id", unique=True, postgresql_where=text("unlinked_at IS NULL")),
    Index("ix_line_link_user", "line_user_id", postgresql_where=text("unlinked_at IS NULL")),
)

# The way from a LINE chat to our account-link page; the URL's token is derived from the id, only its hash is kept.
line_invitation = Table(
    "line_invitation",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("line_user_id", Text, nullable=False, index=True),
    instant("created_at"),
    instant("expires_at"),
)

# Nonces of LINE's account-link flow: hashed, single use (channels.md, account link).
line_link_nonce = Table(
    "line_link_nonce",
    metadata,
    Column("nonce_hash", LargeBinary, primary_key=True),
    Column("account_id", ForeignKey("account.id"), nullable=False),
    Column("line_user_id", Text),  # who was invited: nobody else's event is taken (null: issued before this column)
    instant("expires_at"),
    instant("used_at", nullable=True),
)

# No notices to this address on this channel: the customer said so, the carrier did, or nothing can arrive there.
contact_stop = Table(
    "contact_stop",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("address", Text, primary_key=True),
    Column("source", Text, nullable=False),  # customer, carrier, not_mobile
    instant("since"),
)

# One-time codes by SMS that prove who somebody is. `account_id` is null when the number or phone did
# not match: the page behaves the same, so nobody can find out which customer numbers exist.
verification = Table(
    "verification",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("account_id", ForeignKey("account.id")),
    Column("code_hash", LargeBinary, nullable=False),
    Column("failures", SmallInteger, nullable=False, server_default="0"),
    instant("created_at"),
    instant("expires_at"),
    instant("used_at", nullable=True),
    Index("ix_verification_account", "account_id", "created_at"),
)
