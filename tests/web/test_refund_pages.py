"""After money went back, the pages say so: never paid when it is refunded, and nothing to pay again by itself."""

import pytest

from tests.kit.ledger import Ledger
from tests.usecases.refunds import approved, work
from tests.web.site import Site

TRANSACTION = "SELECT transaction_id FROM payment_attempt WHERE state = 'succeeded'"


async def refund(site: Site, *, amount: int | None = None) -> None:
    ledger = Ledger(services=site.services)
    [(transaction_id,)] = await ledger.rows(TRANSACTION)
    await approved(ledger, transaction_id, amount=amount)
    await work(ledger)


@pytest.mark.parametrize("page", ["done", "entry", "confirm"])
async def test_a_refunded_payment_is_shown_as_refunded(site: Site, page: str) -> None:
    payer = await site.payer()
    browser = await site.pay(payer)
    await refund(site)

    await browser.open(f"{site.base}/pay/{payer.order_number}/{page}")

    assert "返金済み" in browser.text
    assert "返金額" in browser.text
    assert "お支払いが完了しました" not in browser.text


async def test_a_partly_refunded_payment_stays_paid_and_names_what_went_back(site: Site) -> None:
    payer = await site.payer()
    browser = await site.pay(payer)
    await refund(site, amount=1234)

    await browser.open(f"{site.base}/pay/{payer.order_number}/done")

    assert "お支払いが完了しました" in browser.text
    assert "1,234円は、お支払いに使われたカードへ返金しました" in browser.text


async def test_the_url_of_a_refunded_payment_takes_no_second_one(site: Site) -> None:
    payer = await site.payer()
    await site.pay(payer)
    await refund(site)

    browser = await site.open(payer)

    assert "返金済み" in browser.text
    assert len(await site.charges()) == 1
