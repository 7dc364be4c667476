"""SQL that ties LINE users to accounts: invitations, nonces, links and their ends."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_INVITE = text("""
INSERT INTO line_invitation (id, token_hash, line_user_id, created_at, expires_at)
VALUES (:id, :token_hash, :line_user_id, :now, :expires_at)
""")

_INVITED = text("SELECT line_user_id FROM line_invitation WHERE token_hash = :token_hash AND expires_at > :now")

_KEEP_NONCE = text("""
INSERT INTO line_link_nonce (nonce_hash, account_id, expires_at) VALUES (:nonce_hash, :account_id, :expires_at)
""")

_USE_NONCE = text("""
UPDATE line_link_nonce SET used_at = :now
WHERE nonce_hash = :nonce_hash AND used_at IS NULL AND expires_at > :now
RETURNING account_id
""")

# Everybody who wants to change an account's link waits here for the others.
_LOCK_ACCOUNT = text("SELECT right(customer_number, 4) FROM account WHERE id = :account_id FOR NO KEY UPDATE")

_END = text("""
UPDATE line_link SET unlinked_at = :now
WHERE account_id = :account_id AND unlinked_at IS NULL
  AND (line_user_id = :line_user_id) = :is_this_user
RETURNING line_user_id
""")

_LINK = text("""
INSERT INTO line_link (account_id, line_user_id, linked_at) VALUES (:account_id, :line_user_id, :now)
ON CONFLICT (account_id) WHERE unlinked_at IS NULL DO NOTHING
""")

_WAITING = text("""
SELECT id FROM notice
WHERE channel = 'line' AND address = :line_user_id AND account_id = :account_id AND state = 'queued' FOR UPDATE
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Relinked:
    """A link that now exists; `former_user_id` is who had the account before, if somebody else."""

    number_tail: str
    former_user_id: str | None


async def create_invitation(
    connection: AsyncConnection,
    *,
    invitation_id: UUID,
    token_hash: bytes,
    line_user_id: str,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Remember a way from a LINE chat to the account-link page."""
    values = {
        "id": invitation_id,
        "token_hash": token_hash,
        "line_user_id": line_user_id,
        "now": now,
        "expires_at": expires_at,
    }
    await connection.execute(_INVITE, values)


async def find_invited(connection: AsyncConnection, *, token_hash: bytes, now: datetime) -> str | None:
    """The LINE user whom a token invited, while the invitation lives."""
    found = await connection.execute(_INVITED, {"token_hash": token_hash, "now": now})
    return found.scalar_one_or_none()


async def keep_nonce(connection: AsyncConnection, *, nonce_hash: bytes, account_id: int, expires_at: datetime) -> None:
    """Remember which account a nonce stands for."""
    values = {"nonce_hash": nonce_hash, "account_id": account_id, "expires_at": expires_at}
    await connection.execute(_KEEP_NONCE, values)


async def use_nonce(connection: AsyncConnection, *, nonce_hash: bytes, now: datetime) -> int | None:
    """The nonce's account, once; None for an unknown, used or too old nonce."""
    found = await connection.execute(_USE_NONCE, {"nonce_hash": nonce_hash, "now": now})
    return found.scalar_one_or_none()


async def link(connection: AsyncConnection, *, account_id: int, line_user_id: str, now: datetime) -> Relinked:
    """Give the account to this LINE user; whoever had it loses it at once (f60)."""
    number_tail = (await connection.execute(_LOCK_ACCOUNT, {"account_id": account_id})).scalar_one()
    values = {"account_id": account_id, "line_user_id": line_user_id, "now": now}
    ended = await connection.execute(_END, {**values, "is_this_user": False})
    former = ended.scalar_one_or_none()
    await connection.execute(_LINK, values)
    return Relinked(number_tail=number_tail, former_user_id=former)


async def unlink(connection: AsyncConnection, *, account_id: int, line_user_id: str, now: datetime) -> bool:
    """Take the account from this LINE user; False when the user did not have it."""
    values = {"account_id": account_id, "line_user_id": line_user_id, "now": now, "is_this_user": True}
    return (await connection.execute(_END, values)).scalar_one_or_none() is not None


async def lock_waiting_notices(connection: AsyncConnection, *, account_id: int, line_user_id: str) -> list[int]:
    """Notices about this account that still wait to go to this LINE user."""
    values = {"account_id": account_id, "line_user_id": line_user_id}
    return list((await connection.execute(_WAITING, values)).scalars())
