"""Twilio's webhooks: inbound messages and delivery receipts, verified, kept, and applied afterwards."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qsl
from uuid import UUID

from aiohttp import web

from backend.domain.states import ChannelName, NoticeState
from backend.domain.untrusted_json import identifier, storable
from backend.failpoints import failpoint
from backend.store import chats, delivery_receipts, inbox, lost_answers, notices
from backend.store.engine import transaction
from backend.usecases.services import Services
from bot.card_guard import mask_cards
from bot.channels.sms import NEVER_AGAIN, TwilioSignature
from bot.conversation import Conversations, Said
from bot.message import Incoming, IncomingKind

INBOUND = "twilio_sms"
RECEIPT = "twilio_status"
# 30003 may be transient and 30005 unknown, but by then Twilio has given up on this message. Any other status is on the
# way to one of these: Twilio has the message.
_FINAL = {
    "delivered": NoticeState.DELIVERED,
    "undelivered": NoticeState.FAILED,
    "failed": NoticeState.FAILED,
    "canceled": NoticeState.FAILED,
}
_TELEPHONE = re.compile(r"\+[1-9][0-9]{7,14}")
_CALLBACK_NAME = "I-Twilio-Idempotency-Token"  # Twilio's own name of a callback, the same in all its copies
_EMPTY_ANSWER = "<Response/>"  # anything else would be sent to the customer as an SMS (channels.md 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class TwilioHooks:
    """`POST /hooks/twilio/sms` and `/hooks/twilio/status`."""

    services: Services
    signature: TwilioSignature = field(repr=False)

    async def inbound(self, request: web.Request) -> web.Response:
        """Keep one inbound message; 401 for a wrong signature."""
        fields = await self._verified(request)
        if fields is None:
            return web.Response(status=401)
        if not fields.get("MessageSid") or not fields.get("From"):
            return web.Response(status=400)
        said = fields.get("Body", "").replace("\x00", "")
        kept = {**fields, "Body": mask_cards(said)[:5000]}
        return await self._keep(INBOUND, fields["MessageSid"], f"sms:{fields['From']}", kept)

    async def status(self, request: web.Request) -> web.Response:
        """Keep one delivery receipt; our own reference is in the query."""
        fields = await self._verified(request)
        if fields is None:
            return web.Response(status=401)
        sid, status = fields.get("MessageSid"), fields.get("MessageStatus")
        if not sid or not status:
            return web.Response(status=400)
        names = {"ref": request.query.get("ref", ""), "token": request.headers.get(_CALLBACK_NAME, "")}
        kept = {**fields, **names}
        return await self._keep(RECEIPT, f"{sid}:{status}", f"receipt:{sid}", kept)

    async def _verified(self, request: web.Request) -> dict[str, str] | None:
        """The form if Twilio signed exactly this address and these fields; blank values take part."""
        body = await request.read()
        try:
            fields = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=100))
        except (UnicodeDecodeError, ValueError):
            return None
        url = self.services.public_base_url + request.raw_path
        signature = request.headers.get("X-Twilio-Signature", "")
        return fields if self.signature.is_valid(url=url, fields=fields, signature=signature) else None

    async def _keep(self, source: str, event_id: str, order_key: str, fields: Mapping[str, str]) -> web.Response:
        """200 once it is durable; 400 for a name that cannot be one."""
        await self.services.clock.refresh()
        now = self.services.clock.now()  # Twilio does not say when; the order of arrival is all there is
        try:
            event = inbox.NewEvent(
                source=source,
                event_id=identifier(event_id),
                order_key=identifier(order_key),
                body=storable(dict(fields)),
                occurred_at=now,
            )
        except ValueError:
            return web.Response(status=400)
        async with transaction(self.services.engine) as connection:
            await inbox.insert_events(connection, events=[event], now=now)
        failpoint("after-inbox-insert")
        return web.Response(text=_EMPTY_ANSWER, content_type="text/xml")


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsEvents:
    """Applies stored Twilio events."""

    services: Services
    conversations: Conversations

    async def apply_inbound(self, event: inbox.InboxEvent, now: datetime) -> bool:
        """Answer one SMS of a customer; finishes the event in the same commit.

        What comes from a short number or a name is kept without an answer: machines send so, and might answer back.
        """
        incoming = Incoming(
            channel=ChannelName.SMS,
            kind=IncomingKind.TEXT,
            text=str(event.body["Body"]),
            said_at=event.occurred_at,
        )
        address = str(event.body["From"])
        said = Said(
            incoming=incoming,
            address=address,
            message_id=event.event_id,
            event=event,
            is_overheard=_TELEPHONE.fullmatch(address) is None,
        )
        await self.conversations.answer(said, now=now)
        return True

    async def apply_receipt(self, event: inbox.InboxEvent, now: datetime) -> None:
        """A final receipt ends a notice, any other proves that it was sent; what did not arrive is for people (f53)."""
        state = _FINAL.get(str(event.body["MessageStatus"]))
        key, sid = _reference(event), str(event.body["MessageSid"])
        code = str(event.body.get("ErrorCode") or "")
        told_by = str(event.body.get("token") or event.event_id)
        async with transaction(self.services.engine) as connection:
            if state is None:
                await delivery_receipts.prove_sent(connection, key=key, message_id=sid, request_id=told_by, now=now)
                return
            ended = await delivery_receipts.record_end(
                connection,
                key=key,
                message_id=sid,
                request_id=told_by,
                state=state,
                failure=code or None,
                now=now,
            )
            if state is NoticeState.FAILED:
                await notices.report_failed_sms(connection, notice_ids=ended, now=now)
                await lost_answers.report_failed_answers(connection, notice_ids=ended, now=now)
            if source := NEVER_AGAIN.get(code):
                await chats.stop_contact(
                    connection,
                    channel=ChannelName.SMS,
                    address=str(event.body["To"]),
                    source=source,
                    now=now,
                )


def _reference(event: inbox.InboxEvent) -> UUID | None:
    try:
        return UUID(str(event.body["ref"]))
    except ValueError:
        return None
