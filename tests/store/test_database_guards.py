"""The database refuses what must never happen to money, whoever asks: past all code, by SQL written by hand."""

import pytest
from sqlalchemy.exc import DBAPIError

from backend.usecases.charge_prepared import charge_due
from backend.usecases.services import Services
from tests.kit.clock import FakeClock
from tests.usecases.batch_rig import Month, month_with, opened

PREPARED = "(SELECT id FROM payment_attempt WHERE state = 'prepared' ORDER BY request_id LIMIT 1)"
PAID = "(SELECT id FROM payment_attempt WHERE state = 'succeeded')"
_ATTEMPT = """INSERT INTO payment_attempt (id, request_id, ordinal, transaction_id, origin, state, card_id, amount,
  gateway, charge_request, created_at, not_before)
SELECT gen_random_uuid(), r.id, 9, r.order_number || '-09', 'link', '{state}', 1, r.amount, 'scripted', '{{}}', now(),
  now() FROM payment_request r WHERE {which}"""

CLAIMS = (
    "DELETE FROM bill_claim WHERE attempt_id = {prepared}",
    "DELETE FROM bill_claim WHERE attempt_id = {paid}",
    "UPDATE bill_claim SET attempt_id = {paid} WHERE attempt_id = {prepared}",
    "UPDATE bill_claim SET attempt_id = {prepared} WHERE attempt_id = {paid}",
    _ATTEMPT.format(state="prepared", which="order_number = 'void'"),
    _ATTEMPT.format(state="sent", which="order_number = 'expired'"),
    _ATTEMPT.format(state="succeeded", which="order_number = 'closing'"),
    _ATTEMPT.format(state="unknown", which="order_number = 'closing'"),
)
FROZEN = (
    "UPDATE payment_attempt SET card_id = (SELECT max(id) FROM card_on_file WHERE id <> card_id) WHERE id = {paid}",
    "UPDATE payment_attempt SET origin = 'link' WHERE id = {paid}",
    "UPDATE payment_attempt SET gateway = 'another' WHERE id = {prepared}",
    "UPDATE payment_request SET bill_count = 2",
    "DELETE FROM payment_request_bill",
    "UPDATE payment_request_bill SET bill_id = bill_id % 4 + 1 WHERE bill_id = 1",
)
STATES = (
    "UPDATE payment_request_bill SET is_live = false",
    "UPDATE payment_request SET state = 'void' WHERE state = 'open'",
    "INSERT INTO payment_request_bill SELECT r.id, 1, true FROM payment_request r WHERE order_number = 'expired'",
    "UPDATE payment_request SET state = 'open' WHERE order_number = 'expired'",
    "UPDATE payment_request SET state = 'open' WHERE order_number = 'void'",
    "UPDATE payment_request SET state = 'open' WHERE order_number = 'closing'",
    "UPDATE payment_request SET state = 'expired' WHERE state = 'open'",
    "UPDATE payment_request SET state = 'closing' WHERE state = 'settled'",
    "UPDATE payment_link SET state = 'active'",
    "UPDATE inbox_event SET state = 'received' WHERE event_id = 'done'",
    "UPDATE card_on_file SET state = 'active' WHERE state = 'unusable'",
    "UPDATE card_on_file SET state = 'active' WHERE state = 'replaced'",
    "UPDATE card_on_file SET state = 'pending' WHERE state = 'active'",
)
_NAMED = ("account", "bill", "payment_request", "payment_link", "notice")
_STRANGE_BILL = """INSERT INTO bill (account_id, bill_number, billing_month, period_from, period_to, usage_kwh, amount,
  confirmed_on, state, created_at)
SELECT 99, 'B99', billing_month, period_from, period_to, 1, 1, confirmed_on, 'finalized', now()
FROM bill WHERE id = 1"""
_STRANGE_REQUEST = """INSERT INTO payment_request (account_id, order_number, amount, bill_count, state, way, opened_at,
  valid_until) VALUES (99, 'stranger', 100, 1, 'open', 'link', now(), now())"""
_LINKS = """INSERT INTO payment_link (request_id, token_hash, state, created_at)
SELECT n, CAST(CAST(n AS text) AS bytea), 'revoked', now() FROM unnest(ARRAY[1, 2, {third}]) n"""
OWNERS = (
    "UPDATE bill SET account_id = 2 WHERE account_id = 1",
    "UPDATE payment_link SET request_id = (SELECT max(id) FROM payment_request)",
    *(
        statement.replace("{named}", table)
        for statement in ("UPDATE {named} SET id = DEFAULT", "DELETE FROM {named}", "TRUNCATE {named} CASCADE")
        for table in _NAMED
    ),
    _STRANGE_BILL,
    _STRANGE_REQUEST,
    "INSERT INTO payment_request_bill SELECT r.id, 2, false FROM payment_request r WHERE order_number = 'expired'",
    "INSERT INTO payment_request_bill SELECT r.id, 99, false FROM payment_request r WHERE order_number = 'expired'",
    "INSERT INTO payment_request_bill VALUES (99, 1, false)",
    "INSERT INTO payment_request_bill VALUES (99, 99, false)",
    "INSERT INTO notice_evidence (notice_id, attempt, word, state_after, at) VALUES (99, 1, 'answer', 'sent', now())",
)


@pytest.fixture
async def month(services: Services, clock: FakeClock) -> Month:
    """One customer of four has paid, two charges wait; beside them what has ended."""
    month = month_with(services)
    await opened(month, customers=4)
    await charge_due(month.services, now=clock.now(), size=1)
    for state in ("expired", "void", "closing"):
        await month.ledger.change(
            "INSERT INTO payment_request (account_id, order_number, amount, bill_count, state, way, opened_at,"
            " valid_until) VALUES (1, :state, 100, 1, :state, 'link', :now, :now)",
            state=state,
            now=clock.now(),
        )
    await month.ledger.change(
        "INSERT INTO payment_link (request_id, token_hash, state, created_at)"
        " SELECT id, 'x', 'revoked', opened_at FROM payment_request WHERE order_number = 'expired'"
    )
    await month.ledger.change(
        "INSERT INTO inbox_event (source, event_id, order_key, body, state, occurred_at, received_at, not_before)"
        " SELECT 'gateway', s, s, '{}', s, :now, :now, :now FROM unnest(ARRAY['done', 'quarantined']) s",
        now=clock.now(),
    )
    for card, state in enumerate(("unusable", "replaced"), start=3):
        await month.ledger.change("UPDATE card_on_file SET state = :state WHERE id = :card", state=state, card=card)
    return month


async def allowed(month: Month, statements: tuple[str, ...]) -> list[str]:
    """The statements that the database has taken."""
    taken = []
    for statement in statements:
        try:
            await month.ledger.change(statement.replace("{prepared}", PREPARED).replace("{paid}", PAID))
            taken.append(statement)
        except DBAPIError:
            pass
    return taken


@pytest.mark.leaves_violations("requests, links and cards that have ended are written by hand")
@pytest.mark.parametrize("statements", [CLAIMS, FROZEN, STATES], ids=["claims", "frozen", "states"])
async def test_the_database_takes_no_claim_away_changes_nothing_frozen_and_lets_no_state_go_back(
    month: Month, statements: tuple[str, ...]
) -> None:
    assert await allowed(month, statements) == []


@pytest.mark.leaves_violations("requests, links and cards that have ended are written by hand")
async def test_the_database_takes_nothing_of_strangers_and_nothing_changes_hands_or_goes(month: Month) -> None:
    assert await allowed(month, OWNERS) == []


@pytest.mark.leaves_violations("requests, links and cards that have ended are written by hand")
async def test_one_stranger_among_many_spoils_the_statement(month: Month) -> None:
    strange, sound = _LINKS.format(third=99), _LINKS.format(third=3)

    assert await allowed(month, (strange, sound)) == [sound]


@pytest.mark.leaves_violations("requests, links and cards that have ended are written by hand")
async def test_people_may_give_a_quarantined_event_back_and_an_attempt_that_has_ended_gives_its_claims_back(
    month: Month,
) -> None:
    hand_made = (
        "UPDATE inbox_event SET state = 'received', attempts = 0 WHERE event_id = 'quarantined'",
        "UPDATE payment_attempt SET state = 'withdrawn' WHERE id = {prepared}",
        "DELETE FROM bill_claim USING payment_attempt p WHERE p.id = attempt_id AND p.state = 'withdrawn'",
        "UPDATE card_on_file SET state = 'unusable' WHERE state = 'replaced'",
    )

    assert await allowed(month, hand_made) == list(hand_made)
