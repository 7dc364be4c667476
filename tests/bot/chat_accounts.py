"""Accounts in every situation that a chat can meet, by the name that the transcripts use."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import UUID

from backend.domain.account_facts import AccountFacts, BillFacts, CardFacts, PaymentFacts, RequestFacts
from backend.domain.billing_calendar import JST
from backend.domain.states import CarryOverReason, DeclineClass, PaymentWay

TEMPLATES = Path(__file__).parents[2] / "templates"
NOW = datetime(2026, 12, 12, 10, 30, tzinfo=JST)
LINK = UUID("6f1c1c60-0000-4000-8000-000000000001")
NOVEMBER = BillFacts(billing_month="2026-11", amount=9_870)
DECEMBER = BillFacts(billing_month="2026-12", amount=12_345)
VISA = CardFacts(brand="visa", last4="4242", is_active=True)


def account(
    *,
    account_id: int = 17,
    number_tail: str = "1234",
    request: RequestFacts | None = None,
    also_confirming: tuple[BillFacts, ...] = (),
    waiting: tuple[BillFacts, ...] = (),
    waiting_is_carried_over: bool = False,
    missed_on: date | None = None,
    being_checked: tuple[BillFacts, ...] = (),
    last_payment: PaymentFacts | None = None,
    earlier_payments: tuple[PaymentFacts, ...] = (),
    card: CardFacts | None = None,
    has_card_change: bool = False,
    next_opening_on: date = date(2027, 1, 10),
) -> AccountFacts:
    return AccountFacts(
        account_id=account_id,
        number_tail=number_tail,
        request=request,
        also_confirming=also_confirming,
        waiting=waiting,
        waiting_is_carried_over=waiting_is_carried_over,
        missed=waiting if missed_on else (),
        missed_on=missed_on,
        being_checked=being_checked,
        last_payment=last_payment,
        earlier_payments=earlier_payments,
        card=card,
        has_card_change=has_card_change,
        next_opening_on=next_opening_on,
    )


def request(
    *,
    bills: tuple[BillFacts, ...] = (DECEMBER,),
    way: PaymentWay = PaymentWay.LINK,
    link_id: UUID | None = LINK,
    is_link_on_its_way: bool = False,
    is_link_locked: bool = False,
    is_for_card_change: bool = False,
    has_waiting_receipt: bool = False,
    is_being_confirmed: bool = False,
    last_decline: DeclineClass | None = None,
    valid_until: datetime = datetime(2026, 12, 21, tzinfo=JST),
) -> RequestFacts:
    return RequestFacts(
        order_number="202612000017",
        amount=sum(bill.amount for bill in bills),
        bills=bills,
        way=way,
        carry_over_reason=CarryOverReason.LINK_EXPIRED if len(bills) > 1 else None,
        valid_until=valid_until,
        last_day=(valid_until - timedelta(days=1)).date(),
        link_id=link_id,
        is_link_on_its_way=is_link_on_its_way,
        is_link_locked=is_link_locked,
        is_for_card_change=is_for_card_change,
        has_waiting_receipt=has_waiting_receipt,
        is_being_confirmed=is_being_confirmed,
        last_decline=last_decline,
    )


def payment(*, bills: tuple[BillFacts, ...] = (DECEMBER,), paid_at: datetime = NOW - timedelta(days=1)) -> PaymentFacts:
    return PaymentFacts(
        order_number="202612000099",
        amount=sum(bill.amount for bill in bills),
        bills=bills,
        paid_at=paid_at,
        card_brand="visa",
        card_last4="4242",
    )


def automatic(**changes: object) -> RequestFacts:
    return request(way=PaymentWay.AUTOMATIC, link_id=None, **changes)  # type: ignore[arg-type]


PAID_IN_NOVEMBER = payment(bills=(NOVEMBER,), paid_at=datetime(2026, 11, 14, 9, tzinfo=JST))

PAID_BY_BANK = PaymentFacts(
    order_number=None,
    amount=DECEMBER.amount,
    bills=(DECEMBER,),
    paid_at=NOW - timedelta(days=1),
    card_brand=None,
    card_last4=None,
)

SITUATIONS: dict[str, AccountFacts] = {
    "open_link": account(request=request()),
    "open_combined": account(request=request(bills=(NOVEMBER, DECEMBER))),
    "open_and_waiting": account(request=request(bills=(NOVEMBER,)), waiting=(DECEMBER,)),
    "open_beside_unknown": account(request=request(), also_confirming=(NOVEMBER,)),
    "declined_beside_unknown": account(
        request=request(last_decline=DeclineClass.NEVER), also_confirming=(NOVEMBER,), card=VISA
    ),
    "automatic_beside_unknown": account(request=automatic(), also_confirming=(NOVEMBER,), card=VISA),
    "card_change_open": account(request=request(is_for_card_change=True), card=VISA, has_card_change=True),
    "open_and_applied": account(request=request(), has_card_change=True),
    "link_locked": account(request=request(is_link_locked=True)),
    "confirming": account(request=request(is_being_confirmed=True)),
    "receipt_open": account(
        request=request(bills=(NOVEMBER, DECEMBER), has_waiting_receipt=True), being_checked=(NOVEMBER,)
    ),
    "receipt_carried": account(being_checked=(NOVEMBER,), waiting=(DECEMBER,)),
    "receipt_paid": account(last_payment=PAID_BY_BANK),
    "declined_soft": account(request=request(last_decline=DeclineClass.SOFT), card=VISA),
    "declined_new_card": account(request=request(last_decline=DeclineClass.NEW_CARD), card=VISA),
    "declined_never": account(request=request(last_decline=DeclineClass.NEVER), card=VISA),
    "declined_authenticate": account(request=request(last_decline=DeclineClass.AUTHENTICATE), card=VISA),
    "declined_ours_link": account(request=request(last_decline=DeclineClass.OURS), card=VISA),
    "declined_waiting": account(request=automatic(last_decline=DeclineClass.SOFT), card=VISA),
    "declined_ours": account(request=automatic(last_decline=DeclineClass.OURS), card=VISA),
    "automatic": account(request=automatic(), card=VISA, last_payment=PAID_IN_NOVEMBER),
    "link_preparing": account(request=request(link_id=None)),
    "expired": account(request=request(valid_until=datetime(2026, 12, 11, tzinfo=JST))),
    "waiting_carried": account(waiting=(NOVEMBER,), waiting_is_carried_over=True),
    "waiting_carried_card": account(waiting=(NOVEMBER,), waiting_is_carried_over=True, card=VISA),
    "missed": account(waiting=(NOVEMBER,), waiting_is_carried_over=True, missed_on=date(2026, 11, 20)),
    "missed_card": account(waiting=(NOVEMBER,), waiting_is_carried_over=True, missed_on=date(2026, 11, 20), card=VISA),
    "waiting_confirmed": account(waiting=(DECEMBER,)),
    "waiting_confirmed_card": account(waiting=(DECEMBER,), card=VISA, last_payment=PAID_IN_NOVEMBER),
    "card_change_waiting": account(waiting=(DECEMBER,), card=VISA, has_card_change=True),
    "paid": account(last_payment=payment(), card=VISA),
    "paid_twice": account(last_payment=payment(), earlier_payments=(PAID_IN_NOVEMBER,), card=VISA),
    "open_after_paid": account(request=request(), last_payment=PAID_IN_NOVEMBER, card=VISA),
    "paid_card_dead": account(last_payment=payment(), card=CardFacts(brand="visa", last4="4242", is_active=False)),
    "refunded": account(last_payment=replace(payment(), refunded=DECEMBER.amount, is_refunded=True), card=VISA),
    "partly_refunded": account(last_payment=replace(payment(), refunded=1000), card=VISA),
    "lost_dispute": account(last_payment=replace(payment(), is_refunded=True), card=VISA),
    "not_confirmed_refunded": account(
        last_payment=replace(PAID_IN_NOVEMBER, refunded=NOVEMBER.amount, is_refunded=True), card=VISA
    ),
    "not_confirmed_card": account(last_payment=PAID_IN_NOVEMBER, card=VISA),
    "nothing_yet": account(),
}
# The same customer's second place of use.
SITUATIONS["second_paid"] = account(
    account_id=18, number_tail="5678", last_payment=payment(bills=(NOVEMBER,)), card=VISA
)
