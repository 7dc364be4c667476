"""Doors: the identity question under a parallel attack, and what production refuses."""

import asyncio

import pytest

from app.settings import Environment, SettingsRefusedError, load_settings
from backend.domain.identifiers import derive_token
from backend.domain.payment_page import PROOF_TRIES
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.take_first_payment import prove_payer
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger

REAL = {
    "environment": Environment.PRODUCTION,
    "database_url": "postgresql://db.example/x",
    "public_base_url": "https://pay.example.jp",
    "line_api_base": "https://api.line.me",
    "twilio_api_base": "https://api.twilio.com",
    "line_channel_secret": "c" * 32,
    "line_channel_access_token": "t" * 100,
    "twilio_auth_token": "a" * 32,
    "link_secret": "s" * 48,
}


async def test_f42_guessing_in_parallel_gets_no_more_tries_than_guessing_in_turn(
    ledger: Ledger, clock: FakeClock
) -> None:
    await ledger.bill(await ledger.account(), "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())
    [(link_id,)] = await ledger.rows("SELECT id FROM payment_link")
    token = derive_token(secret=ledger.services.link_secret, link_id=link_id)

    async with asyncio.TaskGroup() as group:
        for guess in range(40):
            answer = prove_payer(ledger.services, token=token, phone_tail=f"9{guess:03d}", now=clock.now())
            group.create_task(answer)

    assert await ledger.rows("SELECT proof_failures FROM payment_link") == [(PROOF_TRIES,)]


@pytest.mark.parametrize("name", ["line_channel_secret", "twilio_auth_token", "link_secret"])
@pytest.mark.parametrize("value", ["", "short"])
def test_production_refuses_a_blank_or_guessable_secret(name: str, value: str) -> None:
    with pytest.raises(SettingsRefusedError, match=name.upper()):
        load_settings(**{**REAL, name: value})
