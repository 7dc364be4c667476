"""Ends doubts about SMS: looks for what may have been sent, asks for receipts that did not come (f6, f52, f53)."""

from dataclasses import replace
from datetime import datetime, timedelta

from backend.domain.states import NoticeState
from backend.failpoints import failpoint
from backend.ports import Accepted, Envelope, NotListed, Refused
from backend.store import notices, outbox
from backend.store.engine import transaction
from bot.notifier import Notifier

_LIST_IS_CONSISTENT_AFTER = timedelta(seconds=60)
_RESEND_AFTER = timedelta(minutes=15)  # from the last committed intent to send
_RECEIPT_WITHIN = timedelta(hours=1)
_RECEIPT_GIVEN_UP_AFTER = timedelta(hours=24)
_MAX_ATTEMPTS = 2
UNCONFIRMED = "delivery not confirmed"  # why a notice that was sent is not asked about any more


async def settle_doubts(notifier: Notifier, *, now: datetime, size: int = 50) -> int:
    """Ask the provider about notices without a clear end; returns how many were asked about."""
    async with transaction(notifier.services.engine) as connection:
        await outbox.recover(connection)
        doubtful = await outbox.take_unknown(
            connection,
            now=now,
            sent_before=now - _LIST_IS_CONSISTENT_AFTER,
            receipt_before=now - _RECEIPT_WITHIN,
            size=size,
        )
    if doubtful:
        failpoint("after-doubt-take")
    for notice in doubtful:
        await _settle_one(notifier, notice, now=now)
    return len(doubtful)


async def _settle_one(notifier: Notifier, notice: outbox.ClaimedNotice, *, now: datetime) -> None:
    try:
        found = await notifier.channels[notice.channel].find(await _envelope(notifier, notice))
    except LookupError:
        return  # nothing learnt; asked again later
    failpoint("after-doubt-look-up")
    state, failure = _decision(notice, found, now=now)
    if state is None:
        return
    async with transaction(notifier.services.engine) as connection:
        await outbox.decide_unknown(
            connection,
            notice_id=notice.id,
            state=state,
            message_id=found.provider_message_id if isinstance(found, Accepted) else None,
            request_id=found.provider_request_id,
            failure=failure,
            now=now,
        )
        if state is NoticeState.QUEUED:
            await notices.withdraw_pointless(connection, notice_ids=[notice.id], now=now)
            await notices.withdraw_overtaken(connection, notice_ids=[notice.id], now=now)
        if state is NoticeState.FAILED:
            await notifier.find_another_way(connection, failed=[notice.id], now=now)
        if state is NoticeState.NEEDS_HUMAN:
            await notices.report_to_staff(connection, kind="notice_unclear", notice_ids=[notice.id], now=now)
        failpoint("inside-doubt-recording")


async def _envelope(notifier: Notifier, notice: outbox.ClaimedNotice) -> Envelope:
    """Two reminders may say the same: what another notice has become is not this one."""
    async with transaction(notifier.services.engine) as connection:
        known = await notices.find_known_messages(connection, notice_id=notice.id, address=notice.address)
    return replace(
        notifier.envelope(notice, notifier.frozen(notice)),
        message_id=notice.provider_message_id,
        first_sent_at=notice.first_sent_at,
        known_message_ids=known,
    )


def _decision(
    notice: outbox.ClaimedNotice, found: Accepted | Refused | NotListed, *, now: datetime
) -> tuple[NoticeState | None, str | None]:
    """What the provider's list means; a None state means: wait and ask again."""
    if isinstance(found, Refused):
        return NoticeState.FAILED, found.reason
    if isinstance(found, Accepted) and found.is_delivered:
        return NoticeState.DELIVERED, None
    age = now - notice.last_sent_at
    return _unended(found, age) if notice.state == NoticeState.SENT else _unknown(notice, found, age)


def _unended(found: Accepted | NotListed, age: timedelta) -> tuple[NoticeState | None, str | None]:
    """Many carriers never confirm: what they have is sent, and nobody need look at each of these."""
    if age <= _RECEIPT_GIVEN_UP_AFTER:
        return None, None
    if isinstance(found, Accepted) and found.is_with_carrier:
        return NoticeState.SENT, UNCONFIRMED
    return NoticeState.NEEDS_HUMAN, "no receipt"


def _unknown(
    notice: outbox.ClaimedNotice, found: Accepted | NotListed, age: timedelta
) -> tuple[NoticeState | None, str | None]:
    return (NoticeState.SENT, None) if isinstance(found, Accepted) else _absent(notice, age)


def _absent(notice: outbox.ClaimedNotice, age: timedelta) -> tuple[NoticeState | None, str | None]:
    if age < _RESEND_AFTER:
        return None, None
    if notice.attempts >= _MAX_ATTEMPTS:
        return NoticeState.NEEDS_HUMAN, "not found at the provider"
    return NoticeState.QUEUED, None
