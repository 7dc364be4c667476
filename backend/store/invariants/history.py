"""Invariants of the history that the database writes of every money state (money.md 19)."""

from backend.store.invariants.invariant import Invariant

HISTORY = (
    Invariant(
        name="history_tells_another_state",
        sentence="The newest step in the history of a bill, a request or an attempt is the state that it is in.",
        is_money=True,  # a state that no step explains was written past the guards
        query="""
            SELECT thing.entity || ' ' || thing.id, thing.state || ', its history says '
              || coalesce(step.state_after, 'nothing')
            FROM (
              SELECT 'bill' AS entity, CAST(id AS text) AS id, state, state IN ('finalized', 'carried_over') AS is_new
              FROM bill
              UNION ALL
              SELECT 'payment_request', CAST(id AS text), state, state = 'open' FROM payment_request
              UNION ALL
              SELECT 'payment_attempt', CAST(id AS text), state, state IN ('prepared', 'unknown') FROM payment_attempt
            ) thing
            LEFT JOIN LATERAL (
              SELECT state_after FROM money_step m
              WHERE m.entity = thing.entity AND m.entity_id = thing.id ORDER BY m.id DESC LIMIT 1
            ) step ON true
            WHERE step.state_after IS DISTINCT FROM thing.state AND NOT (step.state_after IS NULL AND thing.is_new)""",
    ),
)
