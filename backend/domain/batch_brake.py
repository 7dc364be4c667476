"""When a month's automatic charges must stop by themselves: ratios of what the gateway said, sums that look wrong."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from backend.domain.states import StopReason

# Below these a ratio is chance. A canary that is smaller is judged when all of it has been answered.
_DECLINES_OF_AT_LEAST = 20
_FAULTS_OF_AT_LEAST = 50
_LEAST_FAULTS = 3
_COMPARABLE = 20  # charges: fewer say nothing about the usual amount
STANDSTILL = timedelta(minutes=30)  # a batch that may go and does not: something is broken that nobody has seen


@dataclass(frozen=True, slots=True, kw_only=True)
class BrakeLimits:
    """What an operator may set (docs/settings.md); `canary_size` 0 sends no canary."""

    canary_size: int = 50
    decline_percent: int = 20
    fault_percent: int = 2
    amount_factor: Decimal = Decimal(3)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCounts:
    """A batch as it stands. What `judge` reads counts from the last resume on; the rest counts everything.

    `declined` is the card's no; `faults` are refusals of ours, lost answers and 429, each attempt once. A demand
    to authenticate is an outcome and neither of both (money.md).
    """

    attempts: int  # without those taken back
    waiting: int
    held: int  # of these: their account waits for people
    under_way: int
    succeeded: int
    canaries: int  # those answered and those that may go
    open_canaries: int
    outcomes: int
    declined: int
    faults: int

    @property
    def is_canary_over(self) -> bool:
        """Whether every canary that may go was answered; one without a clear answer was, as a fault."""
        return self.open_canaries == 0

    @property
    def answered_canaries(self) -> int:
        """How many canaries have shown something."""
        return self.canaries - self.open_canaries

    @property
    def could_move(self) -> bool:
        """Whether something waits that may go, and nothing is on its way."""
        return self.waiting > self.held and self.under_way == 0

    @property
    def is_over(self) -> bool:
        """Whether nothing of the batch will be sent any more."""
        return self.waiting == 0 and self.under_way == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchAmounts:
    """What a month's batches ask for; `total` and `median` in yen."""

    attempts: int
    total: int
    median: int


def judge(counts: BatchCounts, *, limits: BrakeLimits, is_canary: bool) -> StopReason | None:
    """Why the batch must stop now; None while the ratios are fine."""
    most = counts.canaries if is_canary else _FAULTS_OF_AT_LEAST
    if (
        counts.outcomes >= min(_FAULTS_OF_AT_LEAST, most)
        and counts.faults >= min(_LEAST_FAULTS, most)
        and counts.faults * 100 > limits.fault_percent * counts.outcomes
    ):
        return StopReason.PROVIDER_ERRORS
    if (
        counts.outcomes >= min(_DECLINES_OF_AT_LEAST, most)
        and counts.declined * 100 > limits.decline_percent * counts.outcomes
    ):
        return StopReason.DECLINE_RATIO
    return None


def is_unlike(batch: BatchAmounts, *, month: BatchAmounts, before: BatchAmounts | None, factor: Decimal) -> bool:
    """Whether a batch asks for amounts unlike those of the last month that had any (`before`).

    `month` is everything asked for in this month so far, the batch included: too much is judged by it. Too little is
    not: late bills make small batches. The usual amount (median) is judged both ways.
    """
    if before is None or before.attempts < _COMPARABLE:
        return False
    if month.total > factor * before.total:
        return True
    if batch.attempts < _COMPARABLE:
        return False
    return batch.median > factor * before.median or batch.median * factor < before.median
