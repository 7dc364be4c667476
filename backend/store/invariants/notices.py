"""Invariants of what customers are told: once, truly, over one channel, and never forgotten (money.md 18; I3, I4)."""

from backend.store.invariants.invariant import Invariant

NOTICES = (
    Invariant(
        name="told_twice",
        sentence="A customer is told each thing about a request once a channel; reminders once a day, refunds each.",
        is_money=False,
        query="""
            SELECT 'request ' || request_id, count(*) || ' times ' || kind || ' by ' || channel FROM notice
            WHERE request_id IS NOT NULL
            GROUP BY request_id, kind, channel,
              CASE WHEN kind = 'reminder' THEN CAST(created_at AT TIME ZONE 'Asia/Tokyo' AS date) END,
              CASE WHEN kind = 'refunded' OR dedupe_key LIKE 'reminderpress:%' OR dedupe_key LIKE 'charge_declined-%'
                THEN dedupe_key END
            HAVING count(*) > 1""",
    ),
    Invariant(
        name="told_over_two_channels",
        sentence="What LINE has brought does not go out by SMS as well.",
        is_money=False,
        query="""
            SELECT 'request ' || s.request_id, s.kind || ' as notices ' || l.id || ' and ' || s.id
            FROM notice l JOIN notice s ON s.request_id = l.request_id AND s.channel = 'sms'
              AND s.dedupe_key = regexp_replace(l.dedupe_key, 'line$', 'sms')
            WHERE l.channel = 'line' AND l.state IN ('sent', 'delivered')""",
    ),
    Invariant(
        name="paid_without_a_word",
        sentence="Who has paid by card is told so, or people have been told that nobody could.",
        is_money=False,
        query="""
            SELECT 'request ' || r.id, 'settled ' || r.closed_at FROM payment_request r
            JOIN payment_attempt p ON p.request_id = r.id AND p.state = 'succeeded'
            WHERE r.state = 'settled'
              AND NOT EXISTS (SELECT FROM notice n WHERE n.request_id = r.id AND n.kind IN ('paid', 'charged'))
              AND NOT EXISTS (SELECT FROM staff_task t
                              WHERE t.dedupe_key IN ('unreachable:paid:' || r.id, 'unreachable:charged:' || r.id))""",
    ),
    Invariant(
        name="word_without_payment",
        sentence="Nobody is told of a payment that was not made.",
        is_money=False,
        query="""
            SELECT 'notice ' || n.id, n.kind || ' for request ' || r.id || ', which is ' || r.state
            FROM notice n JOIN payment_request r ON r.id = n.request_id
            WHERE n.kind IN ('paid', 'charged') AND r.state <> 'settled'""",
    ),
    Invariant(
        name="two_words_for_a_payment",
        sentence="A payment has one completion notice: that it was paid, or that the card was charged.",
        is_money=False,
        query="""
            SELECT 'request ' || request_id, string_agg(kind || ' ' || id, ', ') FROM notice
            WHERE kind IN ('paid', 'charged') GROUP BY request_id HAVING count(DISTINCT kind) > 1""",
    ),
    Invariant(
        name="decline_that_never_was",
        sentence="Nobody is told of a decline that the gateway did not report.",
        is_money=False,
        query="""
            SELECT 'notice ' || n.id, 'no evidence for request ' || n.request_id FROM notice n
            WHERE n.kind = 'charge_declined' AND NOT EXISTS (
              SELECT FROM payment_attempt p JOIN payment_evidence e ON e.attempt_id = p.id
              WHERE p.request_id = n.request_id AND e.outcome = 'declined')""",
    ),
    Invariant(
        name="told_another_amount",
        sentence="A notice states the frozen amount and order number, and bills that sum up to it.",
        is_money=True,
        query="""
            SELECT 'notice ' || n.id, n.kind || ' says ' || coalesce(n.facts ->> 'amount', 'nothing')
              || ' yen for order ' || coalesce(n.facts ->> 'order_number', '-') || ', frozen are ' || r.amount
              || ' for ' || r.order_number
            FROM notice n JOIN payment_request r ON r.id = n.request_id
            WHERE (n.facts ->> 'amount', n.facts ->> 'order_number')
                IS DISTINCT FROM (CAST(r.amount AS text), r.order_number)
              OR r.amount <> (
                SELECT sum(CAST(part AS integer)) FROM jsonb_array_elements_text(n.facts -> 'amounts') part)""",
    ),
    Invariant(
        name="retry_key_of_two",
        sentence="A retry key names one notice.",
        is_money=False,
        query="SELECT 'key ' || key, count(*) || ' notices' FROM notice GROUP BY key HAVING count(*) > 1",
    ),
    Invariant(
        name="message_of_two_notices",
        sentence="A provider's message is taken for one notice.",
        is_money=False,
        query="""
            SELECT 'message ' || provider_message_id, 'notices ' || string_agg(CAST(id AS text), ', ') FROM notice
            WHERE provider_message_id IS NOT NULL GROUP BY channel, provider_message_id HAVING count(*) > 1""",
    ),
    Invariant(
        name="notice_of_strangers",
        sentence="A notice names an account, a request and a link that are there and belong together.",
        is_money=False,
        query="""
            SELECT 'notice ' || n.id, n.kind || ' for account ' || coalesce(CAST(n.account_id AS text), 'nobody') ||
              ', request ' || coalesce(CAST(n.request_id AS text), 'none') || ', link ' ||
              coalesce(CAST(n.link_id AS text), 'none')
            FROM notice n LEFT JOIN account a ON a.id = n.account_id
            LEFT JOIN payment_request r ON r.id = n.request_id LEFT JOIN payment_link l ON l.id = n.link_id
            LEFT JOIN payment_request o ON o.id = l.request_id
            WHERE n.account_id IS NOT NULL AND a.id IS NULL
              OR n.request_id IS NOT NULL AND (r.id IS NULL OR r.account_id IS DISTINCT FROM n.account_id)
              OR n.link_id IS NOT NULL AND (l.id IS NULL OR l.request_id <> coalesce(n.request_id, l.request_id)
                OR o.account_id <> coalesce(n.account_id, o.account_id))""",
    ),
    Invariant(
        name="doubt_that_nobody_sees",
        sentence="What cannot be known of a notice is on the list for people.",
        is_money=False,
        query="""
            SELECT 'notice ' || n.id, n.kind || ' needs a person: ' || coalesce(n.failure, '') FROM notice n
            WHERE n.state = 'needs_human' AND NOT EXISTS (
              SELECT FROM staff_task t
              WHERE t.dedupe_key IN ('notice_unclear:notice:' || n.id, 'notice_unsayable:notice:' || n.id))""",
    ),
    Invariant(
        name="news_lost",
        sentence="What a channel could not bring went by the next one, was asked for anew, or is on people's list.",
        is_money=False,
        query="""
            SELECT 'notice ' || n.id, n.kind || ' by ' || n.channel || ' failed: ' || coalesce(n.failure, '')
            FROM notice n
            WHERE n.state = 'failed'
              AND coalesce(n.failure, '')
                NOT IN ('request_settled', 'request_void', 'newer_reminder', 'reminded_today', 'code_expired')
              AND NOT (n.kind = 'reply' AND coalesce(n.failure = 'blocked' OR n.failure ~ '21610$', false))
              AND NOT (n.kind = 'code' AND EXISTS (
                SELECT FROM notice newer WHERE newer.address = n.address AND newer.kind = 'code' AND newer.id > n.id))
              AND NOT (n.kind = 'reminder' AND coalesce(n.failure, '') IN ('request_expired', 'request_closing'))
              AND NOT EXISTS (SELECT FROM staff_task t WHERE t.dedupe_key = 'unreachable:notice:' || n.id)
              AND NOT EXISTS (SELECT FROM notice s WHERE n.channel = 'line' AND s.channel = 'sms'
                              AND s.dedupe_key = regexp_replace(n.dedupe_key, 'line$', 'sms'))""",
    ),
)
