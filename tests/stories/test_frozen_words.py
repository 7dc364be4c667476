"""What is stored is what was sent, and a page never takes an amount that has changed behind it (f34, f71)."""

import json
from uuid import UUID

from backend.domain.identifiers import derive_token
from backend.usecases.import_bills import import_bills
from backend.usecases.open_payment_requests import open_payment_requests
from bot.placeholders import LINK
from tests.kit.bill_files import write_bill_file
from tests.kit.customer import Customer
from tests.kit.world import World


async def test_f71_the_stored_text_is_what_the_providers_received(world: World) -> None:
    on_sms = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    on_line = Customer(world=world, number="0012345679", phone="09012345679", line_user="U" + "5" * 32)
    await world.import_bills(
        on_sms.bill("2026-11", 8432, confirmed="2026-11-08"), on_line.bill("2026-11", 9120, confirmed="2026-11-08")
    )
    await on_line.link_line()
    await world.go_to("2026-11-10T10:00")
    await world.rest()

    stored = {
        row.channel: _filled(world, row.payload, row.link_id)
        for row in await world.rows("SELECT channel, payload, link_id FROM notice")
    }
    pushes = (await world.truth(world.settings.line_api_base))["pushes"]

    assert await on_sms.inbox() == [stored["sms"]["body"]]
    assert [push["messages"] for push in pushes] == [stored["line"]["messages"]]


def _filled(world: World, payload: object, link_id: UUID) -> dict[str, object]:
    """The stored payload with its secret in place."""
    token = derive_token(secret=world.parts.services.link_secret, link_id=link_id)
    filled: dict[str, object] = json.loads(json.dumps(payload).replace(LINK, token))
    return filled


async def test_f34_a_press_for_an_amount_that_was_amended_meanwhile_charges_nothing(world: World) -> None:
    hanako = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    await world.import_bills(hanako.bill("2026-11", 8432, confirmed="2026-11-08"))
    await world.go_to("2026-11-10T10:00")
    browser = await hanako.enter_card((await hanako.urls())[0])
    services = world.parts.services
    amended = write_bill_file(world.folder / "amended.csv", (hanako.bill("2026-11", 7000, confirmed="2026-11-08"),))
    report = await import_bills(services.engine, source=amended, now=services.clock.now(), amend=True, dry_run=False)
    await open_payment_requests(services, now=services.clock.now())

    await browser.press("お支払い")
    refused = browser.text
    await world.go_to("2026-11-10T10:30")
    await hanako.pay((await hanako.urls())[-1])

    assert report.is_accepted, report.refusals
    assert "お支払いが完了しました" not in refused
    assert await world.succeeded() == [7000]
