"""LINE's webhook: verify the raw bytes, keep each event, and later turn it into what it means for us."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from aiohttp import web

from backend.domain.states import ChannelName
from backend.domain.untrusted_json import identifier, read_object, storable
from backend.failpoints import failpoint
from backend.ports import Clock
from backend.store import chats, inbox, notices, unopened_links
from backend.store.engine import transaction
from backend.usecases import link_line_account
from backend.usecases.services import Services
from bot.card_guard import mask_cards
from bot.channels.line import is_signed
from bot.conversation import Conversations, Said
from bot.message import Incoming, IncomingKind

SOURCE = "line"
_TYPED = ("text", "fileName", "title", "address")
_MEDIA = {"image", "video", "audio", "file", "location"}
_CLOCKS_DIFFER = timedelta(seconds=5)  # LINE's and ours: what was sent at the very moment of a block may have arrived
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class LineHook:
    """`POST /hooks/line`: durable before the 200, worked on afterwards (channels.md 8.8)."""

    services: Services
    channel_secrets: Sequence[str] = field(repr=False)

    async def handle(self, request: web.Request) -> web.Response:
        """401 for a wrong signature, 400 for what is no webhook, else 200 once every event is stored."""
        body = await request.read()
        signature = request.headers.get("x-line-signature", "")
        if not is_signed(body=body, signature=signature, secrets=self.channel_secrets):
            return web.Response(status=401)
        await self.services.clock.refresh()
        now = self.services.clock.now()
        try:
            events = list(new_events(read_object(body), clock=self.services.clock))
        except (ValueError, TypeError, KeyError):
            return web.Response(status=400)
        if events:
            async with transaction(self.services.engine) as connection:
                await inbox.insert_events(connection, events=events, now=now)
            failpoint("after-inbox-insert")
        return web.Response(status=200)


def new_events(webhook: Mapping[str, Any], *, clock: Clock) -> Iterator[inbox.NewEvent]:
    """The events of one webhook body, each on its own: what is no event is logged and costs no neighbour."""
    for event in webhook["events"]:
        try:
            yield _new_event(storable(event), clock=clock)
        except (TypeError, ValueError, AttributeError) as problem:
            log.warning("line_event_unreadable", reason=type(problem).__name__)


def _new_event(event: dict[str, Any], *, clock: Clock) -> inbox.NewEvent:
    event_id, told = _id_of(event), _time_of(event)
    return inbox.NewEvent(
        source=SOURCE,
        event_id=event_id,
        order_key=f"line:{_user_of(event) or event_id}",
        body=_masked(event),
        occurred_at=clock.placed(told) if told else clock.now(),
    )


def _id_of(event: dict[str, Any]) -> str:
    """LINE's name of the event. Without one it is named by its content, so that a redelivery is recognised too."""
    try:
        return identifier(event.get("webhookEventId"))
    except ValueError:
        content = {name: value for name, value in event.items() if name != "deliveryContext"}
        return "sha256:" + hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _time_of(event: Mapping[str, Any]) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(event["timestamp"]) / 1000, tz=UTC)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return None


def _user_of(event: Mapping[str, Any]) -> str | None:
    """The user who did it alone with us; None for groups, and for names that can be nobody's."""
    source = event.get("source")
    if not isinstance(source, Mapping) or source.get("type", "user") != "user":
        return None
    try:
        return identifier(source.get("userId"))
    except ValueError:
        return None


def _masked(event: dict[str, Any]) -> dict[str, Any]:
    """The same event without card numbers in anything that the customer has typed or named (f77)."""
    message = event.get("message")
    if not isinstance(message, dict):
        return event
    typed = {name: mask_cards(message[name])[:5000] for name in _TYPED if isinstance(message.get(name), str)}
    return {**event, "message": {**message, **typed}}


@dataclass(frozen=True, slots=True, kw_only=True)
class LineEvents:
    """Applies stored LINE events."""

    services: Services
    conversations: Conversations

    async def apply(self, event: inbox.InboxEvent, now: datetime) -> bool:
        """Do what one event means; unknown types and groups are left alone politely.

        True when the event is finished in the same commit: every answer does that. In standby somebody else answers:
        the same is kept and done, without a word of ours.
        """
        body: Mapping[str, Any] = event.body
        user_id = _user_of(body)
        match body.get("type"):
            case "message" | "postback" if user_id:
                return await self._answer(event, user_id, _incoming(body, event.occurred_at), now)
            case "follow" if user_id:
                return await self._follow(event, user_id, now)
            case "unfollow" if user_id:
                await self._unfollow(event, user_id, now)
            case "unsend" if user_id and (taken_back := _part(body, "unsend").get("messageId")):
                await self._unsend(event, user_id, str(taken_back), now)
            case "accountLink" if user_id:
                return await self._link(event, user_id, now)
            case kind:
                log.info("line_event_ignored", kind=str(kind))
        return False

    async def _answer(self, event: inbox.InboxEvent, user_id: str, incoming: Incoming, now: datetime) -> bool:
        await self.conversations.answer(_said(event, user_id, incoming), now=now)
        return True

    async def _follow(self, event: inbox.InboxEvent, user_id: str, now: datetime) -> bool:
        async with transaction(self.services.engine) as connection:
            await chats.record_following(connection, line_user_id=user_id, is_blocked=False, at=event.occurred_at)
        incoming = Incoming(channel=ChannelName.LINE, kind=IncomingKind.FOLLOW, said_at=event.occurred_at)
        return await self._answer(event, user_id, incoming, now)

    async def _unfollow(self, event: inbox.InboxEvent, user_id: str, now: datetime) -> None:
        """A block: what still waits for this user, and URLs pushed into it, take the next channel (channels.md 8.7)."""
        at = event.occurred_at
        async with transaction(self.services.engine) as connection:
            if not await chats.record_following(connection, line_user_id=user_id, is_blocked=True, at=at):
                return  # a newer `follow` is known
            waiting = await notices.lock_queued_for(connection, line_user_id=user_id)
            swallowed = await unopened_links.lock_swallowed(
                connection, line_user_id=user_id, sent_after=at + _CLOCKS_DIFFER, now=now
            )
            lost = [*waiting, *swallowed]
            send_at = self.services.calendar.next_sending_at(now)
            await notices.move_to_sms(connection, notice_ids=lost, failure="blocked", now=now, not_before=send_at)

    async def _unsend(self, event: inbox.InboxEvent, user_id: str, message_id: str, now: datetime) -> None:
        """What was taken back is kept nowhere, and not answered if it comes only now (f59)."""
        async with transaction(self.services.engine) as connection:
            conversation = await chats.open_conversation(connection, channel=ChannelName.LINE, address=user_id, now=now)
            await chats.erase_message(
                connection, conversation_id=conversation.id, provider_message_id=message_id, now=now
            )
            await inbox.erase_in_quarantine(connection, order_key=event.order_key, message_id=message_id)

    async def _link(self, event: inbox.InboxEvent, user_id: str, now: datetime) -> bool:
        """The link and the word about it are one commit: a failure in between uses no nonce up."""
        link = _part(event.body, "link")
        async with transaction(self.services.engine) as connection:
            linked = await link_line_account.accept(
                self.services,
                connection,
                line_user_id=user_id,
                nonce=str(link.get("nonce")),
                result=str(link.get("result")),
                linked_at=event.occurred_at,
                now=now,
            )
            kind = IncomingKind.ACCOUNT_LINKED if linked else IncomingKind.ACCOUNT_NOT_LINKED
            incoming = Incoming(channel=ChannelName.LINE, kind=kind, said_at=event.occurred_at)
            await self.conversations.answer_within(connection, _said(event, user_id, incoming), now=now)
        return True


def _part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object within an event; an empty one if it is missing or odd, so that it holds up nobody's next words."""
    part = body.get(name)
    return part if isinstance(part, Mapping) else {}


def _said(event: inbox.InboxEvent, user_id: str, incoming: Incoming) -> Said:
    body: Mapping[str, Any] = event.body
    message, token = _part(body, "message"), body.get("replyToken")
    return Said(
        incoming=incoming,
        address=user_id,
        message_id=str(message.get("id") or event.event_id),
        event=event,
        reply_token=token if isinstance(token, str) else None,
        is_overheard=body.get("mode") == "standby",
    )


def _incoming(body: Mapping[str, Any], said_at: datetime) -> Incoming:
    if body["type"] == "postback":
        data = str(_part(body, "postback").get("data", ""))[:300]
        return Incoming(channel=ChannelName.LINE, kind=IncomingKind.POSTBACK, data=data, said_at=said_at)
    message = _part(body, "message")
    match message.get("type"):
        case "text":
            kind = IncomingKind.TEXT
        case "sticker":
            kind = IncomingKind.STICKER
        case other:
            kind = IncomingKind.MEDIA if other in _MEDIA else IncomingKind.OTHER
    return Incoming(channel=ChannelName.LINE, kind=kind, text=str(message.get("text") or ""), said_at=said_at)
