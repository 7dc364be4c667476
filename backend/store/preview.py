"""SQL that reads what an opening would bring, from rows that are about to be rolled back; keeps nothing."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

# A sequence does not roll back: a temporary one of the same name stands before it for as long as the transaction lives.
_LAST_SERIAL = text("SELECT last_value FROM order_serial")
_SCRATCH_SERIAL = text("CREATE TEMPORARY SEQUENCE order_serial")
_CONTINUE_SERIAL = text("SELECT setval('pg_temp.order_serial', :last)")
_FORGET_PLANS = text("DISCARD PLANS")  # they name the real sequence

_OPENED = text("""
SELECT a.customer_number, r.way, r.amount, r.bill_count, r.carry_over_reason, sent.notices, own.months,
  stop.source AS sms_stop,
  own.largest > :unusual_yen
    OR (earlier.bills >= 3 AND own.largest > CAST(:unusual_factor AS numeric) * earlier.median) AS is_unusual
FROM payment_request r JOIN account a ON a.id = r.account_id
LEFT JOIN contact_stop stop ON stop.channel = 'sms' AND stop.address = a.phone
JOIN LATERAL (
  SELECT max(b.amount) AS largest, jsonb_agg(b.billing_month ORDER BY b.billing_month) AS months
  FROM payment_request_bill m JOIN bill b ON b.id = m.bill_id WHERE m.request_id = r.id
) own ON true
JOIN LATERAL (
  SELECT count(*) AS bills, percentile_disc(0.5) WITHIN GROUP (ORDER BY b.amount) AS median
  FROM bill b WHERE b.account_id = r.account_id AND b.state <> 'void'
    AND NOT EXISTS (SELECT FROM payment_request_bill m WHERE m.request_id = r.id AND m.bill_id = b.id)
) earlier ON true
JOIN LATERAL (
  SELECT coalesce(jsonb_agg(jsonb_build_object('kind', n.kind, 'channel', n.channel, 'facts', n.facts,
    'has_link', n.link_id IS NOT NULL) ORDER BY n.id), '[]') AS notices
  FROM notice n WHERE n.request_id = r.id
) sent ON true
WHERE r.id = ANY(:request_ids) ORDER BY r.account_id
""")

_LEFT_OUT = text("""
SELECT a.customer_number, sum(b.amount) AS amount, count(*) AS bill_count
FROM bill b JOIN account a ON a.id = b.account_id
WHERE b.account_id = ANY(:account_ids) AND b.state IN ('finalized', 'carried_over') AND b.confirmed_on <= :today
GROUP BY a.id ORDER BY a.id
""")

_UNRESOLVED = text("""
SELECT a.customer_number, c.receipt_id IS NOT NULL AS is_receipt, sum(b.amount) AS amount, count(*) AS bill_count
FROM bill b JOIN account a ON a.id = b.account_id LEFT JOIN bill_claim c ON c.bill_id = b.id
WHERE b.state = 'held'
  OR b.state IN ('finalized', 'requested', 'carried_over') AND c.receipt_id IS NOT NULL
GROUP BY a.id, c.receipt_id IS NOT NULL ORDER BY a.id
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedRow:
    """A request as it would be opened; `notices` are the messages it would bring (kind, channel, facts, has_link)."""

    customer_number: str
    way: str
    amount: int
    bill_count: int
    carry_over_reason: str | None
    notices: Sequence[Mapping[str, object]]
    months: Sequence[str]
    sms_stop: str | None  # why nothing may go to the telephone number
    is_unusual: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOutRow:
    """Bills of an account that would not be asked for; `amount` in yen."""

    customer_number: str
    amount: int
    bill_count: int


@asynccontextmanager
async def rolled_back(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A transaction whose work is thrown away at the end, order numbers included."""
    async with engine.connect() as connection, connection.begin() as work:
        try:
            last = (await connection.execute(_LAST_SERIAL)).scalar_one()
            await connection.execute(_SCRATCH_SERIAL)
            await connection.execute(_CONTINUE_SERIAL, {"last": last})
            await connection.execute(_FORGET_PLANS)
            yield connection
        finally:
            await work.rollback()


async def read_opened(
    connection: AsyncConnection, *, request_ids: Sequence[int], unusual_factor: Decimal, unusual_yen: int
) -> list[OpenedRow]:
    """What these requests ask for and would send."""
    values = {"request_ids": list(request_ids), "unusual_factor": unusual_factor, "unusual_yen": unusual_yen}
    return [OpenedRow(**row) for row in (await connection.execute(_OPENED, values)).mappings()]


async def read_left_out(connection: AsyncConnection, *, account_ids: Sequence[int], today: date) -> list[LeftOutRow]:
    """What waits on these accounts and would go on waiting."""
    found = (await connection.execute(_LEFT_OUT, {"account_ids": list(account_ids), "today": today})).mappings()
    return [LeftOutRow(**row) for row in found]


async def stream_unresolved(connection: AsyncConnection) -> AsyncIterator[tuple[LeftOutRow, bool]]:
    """Accounts with bills that nothing may ask for now, one by one; True where a receipt waits for approval."""
    found = await connection.stream(_UNRESOLVED)
    async for row in found.mappings():
        values = {name: row[name] for name in ("customer_number", "amount", "bill_count")}
        yield LeftOutRow(**values), row["is_receipt"]
