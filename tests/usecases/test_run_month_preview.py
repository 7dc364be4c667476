"""The dry run of a month is the month: what it shows is what the opening then does, and it leaves no trace."""

from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import text

from backend.domain.states import AttemptState, BillState, CarryOverReason, ChannelName, NoticeKind, PaymentWay
from backend.store import chats, line_accounts
from backend.store.engine import transaction
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.run_month_preview import LeftOut, PreviewedCustomer, Unusual, preview_month
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger
from tests.properties.random_accounts import DrawnAccount, DrawnRequest, write

_TABLES = """
SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1
"""
_OPENED = """
SELECT a.customer_number, r.way, r.amount, r.bill_count, r.carry_over_reason,
  (SELECT n.channel FROM notice n WHERE n.request_id = r.id AND n.kind = 'payment_link')
FROM payment_request r JOIN account a ON a.id = r.account_id
WHERE r.state = 'open' AND r.order_number NOT LIKE 'old-%' ORDER BY 1
"""
UNUSUAL = Unusual(factor=Decimal(5), yen=100_000)
NEW, CARRIED = (BillState.FINALIZED, 8_000, 2), (BillState.CARRIED_OVER, 7_000, 32)


def drawn(*bills: tuple[BillState, int, int], **more: object) -> DrawnAccount:
    account = DrawnAccount(bills=bills, request=None, has_card=False, has_card_change=False)
    return replace(account, **more)  # type: ignore[arg-type]


def asked(attempt: AttemptState | None) -> DrawnRequest:
    return DrawnRequest(reason=None, attempt=attempt)


EVERYBODY = {
    "a first payment": drawn(NEW),
    "two months": drawn(NEW, CARRIED),
    "a card": drawn(NEW, has_card=True),
    "a card and an application for another": drawn(NEW, has_card=True, has_card_change=True),
    "an unpaid request": drawn(NEW, (BillState.REQUESTED, 6_000, 30), request=asked(None)),
    "a payment under way": drawn(NEW, (BillState.REQUESTED, 6_000, 30), request=asked(AttemptState.SENT)),
    "an unknown outcome": drawn((BillState.HELD, 6_000, 30), request=asked(AttemptState.UNKNOWN)),
    "too little": drawn((BillState.FINALIZED, 30, 2)),
    "too much": drawn((BillState.FINALIZED, 9_999_000, 2), (BillState.FINALIZED, 9_000, 3)),
    "a late bill": drawn(NEW, (BillState.FINALIZED, 5_000, 20)),
    "a bill of tomorrow": drawn((BillState.FINALIZED, 8_000, -1)),
    "nothing new": drawn(CARRIED),
    "far more than usual": drawn(*[(BillState.PAID, 3_000, 40)] * 3, (BillState.FINALIZED, 90_000, 2)),
}


@pytest.fixture
async def people(ledger: Ledger, clock: FakeClock) -> dict[str, str]:
    """Everybody's customer number; `a late bill` reads LINE, `two months` has stopped SMS."""
    clock.go_to("2026-12-10T10:00")
    ids = {
        name: await write(ledger, account, serial=serial, today=clock.now().date())
        for serial, (name, account) in enumerate(EVERYBODY.items(), start=1)
    }
    async with transaction(ledger.services.engine) as connection:
        await line_accounts.link(connection, account_id=ids["a late bill"], line_user_id="U1", now=clock.now())
        await chats.stop_contact(
            connection, channel=ChannelName.SMS, address="+819000000002", source="x", now=clock.now()
        )
    return {name: f"{serial:010d}" for serial, name in enumerate(EVERYBODY, start=1)}


async def shown(ledger: Ledger, clock: FakeClock) -> dict[str, PreviewedCustomer]:
    chunks = preview_month(ledger.services, now=clock.now(), unusual=UNUSUAL)
    return {one.customer_number: one async for chunk in chunks for one in chunk}


async def everything(ledger: Ledger) -> dict[str, object]:
    """Every row of every table, and the next order number."""
    async with ledger.services.engine.connect() as connection:
        tables = list((await connection.execute(text(_TABLES))).scalars())
        rows = {table: await _rows(ledger, f"SELECT t::text FROM {table} t ORDER BY 1") for table in tables}  # noqa: S608
    return {**rows, "serial": await _rows(ledger, "SELECT last_value, is_called FROM order_serial")}


async def _rows(ledger: Ledger, query: str) -> list[tuple[object, ...]]:
    return await ledger.rows(query)


@pytest.mark.leaves_violations("the drawn accounts are states of the opening's input, not a whole ledger")
class TestPreview:
    async def test_what_is_shown_is_what_the_opening_then_does(
        self, ledger: Ledger, clock: FakeClock, people: dict[str, str]
    ) -> None:
        before = await shown(ledger, clock)

        await open_payment_requests(ledger.services, now=clock.now())

        assert people
        assert await ledger.rows(_OPENED) == sorted(
            (one.customer_number, one.way, one.amount, one.bill_count, one.reason, _url_by(one))
            for one in before.values()
            if one.left_out is None
        )

    @pytest.mark.usefixtures("people")
    async def test_it_changes_nothing(self, ledger: Ledger, clock: FakeClock) -> None:
        before = await everything(ledger)

        await shown(ledger, clock)

        assert await everything(ledger) == before

    @pytest.mark.usefixtures("people")
    async def test_it_can_be_looked_at_twice_and_after_the_opening(self, ledger: Ledger, clock: FakeClock) -> None:
        first = await shown(ledger, clock)
        second = await shown(ledger, clock)
        await open_payment_requests(ledger.services, now=clock.now())
        third = await shown(ledger, clock)

        assert first == second
        assert {one.left_out for one in third.values()} <= set(LeftOut)

    async def test_it_tells_ways_channels_and_reasons(
        self, ledger: Ledger, clock: FakeClock, people: dict[str, str]
    ) -> None:
        before = await shown(ledger, clock)
        told = {name: before.get(number) for name, number in people.items()}

        assert [(one.way, one.channel) for one in (told["a first payment"], told["a late bill"]) if one] == [
            (PaymentWay.LINK, ChannelName.SMS),
            (PaymentWay.LINK, ChannelName.LINE),
        ]
        assert told["a card"]
        assert told["a card"].way is PaymentWay.AUTOMATIC
        assert told["two months"]
        assert told["two months"].channel is None
        assert told["two months"].reason is CarryOverReason.LINK_EXPIRED
        assert told["two months"].sms_stop == "x"
        assert told["a bill of tomorrow"] is None
        assert told["nothing new"] is None

    async def test_it_tells_who_is_left_out_and_why(
        self, ledger: Ledger, clock: FakeClock, people: dict[str, str]
    ) -> None:
        before = await shown(ledger, clock)

        assert {name: before[number].left_out for name, number in people.items() if number in before} == {
            **{name: None for name in people if people[name] in before},
            "a payment under way": LeftOut.UNDER_WAY,
            "an unknown outcome": LeftOut.UNRESOLVED,
            "too little": LeftOut.OUT_OF_BOUNDS,
            "too much": LeftOut.OUT_OF_BOUNDS,
        }

    async def test_it_marks_an_amount_out_of_the_ordinary(
        self, ledger: Ledger, clock: FakeClock, people: dict[str, str]
    ) -> None:
        before = await shown(ledger, clock)

        assert [number for number, one in before.items() if one.is_unusual] == [people["far more than usual"]]

    async def test_it_counts_the_messages_that_follow(
        self, ledger: Ledger, clock: FakeClock, people: dict[str, str]
    ) -> None:
        before = await shown(ledger, clock)

        assert {notice.kind: notice.times for notice in before[people["a late bill"]].notices} == {
            NoticeKind.PAYMENT_LINK: 1,
            NoticeKind.PAID: 1,
            NoticeKind.REMINDER: 2,
        }
        assert [notice.kind for notice in before[people["a card"]].notices] == [NoticeKind.CHARGED]

    @pytest.mark.usefixtures("people")
    async def test_nobody_is_shown_on_a_day_without_an_opening(self, ledger: Ledger, clock: FakeClock) -> None:
        clock.go_to("2026-12-09T10:00")

        assert await shown(ledger, clock) == {}


def _url_by(one: PreviewedCustomer) -> ChannelName | None:
    return next((notice.channel for notice in one.notices if notice.kind is NoticeKind.PAYMENT_LINK), None)
