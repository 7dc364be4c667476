"""The chat screens: what one person and the bot said, in order, for the phone page."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from emulators.line.state import ChatEntry, LineState, User, quote_token

BOT = "bot"
USER = "user"
SYSTEM = "system"


def add_from_bot(
    state: LineState, *, user: User, kind: str, first_id: int, raw: bytes, body: Mapping[str, Any]
) -> None:
    """Put the messages of an accepted request body on a person's screen."""
    count = len(body["messages"])
    if state.config.keep_bodies:
        _append(state, user=user, sender=BOT, kind=kind, first_id=first_id, count=count, raw=raw)


def add_from_user(state: LineState, *, user: User, message_id: int, message: Mapping[str, Any]) -> None:
    """Put what the person wrote or tapped on their own screen."""
    _add_one(state, user=user, sender=USER, kind="message", first_id=message_id, message=message)


def add_note(state: LineState, *, user: User, text: str) -> None:
    """Put a line of the platform itself on the screen: followed, blocked, linked."""
    note = {"type": "note", "text": text}
    _add_one(state, user=user, sender=SYSTEM, kind="note", first_id=0, message=note)


def unsend(user: User, *, message_id: int) -> bool:
    """Blank one message of the person; False if there is no such message."""
    for entry in user.chat or ():
        if entry.first_id == message_id and entry.sender == USER:
            entry.raw = b'{"messages":[{"type":"unsent"}]}'
            return True
    return False


def read(user: User, *, after: int) -> list[dict[str, Any]]:
    """Return the entries with a sequence number above `after`, one per message."""
    entries = [e for e in user.chat or () if e.seq + e.count - 1 > after]
    return [item for entry in entries for item in expand(entry) if item["seq"] > after]


def expand(entry: ChatEntry) -> list[dict[str, Any]]:
    """Return the messages of one entry as the phone page shows them."""
    messages: Sequence[Any] = json.loads(entry.raw)["messages"]
    return [_shown(entry, index, message) for index, message in enumerate(messages)]


def _shown(entry: ChatEntry, index: int, message: Any) -> dict[str, Any]:
    message_id = entry.first_id + index if entry.first_id else 0
    return {
        "seq": entry.seq + index,
        "at_ms": entry.at_ms,
        "sender": entry.sender,
        "kind": entry.kind,
        "id": str(message_id) if message_id else None,
        "quoteToken": quote_token(message_id) if message_id else None,
        "message": message,
    }


def _add_one(
    state: LineState,
    *,
    user: User,
    sender: str,
    kind: str,
    first_id: int,
    message: Mapping[str, Any],
) -> None:
    raw = json.dumps({"messages": [message]}).encode()
    _append(state, user=user, sender=sender, kind=kind, first_id=first_id, count=1, raw=raw)


def _append(state: LineState, *, user: User, sender: str, kind: str, first_id: int, count: int, raw: bytes) -> None:
    seq = state.next_seq
    state.next_seq = seq + count
    now = state.clock.milliseconds()
    entry = ChatEntry(seq, now, sender, kind, first_id, count, raw)
    if user.chat is None:
        user.chat = []
    user.chat.append(entry)
    if state.hub.has_listeners():
        for item in expand(entry):
            state.hub.publish(address=user.user_id, entry=item)
