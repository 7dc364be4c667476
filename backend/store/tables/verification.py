"""Contradictions of the ledger that two persons have looked at and accepted."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Identity, Table, Text, UniqueConstraint

from backend.store.tables.base import instant, metadata

# Accepted is this very row of `verify`, word by word: if its detail changes, it is another violation.
accepted_violation = Table(
    "accepted_violation",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("invariant", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("proposed_by", Text, CheckConstraint("btrim(proposed_by) <> ''", name="proposed_by"), nullable=False),
    Column("proposed_note", Text, CheckConstraint("btrim(proposed_note) <> ''", name="proposed_note"), nullable=False),
    instant("proposed_at"),
    Column("accepted_by", Text),
    Column("accepted_note", Text, CheckConstraint("btrim(accepted_note) <> ''", name="accepted_note")),
    instant("accepted_at", nullable=True),
    CheckConstraint("num_nonnulls(accepted_by, accepted_note, accepted_at) IN (0, 3)", name="accepted"),
    CheckConstraint(
        "btrim(accepted_by) <> '' AND lower(btrim(accepted_by)) <> lower(btrim(proposed_by))", name="two_persons"
    ),
    UniqueConstraint("invariant", "subject", "detail"),
)
