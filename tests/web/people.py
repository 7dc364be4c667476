"""People at the forms: an account with a real mobile number, the code from its notice, an invitation from a chat."""

from uuid import UUID

from sqlalchemy import text

from backend.domain.identifiers import derive_code, derive_invitation_token
from backend.usecases import link_line_account
from tests.web.site import Site

PHONE = "090-1234-5678"
NUMBER = "0000000001"
LINE_USER = "U" + "a" * 32
SEND_CODE = "確認コードを送る"
APPLY = "カード変更を申し込む"
LINK = "LINEと連携する"
_PHONE_OF = text("UPDATE account SET phone = :phone WHERE id = :id RETURNING id")


async def customer(site: Site, serial: int = 1, *, phone: str = "+819012345678") -> int:
    """An account with this phone."""
    account_id = await site.ledger.account(serial)
    await site.ledger.one(_PHONE_OF, {"id": account_id, "phone": phone})
    return account_id


async def codes(site: Site) -> list[str]:
    """The codes that were sent by SMS, oldest first, as the notifier derives them."""
    rows = await site.ledger.rows("SELECT facts->>'verification_id' FROM notice WHERE kind = 'code' ORDER BY id")
    return [derive_code(secret=site.services.link_secret, verification_id=UUID(found)) for (found,) in rows]


async def invited(site: Site, line_user_id: str = LINE_USER) -> str:
    """Where the chat sends a LINE user who wants to link."""
    services = site.services
    async with services.engine.begin() as connection:
        invitation_id = await link_line_account.create_invitation(
            connection, secret=services.link_secret, line_user_id=line_user_id, now=services.clock.now()
        )
    return f"{site.base}/link/{derive_invitation_token(secret=services.link_secret, invitation_id=invitation_id)}"
