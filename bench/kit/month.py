"""Customers of a bench: accounts with a confirmed bill each, linked to LINE users that the emulator knows."""

import aiohttp
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from backend.store.engine import transaction

_CHUNK = 20_000  # user ids a call: below the emulator's body limit
# History is only ever added to; a bench forgets it by putting its guards to sleep for one transaction.
_SLEEP = text("SET LOCAL session_replication_role = replica")
_EMPTY = text("""
TRUNCATE account, bill, line_user, line_link, conversation, chat_message, inbox_event, staff_task, payment_request,
  payment_request_bill, payment_link, notice, notice_evidence RESTART IDENTITY CASCADE
""")
_ACCOUNTS = text("""
INSERT INTO account (customer_number, name_kanji, name_kana, phone, service_location, created_at)
SELECT lpad(n::text, 10, '0'), '山田 花子', 'ヤマダ ハナコ', '+8190' || lpad(n::text, 8, '0'),
  '東京都千代田区丸の内1-1-1', now()
FROM generate_series(1, CAST(:count AS integer)) n
""")
_BILLS = text("""
INSERT INTO bill (account_id, bill_number, billing_month, period_from, period_to, usage_kwh, amount, confirmed_on,
  state, created_at)
SELECT id, 'B' || customer_number, '2026-11', '2026-10-09', '2026-11-08', 300, 3000 + id % 20000, '2026-12-08',
  'finalized', now()
FROM account
""")
_USERS = text("""
INSERT INTO line_user (line_user_id, is_blocked, changed_at) SELECT 'U' || lpad(to_hex(id), 32, '0'), false, now()
FROM account
""")
_LINKS = text("""
INSERT INTO line_link (account_id, line_user_id, linked_at) SELECT id, 'U' || lpad(to_hex(id), 32, '0'), now()
FROM account
""")
_STATISTICS = text("ANALYZE")  # autovacuum would come along during the run


def user_id(number: int) -> str:
    """The LINE user of the n-th customer, from 1."""
    return f"U{number:032x}"


async def fill(engine: AsyncEngine, *, customers: int) -> None:
    """Forget everybody and everything, then write `customers` new ones with a bill of last month."""
    async with transaction(engine) as connection:
        await connection.execute(_SLEEP)
        await connection.execute(_EMPTY)
    async with transaction(engine) as connection:
        await connection.execute(_ACCOUNTS, {"count": customers})
        for statement in (_BILLS, _USERS, _LINKS, _STATISTICS):
            await connection.execute(statement)


async def analyze(engine: AsyncEngine) -> None:
    """Take the statistics that autovacuum would take within a minute of an opening."""
    async with transaction(engine) as connection:
        await connection.execute(_STATISTICS)


async def make_friends(http: aiohttp.ClientSession, line: str, *, customers: int) -> None:
    """Let the LINE emulator forget everything and know exactly these users."""
    async with http.post(f"{line}/_control/reset") as answer:
        answer.raise_for_status()
    for start in range(1, customers + 1, _CHUNK):
        ids = [user_id(number) for number in range(start, min(start + _CHUNK, customers + 1))]
        async with http.post(f"{line}/_control/users/bulk", json={"userIds": ids}) as answer:
            answer.raise_for_status()
