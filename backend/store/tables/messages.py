"""Everything that goes out to customers (the outbox), comes in from providers (the inbox), and was said."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Identity,
    Index,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from backend.domain.states import ChannelName, InboxState, NoticeKind, NoticeState, NoticeWord
from backend.store.tables.base import instant, metadata, state_column

notice = Table(
    "notice",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    # Fixed before the first attempt: LINE's retry key, our reference in the SMS status callback.
    Column("key", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("dedupe_key", Text, nullable=False, unique=True),
    state_column("kind", NoticeKind),
    state_column("channel", ChannelName),
    Column("address", Text, nullable=False),
    # No foreign keys here: the statement that writes a notice reads its ids from their rows, and `verify` looks that
    # they belong together (decision 18).
    Column("account_id", BigInteger),
    Column("request_id", BigInteger),
    Column("link_id", Uuid),
    Column("facts", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("payload", JSONB),  # frozen at the first claim; holds no token, only its place
    Column("reply_token", Text),
    instant("reply_token_at", nullable=True),  # when LINE's webhook with the token reached us
    state_column("state", NoticeState),
    Column("priority", SmallInteger, nullable=False, server_default="5"),  # 1 goes first
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("provider_message_id", Text),
    Column("provider_request_id", Text),  # until the next version: workers of the version before still write it
    Column("failure", Text),
    instant("created_at"),
    instant("not_before"),
    instant("first_sent_at", nullable=True),
    instant("last_sent_at", nullable=True),
    instant("held_since", nullable=True),  # since when the provider has refused to take it (quota, rate, no connection)
    instant("settled_at", nullable=True),
    instant("lease_until", nullable=True),  # database clock
    Index("uq_notice_key", "key", unique=True),
    Index("ix_notice_queue", "priority", "id", postgresql_where=text("state = 'queued'")),
    Index(
        "ix_notice_open_end",
        "last_sent_at",
        postgresql_where=text("state IN ('sending', 'unknown', 'sent') AND channel = 'sms' OR state = 'sending'"),
    ),
    Index("ix_notice_provider", "provider_message_id"),
    Index("ix_notice_address", "address", "id"),
    Index("ix_notice_request", "request_id"),
)

# A provider's word about a notice, and what the notice became by it: one row for each answer, look-up and receipt that
# moved it, only ever added to (channels.md, rule 15).
notice_evidence = Table(
    "notice_evidence",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("notice_id", BigInteger, nullable=False, index=True),
    Column("attempt", SmallInteger, nullable=False),  # how often it had been tried by then
    state_column("word", NoticeWord),
    state_column("state_after", NoticeState),
    Column("provider_request_id", Text),  # None: nothing came back, such as a lost connection
    Column("reason", Text),
    instant("at"),
)

inbox_event = Table(
    "inbox_event",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("source", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("order_key", Text, nullable=False),  # whose events must stay in order
    Column("body", JSONB, nullable=False),
    state_column("state", InboxState),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("failure", Text),
    instant("occurred_at"),
    instant("received_at"),
    instant("not_before"),
    instant("lease_until", nullable=True),  # database clock
    UniqueConstraint("source", "event_id"),
    Index(
        "ix_inbox_event_open",
        "order_key",
        "occurred_at",
        "id",
        postgresql_where=text("state IN ('received', 'working')"),
    ),
    Index("ix_inbox_event_quarantined", "order_key", postgresql_where=text("state = 'quarantined'")),
)

conversation = Table(
    "conversation",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    state_column("channel", ChannelName),
    Column("address", Text, nullable=False),
    Column("memory", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    instant("created_at"),
    instant("last_message_at"),
    UniqueConstraint("channel", "address"),
)

# What customers said; what we said is in `notice`. Together they are the transcript.
chat_message = Table(
    "chat_message",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("conversation_id", ForeignKey("conversation.id"), nullable=False, index=True),
    Column("provider_message_id", Text, nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("text", Text),  # card-like digits are masked before the first write
    Column("intent", Text),
    instant("said_at"),
    instant("erased_at", nullable=True),
)
