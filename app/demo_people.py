"""Whose telephones the demo's phone page holds: who is a friend on LINE, and linked, and who has SMS only."""

import aiohttp

from app.compose import Parts
from app.sample_bills import DEMO_CUSTOMERS
from backend.store import accounts, line_accounts
from backend.store.accounts import Account
from backend.store.engine import transaction
from emulators.phone.app import DemoCustomer

_LINKED = 6  # of the demo customers; the others live through the account link, or use SMS only
_SMS_ONLY = 2


async def list_people(parts: Parts) -> list[Account]:
    """The first of the customers there are."""
    async with transaction(parts.services.engine) as connection:
        return await accounts.list_accounts(connection, size=DEMO_CUSTOMERS)


async def make_friends(parts: Parts, line_base: str) -> tuple[DemoCustomer, ...]:
    """Most demo customers are LINE friends, the first ones with linked accounts; the last have SMS only."""
    places = await list_people(parts)
    people = _by_phone(places)
    customers = []
    for number, person in enumerate(people, start=1):
        user_id = f"U{number:032x}" if number <= len(people) - _SMS_ONLY else None
        is_linked = number <= _LINKED
        if user_id and is_linked:
            await _link(parts, [place.id for place in places if place.phone == person.phone], user_id)
        customers.append(_customer(person, line_user_id=user_id, is_linked=is_linked))
    await _befriend(customers, line_base, is_told=True)
    return tuple(customers)


async def meet(places: list[Account], line_base: str) -> tuple[DemoCustomer, ...]:
    """Customers that were there before: on LINE are those whom the ledger knows to be."""
    people = _by_phone(places)
    customers = [_customer(each, line_user_id=each.line_user_id, is_linked=bool(each.line_user_id)) for each in people]
    await _befriend(customers, line_base, is_told=False)
    return tuple(customers)


def _by_phone(places: list[Account]) -> list[Account]:
    """Each person once, however many places of use."""
    return list({place.phone: place for place in reversed(places)}.values())[::-1]


def _customer(person: Account, *, line_user_id: str | None, is_linked: bool) -> DemoCustomer:
    return DemoCustomer(
        name=person.name_kanji,
        customer_number=person.customer_number,
        phone=person.phone,
        line_user_id=line_user_id,
        is_linked=is_linked,
    )


async def _befriend(customers: list[DemoCustomer], line_base: str, *, is_told: bool) -> None:
    """LINE learns who is a friend of the bot; `is_told`: and tells us, as of a new one."""
    async with aiohttp.ClientSession() as session:
        for each in customers:
            if each.line_user_id:
                friend = {"userId": each.line_user_id, "displayName": each.name, "follow": is_told}
                async with session.post(f"{line_base}/_control/users", json=friend) as answer:
                    answer.raise_for_status()


async def _link(parts: Parts, account_ids: list[int], user_id: str) -> None:
    now = parts.services.clock.now()
    async with transaction(parts.services.engine) as connection:
        for account_id in account_ids:
            await line_accounts.link(connection, account_id=account_id, line_user_id=user_id, now=now)
