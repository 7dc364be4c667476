"""The automatic charges of one opening, sent behind a canary and stopped together."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    text,
)

from backend.domain.states import BatchState, StopReason
from backend.store.tables.base import instant, metadata, one_of, state_column

charge_batch = Table(
    "charge_batch",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("opened_on", Date, nullable=False),
    state_column("state", BatchState),
    Column("canary_size", Integer, nullable=False),
    # Known when the opening is over: what was asked for, in yen. What became of it is counted from the attempts.
    Column("attempts", Integer),
    Column("total", BigInteger),
    Column("median", Integer),
    Column("stop_reason", Text, CheckConstraint(one_of("stop_reason", StopReason), name="stop_reason")),
    instant("created_at"),
    instant("canary_passed_at", nullable=True),
    instant("stopped_at", nullable=True),
    instant("counted_from", nullable=True),  # the last resume: earlier outcomes stop nothing any more
    instant("ended_at", nullable=True),
    CheckConstraint("state <> 'stopped' OR stop_reason IS NOT NULL", name="stopped"),
    Index("uq_charge_batch_opening", "state", unique=True, postgresql_where=text("state = 'opening'")),
)
