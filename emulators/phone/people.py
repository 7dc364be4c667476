"""The demo customers under short keys, and who they are on LINE; friends made on the page are kept here."""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from emulators.phone.config import DemoCustomer
from emulators.phone.outside import Outside


@dataclass(slots=True, kw_only=True)
class Person:
    """A demo customer whose telephone is on the page."""

    key: str
    customer: DemoCustomer
    line_user_id: str | None

    def as_json(self, *, is_blocked: bool) -> dict[str, Any]:
        """Return what the page shows of the person."""
        customer = self.customer
        return {
            "key": self.key,
            "name": customer.name,
            "customer_number": customer.customer_number,
            "last4": customer.customer_number[-4:],
            "phone": customer.phone,
            "has_line": self.line_user_id is not None,
            "is_linked": customer.is_linked,
            "is_blocked": is_blocked,
        }


class People:
    """Look-ups by key, by LINE user and by telephone number."""

    def __init__(self, customers: Sequence[DemoCustomer]) -> None:
        people = [
            Person(key=f"c{number:02}", customer=customer, line_user_id=customer.line_user_id)
            for number, customer in enumerate(customers, start=1)
        ]
        self._by_key = {person.key: person for person in people}

    def __iter__(self) -> Iterator[Person]:
        return iter(self._by_key.values())

    def find(self, key: str) -> Person | None:
        """Return the person under this key."""
        return self._by_key.get(key)

    def line_users(self) -> list[str]:
        """Return who is on LINE."""
        return [person.line_user_id for person in self if person.line_user_id is not None]

    def phones(self) -> list[str]:
        """Return the telephone numbers, each once."""
        return list(dict.fromkeys(person.customer.phone for person in self))

    def on_line(self, user_id: str) -> list[str]:
        """Return the keys of those who are this LINE user."""
        return [person.key for person in self if person.line_user_id == user_id]

    def with_phone(self, number: str) -> list[str]:
        """Return the keys of those with this telephone number: two places of use may share one."""
        return [person.key for person in self if person.customer.phone == number]

    async def introduce(self, outside: Outside) -> dict[str, bool]:
        """Make the LINE emulator know everyone it forgot (silently); return who has blocked us, by LINE user."""
        known = {user["userId"]: user["isBlocked"] for user in (await outside.read(f"{outside.line}/users"))["users"]}
        for person in self:
            if person.line_user_id is not None and person.line_user_id not in known:
                await befriend(outside, person, is_told=False)
        return known


async def befriend(outside: Outside, person: Person, *, is_told: bool) -> None:
    """Make the person a friend on LINE; `is_told` sends `follow` to the bot."""
    # Known here before the emulator speaks of them, so that the stream's first entry finds its owner.
    person.line_user_id = person.line_user_id or "U" + secrets.token_hex(16)
    told = {"userId": person.line_user_id, "displayName": person.customer.name, "follow": is_told}
    await outside.tell(f"{outside.line}/users", told)
