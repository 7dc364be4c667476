"""SQL for what an answer to a customer may know: one look for all accounts behind a chat."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.account_facts import AccountFacts, BillFacts, CardFacts, PaymentFacts, RequestFacts
from backend.domain.billing_calendar import BillingCalendar, jst_date, month_after
from backend.domain.payment_page import needs_a_person
from backend.domain.states import AttemptOrigin, AttemptState, CarryOverReason, DeclineClass, PaymentWay

_ACCOUNTS = text("""
SELECT a.id AS account_id, right(a.customer_number, 4) AS number_tail,
  w.bills AS waiting, w.missed, k.bills AS being_checked, coalesce(w.is_carried_over, false) AS is_carried_over,
  c.brand, c.last4, c.state AS card_state,
  EXISTS (SELECT FROM card_change_request ch WHERE ch.account_id = a.id AND ch.state IN ('received', 'link_sent'))
    AS has_card_change,
  (SELECT max(r.valid_until) FROM payment_request r JOIN payment_request_bill m ON m.request_id = r.id
   JOIN bill b ON b.id = m.bill_id
   WHERE r.account_id = a.id AND r.state = 'expired' AND b.state = 'carried_over') AS missed_until
FROM account a
LEFT JOIN LATERAL (
  SELECT jsonb_agg(jsonb_build_object('billing_month', billing_month, 'amount', amount) ORDER BY billing_month)
      AS bills,
    jsonb_agg(jsonb_build_object('billing_month', billing_month, 'amount', amount) ORDER BY billing_month)
      FILTER (WHERE state = 'carried_over') AS missed,
    bool_or(state = 'carried_over') AS is_carried_over
  FROM bill WHERE account_id = a.id AND state IN ('finalized', 'carried_over') AND confirmed_on <= :today
    AND NOT EXISTS (SELECT FROM bill_claim t WHERE t.bill_id = bill.id AND t.receipt_id IS NOT NULL)
) w ON true
LEFT JOIN LATERAL (
  SELECT jsonb_agg(jsonb_build_object('billing_month', b.billing_month, 'amount', b.amount) ORDER BY b.billing_month)
    AS bills
  FROM bill b JOIN bill_claim t ON t.bill_id = b.id JOIN receipt e ON e.id = t.receipt_id
  WHERE b.account_id = a.id AND e.state = 'recorded'
) k ON true
LEFT JOIN LATERAL (
  SELECT brand, last4, state FROM card_on_file WHERE account_id = a.id AND state IN ('active', 'unusable')
  ORDER BY state = 'active' DESC, id DESC LIMIT 1
) c ON true
WHERE a.id = ANY(:account_ids) ORDER BY a.customer_number
""")

# An SMS with the URL that the outbox lets no second one overtake: on its way, in doubt, or an answer about to leave.
# By the account's own index: behind the OFFSET nothing can be looked up among the open requests of everybody.
_REQUESTS = text("""
SELECT r.account_id, r.order_number, r.amount, r.way, r.carry_over_reason, r.valid_until,
  (SELECT jsonb_agg(jsonb_build_object('billing_month', b.billing_month, 'amount', b.amount) ORDER BY b.billing_month)
   FROM payment_request_bill m JOIN bill b ON b.id = m.bill_id WHERE m.request_id = r.id) AS bills,
  k.id AS link_id, coalesce(t.proof_failures, 0) AS proof_failures, coalesce(t.declines, 0) AS declines,
  coalesce(t.registrations, 0) AS registrations,
  r.card_change_id IS NOT NULL AS is_for_card_change,
  EXISTS (SELECT FROM account a JOIN notice n ON n.address = a.phone AND n.channel = 'sms'
          JOIN payment_link l ON l.id = n.link_id AND l.state = 'active'
          WHERE a.id = r.account_id AND l.request_id = r.id
            AND (n.state IN ('sending', 'unknown') OR n.state = 'queued' AND n.priority = 1 AND n.not_before <= :now))
    AS is_link_on_its_way,
  EXISTS (SELECT FROM payment_request_bill m JOIN bill_claim k ON k.bill_id = m.bill_id
          WHERE m.request_id = r.id AND k.receipt_id IS NOT NULL) AS has_waiting_receipt,
  p.state AS attempt_state, p.origin AS attempt_origin, p.decline_class
FROM unnest(CAST(:account_ids AS bigint[])) AS wanted (account_id)
JOIN LATERAL (SELECT * FROM payment_request WHERE account_id = wanted.account_id OFFSET 0) r
  ON r.state IN ('open', 'closing')
LEFT JOIN payment_link k ON k.request_id = r.id AND k.state = 'active'
LEFT JOIN payment_link_tries t ON t.link_id = k.id
LEFT JOIN LATERAL (
  SELECT state, origin, decline_class FROM payment_attempt WHERE request_id = r.id ORDER BY ordinal DESC LIMIT 1
) p ON true
ORDER BY r.id
""")

# Two years are enough for a chat: who asks for an older month is given the telephone.
_PAYMENTS = text("""
SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY account_id ORDER BY known_at DESC) AS place FROM (
  SELECT r.account_id, r.order_number, r.amount,
    (SELECT jsonb_agg(jsonb_build_object('billing_month', b.billing_month, 'amount', b.amount) ORDER BY b.billing_month)
     FROM payment_request_bill m JOIN bill b ON b.id = m.bill_id WHERE m.request_id = r.id) AS bills,
    p.settled_at AS paid_at, c.brand AS card_brand, c.last4 AS card_last4, p.settled_at AS known_at,
    coalesce((SELECT sum(f.amount) FROM refund f WHERE f.attempt_id = p.id AND f.state = 'succeeded'
              AND f.charge_reference = p.gateway_reference), 0) AS refunded,
    EXISTS (SELECT FROM payment_request_bill m JOIN bill b ON b.id = m.bill_id
            WHERE m.request_id = r.id AND b.state = 'refunded') AS is_refunded
  FROM payment_request r
  JOIN payment_attempt p ON p.request_id = r.id AND p.state = 'succeeded'
  JOIN card_on_file c ON c.id = p.card_id
  WHERE r.account_id = ANY(:account_ids) AND r.state = 'settled'
  UNION ALL
  SELECT b.account_id, NULL, b.amount,
    jsonb_build_array(jsonb_build_object('billing_month', b.billing_month, 'amount', b.amount)),
    CAST(e.received_on AS timestamp) AT TIME ZONE 'Asia/Tokyo', NULL, NULL, e.decided_at,
    0, false
  FROM bill b JOIN receipt e ON e.bill_id = b.id AND e.state = 'approved'
  WHERE b.account_id = ANY(:account_ids)
) payment) ordered
WHERE place <= 24
ORDER BY account_id, place
""")


_UNCLEAR = {AttemptState.SENT, AttemptState.UNKNOWN, AttemptState.CHALLENGED}


async def load_account_facts(
    connection: AsyncConnection, *, account_ids: Sequence[int], calendar: BillingCalendar, now: datetime
) -> tuple[AccountFacts, ...]:
    """The facts of these accounts, in the order of their customer numbers."""
    if not account_ids:
        return ()
    values = {"account_ids": list(account_ids)}
    accounts = (await connection.execute(_ACCOUNTS, {**values, "today": jst_date(now)})).mappings().all()
    asked = (await connection.execute(_REQUESTS, {**values, "now": now})).mappings()
    requests: dict[int, list[RequestFacts]] = {}
    for row in asked:
        requests.setdefault(row["account_id"], []).append(_request(row, calendar))
    payments: dict[int, list[PaymentFacts]] = {}
    for row in (await connection.execute(_PAYMENTS, values)).mappings():
        payments.setdefault(row["account_id"], []).append(_payment(row))
    return tuple(
        _facts(
            account,
            requests=requests.get(account["account_id"], []),
            payments=payments.get(account["account_id"], []),
            calendar=calendar,
            today=jst_date(now),
        )
        for account in accounts
    )


def _facts(
    account: RowMapping,
    *,
    requests: Sequence[RequestFacts],
    payments: Sequence[PaymentFacts],
    calendar: BillingCalendar,
    today: date,
) -> AccountFacts:
    """The open request is newer than those that are still closing: it is the one to speak of."""
    waiting = _bills(account["waiting"])
    return AccountFacts(
        account_id=account["account_id"],
        number_tail=account["number_tail"],
        request=requests[-1] if requests else None,
        also_confirming=tuple(
            bill for request in requests[:-1] if request.is_being_confirmed for bill in request.bills
        ),
        waiting=waiting,
        waiting_is_carried_over=account["is_carried_over"],
        missed=_bills(account["missed"]) if account["missed_until"] else (),
        missed_on=calendar.last_day(account["missed_until"]) if account["missed_until"] else None,
        being_checked=_bills(account["being_checked"]),
        last_payment=payments[0] if payments else None,
        earlier_payments=tuple(payments[1:]),
        card=_card(account) if account["brand"] else None,
        has_card_change=account["has_card_change"],
        next_opening_on=calendar.next_opening_on(today)
        if requests or waiting
        else _next_month_opens_on(payments, calendar=calendar, today=today),
    )


def _next_month_opens_on(payments: Sequence[PaymentFacts], *, calendar: BillingCalendar, today: date) -> date:
    """What is paid is not asked for again: the next URL is that of the month after (R04)."""
    paid = [bill.billing_month for payment in payments for bill in payment.bills]
    if not paid:
        return calendar.next_opening_on(today)
    return calendar.opening_of(month_after(max(paid)), today=today)


def _request(row: RowMapping, calendar: BillingCalendar) -> RequestFacts:
    state = AttemptState(row["attempt_state"]) if row["attempt_state"] else None
    return RequestFacts(
        order_number=row["order_number"],
        amount=row["amount"],
        bills=_bills(row["bills"]),
        way=PaymentWay(row["way"]),
        carry_over_reason=CarryOverReason(row["carry_over_reason"]) if row["carry_over_reason"] else None,
        valid_until=row["valid_until"],
        last_day=calendar.last_day(row["valid_until"]),
        link_id=row["link_id"],
        is_link_on_its_way=row["is_link_on_its_way"],
        is_link_locked=needs_a_person(
            proof_failures=row["proof_failures"], declines=row["declines"], registrations=row["registrations"]
        ),
        is_for_card_change=row["is_for_card_change"],
        has_waiting_receipt=row["has_waiting_receipt"],
        is_being_confirmed=state in _UNCLEAR
        or (state is AttemptState.PREPARED and row["attempt_origin"] == AttemptOrigin.LINK),
        last_decline=DeclineClass(row["decline_class"]) if state is AttemptState.DECLINED else None,
    )


def _payment(row: RowMapping) -> PaymentFacts:
    return PaymentFacts(
        order_number=row["order_number"],
        amount=row["amount"],
        bills=_bills(row["bills"]),
        paid_at=row["paid_at"],
        card_brand=row["card_brand"],
        card_last4=row["card_last4"],
        refunded=int(row["refunded"]),
        is_refunded=row["is_refunded"],
    )


def _card(row: RowMapping) -> CardFacts:
    return CardFacts(brand=row["brand"], last4=row["last4"], is_active=row["card_state"] == "active")


def _bills(rows: Sequence[dict[str, Any]] | None) -> tuple[BillFacts, ...]:
    return tuple(BillFacts(billing_month=row["billing_month"], amount=row["amount"]) for row in rows or ())
