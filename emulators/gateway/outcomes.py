"""What the next charges are told to answer: queues filled by `/_control/outcomes`."""

from collections import defaultdict, deque
from dataclasses import dataclass

from emulators.gateway.cards import Advice, DeclineCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One scripted answer: a decline, a challenge (and what follows it), or success."""

    decline_code: DeclineCode | None = None
    advice: Advice | None = None
    requires_action: bool = False


class OutcomeQueue:
    """Scripted outcomes, for one reference, one customer, or whoever comes next."""

    def __init__(self) -> None:
        self._queues: defaultdict[tuple[str, str], deque[Outcome]] = defaultdict(deque)

    def add(self, outcome: Outcome, *, customer: str | None, reference: str | None) -> None:
        """Queue `outcome`; a reference binds closer than a customer."""
        if reference is not None:
            self._queues["reference", reference].append(outcome)
        elif customer is not None:
            self._queues["customer", customer].append(outcome)
        else:
            self._queues["any", ""].append(outcome)

    def take(self, *, customer: str, reference: str) -> Outcome | None:
        """Remove and return the outcome for this charge, the closest binding first."""
        for name in (("reference", reference), ("customer", customer), ("any", "")):
            if queue := self._queues.get(name):
                return queue.popleft()
        return None

    def left(self) -> int:
        """Return how many outcomes wait."""
        return sum(len(queue) for queue in self._queues.values())
