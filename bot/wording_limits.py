"""What LINE refuses, checked before a payload is stored (channels.md section 1); repairs nothing."""

import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from bot.placeholders import at_real_length

_MESSAGES = 5
_TEXT_UNITS = 5000
_ALT_UNITS = 1500
_BUBBLE_BYTES = 30_000
_QUICK_REPLIES = 13
_LABEL = 20
_BUTTON_LABEL = 40
_URI = 1000
_DATA = 300
_SCHEMES = frozenset({"http", "https", "line", "tel"})
_JOINER = "\u200d"


class LinePayloadError(Exception):
    """LINE would refuse this payload; the message lists where and why."""


def graphemes(text: str) -> int:
    """The number of characters as a reader counts them, as LINE does for labels.

    Combining marks, variation selectors and what a joiner glues on do not count: enough for our own labels.
    """
    joined = text.replace(_JOINER, "")
    glued = text.count(_JOINER)
    return sum(1 for char in joined if not unicodedata.category(char).startswith("M")) - glued


def check_line_payload(payload: Mapping[str, object]) -> None:
    """Refuse what LINE would refuse, with every placeholder at its real length.

    Raises:
        LinePayloadError: with all faults found.
    """
    faults = list(_faults(payload))
    if faults:
        raise LinePayloadError("; ".join(faults))


def _faults(payload: Mapping[str, object]) -> Iterator[str]:
    messages = payload.get("messages")
    if not isinstance(messages, list) or not 1 <= len(messages) <= _MESSAGES:
        yield f"messages: between 1 and {_MESSAGES}"
        return
    for place, message in enumerate(messages):
        for fault in _message_faults(message):
            yield f"messages[{place}]: {fault}"


def _message_faults(message: Mapping[str, object]) -> Iterator[str]:
    match message:
        case {"type": "text", "text": str(text)}:
            yield from _length_faults("text", text, _TEXT_UNITS)
        case {"type": "flex", "altText": str(alt), "contents": Mapping() as bubble} if bubble.get("type") == "bubble":
            yield from _length_faults("altText", alt, _ALT_UNITS)
            yield from _bubble_faults(bubble)
        case _:
            yield "neither a text nor a flex bubble"
    match message.get("quickReply"):
        case None:
            pass
        case {"items": list(items)}:
            yield from _quick_reply_faults(items)
        case _:
            yield "quickReply: no items"


def _length_faults(name: str, text: str, most: int) -> Iterator[str]:
    units = len(at_real_length(text).encode("utf-16-le")) // 2
    if not text.strip() or units > most:
        yield f"{name}: 1 to {most} UTF-16 units, has {units}"


def _bubble_faults(bubble: Mapping[str, object]) -> Iterator[str]:
    size = len(at_real_length(json.dumps(bubble, ensure_ascii=False)).encode())
    if size > _BUBBLE_BYTES:
        yield f"bubble: at most {_BUBBLE_BYTES} bytes, has {size}"
    for node in _nodes(bubble):
        if node.get("type") == "text" and not str(node.get("text") or "").strip():
            yield "bubble: empty text"
        if isinstance(action := node.get("action"), Mapping):
            yield from _action_faults(action, label_most=_BUTTON_LABEL)


def _nodes(node: object) -> Iterator[Mapping[str, object]]:
    """Every component of a bubble, at any depth."""
    if isinstance(node, Mapping):
        yield node
        for value in node.values():
            yield from _nodes(value)
    elif isinstance(node, list):
        for value in node:
            yield from _nodes(value)


def _quick_reply_faults(items: Sequence[Mapping[str, object]]) -> Iterator[str]:
    if not 1 <= len(items) <= _QUICK_REPLIES:
        yield f"quickReply: between 1 and {_QUICK_REPLIES} items"
    for item in items:
        match item:
            case {"type": "action", "action": Mapping() as action}:
                yield from _action_faults(action, label_most=_LABEL)
            case _:
                yield "quickReply: an item without an action"


def _action_faults(action: Mapping[str, object], *, label_most: int) -> Iterator[str]:
    label = str(action.get("label") or "")
    if not 1 <= graphemes(label) <= label_most:
        yield f"label: 1 to {label_most} characters, has {graphemes(label)}"
    match action:
        case {"type": "uri", "uri": str(uri)}:
            yield from _uri_faults(at_real_length(uri))
        case {"type": "postback", "data": str(data)}:
            if not 1 <= len(data) <= _DATA or graphemes(str(action.get("displayText") or "")) > _DATA:
                yield f"postback: data and displayText at most {_DATA}"
        case _:
            yield "action: neither uri nor postback"


def _uri_faults(uri: str) -> Iterator[str]:
    parts = urlsplit(uri)
    if len(uri) > _URI or parts.scheme not in _SCHEMES or not parts.netloc or not uri.isascii():
        yield f"uri: an ASCII address of at most {_URI} characters, {sorted(_SCHEMES)}"
