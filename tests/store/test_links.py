"""The month's set-based token derivation is the same as the one in Python."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.identifiers import TOKEN_LENGTH, derive_token, hash_token
from backend.store.links import create_links, find_link
from backend.usecases.services import Services
from tests.kit.clock import jst


async def test_a_link_made_in_sql_opens_with_the_token_derived_in_python(services: Services) -> None:
    async with services.engine.begin() as connection:
        request_id = await _a_request(connection, now=jst("2026-11-10T10:00"))
        await create_links(
            connection, request_ids=[request_id], secret=services.link_secret, now=jst("2026-11-10T10:00")
        )
        link = (await connection.execute(text("SELECT id, token_hash FROM payment_link"))).one()
        token = derive_token(secret=services.link_secret, link_id=link.id)

        assert len(token) == TOKEN_LENGTH
        assert link.token_hash == hash_token(token)
        assert await find_link(connection, token=token) == link.id


async def _a_request(connection: AsyncConnection, *, now: datetime) -> int:
    statement = text("""
        WITH a AS (
          INSERT INTO account (customer_number, name_kanji, name_kana, phone, service_location, created_at)
          VALUES ('0012345678', '山田 花子', 'ヤマダ ハナコ', '+819000001234', '東京都千代田区1-1', :now) RETURNING id)
        INSERT INTO payment_request
          (account_id, order_number, amount, bill_count, state, way, opened_at, valid_until)
        SELECT id, '261100000001', 1000, 1, 'open', 'link', :now, :now FROM a RETURNING id""")
    return int((await connection.execute(statement, {"now": now})).scalar_one())
