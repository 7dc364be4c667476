"""What must hold after every step and at the end, by SQL against the gateway's own books (money.md, faults.md)."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.payment_page import PageState
from backend.store import pages
from backend.store.engine import transaction
from tests.kit.verification import must_verify_on
from tests.properties.life import Life
from tests.properties.truth_of_money_back import bills_know_what_went_back, money_goes_back_as_promised

LIVE = ("prepared", "sent", "challenged", "unknown")
DEAD_CARD = {"lost_card", "stolen_card", "restricted_card", "expired_card"}
PAID = {"paid", "disputed", "refunded"}  # whatever became of the money later
BILL_STATES = {"open": {"requested", "held"}, "closing": {"requested", "held"}, "settled": PAID}

_ATTEMPTS = """
SELECT p.id::text, p.state, p.amount, r.amount, p.first_sent_at, r.valid_until,
  (SELECT array_agg(m.bill_id) FROM payment_request_bill m WHERE m.request_id = r.id)
FROM payment_attempt p JOIN payment_request r ON r.id = p.request_id
"""
_REQUESTS = """
SELECT r.id, r.state, r.amount, r.bill_count, sum(b.amount), count(*), count(*) FILTER (WHERE m.is_live),
  array_agg(DISTINCT b.state)
FROM payment_request r JOIN payment_request_bill m ON m.request_id = r.id JOIN bill b ON b.id = m.bill_id
GROUP BY r.id
"""
_NOTICES = """
SELECT n.kind, n.request_id, count(*),
  bool_and(EXISTS (SELECT FROM payment_attempt p JOIN payment_evidence e ON e.attempt_id = p.id
    WHERE p.request_id = n.request_id AND e.outcome = CASE WHEN n.kind LIKE 'charge@_%' ESCAPE '@' THEN 'declined'
      ELSE 'succeeded' END AND (p.state = 'succeeded' OR n.kind LIKE 'charge@_%' ESCAPE '@')))
FROM notice n WHERE n.request_id IS NOT NULL AND n.kind NOT IN ('reminder', 'refunded') GROUP BY n.kind, n.request_id
"""
_RECEIPTS = "SELECT c.bill_id, t.state FROM bill_claim c JOIN receipt t ON t.id = c.receipt_id"
_LINKS = "SELECT l.id, m.bill_id FROM payment_link l JOIN payment_request_bill m ON m.request_id = l.request_id"
_NEVER_AT_REST = {
    "an attempt in flight": """
        SELECT id, state FROM payment_attempt WHERE state IN ('prepared', 'sent', 'challenged', 'unknown')""",
    "a refund on its way": "SELECT id, state FROM refund WHERE state IN ('prepared', 'sent', 'unknown')",
    "a held bill": "SELECT id FROM bill WHERE state = 'held'",
    "a request that does not end": "SELECT id FROM payment_request WHERE state = 'closing'",
    "paid without a word": """
        SELECT r.id FROM payment_request r WHERE r.state = 'settled'
          AND EXISTS (SELECT FROM payment_attempt p WHERE p.request_id = r.id AND p.state = 'succeeded')
          AND NOT EXISTS (SELECT FROM notice n WHERE n.request_id = r.id AND n.kind IN ('paid', 'charged'))""",
}


@dataclass(frozen=True, kw_only=True)
class _Attempt:
    state: str
    amount: int
    requested: int
    first_sent_at: Any
    valid_until: Any
    bills: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class _Books:
    """Ours and the gateway's at one moment."""

    connection: AsyncConnection
    charges: list[dict[str, Any]]
    attempts: dict[str, _Attempt]
    received: set[int]  # the bills whose money came by bank, shop or cash, for certain
    checked: set[int]  # the bills of receipts that wait for a second person

    @property
    def captures(self) -> list[dict[str, Any]]:
        return [charge for charge in self.charges if charge["status"] == "succeeded"]

    def attempt_of(self, charge: dict[str, Any]) -> _Attempt:
        return self.attempts[charge["metadata"]["attempt_id"]]

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await self.connection.execute(text(query))]


async def must_hold(life: Life) -> None:
    """What no press, fault, crash or day may ever break."""
    async with transaction(life.services.engine) as connection:
        books = await _open_books(life, connection)
        _each_capture_is_of_its_attempt(books)
        _nothing_begins_after_the_deadline(books)
        _dead_cards_rest(books)
        await _each_bill_is_paid_as_captured(books)
        await money_goes_back_as_promised(life, connection)
        await _requests_are_the_sum_of_their_bills(books)
        await _told_once_and_truly(books)
        await _pages_tell_the_truth(life, books)
        await must_verify_on(books.connection, now=life.clock.now(), has_workers=False)


async def must_have_come_to_rest(life: Life) -> None:
    """After everything was calm for long enough: nothing is in flight and the books are equal."""
    async with transaction(life.services.engine) as connection:
        books = await _open_books(life, connection)
        await _must_find_nothing(books, _NEVER_AT_REST)
        await bills_know_what_went_back(life, connection)
        [(paid,)] = await books.rows(
            "SELECT coalesce(sum(amount), 0) FROM bill WHERE state IN ('paid', 'disputed', 'refunded')"
        )
        [(received,)] = await books.rows("SELECT coalesce(sum(amount), 0) FROM receipt WHERE state = 'approved'")
        assert paid == sum(charge["amount"] for charge in books.captures) + received


async def _open_books(life: Life, connection: AsyncConnection) -> _Books:
    charges = await life.charges()
    attempts = {
        row[0]: _Attempt(
            state=row[1],
            amount=row[2],
            requested=row[3],
            first_sent_at=row[4],
            valid_until=row[5],
            bills=tuple(row[6]),
        )
        for row in await connection.execute(text(_ATTEMPTS))
    }
    receipts = [tuple(row) for row in await connection.execute(text(_RECEIPTS))]
    return _Books(
        connection=connection,
        charges=charges,
        attempts=attempts,
        received={bill for bill, state in receipts if state == "approved"},
        checked={bill for bill, state in receipts if state == "recorded"},
    )


async def _must_find_nothing(books: _Books, queries: dict[str, str]) -> None:
    for words, query in queries.items():
        assert await books.rows(query) == [], words


def _each_capture_is_of_its_attempt(books: _Books) -> None:
    for charge in books.captures:
        attempt = books.attempt_of(charge)
        assert charge["amount"] == attempt.amount == attempt.requested, "captured another amount than was shown"
        assert attempt.state in {"sent", "challenged", "unknown", "succeeded"}, f"taken, and said to be {attempt.state}"
    times = Counter(bill for charge in books.captures for bill in books.attempt_of(charge).bills)
    assert max(times.values(), default=1) == 1, f"captured more than once: {times}"
    assert not times.keys() & books.received, f"captured and received otherwise: {times.keys() & books.received}"


def _nothing_begins_after_the_deadline(books: _Books) -> None:
    sent = [attempt for attempt in books.attempts.values() if attempt.first_sent_at is not None]
    assert [attempt for attempt in sent if attempt.first_sent_at >= attempt.valid_until] == []


def _dead_cards_rest(books: _Books) -> None:
    dead: set[str] = set()
    for charge in books.charges:
        assert charge["card"] not in dead, "a card was charged again that its issuer had refused for good"
        if charge["decline_code"] in DEAD_CARD or charge["advice"] == "do_not_try_again":
            dead.add(charge["card"])


async def _each_bill_is_paid_as_captured(books: _Books) -> None:
    captured = {charge["metadata"]["attempt_id"] for charge in books.captures}
    succeeded = {key: attempt for key, attempt in books.attempts.items() if attempt.state == "succeeded"}
    assert succeeded.keys() <= captured, "said to be paid, and the gateway has no money"
    times = Counter(bill for attempt in succeeded.values() for bill in attempt.bills) + Counter(books.received)
    for bill, state in await books.rows("SELECT id, state FROM bill"):
        assert times[bill] == (1 if state in PAID else 0), f"bill {bill} is {state}"


async def _requests_are_the_sum_of_their_bills(books: _Books) -> None:
    for request, state, amount, bill_count, total, members, live, states in await books.rows(_REQUESTS):
        assert (amount, bill_count) == (total, members), f"request {request} is not the sum of its bills"
        assert live == (members if state in BILL_STATES else 0), f"request {request} is {state} and owns {live} bills"
        assert set(states) <= BILL_STATES.get(state, set(states)), f"request {request} is {state}, its bills {states}"


async def _told_once_and_truly(books: _Books) -> None:
    for kind, request, times, is_true in await books.rows(_NOTICES):
        assert times == 1, f"{kind} of request {request} was told {times} times"
        assert kind == "payment_link" or is_true, f"{kind} of request {request} is not true"


async def _pages_tell_the_truth(life: Life, books: _Books) -> None:
    taken = books.received | {bill for charge in books.captures for bill in books.attempt_of(charge).bills}
    bills: defaultdict[UUID, set[int]] = defaultdict(set)
    for link, bill in await books.rows(_LINKS):
        bills[link].add(bill)
    for link, members in bills.items():
        state = (await pages.load_page(books.connection, link_id=link)).state(now=life.clock.now())
        assert state is not PageState.PAID or members <= taken, "the page says paid, the gateway has no money"
        assert state is not PageState.PAYABLE or not members & taken, "the page asks for money that was taken"
        assert state is not PageState.PAYABLE or not members & books.checked, "the page asks for money being checked"
        assert state is not PageState.RECEIPT_BEING_CHECKED or members & books.checked, "nobody checks a receipt"
