"""SQL for the cards on file: which one later months are charged to, and which is never charged again."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.card_rules import DECLINES_WITHIN, MOST_DECLINES
from backend.domain.states import CardState

_IS_REFUSED = text("SELECT is_refused_card(:account_id, :gateway, :fingerprint, :since, :most)")

_CARD_STATE = text("UPDATE card_on_file SET state = :state WHERE id = :card_id")

# A card becomes the active one by its first payment, and only if the customer has not entered a newer one meanwhile:
# late news about an old card's charge must not bring the old card back (R09).
_REPLACE_CARDS = text("""
UPDATE card_on_file older SET state = 'replaced' FROM card_on_file c
WHERE c.id = :card_id AND c.state = 'pending' AND older.account_id = c.account_id AND older.state = 'active'
  AND older.consented_at <= c.consented_at
""")

_ACTIVATE = text("""
UPDATE card_on_file c SET state = CASE WHEN EXISTS (
  SELECT FROM card_on_file newer WHERE newer.account_id = c.account_id AND newer.state = 'active'
) THEN 'replaced' ELSE 'active' END
WHERE id = :card_id AND state = 'pending'
""")

_COMPLETE_CHANGE = text("""
UPDATE card_change_request SET state = 'completed', closed_at = :now
WHERE id = (SELECT card_change_id FROM payment_request WHERE id = :request_id) AND state IN ('received', 'link_sent')
""")


async def is_refused(
    connection: AsyncConnection, *, account_id: int, gateway: str, fingerprint: str, now: datetime
) -> bool:
    """Whether this card, under whatever name the gateway knows it now, may not be charged (invariant 10)."""
    values = {
        "account_id": account_id,
        "gateway": gateway,
        "fingerprint": fingerprint,
        "since": now - DECLINES_WITHIN,
        "most": MOST_DECLINES,
    }
    return bool((await connection.execute(_IS_REFUSED, values)).scalar_one())


async def retire_card(connection: AsyncConnection, *, card_id: int) -> None:
    """The gateway said that this card is dead: never charge it again."""
    await connection.execute(_CARD_STATE, {"card_id": card_id, "state": CardState.UNUSABLE})


async def activate_card(connection: AsyncConnection, *, card_id: int, request_id: int, now: datetime) -> None:
    """Make the card that just paid the one that later months are charged to, if it is the newest (R04, R09)."""
    await connection.execute(_REPLACE_CARDS, {"card_id": card_id})
    await connection.execute(_ACTIVATE, {"card_id": card_id})
    await connection.execute(_COMPLETE_CHANGE, {"request_id": request_id, "now": now})
