"""Reads the sandbox gateway's books (movements, payouts, refunds, disputes) into the port's words; never asks."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from backend.domain.gateway_objects import (
    DisputeState,
    GatewayDispute,
    GatewayRefund,
    GatewayTransaction,
    MovementKind,
    SettlementLine,
)
from backend.domain.untrusted_json import identifier
from backend.gateways.sandbox_reading import card_snapshot, yen
from backend.ports import Evidence, GatewayCharge, GatewayUnavailableError, Refunded, Unknown

UNREADABLE = (KeyError, TypeError, ValueError, OverflowError, AttributeError, IndexError)


def transaction(line: Mapping[str, Any]) -> GatewayTransaction:
    """One movement of money. Raises GatewayUnavailableError for a line that cannot be read: never passed over."""
    try:
        return GatewayTransaction(
            line_reference=line["id"],
            gateway_reference=line["source"],
            kind=MovementKind(line["type"]),
            amount=yen(line["amount"]),
            status=line["status"],
            attempt_id=uuid_or_none(line["attempt_id"]),
            refund_id=uuid_or_none(line["refund_id"]),
            charge_reference=line["charge"],
            occurred_at=_instant(line["created"]),
            body=line,
        )
    except UNREADABLE as problem:
        raise GatewayUnavailableError(f"a transaction that cannot be read: {_named(line)}") from problem


def settlement_line(line: Mapping[str, Any]) -> SettlementLine:
    """One movement as it was paid out. Raises GatewayUnavailableError for a line that cannot be read."""
    try:
        return SettlementLine(
            settlement_reference=line["settlement"],
            line_reference=line["transaction"],
            gateway_reference=line["source"],
            charge_reference=line["charge"],
            kind=MovementKind(line["type"]),
            status=line["status"],
            amount=yen(line["amount"]),
            fee=yen(line["fee"]),
            settled_on=date.fromisoformat(line["settled_on"]),
            attempt_id=uuid_or_none(line["attempt_id"]),
            refund_id=uuid_or_none(line["refund_id"]),
            body=line,
        )
    except UNREADABLE as problem:
        raise GatewayUnavailableError(f"a settlement line that cannot be read: {_named(line)}") from problem


def charge(body: Mapping[str, Any], *, card: Mapping[str, Any] | None) -> GatewayCharge:
    """A charge with its card. Raises GatewayUnavailableError for an answer that cannot be read."""
    asked = ("customer", "card", "amount", "currency", "reference", "transaction_id", "present", "metadata")
    try:
        return GatewayCharge(
            gateway_reference=body["id"],
            amount=yen(body["amount"]),
            is_captured=body["status"] == "succeeded",
            is_present=bool(body["present"]),
            attempt_id=our_id(body, "attempt_id"),
            order_number=str(body["reference"]),
            transaction_id=str(body["transaction_id"]),
            customer_reference=str(body["customer"]),
            card=card_snapshot(card) if card else None,
            charge_request={name: body[name] for name in asked},
            created_at=_instant(body["created"]),
        )
    except UNREADABLE as problem:
        raise GatewayUnavailableError("a charge that cannot be read") from problem


def refund(body: Mapping[str, Any]) -> GatewayRefund:
    """A refund. Raises GatewayUnavailableError for an answer that cannot be read."""
    try:
        return GatewayRefund(
            gateway_reference=body["id"],
            charge_reference=body["charge"],
            amount=yen(body["amount"]),
            attempt_id=uuid_or_none(body["attempt_id"]),
            refund_id=our_id(body, "refund_id"),
            refunded_at=_instant(body["created"]),
            body=body,
        )
    except UNREADABLE as problem:
        raise GatewayUnavailableError("a refund that cannot be read") from problem


def dispute(body: Mapping[str, Any]) -> GatewayDispute:
    """A dispute. Raises GatewayUnavailableError for an answer that cannot be read."""
    try:
        return GatewayDispute(
            gateway_reference=body["id"],
            charge_reference=body["charge"],
            amount=yen(body["amount"]),
            reason=str(body["reason"]),
            state=DisputeState(body["status"]),
            attempt_id=uuid_or_none(body["attempt_id"]),
            opened_at=_instant(body["created"]),
            closed_at=_instant(body["closed_at"]) if body["closed_at"] is not None else None,
            body=body,
        )
    except UNREADABLE as problem:
        raise GatewayUnavailableError("a dispute that cannot be read") from problem


def refund_outcome(body: Mapping[str, Any], evidence: Evidence) -> Refunded | Unknown:
    """An answer to a refund; one that cannot be read says nothing: unknown, never refused and never done."""
    try:
        if body["status"] != "succeeded":
            return Unknown(reason=f"unknown refund status {body['status']}")
        return Refunded(gateway_reference=identifier(body["id"]), amount=yen(body["amount"]), evidence=evidence)
    except UNREADABLE as problem:
        return Unknown(reason=f"an answer that cannot be read: {type(problem).__name__}")


def refusal_code(body: Mapping[str, Any]) -> str:
    """The gateway's word for why it gives nothing back."""
    error = body.get("error")
    said = error if isinstance(error, dict) else {}
    return str(said.get("code") or said.get("type") or "refused")


def uuid_or_none(named: object) -> UUID | None:
    """An id of ours; None for an object that was made at the gateway's own console."""
    try:
        return UUID(str(named))
    except ValueError:
        return None


def our_id(made: Mapping[str, Any], name: str) -> UUID | None:
    """The id of ours in an object's metadata; None for one that was made at the gateway's own console."""
    return uuid_or_none((made["metadata"] or {}).get(name))


def find_ours(page: Mapping[str, Any], *, name: str, wanted: UUID) -> Mapping[str, Any] | None:
    """The object on this page that carries our id. Raises one of UNREADABLE."""
    return next((made for made in page["data"] if our_id(made, name) == wanted), None)


def next_page(page: Mapping[str, Any]) -> str:
    """What to ask for the next page with; empty at the end of the list. Raises one of UNREADABLE."""
    return f"&starting_after={page['data'][-1]['id']}" if page["has_more"] else ""


def _named(line: object) -> str:
    """What people can look for at the gateway: they read it in the task about the job that cannot go on."""
    named = line.get("id", line.get("transaction")) if isinstance(line, dict) else None
    return str(named)[:100]


def _instant(seconds: object) -> datetime:
    return datetime.fromtimestamp(int(str(seconds)), tz=UTC)
