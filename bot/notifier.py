"""Brings the outbox to the customers: freeze, commit, send, settle; each notice once (faults.md, safe step)."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from aiolimiter import AsyncLimiter
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.billing_calendar import jst_date
from backend.domain.identifiers import derive_code, derive_invitation_token, derive_token
from backend.domain.states import ChannelName, NoticeKind, NoticeState
from backend.failpoints import failpoint
from backend.ports import Channel, Envelope, NotNow, Refused, SendOutcome, Unclear
from backend.store import chats, late_results, lost_answers, notices, outbox, tasks
from backend.store.engine import transaction
from backend.usecases.services import Services
from bot.channels.sms import NEVER_AGAIN
from bot.notice_outcomes import has_old_key, settlement_of
from bot.notice_stops import withhold
from bot.placeholders import CODE, LINE_LINK_TOKEN, LINK
from bot.wording import Wording
from bot.wording_sms import sms_segments

log = structlog.get_logger()

_LEASE_SECONDS = 120  # longer than a batch waits for its pace, plus the channel's own time limit
_BATCH = 500
_WINDOW = 40  # calls in flight a batch
_MOST_SEGMENTS = 2  # of an SMS, by the tests of the words
_BATCH_SECONDS = 30  # of pace in one batch; the lanes of a step share a pace

# What may wait until the morning; codes, replies, a received application and completions soon after the press may not.
_IN_SEND_HOURS = {
    NoticeKind.PAYMENT_LINK,
    NoticeKind.REMINDER,
    NoticeKind.CHARGED,
    NoticeKind.CHARGE_DECLINED,
    NoticeKind.RECEIPT_CONFIRMED,
    NoticeKind.CHARGE_CARRIED_OVER,
    NoticeKind.REFUNDED,
}

_AT_THE_PAGE = timedelta(minutes=15)  # after the press: as long as an outcome is looked for at once (f23)

ANSWERS, NEWS = range(1, 2), range(2, 10)  # priorities: somebody waits for an answer; a month of news never delays it


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One channel's answers or its news, with a pace of their own: a slow channel never holds up a fast one."""

    channel: ChannelName
    priorities: range
    limit: AsyncLimiter

    @property
    def name(self) -> str:
        """For the logs: `line answers`."""
        return f"{self.channel} {'answers' if self.priorities == ANSWERS else 'news'}"

    @property
    def batch(self) -> int:
        """How many notices to take at once, so that the pace lets them go long before the lease ends."""
        most_turns = _MOST_SEGMENTS if self.channel is ChannelName.SMS else 1
        return min(_BATCH, int(self.limit.max_rate / self.limit.time_period * _BATCH_SECONDS / most_turns))

    async def wait_for_turn(self, frozen: str) -> None:
        """Keep the pace: carriers count an SMS of two segments as two."""
        turns = sms_segments(str(json.loads(frozen)["body"])) if self.channel is ChannelName.SMS else 1
        for _ in range(turns):
            await self.limit.acquire()


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifier:
    """The channels and the words."""

    services: Services
    channels: Mapping[ChannelName, Channel]
    wording: Wording
    sender_name: str
    support_phone: str
    secret: bytes = field(repr=False)

    async def send_due(self, stream: Stream, *, now: datetime) -> int:
        """Send the stream's next due notices; returns how many were tried."""
        async with transaction(self.services.engine) as connection:
            claimed = await outbox.claim(
                connection, now=now, channel=stream.channel, priorities=stream.priorities, size=stream.batch
            )
            if not claimed:
                return 0
            ready = await self._ready(connection, claimed, now=now)
            frozen = await self._freeze(connection, ready, now=now)
            await outbox.mark_sending(connection, payloads=frozen, now=now, lease_seconds=_LEASE_SECONDS)
            if frozen:
                failpoint("inside-marking")
        if frozen:
            failpoint("after-marking")
        sent = await self._send(stream, [(notice, frozen[notice.id]) for notice in ready if notice.id in frozen])
        await self._settle(sent, now=self.services.clock.now())
        return len(claimed)

    async def _ready(
        self, connection: AsyncConnection, claimed: Sequence[outbox.ClaimedNotice], *, now: datetime
    ) -> list[outbox.ClaimedNotice]:
        """Those that may go now: news keeps the send hours however late it is, a forgotten key is never used again.

        What its customer has stopped meanwhile does not go.
        """
        parked = [notice.id for notice in claimed if has_old_key(notice, now=now)]
        if parked:
            await outbox.park(connection, notice_ids=parked, failure="the retry key is too old")
            await notices.report_to_staff(connection, kind="notice_unclear", notice_ids=parked, now=now)
        send_at = self.services.calendar.next_sending_at(now)
        withheld = await withhold(
            connection, [notice for notice in claimed if notice.id not in parked], now=now, not_before=send_at
        )
        late = await _not_at_night(connection, claimed, now=now) if send_at > now else []
        if late:
            await outbox.put_off(connection, notice_ids=late, not_before=send_at)
        kept = {*parked, *withheld, *late}
        return [notice for notice in claimed if notice.id not in kept]

    async def _freeze(
        self, connection: AsyncConnection, ready: Sequence[outbox.ClaimedNotice], *, now: datetime
    ) -> dict[int, str]:
        """What will be sent, by notice. One that cannot be worded is left to people and holds up nobody else (f22)."""
        frozen: dict[int, str] = {}
        for notice in ready:
            try:
                frozen[notice.id] = self.frozen(notice)
            except Exception:  # a door: whatever is wrong with one message, the others go out
                log.exception("notice_cannot_be_worded", notice=notice.id, kind=notice.kind)
        unsayable = [notice.id for notice in ready if notice.id not in frozen]
        if unsayable:
            await outbox.park(connection, notice_ids=unsayable, failure="cannot be worded")
            await notices.report_to_staff(connection, kind="notice_unsayable", notice_ids=unsayable, now=now)
        return frozen

    def frozen(self, notice: outbox.ClaimedNotice) -> str:
        """The payload as JSON, with places for tokens instead of tokens; in an order that jsonb cannot change.

        The words of a first try are those of its day: what an earlier try has certainly not brought is worded anew.
        """
        is_first_try = notice.state == NoticeState.SENDING and notice.first_sent_at == notice.last_sent_at
        payload = (
            None if is_first_try and notice.kind is not NoticeKind.REPLY else notice.payload
        ) or self.wording.render_notice(
            kind=notice.kind,
            channel=notice.channel,
            facts={**notice.facts, "today": jst_date(notice.last_sent_at).isoformat()},
            base_url=self.services.public_base_url,
            sender_name=self.sender_name,
            support_phone=self.support_phone,
            has_link=notice.link_id is not None,
        )
        return json.dumps(payload, ensure_ascii=False, sort_keys=True)

    def envelope(self, notice: outbox.ClaimedNotice, frozen: str) -> Envelope:
        """Put the secrets in their places: the same ones each time, so that the bytes never change."""
        for place, value in self._secrets_of(notice):
            frozen = frozen.replace(place, value)
        return Envelope(
            notice_id=notice.id,
            key=notice.key,
            address=notice.address,
            payload=json.loads(frozen),
            reply_token=notice.reply_token,
            attempts=notice.attempts,
        )

    def _secrets_of(self, notice: outbox.ClaimedNotice) -> list[tuple[str, str]]:
        places: list[tuple[str, str]] = []
        if notice.link_id:
            places.append((LINK, derive_token(secret=self.secret, link_id=notice.link_id)))
        if verification := notice.facts.get("verification_id"):
            code = derive_code(secret=self.secret, verification_id=UUID(str(verification)))
            places.append((CODE, code))
        if invitation := notice.facts.get("invitation_id"):
            token = derive_invitation_token(secret=self.secret, invitation_id=UUID(str(invitation)))
            places.append((LINE_LINK_TOKEN, token))
        return places

    async def _send(
        self, stream: Stream, frozen: Sequence[tuple[outbox.ClaimedNotice, str]]
    ) -> list[tuple[outbox.ClaimedNotice, SendOutcome]]:
        """Send all, some at a time: only what is on the wire exists as an envelope."""
        left, sent, channel = (
            iter(frozen),
            list[tuple[outbox.ClaimedNotice, SendOutcome]](),
            self.channels[stream.channel],
        )

        async def keep_sending() -> None:
            for notice, text in left:
                await stream.wait_for_turn(text)
                sent.append((notice, await self._hand_over(channel, notice, text)))
                failpoint("after-push" if stream.channel is ChannelName.LINE else "after-sms")

        await asyncio.gather(*(keep_sending() for _ in range(min(_WINDOW, len(frozen)))))
        return sent

    async def _hand_over(self, channel: Channel, notice: outbox.ClaimedNotice, text: str) -> SendOutcome:
        """One call. Whatever breaks in it, nothing is known of this call only: the batch keeps its outcomes."""
        try:
            return await channel.send(self.envelope(notice, text))
        except Exception as problem:  # a door: an answer that no channel expected
            log.exception("channel_broken", notice=notice.id, channel=channel.name)
            return Unclear(reason=type(problem).__name__)

    async def _settle(self, sent: list[tuple[outbox.ClaimedNotice, SendOutcome]], *, now: datetime) -> None:
        settlements = [settlement_of(notice, outcome, now=now) for notice, outcome in sent]
        failed = [s.notice_id for s in settlements if s.state == NoticeState.FAILED]
        parked = [s.notice_id for s in settlements if s.state == NoticeState.NEEDS_HUMAN]
        async with transaction(self.services.engine) as connection:
            await outbox.settle(connection, settlements=settlements, now=now)
            await _remember_the_gone(connection, sent, now=now)
            if failed:
                await self.find_another_way(connection, failed=failed, now=now)
            if parked:
                await notices.report_to_staff(connection, kind="notice_unclear", notice_ids=parked, now=now)
            await _report_faults(connection, sent, now=now)
            if sent:
                failpoint("inside-settling")
        if sent:
            failpoint("after-settling")

    async def find_another_way(self, connection: AsyncConnection, *, failed: list[int], now: datetime) -> None:
        """What one channel will certainly not bring goes by the next, or on the list for people."""
        await notices.stop_numbers(connection, notice_ids=failed, stops=NEVER_AGAIN, now=now)
        await notices.fall_back_to_sms(
            connection,
            notice_ids=failed,
            now=now,
            not_before=self.services.calendar.next_sending_at(now),
        )
        await notices.report_failed_sms(connection, notice_ids=failed, now=now)
        await lost_answers.report_failed_answers(connection, notice_ids=failed, now=now)


async def _not_at_night(
    connection: AsyncConnection, claimed: Sequence[outbox.ClaimedNotice], *, now: datetime
) -> list[int]:
    """News, and completions that were pressed for long ago: who was told to wait hears of it in the morning."""
    news = [notice.id for notice in claimed if notice.kind in _IN_SEND_HOURS]
    paid = [notice.id for notice in claimed if notice.kind is NoticeKind.PAID]
    since = now - _AT_THE_PAGE
    return news + await late_results.find_long_pressed(connection, notice_ids=paid, pressed_before=since)


async def _remember_the_gone(
    connection: AsyncConnection, sent: Sequence[tuple[outbox.ClaimedNotice, SendOutcome]], *, now: datetime
) -> None:
    """LINE users who are not there any more: until a `follow`, their news goes by SMS at once (channels.md 8.7)."""
    gone = {notice.address for notice, outcome in sent if isinstance(outcome, Refused) and outcome.is_address_dead}
    for address in sorted(gone):
        await chats.record_following(connection, line_user_id=address, is_blocked=True, at=now)


async def _report_faults(
    connection: AsyncConnection, sent: Sequence[tuple[outbox.ClaimedNotice, SendOutcome]], *, now: datetime
) -> None:
    """A channel that refuses us, not the customer: what waits goes out once people have mended it; told once a day."""
    faults = {(notice.channel, outcome.fault) for notice, outcome in sent if isinstance(outcome, NotNow)}
    for channel, fault in faults:
        if fault is None:
            continue
        await tasks.raise_task(
            connection,
            kind="channel_refused",
            subject=f"{channel}:{fault}:{jst_date(now)}",
            account_id=None,
            detail={"channel": channel, "fault": fault},
            now=now,
        )
