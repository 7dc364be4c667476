"""Money that came by bank, shop or cash, recorded by one person and approved by another (invariant 20)."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    text,
)

from backend.domain.states import ReceiptKind, ReceiptState
from backend.store.tables.base import instant, metadata, state_column

# Triggers keep amounts, persons and ended states as they are (migration 0003). A rejected receipt frees its reference:
# what was written to the wrong bill can be recorded anew.
receipt = Table(
    "receipt",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("bill_id", ForeignKey("bill.id"), nullable=False, index=True),
    state_column("kind", ReceiptKind),
    Column("reference", Text, CheckConstraint("btrim(reference) <> ''", name="reference"), nullable=False),
    Column("amount", Integer, nullable=False),  # yen; a trigger holds it equal to the bill's
    Column("received_on", Date, nullable=False),
    state_column("state", ReceiptState),
    Column("recorded_by", Text, CheckConstraint("btrim(recorded_by) <> ''", name="recorded_by"), nullable=False),
    Column("approved_by", Text),
    Column("rejected_by", Text),
    instant("recorded_at"),
    instant("decided_at", nullable=True),
    CheckConstraint("lower(btrim(approved_by)) <> lower(btrim(recorded_by))", name="two_persons"),
    CheckConstraint("(state = 'approved') = (approved_by IS NOT NULL)", name="approved"),
    CheckConstraint("(state = 'rejected') = (rejected_by IS NOT NULL)", name="rejected"),
    CheckConstraint("(state = 'recorded') = (decided_at IS NULL)", name="decided"),
    Index("uq_receipt_reference", "kind", "reference", unique=True, postgresql_where=text("state <> 'rejected'")),
    Index("uq_receipt_bill", "bill_id", unique=True, postgresql_where=text("state <> 'rejected'")),
)
