"""Give money back: one person asks, another approves; pressed twice it is one refund, never more than was taken."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.states import RefundState
from backend.store import refund_outcomes, refunds
from backend.store.engine import transaction
from backend.usecases.record_receipt import tidy
from backend.usecases.services import Services


class RefundObstacle(StrEnum):
    """Why a refund is not taken on; nothing has changed."""

    NO_SUCH_TRANSACTION = "no_such_transaction"
    NO_MONEY = "no_money"  # the gateway never said that it took any
    TOO_MUCH = "too_much"
    DISPUTED = "disputed"
    ANOTHER_ON_ITS_WAY = "another_on_its_way"
    NO_SUCH_REFUND = "no_such_refund"
    SAME_PERSON = "same_person"
    TOO_LATE = "too_late"  # withdrawn, or on the wire already
    NO_PERSON = "no_person"
    NO_REASON = "no_reason"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundTaken:
    """The refund as it stands now; `amount` in yen where it was asked for. Not `is_new` when pressed again."""

    refund_id: UUID
    state: RefundState
    amount: int | None = None
    is_new: bool = True


async def request_refund(
    services: Services, *, transaction_id: str, amount: int | None, reason: str, by: str, now: datetime
) -> RefundTaken | RefundObstacle:
    """Ask to give `amount` yen of one attempt back (None: all that is left); waits for a second person.

    The same person asking the same again gets the refund that is on its way already.
    """
    by = tidy(by)
    if not by or not reason.strip():
        return RefundObstacle.NO_REASON if by else RefundObstacle.NO_PERSON
    async with transaction(services.engine) as connection:
        found = await refunds.lock_refundable(connection, transaction_id=transaction_id)
        if found is None:
            return RefundObstacle.NO_SUCH_TRANSACTION
        if live := await refunds.find_live(connection, attempt_id=found.attempt_id):
            is_same = (live.reason, live.requested_by) == (reason, by) and amount in (None, live.amount)
            if not is_same:
                return RefundObstacle.ANOTHER_ON_ITS_WAY
            return RefundTaken(refund_id=live.id, state=live.state, amount=live.amount, is_new=False)
        wanted = found.captured - found.gone if amount is None else amount
        if obstacle := _obstacle(found, amount=wanted):
            return obstacle
        return await _ask(connection, found, amount=wanted, reason=reason, by=by, now=now)


def _obstacle(found: refunds.Refundable, *, amount: int) -> RefundObstacle | None:
    """The same bounds as the database's, with a word for each."""
    if found.charge_reference is None or found.captured == 0:
        return RefundObstacle.NO_MONEY
    if found.is_disputed:
        return RefundObstacle.DISPUTED
    if not 1 <= amount <= found.captured - found.gone:
        return RefundObstacle.TOO_MUCH
    return None


async def _ask(
    connection: AsyncConnection, found: refunds.Refundable, *, amount: int, reason: str, by: str, now: datetime
) -> RefundTaken:
    refund_id = await refunds.ask_for(connection, refundable=found, amount=amount, reason=reason, by=by, now=now)
    await refund_outcomes.add_step(
        connection,
        refund_id=refund_id,
        actor=by,
        cause="requested",
        before=None,
        after=RefundState.REQUESTED,
        now=now,
        body={"amount": amount, "reason": reason},
    )
    return RefundTaken(refund_id=refund_id, state=RefundState.REQUESTED, amount=amount)


async def approve_refund(
    services: Services, *, refund_id: UUID, by: str, now: datetime
) -> RefundTaken | RefundObstacle:
    """Let a worker send it: another person than the one who asked. Approved twice, it is sent once."""
    by = tidy(by)
    if not by:
        return RefundObstacle.NO_PERSON
    async with transaction(services.engine) as connection:
        known = await refunds.find(connection, refund_id=refund_id)
        if known and known.state is RefundState.REQUESTED and _is_same(known.requested_by, by):
            return RefundObstacle.SAME_PERSON
        if await refunds.approve(connection, refund_id=refund_id, by=by, now=now):
            await refund_outcomes.add_step(
                connection,
                refund_id=refund_id,
                actor=by,
                cause="approved",
                before=RefundState.REQUESTED,
                after=RefundState.PREPARED,
                now=now,
            )
            return RefundTaken(refund_id=refund_id, state=RefundState.PREPARED)
        return _why_not_approved(await refunds.find(connection, refund_id=refund_id))


def _why_not_approved(known: refunds.KnownRefund | None) -> RefundTaken | RefundObstacle:
    if known is None:
        return RefundObstacle.NO_SUCH_REFUND
    if known.state is RefundState.WITHDRAWN:
        return RefundObstacle.TOO_LATE
    if known.state is not RefundState.REQUESTED:
        return RefundTaken(refund_id=known.id, state=known.state, is_new=False)
    if known.is_disputed:
        return RefundObstacle.DISPUTED
    return RefundObstacle.TOO_MUCH if known.is_too_much else RefundObstacle.SAME_PERSON


def _is_same(one: str | None, other: str) -> bool:
    """As for receipts: neither the width nor the case of letters makes two persons of one."""
    return one is not None and tidy(one).casefold() == other.casefold()


async def withdraw_refund(
    services: Services, *, refund_id: UUID, by: str, now: datetime
) -> RefundTaken | RefundObstacle:
    """Take a refund back that was not sent yet; anybody may, because no money moves."""
    async with transaction(services.engine) as connection:
        known = await refunds.find(connection, refund_id=refund_id)
        if known is None:
            return RefundObstacle.NO_SUCH_REFUND
        if not await refunds.withdraw(connection, refund_id=refund_id, now=now):
            return RefundObstacle.TOO_LATE
        await refund_outcomes.add_step(
            connection,
            refund_id=refund_id,
            actor=tidy(by),
            cause="withdrawn",
            before=known.state,
            after=RefundState.WITHDRAWN,
            now=now,
        )
        return RefundTaken(refund_id=refund_id, state=RefundState.WITHDRAWN)
