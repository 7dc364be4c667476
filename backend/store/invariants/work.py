"""Invariants of work in hand: nothing stays half done without somebody, or a worker, looking at it (I5)."""

from backend.store.invariants.invariant import Invariant

WORK = (
    Invariant(
        name="unknown_payment_without_a_task",
        sentence="An outcome that a day of asking has not told is on the list for people.",
        is_money=False,
        query="""
            SELECT 'attempt ' || p.id, 'sent ' || p.first_sent_at || ', ' || p.state FROM payment_attempt p
            WHERE p.state IN ('sent', 'challenged', 'unknown')
              AND p.first_sent_at < CAST(:now AS timestamptz) - interval '26 hours'
              AND NOT EXISTS (SELECT FROM staff_task t WHERE t.dedupe_key IN (
                'payment_unknown:' || p.id, 'captured_twice:' || p.id, 'amount_differs_at_gateway:' || p.id))""",
    ),
    Invariant(
        name="nobody_asks_the_gateway",
        sentence="The gateway is asked about an open outcome when its time has come.",
        is_money=False,
        query="""
            SELECT 'attempt ' || id, state || ', to be asked about ' || coalesce(CAST(next_check_at AS text), 'never')
            FROM payment_attempt
            WHERE state IN ('sent', 'challenged', 'unknown')
              AND (next_check_at IS NULL OR next_check_at < CAST(:now AS timestamptz) - interval '15 minutes')
              AND (lease_until IS NULL OR lease_until < clock_timestamp() - interval '15 minutes')""",
    ),
    Invariant(
        name="request_that_does_not_close",
        sentence="A request ends on the day after its last one, unless an outcome is open.",
        is_money=False,
        query="""
            SELECT 'request ' || r.id, r.state || ', ended ' || r.valid_until FROM payment_request r
            WHERE r.state IN ('open', 'closing') AND r.valid_until < CAST(:now AS timestamptz) - interval '1 day'
              AND NOT EXISTS (SELECT FROM payment_attempt p WHERE p.request_id = r.id
                              AND p.state IN ('sent', 'challenged', 'unknown'))""",
    ),
    Invariant(
        name="notice_stuck_in_sending",
        sentence="A notice whose sender died is taken over.",
        is_money=False,
        query="""
            SELECT 'notice ' || id, kind || ' by ' || channel || ', sent ' || last_sent_at FROM notice
            WHERE state = 'sending' AND lease_until < clock_timestamp() - interval '15 minutes'""",
    ),
    Invariant(
        name="notice_in_doubt_too_long",
        sentence="Within an hour of its last sending it is known what became of a notice.",
        is_money=False,
        query="""
            SELECT 'notice ' || id, kind || ' by ' || channel || ', sent ' || last_sent_at FROM notice
            WHERE state = 'unknown' AND last_sent_at < CAST(:now AS timestamptz) - interval '1 hour'""",
    ),
    Invariant(
        name="event_left_lying",
        sentence="What a provider told us is worked on within a quarter of an hour.",
        is_money=False,
        query="""
            SELECT 'event ' || id, source || ' ' || state || ', received ' || received_at FROM inbox_event
            WHERE state IN ('received', 'working') AND not_before < CAST(:now AS timestamptz) - interval '15 minutes'
              AND received_at < CAST(:now AS timestamptz) - interval '15 minutes'
              AND (lease_until IS NULL OR lease_until < clock_timestamp() - interval '15 minutes')""",
    ),
    Invariant(
        name="quarantined_event_that_nobody_sees",
        sentence="An event that was put aside is on the list for people.",
        is_money=False,
        query="""
            SELECT 'event ' || e.id, e.source || ': ' || coalesce(e.failure, '') FROM inbox_event e
            WHERE e.state = 'quarantined' AND NOT EXISTS (
              SELECT FROM staff_task t WHERE t.dedupe_key = 'event_quarantined:' || e.id)""",
    ),
    Invariant(
        name="timetable_stands_still",
        sentence="The timetable is looked at every day.",
        is_money=False,
        query="""
            SELECT 'job ' || job, 'last run for ' || max(run_on) FROM job_run WHERE job = 'expire'
            GROUP BY job HAVING max(run_on) < CAST(CAST(:now AS timestamptz) AT TIME ZONE 'Asia/Tokyo' AS date) - 1""",
    ),
    Invariant(
        name="job_overdue",
        sentence="A job of the timetable is done within a day of its time.",
        is_money=False,
        query="""
            SELECT 'job ' || job, 'due since ' || due_since || ': ' || reason FROM job_waiting
            WHERE due_since < CAST(:now AS timestamptz) - interval '26 hours'""",
    ),
)
