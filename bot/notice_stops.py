"""Keeps back, at the moment of sending, what its customer wants no more or what is worth nothing any more."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.billing_calendar import jst_date
from backend.domain.states import ChannelName
from backend.store import notice_stops, notices, outbox

_UNTIL_IT_IS_KNOWN = timedelta(minutes=5)  # the second look at an unknown outcome comes no sooner


async def withhold(
    connection: AsyncConnection, claimed: Sequence[outbox.ClaimedNotice], *, now: datetime, not_before: datetime
) -> set[int]:
    """Keep back what must not go out, each by its next way; returns it.

    A day brings one reminder. What asks for a payment waits while one is under way: then it is worth nothing, or right
    again.
    A stop on LINE leaves SMS, and a stop there leaves people. A push that may have arrived before the stop is
    not brought by SMS as well: people look.
    """
    ids = [notice.id for notice in claimed]
    dead = await notice_stops.end_dead_codes(connection, notice_ids=ids, now=now)
    dead += await notice_stops.end_second_reminders(connection, notice_ids=ids, today=jst_date(now), now=now)
    ids = [each for each in ids if each not in dead]  # what has ended goes by no other way
    stopped = await notice_stops.find_stopped(connection, notice_ids=ids)
    unclear = [notice.id for notice in stopped if notice.was_tried and notice.channel is ChannelName.LINE]
    unsent = [notice.id for notice in stopped if notice.id not in unclear]
    ended = {*dead, *unclear, *unsent}
    if unclear:
        await outbox.park(connection, notice_ids=unclear, failure="stopped")
        await notices.report_to_staff(connection, kind="notice_unclear", notice_ids=unclear, now=now)
    if unsent:
        await notices.move_to_sms(connection, notice_ids=unsent, failure="stopped", now=now, not_before=not_before)
        await notices.report_failed_sms(connection, notice_ids=unsent, now=now)
    paying = set(await notice_stops.find_being_paid(connection, notice_ids=ids)) - ended
    await outbox.put_off(connection, notice_ids=list(paying), not_before=now + _UNTIL_IT_IS_KNOWN)
    return {*ended, *paying}
