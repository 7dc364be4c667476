"""I1, I2, I6 and the pages: what the gateway took against what our ledger says, by SQL and the gateway's own truth."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from tests.faults.town import Town

_ATTEMPTS = """
SELECT p.id::text, p.state, p.amount, r.amount, r.order_number,
  (SELECT array_agg(m.bill_id) FROM payment_request_bill m WHERE m.request_id = r.id)
FROM payment_attempt p JOIN payment_request r ON r.id = p.request_id
"""
# Each finds nothing as long as the words before it are untrue.
_NEVER = {
    "I1 a claim without money or the hope of it": """
        SELECT c.bill_id, p.state FROM bill_claim c JOIN payment_attempt p ON p.id = c.attempt_id
        WHERE p.state IN ('declined', 'withdrawn')""",
    "I1 an attempt that does not hold its bills": """
        SELECT p.id, p.state, m.bill_id
        FROM payment_attempt p JOIN payment_request_bill m ON m.request_id = p.request_id
        WHERE p.state IN ('prepared', 'sent', 'challenged', 'unknown', 'succeeded')
          AND NOT EXISTS (SELECT FROM bill_claim c WHERE c.bill_id = m.bill_id AND c.attempt_id = p.id)""",
    "I6 a bill in two live requests": """
        SELECT bill_id FROM payment_request_bill WHERE is_live GROUP BY bill_id HAVING count(*) > 1""",
    "I6 a request that is not the sum of its bills": """
        SELECT r.id, r.amount, sum(b.amount) FROM payment_request r
        JOIN payment_request_bill m ON m.request_id = r.id JOIN bill b ON b.id = m.bill_id
        GROUP BY r.id HAVING r.amount <> sum(b.amount) OR r.bill_count <> count(*)""",
    "I6 a bill that was carried over and can still be paid by its old request": """
        SELECT m.bill_id, r.state FROM payment_request_bill m JOIN payment_request r ON r.id = m.request_id
        JOIN bill b ON b.id = m.bill_id WHERE b.state = 'carried_over' AND r.state IN ('open', 'closing')""",
    "a bill that is said to be requested and is in no live request": """
        SELECT b.id FROM bill b WHERE b.state IN ('requested', 'held')
          AND NOT EXISTS (SELECT FROM payment_request_bill m WHERE m.bill_id = b.id AND m.is_live)""",
    "two cards of one account in use": """
        SELECT account_id FROM card_on_file WHERE state = 'active' GROUP BY account_id HAVING count(*) > 1""",
    "sent after the last day": """
        SELECT p.id FROM payment_attempt p JOIN payment_request r ON r.id = p.request_id
        WHERE p.first_sent_at >= r.valid_until""",
    "charged to the old card after the application to change it": """
        SELECT p.id FROM payment_attempt p JOIN payment_request r ON r.id = p.request_id
        JOIN card_change_request c ON c.account_id = r.account_id AND c.state IN ('received', 'link_sent')
        WHERE p.origin = 'automatic' AND p.first_sent_at > c.received_at""",
    "I10 an outcome without evidence": """
        SELECT p.id, p.state FROM payment_attempt p WHERE p.state IN ('succeeded', 'declined')
          AND NOT EXISTS (SELECT FROM payment_evidence e WHERE e.attempt_id = p.id AND e.outcome = p.state)
          AND p.decline_code IS DISTINCT FROM 'not_processed'""",
}


async def check_money(town: Town) -> list[str]:
    """Violations of the money invariants, in words."""
    truth = await town.outsiders.ask("gateway", "truth?parts=charges,refunds")
    charges, refunds = truth["charges"], truth["refunds"]
    attempts = {str(row[0]): row for row in await town.database.rows(_ATTEMPTS)}
    found = list(_each_capture(charges, attempts))
    found += await _paid_as_captured(town, charges, refunds, attempts)
    found += _pages_told_the_truth(town, charges)
    for words, query in _NEVER.items():
        found += [f"{words}: {row}" for row in await town.database.rows(query)]
    return found


def _each_capture(charges: list[dict[str, Any]], attempts: dict[str, tuple[Any, ...]]) -> Iterator[str]:
    captures: defaultdict[int, list[str]] = defaultdict(list)
    for charge in charges:
        attempt = attempts.get(charge["metadata"].get("attempt_id", ""))
        if attempt is None:
            yield f"I1 a charge without an attempt: {charge['id']}"
            continue
        _, state, amount, requested, _, bills = attempt
        if charge["status"] != "succeeded":
            continue
        if not charge["amount"] == amount == requested:
            yield f"I1 captured {charge['amount']}, asked for {requested}: {charge['id']}"
        if state != "succeeded":
            yield f"I2 captured, and our attempt is {state}: {charge['id']}"
        for bill in bills:
            captures[bill].append(charge["id"])
    for bill, taken in captures.items():
        if len(taken) > 1:
            yield f"I1 bill {bill} was captured {len(taken)} times: {taken}"


async def _paid_as_captured(
    town: Town,
    charges: list[dict[str, Any]],
    refunds: list[dict[str, Any]],
    attempts: dict[str, tuple[Any, ...]],
) -> list[str]:
    taken = {charge["metadata"].get("attempt_id") for charge in charges if charge["status"] == "succeeded"}
    found = [
        f"I2 said to be paid, and the gateway has no money: attempt {key}"
        for key, attempt in attempts.items()
        if attempt[1] == "succeeded" and key not in taken
    ]
    times = Counter(bill for key, attempt in attempts.items() if key in taken for bill in attempt[5])
    bills = await town.database.rows("SELECT id, state, amount FROM bill")
    found += [
        f"I2 bill {bill} is {state} and was captured {times[bill]} times"
        for bill, state, _ in bills
        if times[bill] != (1 if state in {"paid", "refunded"} else 0)
    ]
    found += _given_back_once(charges, refunds, bills)
    return found


def _given_back_once(
    charges: list[dict[str, Any]], refunds: list[dict[str, Any]], bills: list[tuple[Any, ...]]
) -> list[str]:
    taken = {charge["id"]: charge["amount"] for charge in charges if charge["status"] == "succeeded"}
    back: Counter[str] = Counter()
    for refund in refunds:
        back[refund["charge"]] += refund["amount"]
    found = [
        f"I6 of charge {charge} {amount} yen went back"
        for charge, amount in back.items()
        if amount != taken.get(charge)
    ]
    paid = sum(amount for _, state, amount in bills if state == "paid")
    if paid != sum(taken.values()) - back.total():
        found.append(f"I6 paid {paid} yen, captured {sum(taken.values())} yen, given back {back.total()} yen")
    return found


def _pages_told_the_truth(town: Town, charges: list[dict[str, Any]]) -> list[str]:
    taken = {charge["reference"] for charge in charges if charge["status"] == "succeeded"}
    return [
        f"I2 the page of order {order} said paid, and the gateway has no money"
        for person in town.people
        for order in person.told_paid - taken
    ]
