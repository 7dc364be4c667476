"""One look at everything that is due: in what order it is done."""

from collections.abc import Iterator
from datetime import datetime

import pytest
from sqlalchemy import text

from backend.store.engine import transaction
from scheduler.worker import Step, drain, take_turns
from tests.hooks.test_line_hook import ANNA, event, post, webhook
from tests.kit.clock import FakeClock
from tests.kit.customer import Customer
from tests.kit.world import World

# Another process, whose clock has not been moved yet, stores an event in the middle of the tick.
_EVENT_MEANWHILE = (
    """
CREATE FUNCTION event_meanwhile() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO inbox_event (source, event_id, order_key, body, state, occurred_at, received_at, not_before)
  SELECT source, event_id || '-again', order_key, body, 'received', occurred_at, received_at, not_before
  FROM inbox_event ORDER BY id LIMIT 1 ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$
""",
    """
CREATE TRIGGER event_meanwhile AFTER UPDATE ON notice
  FOR EACH ROW WHEN (NEW.state = 'sent') EXECUTE FUNCTION event_meanwhile()
""",
)


async def test_an_event_that_is_worked_on_in_the_same_tick_raises_no_alarm(world: World) -> None:
    customer = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    assert await post(world, webhook(event(1, ANNA, "こんにちは"))) == 200
    await world.rest()
    await world.import_bills(customer.bill("2026-12", 8432, confirmed="2026-12-08"))
    async with transaction(world.parts.services.engine) as connection:
        for statement in _EVENT_MEANWHILE:
            await connection.execute(text(statement))

    await world.go_to("2026-12-10T10:00")

    assert await world.rows("SELECT state FROM inbox_event WHERE event_id LIKE '%-again'") == [("done",)]
    assert await world.rows("SELECT detail FROM staff_task WHERE kind = 'invariant_broken'") == []


_NO_JOB_RUNS = (
    """
CREATE FUNCTION no_job_runs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'no job runs'; END $$
""",
    "CREATE TRIGGER no_job_runs BEFORE INSERT ON job_run FOR EACH ROW EXECUTE FUNCTION no_job_runs()",
)


async def test_a_job_that_fails_keeps_no_step_from_its_work_and_is_told_at_the_end(world: World) -> None:
    assert await post(world, webhook(event(1, ANNA, "こんにちは"))) == 200
    async with transaction(world.parts.services.engine) as connection:
        for statement in _NO_JOB_RUNS:
            await connection.execute(text(statement))

    with pytest.raises(ExceptionGroup, match="not all that is due could be done") as told:
        await world.go_to("2026-11-02T10:00")

    assert await world.rows("SELECT DISTINCT state FROM inbox_event") == [("done",)]
    [timetable] = told.value.exceptions
    assert isinstance(timetable, ExceptionGroup)
    assert timetable.exceptions[0].__notes__ == ["in the job expire"]


class Broken:
    """A step that always fails, and counts how often it was asked."""

    asked = 0

    async def run(self, _now: datetime) -> int:
        self.asked += 1
        raise LookupError("broken")


async def test_a_step_that_fails_is_left_alone_while_the_others_do_all_that_is_due() -> None:
    due: Iterator[int] = iter((1, 1, 0))
    broken = Broken()

    async def work(_now: datetime) -> int:
        return next(due, 0)

    steps = [Step(name="broken", run=broken.run, idle_seconds=0), Step(name="sound", run=work, idle_seconds=0)]
    with pytest.raises(ExceptionGroup, match="steps failed") as told:
        await drain(steps, clock=FakeClock())

    assert (broken.asked, list(due)) == (1, [])
    assert [problem.__notes__ for problem in told.value.exceptions] == [["in the step broken"]]


async def test_a_turn_that_fails_takes_nobody_elses_and_no_step_has_two() -> None:
    turns: list[str] = []

    async def work(_now: datetime) -> int:
        turns.append("sound")
        return 1

    broken = Broken()
    steps = [Step(name="broken", run=broken.run, idle_seconds=0), Step(name="sound", run=work, idle_seconds=0)]
    with pytest.raises(ExceptionGroup, match="steps failed"):
        await take_turns(steps, clock=FakeClock())

    assert (broken.asked, turns) == (1, ["sound"])


async def test_work_that_comes_of_later_work_is_done_in_the_same_drain() -> None:
    waiting = {"first": 1, "second": 0, "third": 0}
    follows = {"first": "third", "third": "second", "second": ""}
    asked: list[str] = []

    def step(name: str) -> Step:
        async def run(_now: datetime) -> int:
            asked.append(name)
            done, waiting[name] = waiting[name], 0
            if done and follows[name]:
                waiting[follows[name]] += 1
            return done

        return Step(name=name, run=run, idle_seconds=0)

    done = await drain([step(name) for name in waiting], clock=FakeClock())

    assert (done, set(waiting.values())) == (3, {0})
    assert asked[-3:] == ["second", "third", "first"]
