"""SQL for conversations: who is behind a chat, what was said, what the dialogue remembers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.states import ChannelName

# The no-op update locks the row: one event of a conversation at a time.
_OPEN = text("""
INSERT INTO conversation (channel, address, created_at, last_message_at) VALUES (:channel, :address, :now, :now)
ON CONFLICT (channel, address) DO UPDATE SET last_message_at = :now
RETURNING id, memory
""")

_SAY = text("""
WITH remembered AS (UPDATE conversation SET memory = CAST(:memory AS jsonb) WHERE id = :conversation_id)
INSERT INTO chat_message (conversation_id, provider_message_id, kind, text, intent, said_at)
VALUES (:conversation_id, :provider_message_id, :kind, :text, :intent, :said_at)
""")

_ERASE = text("""
UPDATE chat_message SET text = NULL, erased_at = coalesce(erased_at, :now)
WHERE conversation_id = :conversation_id AND provider_message_id = :provider_message_id
RETURNING id
""")

# The message itself may still come: LINE redelivers.
_BURY = text("""
INSERT INTO chat_message (conversation_id, provider_message_id, kind, said_at, erased_at)
VALUES (:conversation_id, :provider_message_id, 'unsent', :now, :now)
""")

_IS_UNSENT = text("""
SELECT EXISTS (SELECT FROM chat_message WHERE conversation_id = :conversation_id
               AND provider_message_id = :provider_message_id AND erased_at IS NOT NULL)
""")

_LINE_ACCOUNTS = text("""
SELECT account_id FROM line_link WHERE line_user_id = :address AND unlinked_at IS NULL ORDER BY account_id
""")

_SMS_ACCOUNTS = text("SELECT id FROM account WHERE phone = :address ORDER BY id")

_FOLLOWING = text("""
INSERT INTO line_user (line_user_id, is_blocked, changed_at) VALUES (:line_user_id, :is_blocked, :at)
ON CONFLICT (line_user_id) DO UPDATE SET is_blocked = :is_blocked, changed_at = :at
  WHERE line_user.changed_at <= :at
RETURNING line_user_id
""")

_STOP = text("""
INSERT INTO contact_stop (channel, address, source, since) VALUES (:channel, :address, :source, :now)
ON CONFLICT (channel, address) DO NOTHING
""")

_RESUME = text("DELETE FROM contact_stop WHERE channel = :channel AND address = :address")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenConversation:
    """A conversation, locked until the transaction ends."""

    id: int
    memory: Mapping[str, object]


async def open_conversation(
    connection: AsyncConnection, *, channel: ChannelName, address: str, now: datetime
) -> OpenConversation:
    """Find or begin the conversation with this address."""
    row = (await connection.execute(_OPEN, {"channel": channel, "address": address, "now": now})).one()
    return OpenConversation(id=row.id, memory=row.memory)


async def keep_message(
    connection: AsyncConnection,
    *,
    conversation_id: int,
    provider_message_id: str,
    kind: str,
    said: str | None,
    intent: str,
    said_at: datetime,
    memory: Mapping[str, object],
) -> None:
    """Write one customer message into the transcript, with what the dialogue must know at the next one."""
    values = {
        "memory": json.dumps(memory),
        "conversation_id": conversation_id,
        "provider_message_id": provider_message_id,
        "kind": kind,
        "text": said,
        "intent": intent,
        "said_at": said_at,
    }
    await connection.execute(_SAY, values)


async def erase_message(
    connection: AsyncConnection, *, conversation_id: int, provider_message_id: str, now: datetime
) -> None:
    """The customer took a message back: its text goes, the fact stays, also for a message yet to come (f59)."""
    values = {"conversation_id": conversation_id, "provider_message_id": provider_message_id, "now": now}
    if not (await connection.execute(_ERASE, values)).all():
        await connection.execute(_BURY, values)


async def is_unsent(connection: AsyncConnection, *, conversation_id: int, provider_message_id: str) -> bool:
    """Whether the customer has taken this message back before it came."""
    values = {"conversation_id": conversation_id, "provider_message_id": provider_message_id}
    return bool((await connection.execute(_IS_UNSENT, values)).scalar_one())


async def accounts_behind(connection: AsyncConnection, *, channel: ChannelName, address: str) -> list[int]:
    """The accounts that this chat may ask about: linked to the LINE user, or with this telephone number."""
    query = _LINE_ACCOUNTS if channel is ChannelName.LINE else _SMS_ACCOUNTS
    return list((await connection.execute(query, {"address": address})).scalars())


async def record_following(connection: AsyncConnection, *, line_user_id: str, is_blocked: bool, at: datetime) -> bool:
    """A LINE user followed or blocked us at `at`; False when something newer is known, and this changes nothing."""
    values = {"line_user_id": line_user_id, "is_blocked": is_blocked, "at": at}
    return (await connection.execute(_FOLLOWING, values)).one_or_none() is not None


async def stop_contact(
    connection: AsyncConnection, *, channel: ChannelName, address: str, source: str, now: datetime
) -> None:
    """Send no more notices to this address on this channel (channels.md 8.10)."""
    await connection.execute(_STOP, {"channel": channel, "address": address, "source": source, "now": now})


async def resume_contact(connection: AsyncConnection, *, channel: ChannelName, address: str) -> None:
    """Notices may go to this address again."""
    await connection.execute(_RESUME, {"channel": channel, "address": address})
