"""`tsukibarai verify` on a broken ledger: names everything, stops charging, repairs nothing (deliverable 8)."""

import asyncio
import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from backend.domain.payment_page import PageState
from backend.domain.states import StopReason, StopScope
from backend.store.engine import transaction
from backend.store.invariants import INVARIANTS
from backend.usecases.accept_violation import accept_violation
from backend.usecases.brake import LiftAnswer, lift_brake, show_brake
from backend.usecases.charge_prepared import charge_due
from backend.usecases.verify_ledger import verify_ledger
from scheduler.jobs import PERIODIC
from scheduler.periodic import run_if_due
from tests.invariants.conftest import Plant
from tests.kit.clock import FakeClock
from tests.kit.commands import run
from tests.kit.ledger import Ledger
from tests.usecases.payers import payer_with_card, press, session_of
from tests.usecases.test_charging import truth

PLANTED = {
    "attempt_without_claim",
    "bill_in_two_requests",
    "request_is_not_its_sum",
    "charge_differs_from_attempt",
    "ended_without_evidence",
    "two_active_cards",
    "told_twice",
    "told_another_amount",
    "retry_key_of_two",
    "doubt_that_nobody_sees",
    "event_left_lying",
    "timetable_stands_still",
}
BROKEN = pytest.mark.leaves_violations("they are planted")
ROWS = "SELECT id, state, amount FROM payment_attempt ORDER BY ordinal, id"


async def verify(database_url: str, *words: str) -> tuple[int, str]:
    """The exit status and what the command prints, without its log."""
    env = {"DATABASE_URL": database_url, "PATH": str(Path(sys.executable).parent)}
    return await run("verify", *words, env=env, has_errors=False)


async def plant_all(ledger: Ledger, plant: Plant) -> None:
    for name in sorted(PLANTED):
        async with transaction(ledger.services.engine) as connection:
            await plant(connection, name)


@pytest.mark.usefixtures("ledger")
async def test_a_sound_ledger_ends_with_status_0(database_url: str) -> None:
    status, said = await verify(database_url)

    assert (status, said) == (0, f"0 violations in {len(INVARIANTS)} invariants\n")


@BROKEN
@pytest.mark.usefixtures("month")
async def test_twelve_planted_violations_are_all_named_and_nothing_is_charged_any_more(
    ledger: Ledger, clock: FakeClock, plant: Plant, database_url: str, gateway_emulator: str
) -> None:
    cookie = await payer_with_card(ledger)
    taken = await truth(gateway_emulator)
    await plant_all(ledger, plant)
    before = await ledger.rows(ROWS)

    status, said = await verify(database_url, "--json")
    found: list[dict[str, Any]] = json.loads(said)
    page = await press(ledger, await session_of(ledger, cookie))
    await charge_due(ledger.services, now=clock.forward(minutes=5))

    assert status == 1
    assert {each["invariant"] for each in found} >= PLANTED
    assert page.state(now=clock.now()) is PageState.AMOUNT_IN_DOUBT
    assert await truth(gateway_emulator) == taken
    assert await ledger.rows(ROWS) == before


@BROKEN
@pytest.mark.usefixtures("month")
async def test_a_row_is_printed_for_each_violation(ledger: Ledger, plant: Plant, database_url: str) -> None:
    async with transaction(ledger.services.engine) as connection:
        await plant(connection, "request_is_not_its_sum")

    status, said = await verify(database_url)

    assert status == 1
    assert "request_is_not_its_sum\trequest 1\tfrozen 8433 yen of 1 bills, its 1 bills sum up to 8432" in said


@BROKEN
@pytest.mark.usefixtures("month")
async def test_people_are_told_of_each_broken_invariant_and_again_when_it_comes_back(
    ledger: Ledger, clock: FakeClock, plant: Plant
) -> None:
    await plant_all(ledger, plant)
    engine, tasks = ledger.services.engine, "SELECT count(*) FROM staff_task WHERE kind = :kind AND done_at IS NULL"

    for _ in range(2):
        await verify_ledger(engine, now=clock.now())
    [(told,)] = await ledger.rows(tasks, kind="invariant_broken")
    [(stopped,)] = await ledger.rows(tasks, kind="charging_stopped")
    await ledger.change("UPDATE staff_task SET done_at = created_at")
    await verify_ledger(engine, now=clock.now())

    assert told >= len(PLANTED)
    assert stopped == 1
    assert await ledger.rows(tasks, kind="invariant_broken") == [(told,)]


@BROKEN
@pytest.mark.usefixtures("month")
async def test_the_stop_is_not_lifted_before_the_ledger_is_sound(
    ledger: Ledger, clock: FakeClock, plant: Plant
) -> None:
    engine, now = ledger.services.engine, clock.now()
    async with transaction(engine) as connection:
        await plant(connection, "ended_without_evidence")
    await verify_ledger(engine, now=now)
    [stop] = await show_brake(engine)
    lift = {"reason": StopReason.BROKEN_INVARIANT, "by": "Sato", "note": "looked", "now": now}

    refused = await lift_brake(engine, **lift)
    await ledger.change(
        "INSERT INTO payment_evidence (attempt_id, source, outcome, body, at)"
        " SELECT id, 'staff', state, '{}', settled_at FROM payment_attempt WHERE state = 'succeeded'"
    )
    lifted = await lift_brake(engine, **lift)

    assert (stop.reason, stop.scope) == (StopReason.BROKEN_INVARIANT, StopScope.ALL)
    assert (refused, lifted) == (LiftAnswer.STILL_BROKEN, LiftAnswer.LIFTED)
    assert await show_brake(engine) == []


@BROKEN
@pytest.mark.usefixtures("month")
async def test_what_only_concerns_messages_or_work_stops_no_charge(
    ledger: Ledger, clock: FakeClock, plant: Plant
) -> None:
    for name in ("retry_key_of_two", "event_left_lying"):
        async with transaction(ledger.services.engine) as connection:
            await plant(connection, name)

    violations = await verify_ledger(ledger.services.engine, now=clock.now())

    assert {each.invariant.name for each in violations} == {"retry_key_of_two", "event_left_lying"}
    assert await show_brake(ledger.services.engine) == []


@BROKEN
@pytest.mark.usefixtures("month")
async def test_a_violation_that_two_persons_accept_lets_the_brake_be_lifted_and_stays_listed(
    ledger: Ledger, clock: FakeClock, plant: Plant, database_url: str
) -> None:
    engine, now = ledger.services.engine, clock.now()
    async with transaction(engine) as connection:
        await plant(connection, "ended_without_evidence")
    [broken] = await verify_ledger(engine, now=now)
    this = {"invariant": broken.invariant.name, "subject": broken.subject, "note": "asked the gateway", "now": now}

    answers = [await accept_violation(engine, by=by, **this) for by in (" ", "Sato", "sato ", "Suzuki", "Ito")]
    lifted = await lift_brake(engine, reason=StopReason.BROKEN_INVARIANT, by="Sato", note="accepted", now=now)
    _, said = await verify(database_url)

    assert answers == ["no_word", "proposed", "needs_another", "accepted", "not_broken"]
    assert lifted is LiftAnswer.LIFTED
    assert f"accepted: ended_without_evidence\t{broken.subject}" in said


@BROKEN
@pytest.mark.usefixtures("month")
async def test_what_was_accepted_is_kept_and_another_violation_of_the_same_row_counts(
    ledger: Ledger, clock: FakeClock, plant: Plant
) -> None:
    engine, now = ledger.services.engine, clock.now()
    async with transaction(engine) as connection:
        await plant(connection, "told_another_amount")
    [broken] = await verify_ledger(engine, now=now)
    for by in ("Sato", "Suzuki"):
        await accept_violation(
            engine, invariant=broken.invariant.name, subject=broken.subject, by=by, note="told the customer", now=now
        )

    for rewrite in ("DELETE FROM accepted_violation", "UPDATE accepted_violation SET accepted_note = 'nothing'"):
        with pytest.raises(DBAPIError):
            await ledger.change(rewrite)
    once = await verify_ledger(engine, now=now)
    await ledger.change("UPDATE notice SET facts = jsonb_set(facts, '{amount}', '1') WHERE kind = 'paid'")
    again = await verify_ledger(engine, now=now)

    assert once == []
    assert [(each.invariant.name, each.subject) for each in again] == [(broken.invariant.name, broken.subject)]


@BROKEN
@pytest.mark.usefixtures("month")
async def test_what_holds_again_leaves_the_list_by_itself_unless_it_is_about_money(
    ledger: Ledger, clock: FakeClock, plant: Plant
) -> None:
    engine, now = ledger.services.engine, clock.now()
    for name in ("ended_without_evidence", "event_left_lying"):
        async with transaction(engine) as connection:
            await plant(connection, name)
    await verify_ledger(engine, now=now)
    await ledger.change("UPDATE inbox_event SET state = 'done'")
    await ledger.change(
        "INSERT INTO payment_evidence (attempt_id, source, outcome, body, at)"
        " SELECT id, 'staff', state, '{}', settled_at FROM payment_attempt WHERE state = 'succeeded'"
    )

    left = await verify_ledger(engine, now=now)

    told = await ledger.rows(
        "SELECT dedupe_key, done_by FROM staff_task WHERE kind = 'invariant_broken' ORDER BY dedupe_key"
    )
    assert left == []
    assert told == [
        ("invariant_broken:ended_without_evidence", None),
        ("invariant_broken:event_left_lying", "verify"),
    ]


async def test_it_runs_every_quarter_of_an_hour_and_once_after_a_long_downtime(
    ledger: Ledger, clock: FakeClock
) -> None:
    [job] = [job for job in PERIODIC if job.name == "verify"]

    runs = [
        await run_if_due(ledger.services, job, clock.forward(**step))
        for step in ({"minutes": 0}, {"minutes": 14}, {"minutes": 1}, {"hours": 7}, {"minutes": 1}, {"hours": -9})
    ]

    assert job.every == timedelta(minutes=15)
    assert runs == [1, 0, 1, 1, 0, 1]


async def test_f9_of_two_workers_one_runs_it(ledger: Ledger, clock: FakeClock) -> None:
    [job] = [job for job in PERIODIC if job.name == "verify"]

    runs = await asyncio.gather(*(run_if_due(ledger.services, job, clock.now()) for _ in range(4)))

    assert sum(runs) == 1
