"""Every story is lived twice: by a customer with LINE, and by one with SMS only (story g)."""

from collections.abc import Awaitable, Callable

import pytest

from tests.kit.bill_files import BillLine
from tests.kit.customer import Customer
from tests.kit.world import World

Begin = Callable[..., Awaitable[None]]


@pytest.fixture(params=["line", "sms"])
def hanako(request: pytest.FixtureRequest, world: World) -> Customer:
    line_user = "U" + "1" * 32 if request.param == "line" else None
    return Customer(world=world, number="0012345678", phone="09012345678", line_user=line_user)


@pytest.fixture
def given(world: World, hanako: Customer) -> Begin:
    """Import bills; who has LINE is linked before the first URL goes out."""

    async def begin(*lines: BillLine) -> None:
        await world.import_bills(*lines)
        if hanako.line_user:
            await hanako.link_line()

    return begin
