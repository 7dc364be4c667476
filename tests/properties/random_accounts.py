"""Accounts in any state that a month can leave them in, written straight into the database."""

from dataclasses import dataclass
from datetime import date, timedelta

from hypothesis import strategies as st
from sqlalchemy import text

from backend.domain.carry_over import BillToBundle, OpenRequest
from backend.domain.states import LIVE_ATTEMPTS, AttemptState, BillState, CarryOverReason
from tests.kit.ledger import Ledger

ENDED = (AttemptState.DECLINED, AttemptState.WITHDRAWN)
TODAY = st.sampled_from([date(2026, 12, day) for day in (1, 9, 10, 11, 14, 16, 17, 18, 20, 21, 31)])


@dataclass(frozen=True, kw_only=True)
class DrawnRequest:
    """An open request over the account's `requested` bills, and the state of its newest attempt."""

    reason: CarryOverReason | None
    attempt: AttemptState | None


@dataclass(frozen=True, kw_only=True)
class DrawnAccount:
    bills: tuple[tuple[BillState, int, int], ...]  # state, amount, confirmed so many days before today
    request: DrawnRequest | None
    has_card: bool
    has_card_change: bool

    @property
    def is_charged_automatically(self) -> bool:
        return self.has_card and not self.has_card_change

    @property
    def open_request(self) -> OpenRequest | None:
        if self.request is None:
            return None
        return OpenRequest(reason=self.request.reason, is_under_way=self.request.attempt in LIVE_ATTEMPTS)

    def bills_of(self, serial: int, *, today: date) -> list[BillToBundle]:
        return [
            BillToBundle(
                bill_number=f"{serial}-{month}",
                state=state,
                amount=amount,
                confirmed_on=today - timedelta(days=days),
            )
            for month, (state, amount, days) in enumerate(self.bills, start=1)
        ]


_AMOUNTS = st.one_of(st.integers(1, 40), st.integers(50, 30000), st.just(9_999_000))
_IDLE = st.sampled_from([BillState.FINALIZED, BillState.CARRIED_OVER, BillState.PAID, BillState.VOID])


@st.composite
def accounts(draw: st.DrawFn) -> DrawnAccount:
    bills = [(draw(_IDLE), draw(_AMOUNTS), draw(st.integers(-3, 40))) for _ in range(draw(st.integers(0, 4)))]
    request = None
    if draw(st.booleans()):
        attempt = draw(st.sampled_from([None, *ENDED, *LIVE_ATTEMPTS]))
        request = DrawnRequest(reason=draw(st.sampled_from([None, *CarryOverReason])), attempt=attempt)
        state = BillState.HELD if attempt is AttemptState.UNKNOWN else BillState.REQUESTED
        bills += [
            (state, draw(st.integers(50, 30000)), draw(st.integers(0, 40))) for _ in range(draw(st.integers(1, 2)))
        ]
    return DrawnAccount(
        bills=tuple(bills),
        request=request,
        has_card=draw(st.booleans()),
        has_card_change=draw(st.booleans()),
    )


_BILL = """
INSERT INTO bill (account_id, bill_number, billing_month, period_from, period_to, usage_kwh, amount, confirmed_on,
  state, created_at)
VALUES (:account, :number, :month, '2026-01-01', '2026-01-31', 250, :amount, :confirmed, :state, :now)
"""
_CHANGE = "INSERT INTO card_change_request (account_id, state, received_at) VALUES (:account, 'received', :now)"
_CARD = """
INSERT INTO card_on_file (account_id, gateway, customer_reference, card_reference, brand, last4, exp_year, exp_month,
  fingerprint, three_ds_result, state, authenticated_at, consented_at, created_at)
VALUES (:account, 'sandbox', 'cus', :reference, 'visa', '4242', 2030, 12, 'print', 'authenticated', :state,
  :now, :now, :now) RETURNING id
"""
_REQUEST = """
WITH opened AS (
  INSERT INTO payment_request (account_id, order_number, amount, bill_count, state, way, carry_over_reason, opened_at,
    valid_until)
  SELECT :account, 'old-' || :account, sum(amount), count(*), 'open', 'link', :reason, :now,
    CAST(:now AS timestamptz) + interval '9 days'
  FROM bill WHERE account_id = :account AND state IN ('requested', 'held') RETURNING id
), members AS (
  INSERT INTO payment_request_bill (request_id, bill_id, is_live)
  SELECT opened.id, bill.id, true FROM opened, bill
  WHERE account_id = :account AND bill.state IN ('requested', 'held')
)
SELECT id FROM opened
"""
_ATTEMPT = """
WITH tried AS (
  INSERT INTO payment_attempt (id, request_id, ordinal, transaction_id, origin, state, card_id, amount, gateway,
    charge_request, created_at, not_before)
  SELECT gen_random_uuid(), id, 1, order_number || '-01', 'link', :state, :card, amount, 'sandbox', '{}', :now, :now
  FROM payment_request WHERE id = :request RETURNING id
)
INSERT INTO bill_claim (bill_id, attempt_id)
SELECT bill_id, tried.id FROM tried, payment_request_bill
WHERE request_id = :request AND :state NOT IN ('declined', 'withdrawn')
"""


async def write(ledger: Ledger, drawn: DrawnAccount, *, serial: int, today: date) -> int:
    """Put a drawn account into the database; returns its id."""
    now, account = ledger.services.clock.now(), await ledger.account(serial)
    for month, bill in enumerate(drawn.bills_of(serial, today=today), start=1):
        await ledger.change(
            _BILL,
            account=account,
            number=bill.bill_number,
            month=f"2026-{month:02d}",
            amount=bill.amount,
            confirmed=bill.confirmed_on,
            state=bill.state,
            now=now,
        )
    if drawn.has_card_change:
        await ledger.change(_CHANGE, account=account, now=now)
    card = {"account": account, "now": now}
    if drawn.has_card:
        await ledger.one(text(_CARD), {**card, "reference": f"card-{account}", "state": "active"})
    if drawn.request:
        values = {"account": str(account), "reason": drawn.request.reason, "now": now}
        request = await ledger.one(text(_REQUEST.replace(":account", f"{account:d}")), values)
        await _write_attempt(ledger, drawn.request, request=request, card=card)
    return account


async def _write_attempt(ledger: Ledger, drawn: DrawnRequest, *, request: int, card: dict[str, object]) -> None:
    if drawn.attempt is None:
        return
    values = {**card, "reference": f"tried-{request}", "state": "pending"}
    await ledger.change(
        _ATTEMPT.replace(":state", f"'{drawn.attempt}'"),
        request=request,
        card=await ledger.one(text(_CARD), values),
        now=card["now"],
    )
