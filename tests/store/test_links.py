"""The month's set-based token derivation is the same as the one in Python."""

from sqlalchemy import text

from backend.domain.identifiers import TOKEN_LENGTH, derive_token, hash_token
from backend.store.links import find_link
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.services import Services
from tests.kit.ledger import Ledger


async def test_a_link_made_in_sql_opens_with_the_token_derived_in_python(services: Services, ledger: Ledger) -> None:
    await ledger.bill(await ledger.account(), "2026-11", 1000)
    await open_payment_requests(services, now=services.clock.now())

    async with services.engine.begin() as connection:
        link = (await connection.execute(text("SELECT id, token_hash FROM payment_link"))).one()
        token = derive_token(secret=services.link_secret, link_id=link.id)

        assert len(token) == TOKEN_LENGTH
        assert link.token_hash == hash_token(token)
        assert await find_link(connection, token=token) == link.id
