"""Hands that give money back in a life: the refund desk, somebody at the gateway's console, card companies."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from backend.ports import GatewayUnavailableError
from backend.usecases.receive_gateway_event import NothingLearntError, receive_gateway_event
from backend.usecases.refund_payment import approve_refund, request_refund
from tests.properties.life import Life
from tests.usecases.test_money_back_at_the_gateway import event

_PAID = """
SELECT transaction_id, gateway_reference FROM payment_attempt WHERE state = 'succeeded' ORDER BY settled_at DESC, id
"""
_WAITING = "SELECT id FROM refund WHERE state = 'requested' ORDER BY created_at, id"


def ask_for(life: Life, *, which: int, amount: int | None) -> None:
    """One person wants money of a payment to go back; all that is left of it without an amount."""
    paid = life.run(life.ledger.rows(_PAID))
    if paid:
        transaction_id = paid[which % len(paid)][0]
        asking = request_refund(
            life.services, transaction_id=transaction_id, amount=amount, reason="x", by="A", now=life.clock.now()
        )
        life.run(asking)


def approve(life: Life, *, which: int) -> None:
    """Another person agrees to what waits."""
    waiting: list[tuple[UUID]] = life.run(life.ledger.rows(_WAITING))
    if waiting:
        [refund_id] = waiting[which % len(waiting)]
        life.run(approve_refund(life.services, refund_id=refund_id, by="B", now=life.clock.now()))


def refund_at_the_console(life: Life, *, which: int, amount: int | None, is_heard: bool) -> None:
    """Of a payment that our books have; what the gateway lets nobody refund is left alone."""
    charge = _charge(life, which)
    left = _left(life, charge) if charge else 0
    if charge and left:
        made = life.tell(f"charges/{charge['id']}/refund", {"amount": min(amount or left, left)})
        _hear(life, "refund.succeeded", made["id"], is_heard=is_heard)


def dispute(life: Life, *, which: int, is_heard: bool) -> None:
    """A card company takes back all that is left of a payment."""
    charge = _charge(life, which)
    if charge and _left(life, charge):
        made = life.tell(f"charges/{charge['id']}/dispute", {})
        _hear(life, "dispute.opened", made["id"], is_heard=is_heard)


def decide_dispute(life: Life, *, which: int, status: str, is_heard: bool) -> None:
    """The oldest dispute, or another one, is won or lost."""
    undecided = [one for one in life.run(life.truth("disputes")) if one["status"] == "open"]
    if undecided:
        reference = undecided[which % len(undecided)]["id"]
        life.tell(f"disputes/{reference}/close", {"status": status})
        _hear(life, f"dispute.{status}", reference, is_heard=is_heard)


def _charge(life: Life, which: int) -> dict[str, Any] | None:
    paid = [reference for _, reference in life.run(life.ledger.rows(_PAID))]
    charges = {charge["id"]: charge for charge in life.run(life.charges())}
    return charges[paid[which % len(paid)]] if paid else None


def _left(life: Life, charge: dict[str, Any]) -> int:
    """What the console lets somebody refund: nothing while a dispute is open."""
    disputes = [one for one in life.run(life.truth("disputes")) if one["charge"] == charge["id"]]
    if any(one["status"] == "open" for one in disputes):
        return 0
    lost = sum(one["amount"] for one in disputes if one["status"] == "lost")
    return int(charge["amount"] - charge["amount_refunded"] - lost)


def _hear(life: Life, kind: str, reference: str, *, is_heard: bool) -> None:
    """The notification comes, or is lost: then the books of the night tell it."""
    if is_heard:
        with suppress(NothingLearntError, GatewayUnavailableError):
            life.run(receive_gateway_event(life.services, event(kind, reference, life.ledger), now=life.clock.now()))
