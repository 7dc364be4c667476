"""The database writes every change of a money state down by itself, and lets nobody rewrite what it wrote."""

import pytest
from sqlalchemy.exc import DBAPIError

from backend.store.acting import acting, staff
from tests.kit.ledger import Ledger

NEWEST = "SELECT entity, state_before, state_after, actor, cause FROM money_step ORDER BY id DESC LIMIT 1"
HOLD = "UPDATE bill SET state = 'held' WHERE state <> 'held'"
FREE = "UPDATE bill SET state = 'finalized' WHERE state = 'held'"


@pytest.fixture
async def bill(ledger: Ledger) -> int:
    return await ledger.bill(await ledger.account(), "2026-11", 8432)


@pytest.mark.usefixtures("bill")
async def test_a_change_names_the_actor_and_the_cause_of_its_door(ledger: Ledger) -> None:
    name = staff(" O'Brien \\ 佐藤'; DROP TABLE bill; -- ")
    with acting(actor="worker", cause="charges"), acting(actor=name, cause="receipt approve"):
        await ledger.change(HOLD)

    [step] = await ledger.rows(NEWEST)
    await ledger.change(FREE)
    assert step == ("bill", "finalized", "held", "staff:O'Brien \\ 佐藤'; DROP TABLE bill; --", "receipt approve")


@pytest.mark.usefixtures("bill")
async def test_a_change_by_hand_is_the_database_users_and_never_refused(ledger: Ledger) -> None:
    with acting(actor="worker", cause="charges"):
        await ledger.change(HOLD)
    await ledger.change(FREE)

    [(user,)] = await ledger.rows("SELECT session_user")
    assert await ledger.rows(NEWEST) == [("bill", "held", "finalized", user, "not said")]


@pytest.mark.usefixtures("bill")
async def test_an_update_that_moves_no_state_writes_nothing(ledger: Ledger) -> None:
    await ledger.change("UPDATE bill SET usage_kwh = 1")

    assert await ledger.rows(NEWEST) == []


@pytest.mark.usefixtures("bill")
@pytest.mark.parametrize(
    "rewriting",
    [
        "UPDATE money_step SET actor = 'nobody'",
        "DELETE FROM money_step",
        "TRUNCATE money_step",
        "TRUNCATE payment_evidence CASCADE",
        "TRUNCATE refund_step",
        "TRUNCATE notice_evidence",
        "TRUNCATE card_on_file CASCADE",
    ],
)
async def test_history_is_only_added_to(ledger: Ledger, rewriting: str) -> None:
    await ledger.change(HOLD)

    with pytest.raises(DBAPIError, match="rows are only ever added"):
        await ledger.change(rewriting)

    await ledger.change(FREE)


async def test_one_statement_writes_a_step_for_each_row_that_it_moves(ledger: Ledger) -> None:
    for serial in (1, 2, 3):
        await ledger.bill(await ledger.account(serial), "2026-11", 8432)
    await ledger.change("UPDATE bill SET state = 'held' WHERE account_id <> 2")
    await ledger.change("UPDATE bill SET state = 'finalized'")

    steps = await ledger.rows("SELECT state_before, state_after, count(*) FROM money_step GROUP BY 1, 2 ORDER BY 1")
    assert steps == [("finalized", "held", 2), ("held", "finalized", 2)]


@pytest.mark.usefixtures("bill")
async def test_who_acts_is_told_with_the_beginning_of_a_transaction_and_costs_no_statement(ledger: Ledger) -> None:
    with acting(actor="worker", cause="charges"):
        rows = await ledger.rows("SELECT current_setting('tsukibarai.actor'), query FROM pg_stat_activity")

    after = await ledger.rows("SELECT current_setting('tsukibarai.actor', true)")
    assert {actor for actor, _ in rows} == {"worker"}
    assert after == [("",)]
