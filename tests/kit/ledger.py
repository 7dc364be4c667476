"""Short ways to put accounts, bills and cards into the database, and to look at what became of them."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from backend.usecases.services import Services

_ACCOUNT = text("""
INSERT INTO account (customer_number, name_kanji, name_kana, phone, service_location, created_at)
VALUES (:number, '山田 花子', 'ヤマダ ハナコ', :phone, '東京都千代田区丸の内1-1-1', :now) RETURNING id
""")
_BILL = text("""
INSERT INTO bill (account_id, bill_number, billing_month, period_from, period_to, usage_kwh, amount, confirmed_on,
  state, created_at)
VALUES (:account_id, :number, :month, CAST(:month || '-01' AS date), CAST(:month || '-28' AS date), 250, :amount,
  CAST(CAST(:confirmed AS text) AS date), 'finalized', :now) RETURNING id
""")


@dataclass(kw_only=True)
class Ledger:
    """The database of one test, written and read directly."""

    services: Services

    async def account(self, serial: int = 1) -> int:
        values = {
            "number": f"{serial:010d}",
            "phone": f"+8190{serial:08d}",
            "now": self.services.clock.now(),
        }
        return int(await self.one(_ACCOUNT, values))

    async def bill(self, account_id: int, month: str, amount: int, *, confirmed: str | None = None) -> int:
        values = {
            "account_id": account_id,
            "number": f"B{account_id}-{month}",
            "month": month,
            "amount": amount,
            "confirmed": confirmed or f"{month}-08",
            "now": self.services.clock.now(),
        }
        return int(await self.one(_BILL, values))

    async def one(self, statement: Any, values: dict[str, Any] | None = None) -> Any:
        async with self.services.engine.begin() as connection:
            return (await connection.execute(statement, values or {})).scalar_one()

    async def change(self, statement: str, **values: object) -> None:
        async with self.services.engine.begin() as connection:
            await connection.execute(text(statement), values)

    async def forget_everybody(self) -> None:
        """As if nothing had ever been."""
        everything = "account, bill, payment_request, payment_request_bill, payment_link, notice, notice_evidence"
        await self.forget(f"TRUNCATE {everything} CASCADE")

    async def forget(self, *statements: str) -> None:
        """History is only ever added to; its guards sleep for this one transaction."""
        async with self.services.engine.begin() as connection:
            await connection.execute(text("SET LOCAL session_replication_role = replica"))
            for statement in statements:
                await connection.execute(text(statement))

    async def rows(self, query: str, **values: object) -> list[tuple[Any, ...]]:
        async with self.services.engine.begin() as connection:
            return [tuple(row) for row in await connection.execute(text(query), values)]
