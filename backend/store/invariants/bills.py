"""Invariants of bills and of the claims that keep two payments of one bill apart (money.md, invariants 1, 2, 4)."""

from backend.store.invariants.invariant import Invariant

BILLS = (
    Invariant(
        name="claim_without_hope",
        sentence="A claim belongs to an attempt that has succeeded or still may, or to a receipt not rejected.",
        is_money=True,
        query="""
            SELECT 'bill ' || c.bill_id, 'claimed by attempt ' || p.id || ', which is ' || p.state
            FROM bill_claim c JOIN payment_attempt p ON p.id = c.attempt_id
            WHERE p.state IN ('declined', 'withdrawn')
            UNION ALL
            SELECT 'bill ' || c.bill_id, 'claimed by receipt ' || t.id || ' for bill ' || t.bill_id || ', which is '
              || t.state
            FROM bill_claim c JOIN receipt t ON t.id = c.receipt_id
            WHERE t.state = 'rejected' OR t.bill_id <> c.bill_id""",
    ),
    Invariant(
        name="claim_of_another_request",
        sentence="An attempt claims bills of its own request only.",
        is_money=True,
        query="""
            SELECT 'bill ' || c.bill_id, 'claimed by attempt ' || p.id || ' of request ' || p.request_id
            FROM bill_claim c JOIN payment_attempt p ON p.id = c.attempt_id
            WHERE NOT EXISTS (SELECT FROM payment_request_bill m
                              WHERE m.request_id = p.request_id AND m.bill_id = c.bill_id)""",
    ),
    Invariant(
        name="bill_paid_twice",
        sentence="At most one payment of a bill has brought money or still may, unless people know of a late success.",
        is_money=True,
        query="""
            SELECT 'bill ' || bill_id, count(*) || ' payments: ' || string_agg(payment, ', ') FROM (
              SELECT m.bill_id, 'attempt ' || p.id || ' ' || p.state AS payment
              FROM payment_attempt p JOIN payment_request_bill m ON m.request_id = p.request_id
              WHERE p.state IN ('prepared', 'sent', 'challenged', 'unknown', 'succeeded')
                AND (p.state = 'succeeded' OR NOT EXISTS (
                  SELECT FROM payment_attempt s JOIN staff_task t ON t.dedupe_key = 'late_success:' || s.id
                  WHERE s.request_id = p.request_id AND s.state = 'succeeded'))
              UNION ALL
              SELECT bill_id, 'receipt ' || id || ' ' || state FROM receipt WHERE state = 'approved'
            ) payments GROUP BY bill_id HAVING count(*) > 1""",
    ),
    Invariant(
        name="paid_bill_without_payment",
        sentence="A bill is paid when one attempt of it has succeeded or one receipt was approved, and only then.",
        is_money=True,
        query="""
            SELECT 'bill ' || b.id, b.state || ', ' || count(f.bill_id) || ' payments' FROM bill b
            LEFT JOIN (
              SELECT m.bill_id FROM payment_attempt p JOIN payment_request_bill m ON m.request_id = p.request_id
              WHERE p.state = 'succeeded'
              UNION ALL SELECT bill_id FROM receipt WHERE state = 'approved'
            ) f ON f.bill_id = b.id
            GROUP BY b.id HAVING count(f.bill_id)
              <> CASE WHEN b.state IN ('paid', 'disputed', 'refunded') THEN 1 ELSE 0 END""",
    ),
    Invariant(
        name="receipt_without_claim",
        sentence="A receipt that is worth something holds its bill's claim and has its amount; two persons approve it.",
        is_money=True,
        query="""
            SELECT 'receipt ' || t.id, t.amount || ' yen for bill ' || b.id || ' of ' || b.amount || ', recorded by '
              || t.recorded_by || ', approved by ' || coalesce(t.approved_by, 'nobody')
            FROM receipt t JOIN bill b ON b.id = t.bill_id
            LEFT JOIN bill_claim c ON c.bill_id = t.bill_id AND c.receipt_id = t.id
            WHERE (t.state = 'approved' OR t.state = 'recorded' AND b.state <> 'paid')
                AND (c.bill_id IS NULL OR t.amount <> b.amount)
              OR t.state = 'approved'
                AND (t.approved_by IS NULL OR lower(btrim(t.approved_by)) = lower(btrim(t.recorded_by)))""",
    ),
    Invariant(
        name="bill_in_two_requests",
        sentence="A bill is asked for by one request at a time, and by none once it is paid.",
        is_money=True,
        query="""
            SELECT 'bill ' || m.bill_id, 'in requests ' || string_agg(r.id || ' ' || r.state, ', ')
            FROM payment_request_bill m JOIN payment_request r ON r.id = m.request_id
            WHERE r.state IN ('open', 'closing', 'settled') GROUP BY m.bill_id HAVING count(*) > 1""",
    ),
    Invariant(
        name="requested_bill_without_request",
        sentence="A bill that is requested or held is in a request that is open or closing.",
        is_money=True,
        query="""
            SELECT 'bill ' || b.id, b.state || ', in no live request' FROM bill b
            WHERE b.state IN ('requested', 'held') AND NOT EXISTS (
              SELECT FROM payment_request_bill m JOIN payment_request r ON r.id = m.request_id
              WHERE m.bill_id = b.id AND r.state IN ('open', 'closing'))""",
    ),
    Invariant(
        name="bill_of_another_account",
        sentence="A request asks for the bills of its own account only, and all of them are there.",
        is_money=True,
        query="""
            SELECT 'request ' || m.request_id, 'holds bill ' || m.bill_id || ' of another account, or of none'
            FROM payment_request_bill m LEFT JOIN payment_request r ON r.id = m.request_id
            LEFT JOIN bill b ON b.id = m.bill_id LEFT JOIN account a ON a.id = b.account_id
            WHERE (a.id = r.account_id) IS NOT TRUE""",
    ),
)
