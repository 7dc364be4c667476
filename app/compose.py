"""The composition root: services, channels and words become the steps of the worker."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import structlog
from aiolimiter import AsyncLimiter

from app.open_services import open_services
from app.settings import Settings
from backend.domain.states import ChannelName
from backend.usecases.charge_prepared import charge_due
from backend.usecases.check_clock import ClockWatch
from backend.usecases.expire_payment_requests import close_settled_late
from backend.usecases.receive_gateway_event import receive_gateway_event
from backend.usecases.resolve_unknown_payments import resolve_due
from backend.usecases.restore_gate import GateWatch, check_gate_at_start
from backend.usecases.run_month_batches import watch_batches
from backend.usecases.send_refunds import resolve_due_refunds, send_due_refunds
from backend.usecases.services import Services
from backend.usecases.work_inbox import work_inbox
from backend.web.gateway_hook import SOURCE as GATEWAY_SOURCE
from bot import quota_watch, silent_links
from bot.channels.line import LineChannel, open_line_channel
from bot.channels.sms import SmsChannel, open_sms_channel
from bot.conversation import Conversations
from bot.line_events import SOURCE as LINE_SOURCE
from bot.line_events import LineEvents
from bot.notice_doubts import settle_doubts
from bot.notifier import ANSWERS, NEWS, Notifier, Stream
from bot.sms_events import INBOUND, RECEIPT, SmsEvents
from bot.wording import Wording, load_wording
from scheduler.jobs import PERIODIC, Periodic
from scheduler.periodic import run_if_due
from scheduler.worker import Step, run_forever

log = structlog.get_logger()
TEMPLATES = Path(__file__).parent.parent / "templates"

_GATE_SECONDS = 10.0  # how long a start waits for the gateway; then charging waits, the pages do not
_CONNECTIONS = 100  # to LINE: wide enough that latency does not bound the monthly run


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that a process may run, wired."""

    settings: Settings
    services: Services
    line: LineChannel
    sms: SmsChannel
    wording: Wording
    notifier: Notifier
    streams: tuple[Stream, ...]

    def steps(self) -> tuple[Step, ...]:
        """All that a worker does."""
        return (*self.due_steps(), *self.periodic_steps())

    def periodic_steps(self) -> tuple[Step, ...]:
        """What repeats every few minutes: looks at the work in hand, and sometimes makes more."""
        return tuple(
            Step(name=job.name, run=partial(run_if_due, self.services, job), idle_seconds=15.0)
            for job in (*PERIODIC, *self._asking_line())
        )

    def due_steps(self) -> tuple[Step, ...]:
        """The kinds of due work, the customer who waits first."""
        gate = GateWatch(services=self.services)
        return (
            Step(name="gate", run=gate.look, idle_seconds=5.0),
            Step(name="inbox", run=self._work_inbox, idle_seconds=0.1, lanes=2),
            Step(name="charges", run=self._charge, idle_seconds=0.5),
            *(self._sending(stream) for stream in self.streams),
            Step(name="outcomes", run=self._resolve, idle_seconds=2.0),
            Step(name="refunds", run=self._refund, idle_seconds=2.0),
            Step(name="batches", run=self._watch, idle_seconds=2.0),
            Step(name="closing", run=self._close, idle_seconds=5.0),
            Step(name="doubts", run=self._doubts, idle_seconds=2.0),
        )

    async def work(self) -> None:
        """Do what is due until cancelled; nothing while this machine's clock is wrong."""
        watch = ClockWatch(services=self.services)
        await run_forever(self.steps(), clock=self.services.clock, is_clock_wrong=watch.is_wrong)

    def _asking_line(self) -> tuple[Periodic, ...]:
        """What only LINE can tell, asked often enough to act on it in time (f49, f50)."""
        line = self.line
        return (
            Periodic(
                name="line_quota",
                every=quota_watch.EVERY,
                run=lambda services, now: quota_watch.watch_quota(services, line, now=now),
            ),
            Periodic(
                name="silent_links",
                every=silent_links.EVERY,
                run=lambda services, now: silent_links.reach_silent_customers(services, line, now=now),
            ),
        )

    async def _work_inbox(self, now: datetime) -> int:
        conversations = Conversations(services=self.services, wording=self.wording)
        sms = SmsEvents(services=self.services, conversations=conversations)
        handlers = {
            LINE_SOURCE: LineEvents(services=self.services, conversations=conversations).apply,
            INBOUND: sms.apply_inbound,
            RECEIPT: sms.apply_receipt,
            GATEWAY_SOURCE: lambda event, at: receive_gateway_event(self.services, event, now=at),
        }
        return await work_inbox(self.services, handlers=handlers, now=now)

    async def _charge(self, now: datetime) -> int:
        return await charge_due(self.services, now=now)

    def _sending(self, stream: Stream) -> Step:
        return Step(
            name=stream.name,
            run=partial(self._send, stream),
            idle_seconds=0.1 if stream.priorities == ANSWERS else 1.0,
            lanes=3 if stream.channel is ChannelName.LINE else 1,
        )

    async def _send(self, stream: Stream, now: datetime) -> int:
        return await self.notifier.send_due(stream, now=now)

    async def _resolve(self, now: datetime) -> int:
        return await resolve_due(self.services, now=now)

    async def _watch(self, now: datetime) -> int:
        return await watch_batches(self.services, now=now)

    async def _refund(self, now: datetime) -> int:
        sent = await send_due_refunds(self.services, now=now)
        return sent + await resolve_due_refunds(self.services, now=now)

    async def _close(self, now: datetime) -> int:
        return await close_settled_late(self.services, now=now)

    async def _doubts(self, now: datetime) -> int:
        return await settle_doubts(self.notifier, now=now)


@asynccontextmanager
async def open_parts(settings: Settings, *, url: str) -> AsyncIterator[Parts]:
    """All parts, for a process that does what is due: it judges the restore gate before it begins."""
    async with open_tools(settings, url=url) as parts:
        await _check_gate(parts.services)
        yield parts


@asynccontextmanager
async def open_tools(settings: Settings, *, url: str) -> AsyncIterator[Parts]:
    """All parts, for one command of a person: it obeys the gate and never judges it.

    Its machine may not reach the gateway, which is no reason to stop everybody's charges.
    """
    async with open_services(settings, url=url) as services, AsyncExitStack() as stack:
        yield await _open_channels(settings, services, stack)


async def _check_gate(services: Services) -> None:
    """Nothing is charged before it is known that this database has not lost some of its past (faults 12 and 68)."""
    try:
        await check_gate_at_start(services, now=services.clock.now(), seconds=_GATE_SECONDS)
    except Exception:  # a door: no database or no schema yet; the worker looks as soon as there is one
        log.exception("gate_not_checked")


async def _open_channels(settings: Settings, services: Services, stack: AsyncExitStack) -> Parts:
    line = await stack.enter_async_context(
        open_line_channel(
            api_base=settings.line_api_base,
            access_base=settings.line_dialog_base,
            access_token=settings.line_channel_access_token.get_secret_value(),
            connections=_CONNECTIONS,
        )
    )
    sms = await stack.enter_async_context(
        open_sms_channel(
            account_sid=settings.twilio_account_sid,
            auth_token=settings.twilio_auth_token.get_secret_value(),
            sender=settings.twilio_from,
            api_base=settings.twilio_api_base,
            status_url=f"{settings.public_base_url}/hooks/twilio/status",
        )
    )
    wording = wording_of(settings)
    notifier = Notifier(
        services=services,
        channels={ChannelName.LINE: line, ChannelName.SMS: sms},
        wording=wording,
        sender_name=settings.sender_name,
        support_phone=settings.support_phone,
        secret=services.link_secret,
    )
    return Parts(
        settings=settings,
        services=services,
        line=line,
        sms=sms,
        wording=wording,
        notifier=notifier,
        streams=_streams(settings),
    )


def wording_of(settings: Settings) -> Wording:
    """Every sentence of the chats as this retailer says it; read once in a process."""
    return load_wording(
        TEMPLATES,
        sender_name=settings.sender_name,
        support_phone=settings.support_phone,
        public_base_url=settings.public_base_url,
        calendar=settings.calendar,
    )


def _streams(settings: Settings) -> tuple[Stream, ...]:
    """Answers before news, each at its channel's pace (LINE counts replies and pushes apart)."""
    paces = {ChannelName.LINE: settings.line_pushes_per_second, ChannelName.SMS: settings.sms_per_second}
    return tuple(
        Stream(channel=channel, priorities=priorities, limit=AsyncLimiter(pace, 1))
        for priorities in (ANSWERS, NEWS)
        for channel, pace in paces.items()
    )
