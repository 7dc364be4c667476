"""Receive an application to pay with another card (R09-R11); the old card is not charged from then on."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.states import NoticeKind
from backend.store import card_changes, notices, opening, tasks
from backend.store.engine import transaction
from backend.usecases.ask_instead_of_charging import ask_account_instead
from backend.usecases.services import Services


async def request_card_change(services: Services, *, account_id: int, now: datetime) -> int:
    """Write the application down and tell the customer; returns its id. Applying again finds the same one.

    An automatic charge that was not sent yet is taken back and its request is paid by a URL instead
    (money.md, invariant 9); one that was sent stays, and the new card begins with the next bill (R10).
    """
    async with transaction(services.engine) as connection:
        # An opening that does not see this application would still prepare a charge of the old card.
        await opening.lock_opening(connection)
        now = max(now, services.clock.now())  # charges went on, rightly, while an opening was waited for
        change_id = await card_changes.receive(connection, account_id=account_id, now=now)
        await _confirm_receipt(connection, account_id=account_id, change_id=change_id, now=now)
        await ask_account_instead(services, connection, account_id=account_id, now=now)
    return change_id


async def withdraw_card_change(services: Services, *, account_id: int, now: datetime) -> bool:
    """Take a waiting application back: the registered card is charged again from the next bill on.

    A URL that was already sent stays good. Returns False when nothing was waiting.
    """
    async with transaction(services.engine) as connection:
        return await card_changes.withdraw(connection, account_id=account_id, now=now)


async def _confirm_receipt(connection: AsyncConnection, *, account_id: int, change_id: int, now: datetime) -> None:
    """At any hour: who did not apply must learn at once that somebody did."""
    contact = await card_changes.find_contact(connection, account_id=account_id)
    if contact is None:
        subject, detail = f"card_change_received:{change_id}", {"kind": NoticeKind.CARD_CHANGE_RECEIVED}
        await tasks.raise_task(
            connection, kind="unreachable", subject=subject, account_id=account_id, detail=detail, now=now
        )
        return
    notice = notices.NewNotice(
        dedupe_key=f"card_change_received:{change_id}:{contact.channel}",
        kind=NoticeKind.CARD_CHANGE_RECEIVED,
        channel=contact.channel,
        address=contact.address,
        account_id=account_id,
        facts={"number_tail": contact.number_tail},
    )
    await notices.enqueue(connection, notices=[notice], now=now, not_before=now)
