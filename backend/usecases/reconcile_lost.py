"""Give the charges of a forgotten time their attempts back, so that their bills are paid and never charged again.

A charge finds its place by its order number, or by the gateway's customer together with an amount that is exactly what
the account owes. It becomes an attempt whose outcome is unknown; the ordinary resolution asks the gateway and settles.
Everything else stays an exception for people.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.billing_calendar import jst_date
from backend.domain.states import AttemptOrigin, AttemptState, PaymentWay, RequestState
from backend.ports import GatewayCharge
from backend.store import closing, late_money, lost_attempts, reconciliation_matching, requests
from backend.store.engine import transaction
from backend.usecases.resolve_unknown_payments import resolve_one
from backend.usecases.services import Services

_SKEW = timedelta(minutes=5)  # between the gateway's clock and ours
_ON_THE_WIRE = {AttemptState.SENT, AttemptState.UNKNOWN, AttemptState.CHALLENGED}
_LIVE = {RequestState.OPEN, RequestState.CLOSING}


class Unplaced(StrEnum):
    """Why a lost charge could not be given its attempt back."""

    NOT_CAPTURED = "the gateway does not call it captured"
    NO_CARD = "the gateway does not tell of its card"
    NO_ACCOUNT = "neither its order number nor its customer is known"
    OTHER_CUSTOMER = "its order number is another customer's"
    OTHER_AMOUNT = "its amount is not what the account owes"
    OTHER_ATTEMPT = "another attempt to pay the same bills is not settled"
    PAID_OTHERWISE = "its bills are paid by another payment"
    NOT_CONFIRMED = "the gateway did not confirm it when asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A lost charge with what is known of it; `account_id` keeps its customer from being charged."""

    reference: str
    order_number: str | None
    account_id: int | None
    why: Unplaced


async def import_lost(services: Services, *, since: datetime, now: datetime) -> tuple[int, list[Lost]]:
    """Import every charge since then whose attempt we do not have; returns how many, and those that have no place.

    A kill in between leaves attempts that are `unknown`, which is what they are.

    Raises:
        GatewayUnavailableError: run it again; what was imported stays.
    """
    imported, unplaced = 0, list[Lost]()
    after: lost_attempts.LostCharge | None = None
    while True:
        async with transaction(services.engine) as connection:
            found = await lost_attempts.find_lost(
                connection,
                gateway=services.gateway.name,
                since=since,
                after=after,
                size=100,
                by_itself=reconciliation_matching.BY_ITSELF,
            )
        if not found:
            return imported, unplaced
        for lost in found:
            left = await _import_one(services, lost, now=now)
            imported, unplaced = imported + (left is None), unplaced + ([left] if left else [])
        after = found[-1]


async def describe_lost(services: Services) -> None:
    """Find out whose the listed charges are that we do not have: their accounts are not charged meanwhile.

    Raises:
        GatewayUnavailableError: the next walk does it.
    """
    async with transaction(services.engine) as connection:
        listed = await reconciliation_matching.undescribed(connection)
    for reference in listed:
        charge = await services.gateway.look_up_charge(charge_reference=reference)
        if charge is None:
            continue
        async with transaction(services.engine) as connection:
            place = await lost_attempts.find_request(connection, order_number=charge.order_number)
            owner = await _owner(services, connection, charge=charge)
            await reconciliation_matching.describe_missing(
                connection,
                reference=reference,
                order_number=charge.order_number,
                account_id=owner or (place.account_id if place else None),
                why="found by reconciliation",
            )


async def _import_one(services: Services, lost: lost_attempts.LostCharge, *, now: datetime) -> Lost | None:
    charge = await services.gateway.look_up_charge(charge_reference=lost.charge_reference)
    if charge is None or not charge.is_captured or charge.attempt_id != lost.attempt_id:
        return Lost(reference=lost.charge_reference, order_number=None, account_id=None, why=Unplaced.NOT_CAPTURED)
    await _settle_what_stands_in_the_way(services, charge, now=now)
    async with transaction(services.engine) as connection:
        account_id, why = await _restore(services, connection, lost=lost, charge=charge, now=now)
    if why is None:
        state = await resolve_one(services, attempt_id=lost.attempt_id, now=now)
        why = None if state is AttemptState.SUCCEEDED else Unplaced.NOT_CONFIRMED
    if why is None:
        return None
    return Lost(reference=lost.charge_reference, order_number=charge.order_number, account_id=account_id, why=why)


async def _settle_what_stands_in_the_way(services: Services, charge: GatewayCharge, *, now: datetime) -> None:
    """An earlier try of the same order that our memory holds for unanswered: by now the gateway knows its end."""
    async with transaction(services.engine) as connection:
        place = await lost_attempts.find_request(connection, order_number=charge.order_number)
    if place and place.live_attempt and place.live_state in _ON_THE_WIRE:
        await resolve_one(services, attempt_id=place.live_attempt, now=now)


async def _restore(
    services: Services,
    connection: AsyncConnection,
    *,
    lost: lost_attempts.LostCharge,
    charge: GatewayCharge,
    now: datetime,
) -> tuple[int | None, Unplaced | None]:
    """Write the attempt into its place; returns the account as far as it is known, and why it could not be done."""
    owner = await _owner(services, connection, charge=charge)
    place = await lost_attempts.find_request(connection, order_number=charge.order_number)
    if place is None and owner is None:
        return None, Unplaced.NO_ACCOUNT
    if place is None and owner is not None:
        await _reopen(services, connection, charge=charge, account_id=owner, now=now)
        place = await lost_attempts.find_request(connection, order_number=charge.order_number)
    if place is None:
        return owner, Unplaced.OTHER_AMOUNT
    why = _contradiction(place, charge, owner=owner)
    if why is None:
        why = await _write(services, connection, place=place, lost=lost, charge=charge, now=now)
    return (owner if why is Unplaced.OTHER_CUSTOMER else place.account_id), why


async def _owner(services: Services, connection: AsyncConnection, *, charge: GatewayCharge) -> int | None:
    owners = await lost_attempts.find_accounts(
        connection, gateway=services.gateway.name, customer=charge.customer_reference
    )
    return next(iter(owners)) if len(owners) == 1 else None


async def _reopen(
    services: Services, connection: AsyncConnection, *, charge: GatewayCharge, account_id: int, now: datetime
) -> None:
    """The request was forgotten, too: ask again for all that the account owed, if that is exactly what was charged."""
    on = jst_date(charge.created_at)
    owed = await lost_attempts.read_owed(connection, account_id=account_id, on=on)
    if owed.is_busy or owed.waiting + owed.asked_for != charge.amount:
        return
    if owed.open_request is not None:  # replaced in the forgotten time by one that asked for more (R07)
        await closing.void_requests(connection, request_ids=[owed.open_request], now=now)
    await lost_attempts.open_lost_request(
        connection,
        account_id=account_id,
        order_number=charge.order_number,
        amount=charge.amount,
        way=PaymentWay.LINK if charge.is_present else PaymentWay.AUTOMATIC,
        on=on,
        opened_at=charge.created_at,
        valid_until=services.calendar.valid_until(on),
    )


def _contradiction(place: lost_attempts.RequestPlace, charge: GatewayCharge, *, owner: int | None) -> Unplaced | None:
    """What speaks against this request; a restored database gives out order numbers a second time."""
    if owner not in {None, place.account_id} or place.opened_at > charge.created_at + _SKEW:
        return Unplaced.OTHER_CUSTOMER
    if place.amount != charge.amount:
        return Unplaced.OTHER_AMOUNT
    if place.successes or place.state is RequestState.SETTLED:
        return Unplaced.PAID_OTHERWISE
    return Unplaced.OTHER_ATTEMPT if place.live_state in _ON_THE_WIRE else None


async def _write(
    services: Services,
    connection: AsyncConnection,
    *,
    place: lost_attempts.RequestPlace,
    lost: lost_attempts.LostCharge,
    charge: GatewayCharge,
    now: datetime,
) -> Unplaced | None:
    if charge.card is None:
        return Unplaced.NO_CARD
    card_id = await lost_attempts.keep_lost_card(
        connection,
        account_id=place.account_id,
        gateway=services.gateway.name,
        card=asdict(charge.card),
        charged_at=charge.created_at,
        now=now,
    )
    if card_id is None:
        return Unplaced.OTHER_CUSTOMER
    if place.state in _LIVE:  # what was not sent yet must not be sent any more
        await late_money.withdraw_others(connection, attempt_id=lost.attempt_id, request_id=place.id, now=now)
    is_written = await lost_attempts.restore_attempt(
        connection,
        attempt_id=lost.attempt_id,
        request_id=place.id,
        transaction_id=charge.transaction_id,
        origin=AttemptOrigin.LINK if charge.is_present else AttemptOrigin.AUTOMATIC,
        card_id=card_id,
        gateway=services.gateway.name,
        charge_request=charge.charge_request,
        charged_at=charge.created_at,
        now=now,
    )
    if is_written:
        await requests.hold_bills(connection, request_id=place.id)
    return None if is_written else Unplaced.OTHER_ATTEMPT
