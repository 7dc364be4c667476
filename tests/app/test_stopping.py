"""A web process that is told to stop finishes the payment in flight (f15)."""

import asyncio
import signal
import sys

from tests.app.test_commands import environment
from tests.kit.customer import Customer
from tests.kit.servers import free_port
from tests.kit.world import World


async def test_f15_sigterm_during_a_payment_finishes_it_and_then_the_process_ends(
    world: World, database_url: str
) -> None:
    hanako = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    await world.import_bills(hanako.bill("2026-11", 8432, confirmed="2026-11-08"))
    await world.go_to("2026-11-10T10:00")
    [url] = await hanako.urls()
    base = f"http://127.0.0.1:{free_port()}"
    env = environment(world, database_url, WEB_PORT=base.rsplit(":", 1)[1]) | {"PUBLIC_BASE_URL": base}
    web = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app", "web", env=env, stdout=asyncio.subprocess.DEVNULL
    )
    await _until_ready(world, base)
    browser = await hanako.enter_card(url.replace(world.settings.public_base_url, base))
    form = browser.form("お支払い")
    rule = {"path": "/v1/charges", "method": "POST", "kind": "delay", "seconds": 3, "times": 1}
    await world.control(world.settings.sandbox_gateway_base, "faults", {"rules": [rule]})

    async def press() -> int:
        async with browser.session.post(f"{base}{form.action}", data=form.fields, allow_redirects=False) as answer:
            return answer.status

    pressed = asyncio.create_task(press())
    await _until_sent(world)
    web.send_signal(signal.SIGTERM)

    assert await pressed == 303
    assert await asyncio.wait_for(web.wait(), timeout=120) == 0
    assert await world.rows("SELECT state FROM payment_attempt") == [("succeeded",)]
    assert await world.succeeded() == [8432]


async def _until_sent(world: World) -> None:
    for _ in range(1800):
        if await world.rows("SELECT id FROM payment_attempt WHERE state = 'sent'"):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the charge was never sent")


async def _until_ready(world: World, base: str) -> None:
    for _ in range(1800):
        try:
            async with world.http.get(f"{base}/readyz") as answer:
                if answer.status == 200:
                    return
        except OSError:
            pass
        await asyncio.sleep(0.1)
    raise AssertionError("the web process never became ready")
