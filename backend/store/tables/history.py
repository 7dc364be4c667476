"""What has become of bills, requests, attempts and cards: each change of a state, written by the database itself."""

from sqlalchemy import BigInteger, Column, ForeignKey, Identity, Index, Table, Text

from backend.store.tables.base import instant, metadata

# Who or what moved a money state, why, and by which word of the gateway; append-only (invariant 19). Triggers write it
# (migration 0014); a row's beginning is its own `created_at`. Actor and cause come from `backend/store/acting.py`.
money_step = Table(
    "money_step",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("entity", Text, nullable=False),  # the table
    Column("entity_id", Text, nullable=False),
    Column("state_before", Text),  # None: it was there when this history began
    Column("state_after", Text, nullable=False),
    Column("actor", Text, nullable=False),  # payer, worker, timetable, staff:NAME, or the database's user
    Column("cause", Text, nullable=False),
    Column("evidence_id", ForeignKey("payment_evidence.id")),
    instant("at"),
    Index("ix_money_step_entity", "entity", "entity_id", "id"),
)
