from collections.abc import AsyncIterator

import pytest

from tests.emulators.phone.phone_rig import Rig, running_rig


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with running_rig() as running:
        yield running
