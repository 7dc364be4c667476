"""A payer at the use cases' door: opens a link, enters a card on the gateway's page, presses お支払い."""

from datetime import datetime

import aiohttp

from backend.domain.identifiers import derive_token
from backend.domain.payment_page import PaymentPage
from backend.store.inbox import InboxEvent
from backend.usecases import take_first_payment
from backend.usecases.take_first_payment import PayerSession, ProvenPayer
from tests.kit.ledger import Ledger

GOOD, STOLEN = "4242424242424242", "4000000000009979"
_LINK = """SELECT l.id, right(a.phone, 4) FROM payment_link l JOIN payment_request r ON r.id = l.request_id
JOIN account a ON a.id = r.account_id ORDER BY l.created_at DESC, r.id DESC LIMIT 1"""


async def payer_with_card(ledger: Ledger, number: str = GOOD) -> str:
    """The cookie of a payer who stands on the confirmation page of the newest link."""
    services, now = ledger.services, ledger.services.clock.now()
    [(link_id, phone_tail)] = await ledger.rows(_LINK)
    token = derive_token(secret=services.link_secret, link_id=link_id)
    proven = await take_first_payment.prove_payer(services, token=token, phone_tail=phone_tail, now=now)
    assert isinstance(proven, ProvenPayer)
    registration = await take_first_payment.begin_card_entry(
        services,
        payer=await session_of(ledger, proven.cookie),
        return_url="http://127.0.0.1:9/back",
        consent_version="1",
        now=now,
    )
    form = {"number": number, "expiry": "12/30", "cvc": "123", "name": "H YAMADA"}
    async with (
        aiohttp.ClientSession() as browser,
        browser.post(registration.hosted_url, data=form, allow_redirects=False) as answer,
    ):
        assert answer.status == 303
    return proven.cookie


async def session_of(ledger: Ledger, cookie: str) -> PayerSession:
    [(order_number,)] = await ledger.rows("SELECT order_number FROM payment_request ORDER BY id DESC LIMIT 1")
    payer = await take_first_payment.find_payer(
        ledger.services, cookie=cookie, order_number=order_number, now=ledger.services.clock.now()
    )
    assert payer is not None
    return payer


def charge_event(attempt_id: str, *, now: datetime) -> InboxEvent:
    """The gateway's notification about an attempt, as the inbox hands it over."""
    body = {"id": "evt", "type": "charge.succeeded", "data": {"object": {"metadata": {"attempt_id": attempt_id}}}}
    return InboxEvent(
        id=1, source="gateway", event_id="evt", order_key="", body=body, attempts=1, occurred_at=now, received_at=now
    )


async def press(ledger: Ledger, payer: PayerSession) -> PaymentPage:
    return await take_first_payment.pay(
        ledger.services,
        payer=payer,
        transaction_id=payer.page.transaction_id,
        now=ledger.services.clock.now(),
    )
