"""Invariants of payment requests: frozen sums, states that agree with their bills, a way to pay (money.md 1, 6, 7)."""

from backend.store.invariants.invariant import Invariant

REQUESTS = (
    Invariant(
        name="request_is_not_its_sum",
        sentence="The amount of a request is the sum of its bills.",
        is_money=True,
        query="""
            SELECT 'request ' || r.id, 'frozen ' || r.amount || ' yen of ' || r.bill_count || ' bills, its '
              || count(b.id) || ' bills sum up to ' || coalesce(sum(b.amount), 0)
            FROM payment_request r
            LEFT JOIN payment_request_bill m ON m.request_id = r.id LEFT JOIN bill b ON b.id = m.bill_id
            GROUP BY r.id HAVING (r.amount, r.bill_count) IS DISTINCT FROM (sum(b.amount), count(b.id))""",
    ),
    Invariant(
        name="request_disagrees_with_its_bills",
        sentence="The bills of a live request are requested or held, those of a settled one paid.",
        is_money=True,
        query="""
            SELECT 'request ' || r.id, r.state || ', its bill ' || b.id || ' is ' || b.state
            FROM payment_request r JOIN payment_request_bill m ON m.request_id = r.id JOIN bill b ON b.id = m.bill_id
            WHERE r.state IN ('open', 'closing') AND b.state NOT IN ('requested', 'held')
               OR r.state = 'settled' AND b.state NOT IN ('paid', 'disputed', 'refunded')""",
    ),
    Invariant(
        name="request_mark_is_wrong",
        sentence="The mark `is_live` of a request's bills mirrors its state.",
        is_money=True,
        query="""
            SELECT 'request ' || r.id, r.state || ', bill ' || m.bill_id || ' is marked '
              || CASE WHEN m.is_live THEN 'live' ELSE 'ended' END
            FROM payment_request r JOIN payment_request_bill m ON m.request_id = r.id
            WHERE m.is_live <> (r.state IN ('open', 'closing', 'settled'))""",
    ),
    Invariant(
        name="two_open_requests",
        sentence="An account has at most one open request.",
        is_money=True,
        query="""
            SELECT 'account ' || account_id, 'requests ' || string_agg(CAST(id AS text), ', ')
            FROM payment_request WHERE state = 'open' GROUP BY account_id HAVING count(*) > 1""",
    ),
    Invariant(
        name="settled_without_payment",
        sentence="A settled request has one attempt that succeeded, or approved receipts for all of its bills.",
        is_money=True,
        query="""
            SELECT 'request ' || r.id, count(p.id) || ' attempts succeeded' FROM payment_request r
            LEFT JOIN payment_attempt p ON p.request_id = r.id AND p.state = 'succeeded'
            WHERE r.state = 'settled' GROUP BY r.id HAVING count(p.id) > 1 OR count(p.id) = 0 AND EXISTS (
              SELECT FROM payment_request_bill m WHERE m.request_id = r.id AND NOT EXISTS (
                SELECT FROM receipt t WHERE t.bill_id = m.bill_id AND t.state = 'approved'))""",
    ),
    Invariant(
        name="ended_request_can_be_opened",
        sentence="A request that has ended has no active link.",
        is_money=False,
        query="""
            SELECT 'request ' || r.id, r.state || ', its link ' || l.id || ' is active'
            FROM payment_link l JOIN payment_request r ON r.id = l.request_id
            WHERE l.state = 'active' AND r.state IN ('settled', 'expired', 'void')""",
    ),
    Invariant(
        name="request_without_a_way_to_pay",
        sentence="An open request has an active link, a charge under way, or a receipt that waits for approval.",
        is_money=False,
        query="""
            SELECT 'request ' || r.id, 'to be paid by ' || r.way FROM payment_request r
            WHERE r.state = 'open' AND r.valid_until > :now
              AND NOT EXISTS (SELECT FROM payment_link l WHERE l.request_id = r.id AND l.state = 'active')
              AND NOT EXISTS (SELECT FROM payment_attempt p WHERE p.request_id = r.id
                              AND p.state IN ('prepared', 'sent', 'challenged', 'unknown'))
              AND NOT EXISTS (SELECT FROM payment_request_bill m JOIN bill_claim c ON c.bill_id = m.bill_id
                              WHERE m.request_id = r.id AND c.receipt_id IS NOT NULL)""",
    ),
)
