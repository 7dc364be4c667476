"""What a chat remembers between two messages: the choices on offer and the place of use in question."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

# A number typed the next day is no answer to yesterday's list, nor is yesterday's place today's.
FORGOTTEN_AFTER = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """`numbered` holds the data of choices 1..n of the last answer; `account_id` the place of use in question."""

    numbered: tuple[str, ...] = ()
    account_id: int | None = None
    spoken_at: datetime | None = None

    def fresh(self, now: datetime) -> "Memory":
        """What is still remembered at `now`: nothing if the last exchange is too long ago."""
        if self.spoken_at is None or now - self.spoken_at > FORGOTTEN_AFTER:
            return Memory(spoken_at=now)
        return replace(self, spoken_at=now)

    def to_json(self) -> dict[str, object]:
        """The row's form of this memory."""
        return {
            "numbered": list(self.numbered),
            "account_id": self.account_id,
            "spoken_at": self.spoken_at.isoformat() if self.spoken_at else None,
        }

    @classmethod
    def from_json(cls, row: Mapping[str, object]) -> "Memory":
        """Read a row; unknown or odd fields are forgotten rather than refused, since a chat must go on."""
        numbered = row.get("numbered")
        account_id = row.get("account_id")
        spoken_at = row.get("spoken_at")
        return cls(
            numbered=tuple(str(item) for item in numbered) if isinstance(numbered, list) else (),
            account_id=account_id if isinstance(account_id, int) else None,
            spoken_at=datetime.fromisoformat(spoken_at) if isinstance(spoken_at, str) else None,
        )
