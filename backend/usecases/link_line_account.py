"""Tie a LINE user to an account, and untie them (channels.md, account link; f60)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.identifiers import derive_invitation_token, hash_token, new_secret
from backend.store import line_accounts, notices, outbox, tasks
from backend.store.engine import transaction
from backend.usecases.services import Services

INVITATION_LIFE = timedelta(hours=1)
NONCE_LIFE = timedelta(minutes=10)  # as long as LINE's own link token
_OK = "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedAccount:
    """An account that a LINE user now has."""

    account_id: int
    number_tail: str


async def create_invitation(connection: AsyncConnection, *, secret: bytes, line_user_id: str, now: datetime) -> UUID:
    """Make the way from a chat to `/link/{token}`; the token is derived from the returned id when it is sent."""
    invitation_id = uuid4()
    token = derive_invitation_token(secret=secret, invitation_id=invitation_id)
    await line_accounts.create_invitation(
        connection,
        invitation_id=invitation_id,
        token_hash=hash_token(token),
        line_user_id=line_user_id,
        now=now,
        expires_at=now + INVITATION_LIFE,
    )
    return invitation_id


async def find_invited_user(services: Services, *, token: str, now: datetime) -> str | None:
    """The LINE user whom a token of `/link/{token}` invited; None when unknown or too old. Changes nothing."""
    async with transaction(services.engine) as connection:
        return await line_accounts.find_invited(connection, token_hash=hash_token(token), now=now)


async def issue_nonce(services: Services, *, account_id: int, line_user_id: str, now: datetime) -> str:
    """A nonce that stands for the account in this user's LINE dialog: 256 random bits, told once, kept as a hash."""
    nonce = new_secret()
    async with transaction(services.engine) as connection:
        await line_accounts.keep_nonce(
            connection,
            nonce_hash=hash_token(nonce),
            account_id=account_id,
            line_user_id=line_user_id,
            expires_at=now + NONCE_LIFE,
        )
    return nonce


async def accept(
    services: Services,
    connection: AsyncConnection,
    *,
    line_user_id: str,
    nonce: str,
    result: str,
    linked_at: datetime,
    now: datetime,
) -> LinkedAccount | None:
    """Apply LINE's accountLink event in the caller's transaction; None when it links nothing.

    The nonce is good once, for the user who was invited, and for ten minutes until `linked_at`, the event's own time:
    a webhook that reaches us late, or again, was still in time for the customer. An account has one LINE user at a
    time: the former one loses access at once, what waited for that chat goes by SMS, and staff are told.
    """
    if result != _OK:
        return None
    account_id = await line_accounts.use_nonce(
        connection, nonce_hash=hash_token(nonce), line_user_id=line_user_id, linked_at=linked_at, now=now
    )
    if account_id is None:
        return None
    linked = await line_accounts.link(connection, account_id=account_id, line_user_id=line_user_id, now=now)
    if linked.former_user_id is not None:
        await _redirect_notices(
            services, connection, account_id=account_id, line_user_id=linked.former_user_id, now=now
        )
        await tasks.raise_task(
            connection,
            kind="line_user_replaced",
            subject=hash_token(nonce).hex()[:16],
            account_id=account_id,
            detail={"number_tail": linked.number_tail},
            now=now,
        )
    return LinkedAccount(account_id=account_id, number_tail=linked.number_tail)


async def unlink(
    services: Services, connection: AsyncConnection, *, line_user_id: str, account_id: int, now: datetime
) -> bool:
    """End a link at the customer's wish; later messages go by SMS. False when there was no such link."""
    is_ended = await line_accounts.unlink(connection, account_id=account_id, line_user_id=line_user_id, now=now)
    if is_ended:
        await _redirect_notices(services, connection, account_id=account_id, line_user_id=line_user_id, now=now)
    return is_ended


async def _redirect_notices(
    services: Services, connection: AsyncConnection, *, account_id: int, line_user_id: str, now: datetime
) -> None:
    """What still waits for this chat must not be read there any more; what may be there already is left to people."""
    waiting = await line_accounts.lock_waiting_notices(connection, account_id=account_id, line_user_id=line_user_id)
    send_at = services.calendar.next_sending_at(now)
    await notices.move_to_sms(
        connection, notice_ids=waiting.untried, failure="line_unlinked", now=now, not_before=send_at
    )
    await outbox.park(connection, notice_ids=waiting.doubtful, failure="line_unlinked")
    await notices.report_to_staff(connection, kind="notice_unclear", notice_ids=waiting.doubtful, now=now)
