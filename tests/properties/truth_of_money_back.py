"""What must hold of money that goes back, by SQL against the gateway's own refunds and disputes (invariant 17)."""

from collections import Counter
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.properties.life import Life

_REFUNDS = "SELECT id::text, gateway_reference, origin, state, amount, approved_by FROM refund"
_TOLD = """
SELECT r.id, coalesce((SELECT sum(CAST(n.facts->>'refund_amount' AS integer)) FROM notice n
                       WHERE n.request_id = r.id AND n.kind = 'refunded'), 0) AS told,
  coalesce((SELECT sum(f.amount) FROM refund f JOIN payment_attempt p ON p.id = f.attempt_id
            WHERE p.request_id = r.id AND f.state = 'succeeded'), 0) AS made
FROM payment_request r
"""
_PAID = """
SELECT p.gateway_reference, p.amount, b.id, b.state
FROM payment_attempt p JOIN bill_claim c ON c.attempt_id = p.id JOIN bill b ON b.id = c.bill_id
WHERE p.state = 'succeeded'
"""


async def money_goes_back_as_promised(life: Life, connection: AsyncConnection) -> None:
    """At every moment: each refund of ours at most once, as it was approved; what we say was given back was."""
    ours = {row.id: row for row in await connection.execute(text(_REFUNDS))}
    made = await life.truth("refunds")
    names = [refund["metadata"]["refund_id"] for refund in made if refund["metadata"].get("refund_id")]
    assert max(Counter(names).values(), default=1) == 1, f"given back more than once: {names}"
    for refund in made:
        row = ours.get(refund["metadata"].get("refund_id"))
        assert row is None or (row.amount, row.approved_by) == (refund["amount"], "B"), "not as it was approved"
        assert row is None or row.state not in {"requested", "withdrawn"}, f"given back, and said to be {row.state}"
    truth = {refund["id"]: refund["amount"] for refund in made}
    said = {row.gateway_reference: row.amount for row in ours.values() if row.state == "succeeded"}
    assert said.items() <= truth.items(), "said to be given back, and the gateway gave nothing"
    for request, told, given in await connection.execute(text(_TOLD)):
        assert told == given, f"of request {request} went back {given} yen, told were {told}"


async def bills_know_what_went_back(life: Life, connection: AsyncConnection) -> None:
    """At rest: a bill says paid, disputed or refunded, as the gateway's books have it."""
    gone: Counter[str] = Counter()
    for refund in await life.truth("refunds"):
        gone[refund["charge"]] += refund["amount"]
    disputes = await life.truth("disputes")
    for dispute in disputes:
        gone[dispute["charge"]] += dispute["amount"] if dispute["status"] == "lost" else 0
    disputed = {dispute["charge"] for dispute in disputes if dispute["status"] == "open"}
    for charge, amount, bill, state in await connection.execute(text(_PAID)):
        assert gone[charge] <= amount, f"of {charge} went back {gone[charge]} of {amount} yen"
        assert state == _said(charge, amount, gone=gone, disputed=disputed), f"bill {bill} is {state}"


def _said(charge: str, amount: int, *, gone: Counter[str], disputed: set[str]) -> Any:
    if charge in disputed:
        return "disputed"
    return "refunded" if gone[charge] >= amount else "paid"
