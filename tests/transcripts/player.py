"""Plays a transcript: keeps what the customer says, writes down what the bot answers.

A file is a heading (`#`), the conditions, `---`, then the talk. A customer's line is free text, a pressed button in
［ ］ by its label, or an event in （ ）. Everything else is written by the bot.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from backend.domain.states import ChannelName
from bot.message import IncomingKind, Step
from bot.wording import Wording
from tests.bot.chat import Chat
from tests.bot.chat_accounts import SITUATIONS

FOLDER = Path(__file__).parent
_BASE_URL = "https://pay.example.jp"
_EVENTS = {
    "（友だち追加）": IncomingKind.FOLLOW,
    "（連携完了）": IncomingKind.ACCOUNT_LINKED,
    "（連携失敗）": IncomingKind.ACCOUNT_NOT_LINKED,
    "（スタンプ）": IncomingKind.STICKER,
    "（写真）": IncomingKind.MEDIA,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """A file of this folder, taken apart."""

    heading: str  # all lines above the talk, as written
    channel: ChannelName
    situations: tuple[str, ...]
    said: tuple[str, ...]


def read(path: Path) -> Transcript:
    """Take a file apart; what the bot said is thrown away."""
    heading, _, talk = path.read_text(encoding="utf-8").partition("---\n")
    conditions = dict(line.split(": ", 1) for line in heading.splitlines() if ": " in line)
    accounts = conditions["ご契約"]
    return Transcript(
        heading=heading,
        channel=ChannelName(conditions["窓口"].lower()),
        situations=() if accounts == "なし" else tuple(accounts.split(", ")),
        said=tuple(line.removeprefix("客: ") for line in talk.splitlines() if line.startswith("客: ")),
    )


def play(transcript: Transcript, *, wording: Wording) -> str:
    """The whole file as it must be."""
    chat = Chat(
        wording=wording,
        channel=transcript.channel,
        accounts=tuple(SITUATIONS[name] for name in transcript.situations),
        is_linked=bool(transcript.situations),
    )
    lines = [line for said in transcript.said for line in _exchange(chat, said)]
    return transcript.heading + "---\n" + "\n".join(lines) + "\n"


def _exchange(chat: Chat, said: str) -> Iterator[str]:
    yield f"客: {said}"
    step = _do(chat, said)
    yield from _spoken(chat)
    for effect in step.effects:
        yield f"できごと: {effect}"
    yield ""


def _do(chat: Chat, said: str) -> Step:
    if said in _EVENTS:
        return chat.does(_EVENTS[said])
    if said.startswith("［"):
        return chat.presses_label(said.strip("［］"))
    return chat.says(said)


def _spoken(chat: Chat) -> Iterator[str]:
    payload = chat.wording.render_reply(chat.reply, channel=chat.channel, base_url=_BASE_URL)
    text = str(payload["body"]) if chat.channel is ChannelName.SMS else chat.reply.text
    first, *others = text.split("\n")
    yield f"ボット: {first}"
    yield from (f"　　　　{line}" for line in others)
    if chat.channel is ChannelName.LINE and chat.reply.target:
        yield f"ボタン: {chat.reply.button_label}（{chat.reply.target}）"
    if chat.channel is ChannelName.LINE and chat.reply.choices:
        yield "選択肢: " + " / ".join(choice.label for choice in chat.reply.choices)
