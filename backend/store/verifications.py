"""SQL for one-time codes: made for an account (or for nobody, so that guessing teaches nothing), tried, used once."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# The lock makes two starts for one account count each other.
_FIND_ACCOUNT = text("""
SELECT id FROM account WHERE customer_number = :customer_number AND phone = :phone FOR NO KEY UPDATE
""")

_COUNT_CODES = text("SELECT count(*) FROM verification WHERE account_id = :account_id AND created_at > :since")

_CREATE = text("""
INSERT INTO verification (id, purpose, account_id, code_hash, created_at, expires_at)
VALUES (:id, :purpose, :account_id, :code_hash, :now, :expires_at)
""")

_LOCK = text("""
SELECT account_id, code_hash, failures, expires_at, used_at FROM verification
WHERE id = :id AND purpose = :purpose FOR UPDATE
""")

_COUNT_FAILURE = text("UPDATE verification SET failures = failures + 1 WHERE id = :id")

_USE = text("UPDATE verification SET used_at = :now WHERE id = :id")


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedVerification:
    """A verification, locked until the transaction ends."""

    account_id: int | None
    code_hash: bytes = field(repr=False)
    failures: int
    expires_at: datetime
    used_at: datetime | None


async def lock_account(connection: AsyncConnection, *, customer_number: str, phone: str) -> int | None:
    """The account that has both this customer number and this phone (E.164)."""
    values = {"customer_number": customer_number, "phone": phone}
    return (await connection.execute(_FIND_ACCOUNT, values)).scalar_one_or_none()


async def count_codes(connection: AsyncConnection, *, account_id: int, since: datetime) -> int:
    """How many codes an account was sent after `since`."""
    return int((await connection.execute(_COUNT_CODES, {"account_id": account_id, "since": since})).scalar_one())


async def create(
    connection: AsyncConnection,
    *,
    verification_id: UUID,
    purpose: str,
    account_id: int | None,
    code_hash: bytes,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Remember that somebody was asked for a code."""
    values = {
        "id": verification_id,
        "purpose": purpose,
        "account_id": account_id,
        "code_hash": code_hash,
        "now": now,
        "expires_at": expires_at,
    }
    await connection.execute(_CREATE, values)


async def lock(connection: AsyncConnection, *, verification_id: UUID, purpose: str) -> LockedVerification | None:
    """The verification, locked: two tries at once are counted as two."""
    found = await connection.execute(_LOCK, {"id": verification_id, "purpose": purpose})
    row = found.mappings().one_or_none()
    return LockedVerification(**row) if row else None


async def count_failure(connection: AsyncConnection, *, verification_id: UUID) -> None:
    """One more wrong code."""
    await connection.execute(_COUNT_FAILURE, {"id": verification_id})


async def use(connection: AsyncConnection, *, verification_id: UUID, now: datetime) -> None:
    """The right code was given: it is worth nothing from now on."""
    await connection.execute(_USE, {"id": verification_id, "now": now})
