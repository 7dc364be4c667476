"""Registers a card at the gateway emulator through its hosted page, and keeps it as the account's active card."""

from dataclasses import asdict
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import text

from backend.ports import Registration
from tests.kit.ledger import Ledger
from tests.kit.simple_browser import SimpleBrowser

VISA = "4242424242424242"
_CUSTOMER = text("""
INSERT INTO gateway_customer (account_id, gateway, reference) VALUES (:account_id, 'sandbox', :reference)
ON CONFLICT (account_id, gateway) DO UPDATE SET reference = excluded.reference RETURNING account_id
""")
_CARD = text("""
INSERT INTO card_on_file (account_id, gateway, customer_reference, card_reference, brand, last4, exp_year, exp_month,
  fingerprint, three_ds_result, state, authenticated_at, consented_at, created_at)
VALUES (:account_id, 'sandbox', :customer_reference, :card_reference, :brand, :last4, :exp_year, :exp_month,
  :fingerprint, :three_ds_result, 'active', :authenticated_at, :now, :now) RETURNING id
""")


async def registered_card(ledger: Ledger, account_id: int, *, number: str = VISA) -> Registration:
    """The account's card is active afterwards, as after a first payment."""
    gateway, now = ledger.services.gateway, ledger.services.clock.now()
    customer = await gateway.ensure_customer(customer_number=str(account_id), key=f"kit-{account_id}")
    await ledger.one(_CUSTOMER, {"account_id": account_id, "reference": customer})
    opened = await gateway.open_registration(
        key=uuid4(),
        customer=customer,
        order_number="260000000000",
        return_url="http://127.0.0.1:9/back",
        origin="http://127.0.0.1:9",
        expires_at=now + timedelta(days=1),
    )
    browser = SimpleBrowser.new()
    await browser.open(opened.hosted_url)
    form = browser.form("入力内容を確認する")
    values = dict.fromkeys(form.fields, "") | {"number": number, "expiry": "12/30", "cvc": "123", "name": "H YAMADA"}
    async with browser.session.post(browser.url, data=values, allow_redirects=False):
        pass
    await browser.close()
    registration = await gateway.registration(opened.reference)
    assert registration.card is not None
    await ledger.one(_CARD, {"account_id": account_id, "now": now, **asdict(registration.card)})
    return registration
