"""From the URL to the completion page, as a person without JavaScript walks it (R16-R19)."""

from tests.web.site import CONSENT, Site


async def test_r19_a_payer_goes_from_the_url_to_the_completion(site: Site) -> None:
    payer = await site.payer()

    browser = await site.pay(payer)

    assert browser.url == f"{site.base}/pay/{payer.order_number}/done"
    assert "お支払いが完了しました" in browser.text
    assert "7,480円" in browser.text
