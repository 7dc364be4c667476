"""Prove who somebody is by a one-time code sent to the phone of the contract; never tells which numbers exist."""

import hmac
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.identifiers import derive_code
from backend.domain.states import ChannelName, NoticeKind
from backend.store import notices, verifications
from backend.store.engine import transaction
from backend.usecases.services import Services

CODE_LIFE = timedelta(minutes=10)
CODE_TRIES = 5
CODES_AN_HOUR = 3  # for one account: nobody's phone can be flooded
_HOUR = timedelta(hours=1)


class Purpose(StrEnum):
    """What a code is for; a code for one thing opens no other."""

    CARD_CHANGE = "card_change"
    LINE_LINK = "line_link"


async def start(services: Services, *, purpose: Purpose, customer_number: str, phone: str, now: datetime) -> UUID:
    """Send a code by SMS if number and phone (E.164) belong together; looks the same to the caller if not."""
    verification_id = uuid4()
    async with transaction(services.engine) as connection:
        account_id = await _account_to_ask(connection, customer_number=customer_number, phone=phone, now=now)
        await verifications.create(
            connection,
            verification_id=verification_id,
            purpose=purpose,
            account_id=account_id,
            code_hash=_hash_code(services, verification_id=verification_id, code=_code(services, verification_id)),
            now=now,
            expires_at=now + CODE_LIFE,
        )
        if account_id is not None:
            notice = _notice(verification_id=verification_id, account_id=account_id, phone=phone)
            await notices.enqueue(connection, notices=[notice], now=now, not_before=now)
    return verification_id


async def check(services: Services, *, verification_id: UUID, purpose: Purpose, code: str, now: datetime) -> int | None:
    """The account of who knows the code; None for a wrong, used or too old one. Wrong codes are counted."""
    async with transaction(services.engine) as connection:
        asked = await verifications.lock(connection, verification_id=verification_id, purpose=purpose)
        if asked is None or asked.used_at or now >= asked.expires_at or asked.failures >= CODE_TRIES:
            return None
        given = _hash_code(services, verification_id=verification_id, code=code)
        if asked.account_id is None or not hmac.compare_digest(given, asked.code_hash):
            await verifications.count_failure(connection, verification_id=verification_id)
            return None
        await verifications.use(connection, verification_id=verification_id, now=now)
        return asked.account_id


async def _account_to_ask(
    connection: AsyncConnection, *, customer_number: str, phone: str, now: datetime
) -> int | None:
    account_id = await verifications.lock_account(connection, customer_number=customer_number, phone=phone)
    if account_id is None:
        return None
    sent = await verifications.count_codes(connection, account_id=account_id, since=now - _HOUR)
    return account_id if sent < CODES_AN_HOUR else None


def _code(services: Services, verification_id: UUID) -> str:
    return derive_code(secret=services.link_secret, verification_id=verification_id)


def _hash_code(services: Services, *, verification_id: UUID, code: str) -> bytes:
    """Keyed: a plain hash of six digits would give the code away to who reads the table."""
    return hmac.digest(services.link_secret, b"code-hash:" + verification_id.bytes + code.encode(), "sha256")


def _notice(*, verification_id: UUID, account_id: int, phone: str) -> notices.NewNotice:
    """At any hour: the customer sits in front of the page and waits for it."""
    return notices.NewNotice(
        dedupe_key=f"code:{verification_id}:{ChannelName.SMS}",
        kind=NoticeKind.CODE,
        channel=ChannelName.SMS,
        address=phone,
        account_id=account_id,
        facts={"verification_id": str(verification_id)},
        priority=1,
    )
