"""SQL that looks at accounts (places of use)."""

from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_ALL = text("""
SELECT a.id, a.customer_number, a.name_kanji, a.phone, k.line_user_id
FROM account a LEFT JOIN line_link k ON k.account_id = a.id AND k.unlinked_at IS NULL
ORDER BY a.id LIMIT :size
""")

_ID = text("SELECT id FROM account WHERE customer_number = :customer_number")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One place of use with the person behind it."""

    id: int
    customer_number: str
    name_kanji: str = field(repr=False)
    phone: str = field(repr=False)
    line_user_id: str | None = field(repr=False)  # whose LINE the account is linked to


async def list_accounts(connection: AsyncConnection, *, size: int) -> list[Account]:
    """The first accounts, oldest first."""
    return [Account(**row) for row in (await connection.execute(_ALL, {"size": size})).mappings()]


async def find_account(connection: AsyncConnection, *, customer_number: str) -> int | None:
    """The id of the account with this number; None when there is none."""
    found: int | None = (await connection.execute(_ID, {"customer_number": customer_number})).scalar_one_or_none()
    return found
