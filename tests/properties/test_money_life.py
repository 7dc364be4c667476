"""Months of life at random: whatever happens, money charged = bills paid, and no bill twice (money.md, invariants).

What goes back, by refunds of ours, at the console or by card companies, goes back once and is seen in the bills.

`MONEY_LIVES=500 MONEY_STEPS=60` looks longer, and at random; without it the same lives are lived every time.
"""

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from typing_extensions import override

from backend.usecases.charge_prepared import charge_due
from backend.usecases.resolve_unknown_payments import resolve_due
from backend.usecases.send_refunds import send_due_refunds
from tests.kit.clock import FakeClock
from tests.properties import money_back
from tests.properties.calendar_walk import CALM_DAYS, DAYS, STOPS, next_stop
from tests.properties.gateway_thread import gateway_in_a_thread
from tests.properties.life import Life, Place
from tests.properties.stops import BEHIND_A_CANARY, Stops
from tests.properties.truth import must_have_come_to_rest, must_hold

LIVES, STEPS = (os.environ.get(name) for name in ("MONEY_LIVES", "MONEY_STEPS"))  # noqa: TID251 - the tests' own switch

GOOD = ("4242424242424242", "5555555555554444")
POOR, STOLEN, ONCE, ASKING = "4000000000009995", "4000000000009979", "4000000000009987", "4000003800000446"
CARDS = st.sampled_from((*GOOD, POOR, STOLEN, ONCE, ASKING))
WHICH = st.sampled_from([0, 0, 0, 1, 2, 5])  # of the devices, newest first
WHO = st.integers(0, 2)
OUTCOMES = st.sampled_from(
    [
        {"decline_code": "insufficient_funds"},
        {"decline_code": "stolen_card", "advice": "do_not_try_again"},
        {"decline_code": "expired_card"},
        {"requires_action": True},
        {"requires_action": True, "decline_code": "insufficient_funds"},
    ]
)
POST = {"path": "/v1/charges", "method": "POST"}
REFUND = {"path": "/v1/refunds", "method": "POST"}
CALLS = st.sampled_from(
    [POST, POST, POST, REFUND, {"path": "/v1/charges", "method": "GET"}, {"path": "/v1/charges/*/cancel"}, {}]
)
KINDS = st.sampled_from(["drop_after", "500_after", "drop_before", "500_before", "429"])
FAULTS = st.builds(
    lambda call, kind, times, lag: {"rules": [{**call, "kind": kind, "times": times}], "list_lag_seconds": lag},
    CALLS,
    KINDS,
    st.integers(1, 4),
    st.sampled_from([3600, 0]),
)
CALM: dict[str, object] = {"rules": [], "list_lag_seconds": 0}
PARTS = st.one_of(st.none(), st.integers(1, 3000))  # yen; none: all that is left
PAYMENTS = st.integers(0, 3)  # newest first
STEPS_OF_WORK = st.sampled_from([charge_due, resolve_due, send_due_refunds])
MOMENTS = st.sampled_from([0.002, 0.005, 0.01, 0.02, 0.04])

REGRETTABLE = """
SELECT p.id::text, p.gateway_reference FROM payment_attempt p
WHERE p.state = 'declined' AND p.gateway_reference IS NOT NULL AND p.decline_code <> 'canceled' AND NOT EXISTS (
  SELECT FROM payment_request_bill m JOIN bill b ON b.id = m.bill_id
  LEFT JOIN bill_claim c ON c.bill_id = b.id LEFT JOIN payment_attempt o ON o.id = c.attempt_id
  WHERE m.request_id = p.request_id AND (b.state IN ('paid', 'disputed', 'refunded', 'void') OR o.state <> 'prepared'))
ORDER BY p.created_at
"""
BILLS = "SELECT bill_number, amount FROM bill WHERE state <> 'void' ORDER BY id DESC LIMIT 6"
RECEIPTS = "SELECT id FROM receipt WHERE state = 'recorded' ORDER BY id"


class MoneyLife(Stops, RuleBasedStateMachine):
    """Two or three customers, the processes, the calendar and the network, in any order."""

    place: Place

    def __init__(self) -> None:
        super().__init__()
        self.life = Life(self.place)
        self.accounts: list[int] = []
        self.months: dict[int, datetime] = {}
        self.is_sound = True

    @initialize(cards=st.lists(st.one_of(st.none(), CARDS), min_size=2, max_size=3))
    def customers(self, cards: list[str | None]) -> None:
        """The first month has opened; who has a card here has tried to pay by it and is charged from now on."""
        for serial in range(1, len(cards) + 1):
            account = self.life.run(self.life.ledger.account(serial))
            self.accounts.append(account)
            self.months[account] = datetime(2026, 10, 1)  # noqa: DTZ001 - a billing month
        self.a_month_opens(CALM, is_worker_up=True)
        for who, number in enumerate(cards):
            if number:
                self.a_payer_pays_by_the_newest_url(who, number, CALM, presses=1)

    def _bill(self, account: int, amount: int) -> None:
        self.months[account] = (self.months[account] + timedelta(days=32)).replace(day=1)
        confirmed = f"{self.life.clock.now():%Y-%m-%d}"
        month = f"{self.months[account]:%Y-%m}"
        self.life.run(self.life.ledger.bill(account, month, amount, confirmed=confirmed))

    def _who(self, index: int) -> int:
        return self.accounts[index % len(self.accounts)]

    # --- the retailer, the calendar, the processes ---------------------------------------------------

    @rule(who=WHO, amount=st.one_of(st.integers(50, 30000), st.just(30)), is_opened=st.booleans())
    def the_retailer_confirms_a_bill(self, who: int, amount: int, is_opened: bool) -> None:  # noqa: FBT001 - drawn
        self._bill(self._who(who), amount)
        if is_opened:
            self.life.go_to(next_stop(self.life.clock.now(), "1 day"))
            self.life.timetable()

    @rule(stop=st.sampled_from(STOPS), is_timetable_up=st.booleans(), is_worker_up=st.booleans())
    def time_passes(self, stop: str, is_timetable_up: bool, is_worker_up: bool) -> None:  # noqa: FBT001 - drawn
        self.life.go_to(next_stop(self.life.clock.now(), stop))
        if is_timetable_up:
            self.life.timetable()
        if is_worker_up:
            self.life.charge()
            self.life.ask()

    @rule(network=st.one_of(st.just(CALM), FAULTS), is_worker_up=st.sampled_from([True, True, False]))
    def a_month_opens(self, network: dict[str, object], is_worker_up: bool) -> None:  # noqa: FBT001 - drawn
        self._ends_the_month()
        for account in self.accounts:
            self._bill(account, 5000 + account)
        self.life.go_to(next_stop(self.life.clock.now(), "10T10:00"))
        self.life.timetable()
        self.life.control("faults", network)
        if is_worker_up:
            self.life.charge()
            self.the_worker_asks("1 minute")

    def _ends_the_month(self) -> None:
        """What is under way may be answered before the next month comes, as in most months."""
        self.life.go_to(next_stop(self.life.clock.now(), "21T00:00:00"))
        self.life.timetable()
        self.life.ask()

    @rule(stop=st.sampled_from(DAYS), is_worker_first=st.booleans())
    def a_downtime_ends(self, stop: str, is_worker_first: bool) -> None:  # noqa: FBT001 - drawn
        self.life.go_to(next_stop(self.life.clock.now(), stop))
        if is_worker_first:
            self.life.charge()
        self.life.timetable()
        self.life.charge()

    @rule()
    def the_worker_charges(self) -> None:
        self.life.charge()

    @rule(later=st.sampled_from(["1 minute", "10 minutes", "1 hour"]))
    def the_worker_asks(self, later: str) -> None:
        self.life.go_to(next_stop(self.life.clock.now(), later))
        self.life.ask()

    @rule(after=MOMENTS, step=STEPS_OF_WORK)
    def the_worker_is_killed(self, after: float, step: Any) -> None:
        self.life.crash(step, after=after)

    @rule(kind=st.sampled_from(["delay", "hang", "hang_after"]), step=st.sampled_from([charge_due, resolve_due]))
    def the_worker_is_killed_while_the_gateway_works(self, kind: str, step: Any) -> None:
        self.life.control("faults", {"rules": [{**POST, "kind": kind, "times": 3, "seconds": 0.1}]})
        self.life.crash(step, after=0.05)

    # --- the gateway and the network -----------------------------------------------------------------

    @rule(outcome=OUTCOMES)
    def the_issuer_will_say(self, outcome: dict[str, object]) -> None:
        self.life.control("outcomes", {"charges": [outcome]})

    @rule(network=FAULTS)
    def the_network_breaks(self, network: dict[str, object]) -> None:
        self.life.control("faults", network)

    @rule()
    def the_network_heals(self) -> None:
        self.life.control("faults", CALM)

    @rule(which=st.integers(0, 30))
    def a_notification_arrives(self, which: int) -> None:
        charges = self.life.run(self.life.charges())
        if charges:
            self.life.hear(charges[which % len(charges)])

    @rule(which=st.integers(0, 9))
    def the_issuer_takes_a_decline_back(self, which: int) -> None:
        """As long as nobody pays the same bills otherwise: money taken twice by the gateway is for people."""
        regretted = self.life.run(self.life.ledger.rows(REGRETTABLE))
        if regretted:
            self.life.late_money(*regretted[which % len(regretted)])

    # --- the payers ----------------------------------------------------------------------------------

    @rule(who=WHO, number=CARDS, network=st.one_of(st.just(CALM), FAULTS), presses=st.integers(1, 4))
    def a_payer_pays_by_the_newest_url(self, who: int, number: str, network: dict[str, object], presses: int) -> None:
        """Presses once, twice at the same moment, or once more on the page that came then."""
        link = self.life.newest_link(self._who(who))
        device = self.life.open_link(link, self._who(who)) if link else None
        if device:
            self.life.enter_card(device, number)
            self.life.control("faults", network)
            self.life.press(*[device] * (1 + presses % 2))
            if presses > 2:
                self.life.press(device)
            self.the_worker_asks("1 minute")

    @rule(who=WHO, number=CARDS, other=CARDS)
    def two_people_pay_at_the_same_moment(self, who: int, number: str, other: str) -> None:
        link = self.life.newest_link(self._who(who))
        devices = [self.life.open_link(link, self._who(who)) for _ in range(2)] if link else []
        first, second = devices or (None, None)
        if first and second:
            self.life.enter_card(first, number)
            self.life.enter_card(second, other)
            self.life.press(first, second, first)

    @rule(who=WHO)
    def a_payer_opens_the_url(self, who: int) -> None:
        link = self.life.newest_link(self._who(who))
        if link:
            self.life.open_link(link, self._who(who))

    @precondition(lambda self: self.life.devices)
    @rule(which=WHICH, number=CARDS)
    def a_payer_enters_a_card(self, which: int, number: str) -> None:
        self.life.enter_card(self.life.devices[-1 - which % len(self.life.devices)], number)

    @precondition(lambda self: self.life.devices)
    @rule(which=WHICH, back=st.integers(0, 2), presses=st.integers(1, 3))
    def a_payer_presses(self, which: int, back: int, presses: int) -> None:
        device = self.life.devices[-1 - which % len(self.life.devices)]
        self.life.press(*[device] * presses, back=back)

    @precondition(lambda self: self.life.devices)
    @rule(which=WHICH, after=MOMENTS)
    def the_web_process_is_killed_at_a_press(self, which: int, after: float) -> None:
        self.life.press(self.life.devices[-1 - which % len(self.life.devices)], after=after)

    @rule(who=WHO, number=CARDS, network=st.one_of(st.just(CALM), FAULTS), is_in_time=st.booleans())
    def a_payer_presses_around_the_deadline(
        self,
        who: int,
        number: str,
        network: dict[str, object],
        is_in_time: bool,  # noqa: FBT001 - drawn
    ) -> None:
        self.life.go_to(next_stop(self.life.clock.now(), "20T23:30"))
        self.the_network_heals()
        link = self.life.newest_link(self._who(who))
        device = self.life.open_link(link, self._who(who)) if link else None
        if device:
            self.life.enter_card(device, number)
            self.life.go_to(next_stop(self.life.clock.now(), "20T23:59:59" if is_in_time else "21T00:00:00"))
            self.life.control("faults", network)
            self.life.press(device)
            self.life.go_to(next_stop(self.life.clock.now(), "1 second"))
            self.life.timetable()

    @rule(which=st.integers(0, 5), answer=st.sampled_from(["confirm", "refuse"]))
    def a_payer_answers_the_issuer(self, which: int, answer: str) -> None:
        asked = [charge for charge in self.life.run(self.life.charges()) if charge["action_url"]]
        if asked:
            self.life.run(self.life.authenticate(asked[which % len(asked)]["action_url"], answer=answer))

    @rule(who=WHO)
    def a_customer_applies_for_another_card(self, who: int) -> None:
        self.life.apply_for_card_change(self._who(who))

    @rule(who=WHO)
    def a_customer_withdraws_the_application(self, who: int) -> None:
        self.life.withdraw_card_change(self._who(who))

    # --- the desk ------------------------------------------------------------------------------------

    @rule(which=st.integers(0, 9), is_decided=st.sampled_from([None, None, True, False]))
    def money_comes_another_way(self, which: int, is_decided: bool | None) -> None:  # noqa: FBT001 - drawn
        """For a bill in any state: by bank, shop or cash, perhaps decided on the spot."""
        bills = self.life.run(self.life.ledger.rows(BILLS))
        if bills:
            self.life.record_receipt(*bills[which % len(bills)])
        if is_decided is not None:
            self.the_second_person_decides(which, is_approved=is_decided)

    @rule(which=st.integers(0, 3), is_approved=st.booleans())
    def the_second_person_decides(self, which: int, is_approved: bool) -> None:  # noqa: FBT001 - drawn
        waiting = self.life.run(self.life.ledger.rows(RECEIPTS))
        if waiting:
            self.life.decide_receipt(*waiting[which % len(waiting)], is_approved=is_approved)

    # --- money that goes back ------------------------------------------------------------------------

    @rule(which=PAYMENTS, amount=PARTS, is_approved=st.sampled_from([True, True, False]))
    def staff_give_money_back(self, which: int, amount: int | None, is_approved: bool) -> None:  # noqa: FBT001 - drawn
        """Asked for; perhaps agreed to by the second person, and sent by the worker unless that one is dead."""
        money_back.ask_for(self.life, which=which, amount=amount)
        if is_approved:
            self.the_second_person_agrees_to_a_refund(which)

    @rule(which=PAYMENTS)
    def the_second_person_agrees_to_a_refund(self, which: int) -> None:
        money_back.approve(self.life, which=which)

    @rule(which=PAYMENTS, amount=PARTS, is_heard=st.booleans())
    def somebody_refunds_at_the_console(self, which: int, amount: int | None, is_heard: bool) -> None:  # noqa: FBT001 - drawn
        money_back.refund_at_the_console(self.life, which=which, amount=amount, is_heard=is_heard)

    @rule(which=PAYMENTS, is_heard=st.booleans())
    def a_card_company_takes_money_back(self, which: int, is_heard: bool) -> None:  # noqa: FBT001 - drawn
        money_back.dispute(self.life, which=which, is_heard=is_heard)

    @rule(which=PAYMENTS, status=st.sampled_from(["won", "lost"]), is_heard=st.booleans())
    def a_dispute_is_decided(self, which: int, status: str, is_heard: bool) -> None:  # noqa: FBT001 - drawn
        money_back.decide_dispute(self.life, which=which, status=status, is_heard=is_heard)

    # --- what must hold ------------------------------------------------------------------------------

    @invariant()
    def money_is_right(self) -> None:
        self.is_sound = False
        self.life.run(must_hold(self.life))
        self.is_sound = True

    @override
    def teardown(self) -> None:
        try:
            if self.is_sound:
                self._come_to_rest()
        finally:
            self.life.close()

    def _come_to_rest(self) -> None:
        """Calm the network and live on, over every schedule."""
        self.the_network_heals()
        self.staff_lift_the_brake()
        for which, (receipt,) in enumerate(self.life.run(self.life.ledger.rows(RECEIPTS))):
            self.life.decide_receipt(receipt, is_approved=which % 2 == 0)
        for stop in CALM_DAYS:
            self.life.go_to(next_stop(self.life.clock.now(), stop))
            self.life.timetable()
            self.life.charge()
            self.life.ask()
        self.life.run(must_hold(self.life))
        self.life.run(must_have_come_to_rest(self.life))


@pytest.fixture(scope="module")
def place(postgres: tuple[str, str]) -> Iterator[Place]:
    clock = FakeClock()
    with gateway_in_a_thread(clock) as gateway:
        yield Place(postgres=postgres, gateway=gateway, clock=clock, brake=BEHIND_A_CANARY)


def test_money_charged_is_bills_paid_and_no_bill_twice(place: Place) -> None:
    lived = type("MoneyLifeHere", (MoneyLife,), {"place": place})

    run_state_machine_as_test(
        lived,
        settings=settings(
            max_examples=int(LIVES or 24),
            stateful_step_count=int(STEPS or 20),
            derandomize=not LIVES,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
