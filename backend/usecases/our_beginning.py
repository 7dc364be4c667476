"""How far back the gateway's books are asked for: what is older than our first account is none of our money."""

from datetime import datetime, timedelta

from backend.store import beginning
from backend.store.engine import transaction
from backend.usecases.services import Services


async def reach_back(services: Services, *, since: datetime, overlap: timedelta) -> datetime:
    """`overlap` before `since`, because clocks differ and lists lag; but not for that before our first account."""
    async with transaction(services.engine) as connection:
        began_at = await beginning.read_began_at(connection)
    return max(since - overlap, min(since, began_at or since))
