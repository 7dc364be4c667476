"""A URL on which too much was tried needs a person (f42, f93): people are told, and can let it work again."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.payment_page import needs_a_person
from backend.store import links, tasks
from backend.store.engine import transaction
from backend.usecases.services import Services


class Unlocking(StrEnum):
    """How the wish to let a URL work again ended."""

    DONE = "done"
    NO_SUCH_ORDER = "no_such_order"
    NO_LINK = "no_link"
    NOT_LOCKED = "not_locked"


async def tell_if_locked(connection: AsyncConnection, *, request_id: int, now: datetime) -> None:
    """Put the URL of a request on the list for people once it takes no more tries. Call after each of them."""
    link = await links.find_tried(connection, request_id=request_id)
    if link is None or not _is_locked(link):
        return
    await tasks.raise_task(
        connection,
        kind="link_locked",
        subject=link.order_number,
        account_id=link.account_id,
        detail={
            "order_number": link.order_number,
            "wrong_answers": link.proof_failures,
            "declines": link.declines,
            "card_entries": link.registrations,
        },
        now=now,
        reopens=True,
    )


async def unlock_url(services: Services, *, order_number: str, by: str, note: str, now: datetime) -> Unlocking:
    """Let the URL of an order work again, after somebody has spoken with the customer and knows who it is."""
    async with transaction(services.engine) as connection:
        request_id = await links.find_request(connection, order_number=order_number)
        if request_id is None:
            return Unlocking.NO_SUCH_ORDER
        link = await links.find_tried(connection, request_id=request_id)
        if link is None:
            return Unlocking.NO_LINK
        if not _is_locked(link):
            return Unlocking.NOT_LOCKED
        await links.unlock_link(connection, link_id=link.id, now=now)
        await tasks.settle_task(connection, kind="link_locked", subject=order_number, by=by, note=note, now=now)
    return Unlocking.DONE


def _is_locked(link: links.TriedLink) -> bool:
    return needs_a_person(proof_failures=link.proof_failures, declines=link.declines, registrations=link.registrations)
