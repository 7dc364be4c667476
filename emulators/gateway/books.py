"""Ordered books of charges and of transactions, with indices: no call reads a whole book."""

from bisect import bisect_left, insort
from collections import defaultdict
from dataclasses import dataclass

from emulators.gateway.money_records import Transaction
from emulators.gateway.records import Charge


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeFilter:
    """Which charges a list call asks for; `recorded_before` hides those still lagging behind."""

    customer: str | None
    reference: str | None
    limit: int
    starting_after: str | None
    recorded_before: float


class ChargeBook:
    """All charges in the order of their making."""

    def __init__(self) -> None:
        self._charges: dict[str, Charge] = {}
        self._position: dict[str, int] = {}
        self._order: list[str] = []
        self._by_customer: defaultdict[str, list[str]] = defaultdict(list)
        self._by_reference: defaultdict[str, list[str]] = defaultdict(list)

    def add(self, charge: Charge) -> None:
        """Enter a new charge."""
        self._charges[charge.id] = charge
        self._position[charge.id] = len(self._order)
        self._order.append(charge.id)
        self._by_customer[charge.customer].append(charge.id)
        self._by_reference[charge.reference].append(charge.id)

    def change(self, charge: Charge) -> None:
        """Replace a charge by its next state."""
        self._charges[charge.id] = charge

    def get(self, charge_id: str) -> Charge | None:
        """Return the charge of this id."""
        return self._charges.get(charge_id)

    def all(self) -> list[Charge]:
        """Return every charge, oldest first."""
        return list(self._charges.values())

    def page(self, wanted: ChargeFilter) -> tuple[list[Charge], bool]:
        """Return the wanted charges, newest first, and whether more follow."""
        ids = self._narrowest(wanted)
        end = len(ids)
        if wanted.starting_after is not None:
            start = self._position[wanted.starting_after]
            end = bisect_left(ids, start, key=self._position.__getitem__)
        found: list[Charge] = []
        for index in range(end - 1, -1, -1):
            charge = self._charges[ids[index]]
            if _is_wanted(charge, wanted):
                found.append(charge)
            if len(found) > wanted.limit:
                break
        return found[: wanted.limit], len(found) > wanted.limit

    def _narrowest(self, wanted: ChargeFilter) -> list[str]:
        lists = [self._order]
        if wanted.customer is not None:
            lists.append(self._by_customer.get(wanted.customer, []))
        if wanted.reference is not None:
            lists.append(self._by_reference.get(wanted.reference, []))
        return min(lists, key=len)


def _is_wanted(charge: Charge, wanted: ChargeFilter) -> bool:
    return (
        wanted.customer in (None, charge.customer)
        and wanted.reference in (None, charge.reference)
        and charge.recorded_at < wanted.recorded_before
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionFilter:
    """Which lines a list call asks for: `since` ≤ created < `until`, Unix seconds."""

    since: int
    until: int
    limit: int
    starting_after: str | None
    recorded_before: float


class TransactionBook:
    """All movements of money, sorted by time, then by the order of their making."""

    def __init__(self) -> None:
        self._order: list[tuple[int, int, str]] = []
        self._keys: dict[str, tuple[int, int, str]] = {}
        self._lines: dict[str, Transaction] = {}

    def add(self, line: Transaction) -> None:
        """Enter a line; a clock that was set back does not break the order."""
        key = (line.created, len(self._lines), line.id)
        self._lines[line.id] = line
        self._keys[line.id] = key
        insort(self._order, key)

    def has(self, line_id: str) -> bool:
        """Tell whether this line exists."""
        return line_id in self._lines

    def get(self, line_id: str) -> Transaction | None:
        """Return the line of this id."""
        return self._lines.get(line_id)

    def all(self) -> list[Transaction]:
        """Return every line, oldest first."""
        return [self._lines[key[2]] for key in self._order]

    def page(self, wanted: TransactionFilter) -> tuple[list[Transaction], bool]:
        """Return the wanted lines, oldest first, and whether more follow."""
        start = bisect_left(self._order, (wanted.since, -1, ""))
        if wanted.starting_after is not None:
            start = max(start, bisect_left(self._order, self._keys[wanted.starting_after]) + 1)
        end = bisect_left(self._order, (wanted.until, -1, ""))
        found: list[Transaction] = []
        for index in range(start, end):
            line = self._lines[self._order[index][2]]
            if line.recorded_at < wanted.recorded_before:
                found.append(line)
            if len(found) > wanted.limit:
                break
        return found[: wanted.limit], len(found) > wanted.limit
