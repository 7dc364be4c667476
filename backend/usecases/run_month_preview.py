"""Show who would get what if the month were opened: the real opening, chunk by chunk, each thrown away again."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import cast

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.billing_calendar import BillingCalendar, jst_date
from backend.domain.states import CarryOverReason, ChannelName, NoticeKind, PaymentWay
from backend.store import notices, opening, preview
from backend.store.engine import transaction
from backend.usecases.open_payment_requests import OpenedChunk, open_chunk
from backend.usecases.services import Services

_CHUNK = 2_000  # accounts: bounds the memory, and how long a payer could wait for our locks
_SINCE_THE_URL = timedelta(days=2)  # as in send_reminders


class LeftOut(StrEnum):
    """Why bills are not asked for."""

    UNDER_WAY = "under_way"  # the open request is being paid right now
    OUT_OF_BOUNDS = "out_of_bounds"  # the gateway does not take such a sum
    UNRESOLVED = "unresolved"  # held: an outcome is unknown
    RECEIPT = "receipt"  # money came another way and waits for approval


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusual:
    """What marks a bill: above so many medians of the customer's earlier bills, or above this amount (yen)."""

    factor: Decimal
    yen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewedNotice:
    """A message that would go out; `times` for the reminders."""

    kind: NoticeKind
    channel: ChannelName
    facts: Mapping[str, object]
    has_link: bool
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewedCustomer:
    """One customer of the dry run. `left_out` is None for who would be asked; then no channel means unreachable."""

    customer_number: str
    amount: int
    bill_count: int
    left_out: LeftOut | None = None
    way: PaymentWay | None = None
    channel: ChannelName | None = None
    sms_stop: str | None = None
    reason: CarryOverReason | None = None
    months: Sequence[str] = ()
    is_unusual: bool = False
    notices: Sequence[PreviewedNotice] = ()


async def preview_month(
    services: Services, *, now: datetime, unusual: Unusual
) -> AsyncGenerator[Sequence[PreviewedCustomer], None]:
    """Every customer of an opening at `now`, some at a time, in the order of our rows; changes nothing.

    Nobody on a day on which nothing is opened. Those whose bills nothing may ask for come last.
    """
    if not services.calendar.may_open_on(jst_date(now)):
        return
    after = 0
    while True:
        async with preview.rolled_back(services.engine) as connection:
            await opening.lock_opening(connection)
            chunk = await _next_chunk(services, connection, after=after, now=now)
            if not chunk:
                break
            customers = await _preview_chunk(services, connection, account_ids=chunk, unusual=unusual, now=now)
        yield customers
        after = chunk[-1]
    async with transaction(services.engine) as connection:
        async for row, is_receipt in preview.stream_unresolved(connection):
            yield (_left_out(row, LeftOut.RECEIPT if is_receipt else LeftOut.UNRESOLVED),)


async def _next_chunk(services: Services, connection: AsyncConnection, *, after: int, now: datetime) -> list[int]:
    today = jst_date(now)
    return await opening.find_candidates(
        connection,
        today=today,
        is_last_opening_day=today.day == services.calendar.last_opening_day,
        after=after,
        size=_CHUNK,
    )


async def _preview_chunk(
    services: Services, connection: AsyncConnection, *, account_ids: list[int], unusual: Unusual, now: datetime
) -> list[PreviewedCustomer]:
    chunk = await open_chunk(services, connection, account_ids=account_ids, batch_id=None, now=now)
    days = reminder_days(services.calendar, now=now)
    await _expect_later_notices(services, connection, chunk=chunk, has_reminders=bool(days), now=now)
    opened = await preview.read_opened(
        connection,
        request_ids=[*chunk.by_link, *chunk.automatic],
        unusual_factor=unusual.factor,
        unusual_yen=unusual.yen,
    )
    customers = [_opened(row, reminders=len(days)) for row in opened]
    for left_out, accounts in ((LeftOut.UNDER_WAY, chunk.busy), (LeftOut.OUT_OF_BOUNDS, chunk.out_of_bounds)):
        rows = await preview.read_left_out(connection, account_ids=list(accounts), today=jst_date(now))
        customers += [_left_out(row, left_out) for row in rows]
    return customers


def reminder_days(calendar: BillingCalendar, *, now: datetime) -> list[int]:
    """The days of this month on which somebody who gets a URL now and does not pay would be reminded."""
    first = jst_date(now) + _SINCE_THE_URL
    return [day for day in calendar.reminder_days if first.day <= day <= calendar.expiry_day]


async def _expect_later_notices(
    services: Services, connection: AsyncConnection, *, chunk: OpenedChunk, has_reminders: bool, now: datetime
) -> None:
    """The messages that follow an opening at most: reminders of a URL, and the news that it was paid."""
    send_at = services.calendar.next_sending_at(now)
    expected = [(NoticeKind.PAID, chunk.by_link), (NoticeKind.CHARGED, chunk.automatic)]
    if has_reminders:
        expected.append((NoticeKind.REMINDER, chunk.by_link))
    for kind, request_ids in expected:
        await notices.enqueue_for_requests(connection, kind=kind, request_ids=request_ids, now=now, not_before=send_at)


def _opened(row: preview.OpenedRow, *, reminders: int) -> PreviewedCustomer:
    messages = [_notice(notice, reminders=reminders) for notice in row.notices]
    return PreviewedCustomer(
        customer_number=row.customer_number,
        amount=row.amount,
        bill_count=row.bill_count,
        way=PaymentWay(row.way),
        channel=messages[0].channel if messages else None,
        sms_stop=row.sms_stop,
        reason=CarryOverReason(row.carry_over_reason) if row.carry_over_reason else None,
        months=row.months,
        is_unusual=row.is_unusual,
        notices=messages,
    )


def _notice(found: Mapping[str, object], *, reminders: int) -> PreviewedNotice:
    kind = NoticeKind(str(found["kind"]))
    return PreviewedNotice(
        kind=kind,
        channel=ChannelName(str(found["channel"])),
        facts=cast("Mapping[str, object]", found["facts"]),
        has_link=bool(found["has_link"]),
        times=reminders if kind is NoticeKind.REMINDER else 1,
    )


def _left_out(row: preview.LeftOutRow, left_out: LeftOut) -> PreviewedCustomer:
    return PreviewedCustomer(
        customer_number=row.customer_number, amount=row.amount, bill_count=row.bill_count, left_out=left_out
    )
