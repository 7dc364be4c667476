"""Invariants of money that goes back: not more than was taken, by two persons, seen in the bills (money.md 17)."""

from backend.store.invariants.invariant import Invariant

MONEY_BACK = (
    Invariant(
        name="captured_another_amount",
        sentence="What the gateway says it took for a successful attempt is the attempt's amount.",
        is_money=True,
        query="""
            SELECT 'attempt ' || p.id, 'of ' || p.amount || ' yen, the gateway took ' || e.amount
            FROM payment_attempt p JOIN payment_evidence e
              ON e.attempt_id = p.id AND e.gateway_reference = p.gateway_reference
            WHERE p.state = 'succeeded' AND e.outcome = 'succeeded' AND e.amount <> p.amount""",
    ),
    Invariant(
        name="refund_beyond_capture",
        sentence="Not more goes back of a charge than it took; what is on the wire is the gateway's to bound.",
        is_money=True,
        query="""
            SELECT 'charge ' || f.charge_reference, sum(f.amount) || ' yen go back, taken were ' || min(t.taken)
            FROM refund f JOIN (
              SELECT e.gateway_reference, max(e.amount) AS taken FROM payment_evidence e
              WHERE e.outcome = 'succeeded' AND e.amount IS NOT NULL GROUP BY e.gateway_reference
            ) t ON t.gateway_reference = f.charge_reference
            WHERE f.state IN ('requested', 'prepared', 'succeeded')
            GROUP BY f.charge_reference HAVING sum(f.amount) > min(t.taken)""",
    ),
    Invariant(
        name="refund_by_one_person",
        sentence="A refund of ours is sent on the word of two persons.",
        is_money=True,
        query="""
            SELECT 'refund ' || id, state || ', requested by ' || coalesce(requested_by, 'nobody') || ', approved by '
              || coalesce(approved_by, 'nobody')
            FROM refund WHERE origin <> 'console' AND state NOT IN ('requested', 'withdrawn')
              AND (approved_by IS NULL AND (state <> 'succeeded' OR first_sent_at IS NOT NULL)
                OR lower(btrim(approved_by)) = lower(btrim(requested_by)))""",
    ),
    Invariant(
        name="bill_forgets_money_back",
        sentence="A bill says refunded when all of its payment went back, and only then.",
        is_money=True,
        query="""
            SELECT 'bill ' || b.id, b.state || ', of ' || p.amount || ' yen went back ' || coalesce(g.gone, 0)
            FROM bill b JOIN bill_claim c ON c.bill_id = b.id
            JOIN payment_attempt p ON p.id = c.attempt_id AND p.state = 'succeeded'
            LEFT JOIN (
              SELECT attempt_id, charge_reference, sum(amount) AS gone FROM (
                SELECT attempt_id, charge_reference, amount FROM refund WHERE state = 'succeeded'
                UNION ALL SELECT attempt_id, charge_reference, amount FROM dispute WHERE state = 'lost') back
              GROUP BY attempt_id, charge_reference
            ) g ON g.attempt_id = p.id AND g.charge_reference = p.gateway_reference
            WHERE b.state = 'refunded' AND coalesce(g.gone, 0) < p.amount OR b.state = 'paid' AND g.gone >= p.amount""",
    ),
    Invariant(
        name="charged_under_a_dispute",
        sentence="While an issuer disputes a charge, nothing of its account is charged by itself.",
        is_money=True,
        query="""
            SELECT 'attempt ' || p.id, 'sent ' || p.first_sent_at || ', dispute ' || d.id || ' known since '
              || d.recorded_at
            FROM dispute d JOIN payment_request r ON r.account_id = d.account_id
            JOIN payment_attempt p ON p.request_id = r.id
            WHERE d.state = 'open' AND p.origin = 'automatic'
              AND p.first_sent_at > d.recorded_at + CAST(:skew AS interval)""",
    ),
)
