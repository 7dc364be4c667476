"""Tables by noun; importing this package registers them all on one metadata."""

from backend.store.tables import (
    accounts,
    batches,
    bills,
    history,
    messages,
    operations,
    payments,
    receipts,
    reconciliation,
    refunds,
    stops,
    verification,
)
from backend.store.tables.base import metadata

__all__ = [
    "accounts",
    "batches",
    "bills",
    "history",
    "messages",
    "metadata",
    "operations",
    "payments",
    "receipts",
    "reconciliation",
    "refunds",
    "stops",
    "verification",
]
