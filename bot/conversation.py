"""One message of a customer, answered: load, think (pure), write transcript, deeds and replies in one commit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.states import ChannelName, NoticeKind
from backend.failpoints import failpoint
from backend.store import chats, facts, inbox, notices, tasks
from backend.store.engine import transaction
from backend.usecases import link_line_account
from backend.usecases.services import Services
from bot import dialogue
from bot.memory import Memory
from bot.message import (
    Effect,
    HandOver,
    Incoming,
    OfferAccountLink,
    Reply,
    ResumeMessages,
    Step,
    StopMessages,
    Unlink,
)
from bot.wording import Wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One incoming with where it came from; `message_id` and `event_id` are the provider's."""

    incoming: Incoming
    address: str
    message_id: str
    event: inbox.InboxEvent
    reply_token: str | None = None
    is_overheard: bool = False  # somebody else answers now: kept and acted upon like any other, without a word


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversations:
    """Answers customers on every channel; holds no state of its own."""

    services: Services
    wording: Wording

    async def answer(self, said: Said, *, now: datetime) -> None:
        """Answer one incoming, once, unless it was taken back: the inbox event is finished in the same commit."""
        async with transaction(self.services.engine) as connection:
            await self.answer_within(connection, said, now=now)

    async def answer_within(self, connection: AsyncConnection, said: Said, *, now: datetime) -> None:
        """Answer in the transaction of what is answered: both happen, and the event is finished, or neither."""
        channel = said.incoming.channel
        conversation = await chats.open_conversation(connection, channel=channel, address=said.address, now=now)
        if await chats.is_unsent(connection, conversation_id=conversation.id, provider_message_id=said.message_id):
            await inbox.finish_events(connection, ids=[said.event.id])
            return
        step = await self._think(connection, said, memory=conversation.memory, now=now)
        await chats.keep_message(
            connection,
            conversation_id=conversation.id,
            provider_message_id=said.message_id,
            kind=said.incoming.kind,
            said=said.incoming.text or None,
            intent=step.intent,
            said_at=said.incoming.said_at,
            memory=conversation.memory if said.is_overheard else step.memory.to_json(),
        )
        deeds = [
            await self._do(connection, said, effect, conversation_id=conversation.id, now=now)
            for effect in step.effects
        ]
        if not said.is_overheard:
            facts_of_reply = {key: value for deed in deeds for key, value in deed.items()}
            await self._say(connection, said, step, facts_of_reply=facts_of_reply, now=now)
        await inbox.finish_events(connection, ids=[said.event.id])
        failpoint("inside-inbox-answer")

    async def _think(
        self, connection: AsyncConnection, said: Said, *, memory: Mapping[str, object], now: datetime
    ) -> Step:
        account_ids = await chats.accounts_behind(connection, channel=said.incoming.channel, address=said.address)
        accounts = await facts.load_account_facts(
            connection, account_ids=account_ids, calendar=self.services.calendar, now=now
        )
        return dialogue.step(
            incoming=said.incoming,
            memory=Memory.from_json(memory),
            accounts=accounts,
            is_linked=bool(accounts),
            wording=self.wording,
            now=now,
        )

    async def _do(
        self, connection: AsyncConnection, said: Said, effect: Effect, *, conversation_id: int, now: datetime
    ) -> Mapping[str, object]:
        """Carry out one deed; returns what the reply's secrets are derived from."""
        channel = said.incoming.channel
        match effect:
            case OfferAccountLink():
                invitation = await link_line_account.create_invitation(
                    connection, secret=self.services.link_secret, line_user_id=said.address, now=now
                )
                return {"invitation_id": str(invitation)}
            case Unlink():
                await link_line_account.unlink(
                    self.services, connection, line_user_id=said.address, account_id=effect.account_id, now=now
                )
            case StopMessages():
                await chats.stop_contact(connection, channel=channel, address=said.address, source="customer", now=now)
            case ResumeMessages():
                await chats.resume_contact(connection, channel=channel, address=said.address)
            case HandOver():
                await tasks.raise_task(
                    connection,
                    kind="wants_a_person",
                    subject=said.event.event_id,
                    account_id=await _only_account(connection, said),
                    detail={"channel": channel, "reason": effect.reason, "conversation_id": conversation_id},
                    now=now,
                )
        return {}

    async def _say(
        self,
        connection: AsyncConnection,
        said: Said,
        step: Step,
        *,
        facts_of_reply: Mapping[str, object],
        now: datetime,
    ) -> None:
        """Queue the replies behind the reply token, which is good for one request: LINE gets them in one."""
        payloads = [self._payload(reply, said.incoming.channel) for reply in step.replies]
        link_id = next((reply.link_id for reply in step.replies if reply.link_id), None)
        if said.incoming.channel is ChannelName.LINE:
            payloads = [{"messages": [message for payload in payloads for message in payload["messages"]]}]
        new = [
            _reply_notice(said, payload, number=number, link_id=link_id, facts_of_reply=facts_of_reply)
            for number, payload in enumerate(payloads)
        ]
        await notices.enqueue(connection, notices=new, now=now, not_before=now)

    def _payload(self, reply: Reply, channel: ChannelName) -> dict[str, list[object]]:
        return self.wording.render_reply(reply, channel=channel, base_url=self.services.public_base_url)  # type: ignore[return-value]


async def _only_account(connection: AsyncConnection, said: Said) -> int | None:
    """Whose chat this is; None when nobody's account or several are behind it."""
    accounts = await chats.accounts_behind(connection, channel=said.incoming.channel, address=said.address)
    return accounts[0] if len(accounts) == 1 else None


def _reply_notice(
    said: Said,
    payload: Mapping[str, object],
    *,
    number: int,
    link_id: UUID | None,
    facts_of_reply: Mapping[str, object],
) -> notices.NewNotice:
    return notices.NewNotice(
        dedupe_key=f"reply:{said.event.source}:{said.event.event_id}:{number}",
        kind=NoticeKind.REPLY,
        channel=said.incoming.channel,
        address=said.address,
        account_id=None,
        facts=facts_of_reply,
        payload=payload,
        reply_token=said.reply_token,
        reply_token_at=said.event.received_at if said.reply_token else None,
        link_id=link_id,
        priority=1,
    )
