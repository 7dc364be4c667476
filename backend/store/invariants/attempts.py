"""Invariants of attempts to move money: held, frozen, sent in time, ended by evidence (money.md 1-6, 8, 10, 19)."""

from backend.store.invariants.invariant import Invariant

ATTEMPTS = (
    Invariant(
        name="attempt_without_claim",
        sentence="An attempt that has succeeded, or still may beside no success, holds every bill of its request.",
        is_money=True,
        query="""
            SELECT 'attempt ' || p.id, p.state || ', does not hold bill ' || m.bill_id
            FROM payment_attempt p JOIN payment_request_bill m ON m.request_id = p.request_id
            LEFT JOIN bill_claim c ON c.bill_id = m.bill_id AND c.attempt_id = p.id
            WHERE c.bill_id IS NULL AND (p.state = 'succeeded'
              OR p.state IN ('prepared', 'sent', 'challenged', 'unknown') AND NOT EXISTS (
                SELECT FROM payment_attempt s WHERE s.request_id = p.request_id AND s.state = 'succeeded'))""",
    ),
    Invariant(
        name="attempt_for_an_ended_request",
        sentence="A request that has ended has no attempt under way, unless people know of a late success.",
        is_money=True,
        query="""
            SELECT 'attempt ' || p.id, p.state || ' for request ' || r.id || ', which is ' || r.state
            FROM payment_attempt p JOIN payment_request r ON r.id = p.request_id
            WHERE p.state IN ('prepared', 'sent', 'challenged', 'unknown') AND r.state NOT IN ('open', 'closing')
              AND NOT EXISTS (
                SELECT FROM payment_attempt s JOIN staff_task t ON t.dedupe_key = 'late_success:' || s.id
                WHERE s.request_id = r.id AND s.state = 'succeeded')""",
    ),
    Invariant(
        name="success_without_settlement",
        sentence="What succeeded has settled its request.",
        is_money=True,
        query="""
            SELECT 'attempt ' || p.id, 'succeeded for request ' || r.id || ', which is ' || r.state
            FROM payment_attempt p JOIN payment_request r ON r.id = p.request_id
            WHERE p.state = 'succeeded' AND r.state <> 'settled'""",
    ),
    Invariant(
        name="attempt_of_another_amount",
        sentence="An attempt is for the amount of its request.",
        is_money=True,
        query="""
            SELECT 'attempt ' || p.id, p.state || ', ' || p.amount || ' yen for a request of ' || r.amount
            FROM payment_attempt p JOIN payment_request r ON r.id = p.request_id WHERE p.amount <> r.amount""",
    ),
    Invariant(
        name="charge_differs_from_attempt",
        sentence="The frozen charge says the amount, order number, transaction ID and key of its attempt.",
        is_money=True,
        query="""
            SELECT 'attempt ' || p.id, 'charge of ' || coalesce(p.charge_request ->> 'amount', 'no') || ' yen as '
              || coalesce(p.charge_request ->> 'transaction_id', 'nothing') || ', attempt of ' || p.amount || ' as '
              || p.transaction_id
            FROM payment_attempt p JOIN payment_request r ON r.id = p.request_id
            WHERE (p.charge_request ->> 'amount', p.charge_request ->> 'transaction_id',
                   p.charge_request ->> 'reference', p.charge_request #>> '{metadata,attempt_id}')
              IS DISTINCT FROM
                  (CAST(p.amount AS text), p.transaction_id, r.order_number, CAST(p.id AS text))""",
    ),
    Invariant(
        name="sent_without_a_time",
        sentence="What was sent says when, and not before it was written down; what never was says nothing.",
        is_money=True,
        query="""
            SELECT 'attempt ' || id, state || ', created ' || created_at || ', sent '
              || coalesce(CAST(first_sent_at AS text), 'never')
            FROM payment_attempt
            WHERE first_sent_at < created_at - CAST(:skew AS interval)
              OR (first_sent_at IS NULL) <> (state IN ('prepared', 'withdrawn'))""",
    ),
    Invariant(
        name="sent_after_the_deadline",
        sentence="No charge begins after the last day of its request.",
        is_money=True,
        query="""
            SELECT 'attempt ' || p.id, 'sent ' || p.first_sent_at || ', the request ended ' || r.valid_until
            FROM payment_attempt p JOIN payment_request r ON r.id = p.request_id
            WHERE p.first_sent_at >= r.valid_until""",
    ),
    Invariant(
        name="ended_without_evidence",
        sentence="An attempt succeeds or is declined by the gateway's word only.",
        is_money=True,
        query="""
            SELECT 'attempt ' || p.id, p.state || ', the gateway never said so' FROM payment_attempt p
            WHERE p.state IN ('succeeded', 'declined') AND NOT EXISTS (
              SELECT FROM payment_evidence e WHERE e.attempt_id = p.id AND e.outcome = p.state)""",
    ),
    Invariant(
        name="money_not_booked",
        sentence="When the gateway says that it has taken money, it is booked, or people have been told.",
        is_money=True,
        query="""
            SELECT DISTINCT 'attempt ' || p.id, p.state || ', the gateway has the money' FROM payment_evidence e
            JOIN payment_attempt p ON p.id = e.attempt_id
            WHERE e.outcome = 'succeeded' AND p.state <> 'succeeded' AND NOT EXISTS (
              SELECT FROM staff_task t
              WHERE t.dedupe_key IN ('captured_twice:' || p.id, 'amount_differs_at_gateway:' || p.id))""",
    ),
    Invariant(
        name="transaction_id_of_two",
        sentence="A transaction ID names one attempt, and so does the gateway's own reference.",
        is_money=True,
        query="""
            SELECT 'transaction ' || transaction_id, count(*) || ' attempts' FROM payment_attempt
            GROUP BY transaction_id HAVING count(*) > 1
            UNION ALL
            SELECT 'charge ' || gateway_reference, count(*) || ' attempts' FROM payment_attempt
            WHERE gateway_reference IS NOT NULL GROUP BY gateway_reference HAVING count(*) > 1""",
    ),
    Invariant(
        name="charged_under_a_stop",
        sentence="Nothing is sent while all charging is stopped.",
        is_money=True,
        query="""
            SELECT 'attempt ' || p.id, 'sent ' || p.first_sent_at || ', stopped for ' || s.reason || ' since '
              || s.stopped_at
            FROM charging_stop s JOIN payment_attempt p
              ON p.first_sent_at > s.stopped_at + CAST(:skew AS interval)
              AND (s.lifted_at IS NULL OR p.first_sent_at < s.lifted_at - CAST(:skew AS interval))
            WHERE s.scope = 'all'""",
    ),
)
