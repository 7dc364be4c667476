"""A second person approves or rejects a recorded receipt: the bill is paid, or can be paid again (invariant 20)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.receipt_refusal import ReceiptRefusal, ReceiptRefusalCode
from backend.domain.states import AttemptOrigin, NoticeKind, ReceiptState, RequestState
from backend.store import (
    attempts,
    card_changes,
    closing,
    late_money,
    links,
    notices,
    opening,
    receipt_requests,
    receipts,
    requests,
    tasks,
)
from backend.store.engine import transaction
from backend.usecases.finish_closing import finish_closing
from backend.usecases.record_receipt import tidy
from backend.usecases.send_urls import send_urls
from backend.usecases.services import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedReceipt:
    """The receipt as it was recorded, and whether other bills of its request now wait for a request of their own."""

    receipt: receipts.Receipt
    frees_bills: bool


async def approve_receipt(
    services: Services, *, receipt_id: int, person: str, now: datetime
) -> ApprovedReceipt | ReceiptRefusal:
    """The bill is paid; or why not (nothing is changed then).

    The request of the bill is settled if this was its last unpaid bill. Otherwise it is voided and the rest waits for
    the next opening, which the caller may start at once. Who had a URL for it is told once.
    """
    person = tidy(person)
    async with transaction(services.engine) as connection:
        receipt = await _decidable(connection, receipt_id=receipt_id, person=person)
        if isinstance(receipt, ReceiptRefusal):
            return receipt
        if receipt.recorded_by.casefold() == person.casefold():
            return ReceiptRefusal(code=ReceiptRefusalCode.SAME_PERSON, hint=receipt.recorded_by)
        if not receipt.holds_the_claim:
            return ReceiptRefusal(code=ReceiptRefusalCode.PAID_BY_CARD, hint=receipt.bill_number)
        await receipts.approve(connection, receipt_id=receipt_id, person=person, now=now)
        frees_bills = await _end_request(services, connection, bill_id=receipt.bill_id, now=now)
        await _tell(services, connection, receipt=receipt, now=now)
    return ApprovedReceipt(receipt=receipt, frees_bills=frees_bills)


async def reject_receipt(
    services: Services, *, receipt_id: int, person: str, now: datetime
) -> receipts.Receipt | ReceiptRefusal:
    """The bill can be paid again; returns the receipt as it was recorded, or why not. The recorder may reject too."""
    person = tidy(person)
    async with transaction(services.engine) as connection:
        receipt = await _decidable(connection, receipt_id=receipt_id, person=person)
        if isinstance(receipt, ReceiptRefusal):
            return receipt
        await receipts.reject(connection, receipt_id=receipt_id, person=person, now=now)
        await _resume_request(services, connection, bill_id=receipt.bill_id, now=now)
    return receipt


async def _decidable(connection: AsyncConnection, *, receipt_id: int, person: str) -> receipts.Receipt | ReceiptRefusal:
    if not person:
        return ReceiptRefusal(code=ReceiptRefusalCode.NO_PERSON)
    await opening.lock_opening(connection)  # an opening under way may be looking at the bills that are set free here
    receipt = await receipts.lock_receipt(connection, receipt_id=receipt_id)
    if receipt is None:
        return ReceiptRefusal(code=ReceiptRefusalCode.UNKNOWN_RECEIPT, hint=str(receipt_id))
    if receipt.state is not ReceiptState.RECORDED:
        return ReceiptRefusal(code=ReceiptRefusalCode.ALREADY_DECIDED, hint=receipt.state)
    return receipt


async def _end_request(services: Services, connection: AsyncConnection, *, bill_id: int, now: datetime) -> bool:
    """No live request keeps a paid bill: its amount would not be true any more. Returns whether bills were freed."""
    request = await receipt_requests.find_live_request(connection, bill_id=bill_id, now=now)
    if request is None:
        return False
    await receipt_requests.return_card_change(connection, request_id=request.id)
    if request.unpaid == 0:
        await requests.settle_request(connection, request_id=request.id, now=now)
        await links.end_links(connection, request_ids=[request.id], state="used")
    elif request.state is RequestState.CLOSING:
        await finish_closing(services, connection, now=now)
    else:
        await closing.void_requests(connection, request_ids=[request.id], now=now)
        await late_money.renew_bills(connection, request_ids=[request.id])
    return request.unpaid > 0


async def _tell(services: Services, connection: AsyncConnection, *, receipt: receipts.Receipt, now: datetime) -> None:
    """Once a bill, and only whoever was asked to pay it by URL: others have nothing to stop doing."""
    if not await receipt_requests.was_asked_by_url(connection, bill_id=receipt.bill_id):
        return
    contact = await card_changes.find_contact(connection, account_id=receipt.account_id)
    if contact is None:
        subject, detail = f"{NoticeKind.RECEIPT_CONFIRMED}:{receipt.bill_id}", {"kind": NoticeKind.RECEIPT_CONFIRMED}
        await tasks.raise_task(
            connection, kind="unreachable", subject=subject, account_id=receipt.account_id, detail=detail, now=now
        )
        return
    notice = notices.NewNotice(
        dedupe_key=f"{NoticeKind.RECEIPT_CONFIRMED}:{receipt.bill_id}:{contact.channel}",
        kind=NoticeKind.RECEIPT_CONFIRMED,
        channel=contact.channel,
        address=contact.address,
        account_id=receipt.account_id,
        facts={
            "amount": receipt.amount,
            "months": [receipt.billing_month],
            "amounts": [receipt.amount],
            "number_tail": contact.number_tail,
        },
        priority=3,
    )
    await notices.enqueue(connection, notices=[notice], now=now, not_before=services.calendar.next_sending_at(now))


async def _resume_request(services: Services, connection: AsyncConnection, *, bill_id: int, now: datetime) -> None:
    """A URL works again by itself; a charge that was taken back is prepared anew; what is over its day ends."""
    request = await receipt_requests.find_live_request(connection, bill_id=bill_id, now=now)
    if request is None:
        return
    if request.state is RequestState.CLOSING:
        await finish_closing(services, connection, now=now)
    elif request.waits_for_a_charge:
        await _charge_again(services, connection, request=request, now=now)


async def _charge_again(
    services: Services, connection: AsyncConnection, *, request: receipt_requests.LiveRequest, now: datetime
) -> None:
    """By the registered card as it was meant; by URL if that card died or is being changed meanwhile (R09)."""
    send_at = services.calendar.next_sending_at(now)
    change_id = await receipt_requests.find_card_change(connection, account_id=request.account_id)
    if change_id is None and await attempts.prepare_attempts(
        connection,
        request_ids=[request.id],
        origin=AttemptOrigin.AUTOMATIC,
        card_id=None,
        now=now,
        not_before=send_at,
        lease_seconds=0,
        base_url=services.public_base_url,
    ):
        return
    await receipt_requests.turn_to_link(connection, request_id=request.id, change_id=change_id)
    await send_urls(services, connection, request_ids=[request.id], now=now)
