"""A customer in front of the dialogue: says and presses, and remembers what was shown."""

from dataclasses import dataclass, field

from backend.domain.account_facts import AccountFacts
from backend.domain.states import ChannelName
from bot.dialogue import step
from bot.memory import Memory
from bot.message import Incoming, IncomingKind, Reply, Step
from bot.wording import Wording
from tests.bot.chat_accounts import NOW


@dataclass(kw_only=True)
class Chat:
    """One conversation; `memory` goes through its row's form between two messages, as in life."""

    wording: Wording
    channel: ChannelName = ChannelName.LINE
    accounts: tuple[AccountFacts, ...] = ()
    is_linked: bool = True
    memory: Memory = field(default_factory=Memory)
    last: Step | None = None

    def says(self, text: str) -> Step:
        return self.does(IncomingKind.TEXT, text=text)

    def presses(self, data: str) -> Step:
        return self.does(IncomingKind.POSTBACK, data=data)

    def presses_label(self, label: str) -> Step:
        offered = {choice.label: choice.data for choice in self.reply.choices}
        assert label in offered, f"{label} is not among {list(offered)}"
        return self.presses(offered[label])

    def does(self, kind: IncomingKind, *, text: str = "", data: str = "") -> Step:
        incoming = Incoming(channel=self.channel, kind=kind, text=text, data=data, said_at=NOW)
        self.last = step(
            incoming=incoming,
            memory=Memory.from_json(self.memory.to_json()),
            accounts=self.accounts,
            is_linked=self.is_linked,
            wording=self.wording,
            now=NOW,
        )
        self.memory = self.last.memory
        return self.last

    @property
    def reply(self) -> Reply:
        assert self.last is not None
        return self.last.replies[0]
