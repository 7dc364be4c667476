"""Tables by noun; importing this package registers them all on one metadata."""

from backend.store.tables import accounts, bills, messages, operations, payments, receipts, stops
from backend.store.tables.base import metadata

__all__ = ["accounts", "bills", "messages", "metadata", "operations", "payments", "receipts", "stops"]
