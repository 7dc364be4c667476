"""What keeps the month running: which job ran for which day, what people must look at, the shiftable clock."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Identity,
    Index,
    Interval,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from backend.store.tables.base import instant, metadata

# The unique run key (job, JST date): a period of a job runs once, whoever asks.
job_run = Table(
    "job_run",
    metadata,
    Column("job", Text, primary_key=True),
    Column("run_on", Date, primary_key=True),
    Column("outcome", Text, nullable=False),  # done, or why it was passed over
    instant("ran_at"),
)

# Jobs of the timetable that are due and not done: since when, and what the last look said.
job_waiting = Table(
    "job_waiting",
    metadata,
    Column("job", Text, primary_key=True),
    instant("due_since"),
    Column("reason", Text, nullable=False),
)

# Work that repeats every few minutes: whoever moves the due time forward runs it.
periodic_run = Table(
    "periodic_run",
    metadata,
    Column("job", Text, primary_key=True),
    instant("due_at"),
    instant("started_at"),
    instant("succeeded_at", nullable=True),  # before the first success: when it was first begun
)

# The list for people. One open task a subject: saying it twice changes nothing.
staff_task = Table(
    "staff_task",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("dedupe_key", Text, nullable=False, unique=True),
    Column("account_id", ForeignKey("account.id")),
    Column("detail", JSONB, nullable=False),
    instant("created_at"),
    instant("done_at", nullable=True),
    Column("done_by", Text),
    Column("note", Text),
    Index("ix_staff_task_open", "created_at", postgresql_where=text("done_at IS NULL")),
)

clock_shift = Table(
    "clock_shift",
    metadata,
    Column("is_only_row", Boolean, primary_key=True, server_default=text("true")),
    Column("shift", Interval, nullable=False),
)
