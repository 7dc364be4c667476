"""One look at everything that is due: in what order it is done."""

from sqlalchemy import text

from backend.store.engine import transaction
from tests.hooks.test_line_hook import ANNA, event, post, webhook
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
