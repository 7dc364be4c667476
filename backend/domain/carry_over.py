"""Which bills an account is asked to pay together, and how: the set-based opening equals this rule (R03-R08)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from backend.domain.billing_calendar import BillingCalendar
from backend.domain.states import BillState, CarryOverReason, PaymentWay

_WAITING = (BillState.FINALIZED, BillState.CARRIED_OVER)


@dataclass(frozen=True, slots=True, kw_only=True)
class BillToBundle:
    """A bill of one account; `amount` in yen."""

    bill_number: str
    state: BillState
    amount: int
    confirmed_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRequest:
    """The account's open request: its bills are those that are `requested` or `held`."""

    reason: CarryOverReason | None
    is_under_way: bool  # an attempt to pay it has no final answer yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What is asked for in one request; `amount` in yen."""

    bill_numbers: frozenset[str]
    amount: int
    way: PaymentWay
    reason: CarryOverReason | None


def combine(
    *,
    bills: Sequence[BillToBundle],
    open_request: OpenRequest | None,
    is_charged_automatically: bool,
    today: date,
    calendar: BillingCalendar,
    yen_bounds: tuple[int, int],
) -> Bundle | None:
    """The request to open for an account today, in place of the open one; None when there is nothing new to ask for.

    A payment under way is left alone. A carried-over bill waits for the next month's own bill, and goes alone
    only on the last day that leaves a fair time. A sum outside the gateway's limits waits for people.
    """
    waiting = [bill for bill in bills if bill.state in _WAITING and bill.confirmed_on <= today]
    if not calendar.may_open_on(today) or not _is_time(waiting, today=today, calendar=calendar):
        return None
    if open_request and open_request.is_under_way:
        return None
    asked = [bill for bill in bills if bill.state is BillState.REQUESTED]
    together = [*waiting, *asked]
    amount = sum(bill.amount for bill in together)
    if not yen_bounds[0] <= amount <= yen_bounds[1]:
        return None
    return Bundle(
        bill_numbers=frozenset(bill.bill_number for bill in together),
        amount=amount,
        way=PaymentWay.AUTOMATIC if is_charged_automatically else PaymentWay.LINK,
        reason=_reason(together, open_request),
    )


def _is_time(waiting: Sequence[BillToBundle], *, today: date, calendar: BillingCalendar) -> bool:
    if any(bill.state is BillState.FINALIZED for bill in waiting):
        return True
    return bool(waiting) and today.day == calendar.last_opening_day


def _reason(together: Sequence[BillToBundle], open_request: OpenRequest | None) -> CarryOverReason | None:
    was_carried_over = open_request is not None and open_request.reason is CarryOverReason.LINK_EXPIRED
    if was_carried_over or any(bill.state is BillState.CARRIED_OVER for bill in together):
        return CarryOverReason.LINK_EXPIRED
    return CarryOverReason.LATE_METER_READING if len(together) > 1 else None
