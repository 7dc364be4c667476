"""Faults that no door of the product lets through: for each invariant a statement that breaks it in a sound ledger."""

from collections.abc import Mapping

# Unique indexes that would refuse a plant; triggers and foreign keys sleep while one is made.
INDEXES = (
    "uq_payment_request_bill_live",
    "uq_payment_request_open",
    "uq_card_on_file_active",
    "uq_payment_attempt_live",
    "uq_notice_key",
    "uq_bill_month",
)
CONSTRAINTS = (
    ("payment_attempt", "uq_payment_attempt_transaction_id"),
    ("payment_attempt", "uq_payment_attempt_gateway_reference"),
    ("payment_request", "uq_payment_request_order_number"),
    ("receipt", "ck_receipt_two_persons"),
    ("refund", "ck_refund_two_persons"),
)

_RECEIPT = """
INSERT INTO receipt (bill_id, kind, reference, amount, received_on, state, recorded_by, approved_by, recorded_at,
  decided_at)
SELECT id, 'bank', 'B1', amount, '2026-11-10', 'approved', 'Sato', 'Sato', now(), now() FROM bill WHERE state = 'paid'
"""
_REFUND = """
INSERT INTO refund (attempt_id, charge_reference, origin, state, amount, reason, requested_by, approved_by,
  gateway_reference, created_at)
SELECT id, gateway_reference, 'staff', 'succeeded', amount + {more}, 'x', 'Sato', {by}, 'r1', now()
FROM payment_attempt WHERE state = 'succeeded'
"""
_SECOND_ATTEMPT = """
INSERT INTO payment_attempt (id, request_id, ordinal, transaction_id, origin, state, card_id, amount, gateway,
  charge_request, created_at, not_before, first_sent_at, next_check_at)
SELECT gen_random_uuid(), request_id, 9, order_number || '-09', p.origin, 'unknown', card_id, p.amount, gateway,
  charge_request, p.created_at, p.not_before, p.created_at, {check_at}
FROM payment_attempt p JOIN payment_request r ON r.id = p.request_id WHERE p.state = 'succeeded'
"""
_NOTICE = """
INSERT INTO notice (dedupe_key, kind, channel, address, account_id, request_id, facts, state, created_at, not_before)
SELECT 'planted:' || {channel}, '{kind}', {channel}, address, account_id, request_id, facts, '{state}', created_at,
  not_before
FROM notice WHERE kind = '{like}' LIMIT 1
"""

PLANTS: Mapping[str, str] = {
    "claim_without_hope": "UPDATE payment_attempt SET state = 'withdrawn' WHERE state = 'prepared'",
    "claim_of_another_request": "UPDATE bill_claim SET bill_id = (SELECT max(id) FROM bill) WHERE bill_id = 1",
    "bill_paid_twice": _SECOND_ATTEMPT.format(check_at="now()"),
    "paid_bill_without_payment": "UPDATE bill SET state = 'paid' WHERE state = 'requested'",
    "receipt_without_claim": _RECEIPT,
    "bill_in_two_requests": """
        INSERT INTO payment_request_bill (request_id, bill_id, is_live) SELECT max(id), 1, true FROM payment_request""",
    "requested_bill_without_request": "UPDATE payment_request SET state = 'expired' WHERE state = 'open'",
    "bill_of_another_account": "UPDATE bill SET account_id = 3 WHERE id = 1",
    "request_is_not_its_sum": "UPDATE payment_request SET amount = amount + 1 WHERE state = 'settled'",
    "request_disagrees_with_its_bills": "UPDATE bill SET state = 'carried_over' WHERE id = 1",
    "request_mark_is_wrong": "UPDATE payment_request_bill SET is_live = false",
    "two_open_requests": """
        INSERT INTO payment_request (account_id, order_number, amount, bill_count, state, way, opened_at, valid_until)
        SELECT account_id, 'planted', amount, bill_count, state, way, opened_at, valid_until
        FROM payment_request WHERE state = 'open'""",
    "settled_without_payment": "UPDATE payment_attempt SET state = 'declined' WHERE state = 'succeeded'",
    "ended_request_can_be_opened": "UPDATE payment_request SET state = 'void' WHERE state = 'open'",
    "request_without_a_way_to_pay": "UPDATE payment_link SET state = 'revoked' WHERE state = 'active'",
    "attempt_without_claim": "DELETE FROM bill_claim WHERE bill_id = 1",
    "attempt_for_an_ended_request": "UPDATE payment_request SET state = 'expired' WHERE state = 'open'",
    "success_without_settlement": "UPDATE payment_request SET state = 'closing' WHERE state = 'settled'",
    "attempt_of_another_amount": "UPDATE payment_attempt SET amount = amount - 1 WHERE state = 'succeeded'",
    "charge_differs_from_attempt": """
        UPDATE payment_attempt SET charge_request = jsonb_set(charge_request, '{amount}', '1')""",
    "sent_without_a_time": "UPDATE payment_attempt SET first_sent_at = NULL WHERE state = 'succeeded'",
    "sent_after_the_deadline": "UPDATE payment_attempt SET first_sent_at = '2026-11-21T00:00+09' WHERE origin = 'link'",
    "ended_without_evidence": "DELETE FROM payment_evidence",
    "money_not_booked": "UPDATE payment_attempt SET state = 'declined' WHERE state = 'succeeded'",
    "transaction_id_of_two": "UPDATE payment_attempt SET transaction_id = 'the same'",
    "charged_under_a_stop": """
        INSERT INTO charging_stop (reason, scope, detail, stopped_at)
        SELECT 'staff', 'all', '{}', min(first_sent_at) - interval '1 hour' FROM payment_attempt""",
    "two_active_cards": """
        INSERT INTO card_on_file (account_id, gateway, customer_reference, card_reference, brand, last4, exp_year,
          exp_month, fingerprint, three_ds_result, state, authenticated_at, consented_at, created_at)
        SELECT account_id, gateway, customer_reference, card_reference || 'b', brand, last4, exp_year, exp_month,
          fingerprint, three_ds_result, 'active', authenticated_at, consented_at, created_at FROM card_on_file""",
    "card_of_another_account": "UPDATE card_on_file SET account_id = 3",
    "charge_of_another_card": "UPDATE card_on_file SET card_reference = card_reference || 'b'",
    "dead_card_will_be_charged": "UPDATE card_on_file SET state = 'unusable'",
    "old_card_charged": """
        WITH changed AS (
          INSERT INTO card_change_request (account_id, state, received_at)
          SELECT account_id, 'received', opened_at FROM payment_request WHERE state = 'settled'
        )
        UPDATE payment_attempt SET origin = 'automatic', first_sent_at = first_sent_at + interval '1 hour'
        WHERE state = 'succeeded'""",
    "charged_without_consent": "UPDATE card_on_file SET created_at = created_at + interval '1 year'",
    "captured_another_amount": "UPDATE payment_evidence SET amount = amount + 1",
    "refund_beyond_capture": _REFUND.format(more=1, by="'Suzuki'"),
    "refund_by_one_person": _REFUND.format(more=0, by="' sato'"),
    "bill_forgets_money_back": _REFUND.format(more=0, by="'Suzuki'"),
    "charged_under_a_dispute": """
        WITH disputed AS (
          INSERT INTO dispute (gateway, gateway_reference, charge_reference, attempt_id, account_id, amount, reason,
            state, opened_at, recorded_at)
          SELECT gateway, 'd1', gateway_reference, p.id, account_id, p.amount, 'fraud', 'open', opened_at, opened_at
          FROM payment_attempt p JOIN payment_request r ON r.id = p.request_id WHERE p.state = 'succeeded'
        )
        UPDATE payment_attempt SET origin = 'automatic', first_sent_at = first_sent_at + interval '1 hour'
        WHERE state = 'succeeded'""",
    "history_tells_another_state": "UPDATE bill SET state = 'held' WHERE state = 'requested'",
    "told_twice": _NOTICE.format(channel="'sms'", kind="paid", state="sent", like="paid"),
    "told_over_two_channels": """
        INSERT INTO notice (dedupe_key, kind, channel, address, account_id, request_id, facts, state, created_at,
          not_before)
        SELECT regexp_replace(dedupe_key, 'sms$', 'line'), kind, 'line', 'U1', account_id, request_id, facts, 'sent',
          created_at, not_before FROM notice WHERE kind = 'paid'""",
    "paid_without_a_word": "DELETE FROM notice WHERE kind = 'paid'",
    "word_without_payment": _NOTICE.format(channel="'sms'", kind="charged", state="sent", like="payment_link")
    + " OFFSET 1",
    "two_words_for_a_payment": _NOTICE.format(channel="'sms'", kind="charged", state="sent", like="paid"),
    "decline_that_never_was": _NOTICE.format(channel="'sms'", kind="charge_declined", state="sent", like="paid"),
    "told_another_amount": "UPDATE notice SET facts = jsonb_set(facts, '{amounts}', '[1]') WHERE kind = 'paid'",
    "retry_key_of_two": "UPDATE notice SET key = '00000000-0000-4000-8000-000000000000'",
    "message_of_two_notices": "UPDATE notice SET provider_message_id = 'SM1'",
    "notice_of_strangers": "UPDATE notice SET account_id = account_id + 1 WHERE kind = 'paid'",
    "doubt_that_nobody_sees": "UPDATE notice SET state = 'needs_human' WHERE kind = 'paid'",
    "news_lost": "UPDATE notice SET state = 'failed', failure = '30003' WHERE kind = 'paid'",
    "unknown_payment_without_a_task": """
        UPDATE payment_attempt SET state = 'unknown',
          first_sent_at = CAST(:now AS timestamptz) - interval '27 hours',
          next_check_at = CAST(:now AS timestamptz) + interval '1 hour' WHERE state = 'prepared'""",
    "nobody_asks_the_gateway": _SECOND_ATTEMPT.format(check_at="CAST(:now AS timestamptz) - interval '16 minutes'"),
    "request_that_does_not_close": """
        UPDATE payment_request SET valid_until = CAST(:now AS timestamptz) - interval '25 hours'
        WHERE state = 'open'""",
    "notice_stuck_in_sending": """
        UPDATE notice SET state = 'sending', lease_until = clock_timestamp() - interval '16 minutes'""",
    "notice_in_doubt_too_long": """
        UPDATE notice SET state = 'unknown', last_sent_at = CAST(:now AS timestamptz) - interval '61 minutes'""",
    "event_left_lying": """
        INSERT INTO inbox_event (source, event_id, order_key, body, state, occurred_at, received_at, not_before)
        SELECT 'line', 'e1', 'U1', '{}', 'received', long_ago, long_ago, long_ago
        FROM (SELECT CAST(:now AS timestamptz) - interval '16 minutes' AS long_ago) x""",
    "quarantined_event_that_nobody_sees": """
        INSERT INTO inbox_event (source, event_id, order_key, body, state, occurred_at, received_at, not_before)
        VALUES ('line', 'e1', 'U1', '{}', 'quarantined', :now, :now, :now)""",
    "timetable_stands_still": """
        INSERT INTO job_run (job, run_on, outcome, ran_at) VALUES ('expire', '2026-11-08', 'done', :now)""",
    "job_overdue": """
        INSERT INTO job_waiting (job, due_since, reason)
        VALUES ('reconcile', CAST(:now AS timestamptz) - interval '27 hours', 'status 500')""",
}
