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
INSERT INTO line_link_nonce (nonce_hash, account_id, line_user_id, expires_at)
VALUES (:nonce_hash, :account_id, :line_user_id, :expires_at)
""")

# `linked_at` is LINE's word for when the customer agreed: however late it reaches us, the nonce was in time.
_USE_NONCE = text("""
UPDATE line_link_nonce SET used_at = :now
WHERE nonce_hash = :nonce_hash AND used_at IS NULL AND expires_at > :linked_at
  AND coalesce(line_user_id, :line_user_id) = :line_user_id
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
SELECT id, first_sent_at IS NOT NULL AS may_have_arrived FROM notice
WHERE channel = 'line' AND address = :line_user_id AND account_id = :account_id AND state = 'queued' FOR UPDATE
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Relinked:
    """A link that now exists; `former_user_id` is who had the account before, if somebody else."""

    number_tail: str
    former_user_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Notices for a LINE user: LINE has certainly not got the untried ones, and may have got the doubtful ones."""

    untried: list[int]
    doubtful: list[int]


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


async def keep_nonce(
    connection: AsyncConnection, *, nonce_hash: bytes, account_id: int, line_user_id: str, expires_at: datetime
) -> None:
    """Remember which account a nonce stands for, and which LINE user was invited to link it."""
    values = {
        "nonce_hash": nonce_hash,
        "account_id": account_id,
        "line_user_id": line_user_id,
        "expires_at": expires_at,
    }
    await connection.execute(_KEEP_NONCE, values)


async def use_nonce(
    connection: AsyncConnection, *, nonce_hash: bytes, line_user_id: str, linked_at: datetime, now: datetime
) -> int | None:
    """The nonce's account, once; None for an unknown, used or too old nonce, or one that somebody else was given."""
    values = {"nonce_hash": nonce_hash, "line_user_id": line_user_id, "linked_at": linked_at, "now": now}
    return (await connection.execute(_USE_NONCE, values)).scalar_one_or_none()


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


async def lock_waiting_notices(connection: AsyncConnection, *, account_id: int, line_user_id: str) -> Waiting:
    """Notices about this account that still wait to go to this LINE user."""
    values = {"account_id": account_id, "line_user_id": line_user_id}
    rows = (await connection.execute(_WAITING, values)).all()
    return Waiting(
        untried=[row.id for row in rows if not row.may_have_arrived],
        doubtful=[row.id for row in rows if row.may_have_arrived],
    )
