"""Why charging is stopped; while a row is not lifted, money stands still."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Identity, Index, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from backend.domain.states import StopReason, StopScope
from backend.store.tables.base import instant, metadata, state_column

charging_stop = Table(
    "charging_stop",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    state_column("reason", StopReason),
    state_column("scope", StopScope),
    Column("detail", JSONB, nullable=False),
    instant("stopped_at"),
    instant("lifted_at", nullable=True),
    Column("lifted_by", Text),
    Column("lift_note", Text),
    CheckConstraint("(lifted_at IS NULL) = (lifted_by IS NULL)", name="lifted"),
    Index("uq_charging_stop_open", "reason", unique=True, postgresql_where=text("lifted_at IS NULL")),
)
