"""A card that has been refused is not charged again under another name (invariant 10)."""

from tests.kit.clock import FakeClock
from tests.web.site import DECLINES_ALWAYS, ENTER_AGAIN, PAY, STOLEN, VISA, Payer, Site

REFUSED = "このカードではお支払いいただけませんでした"


async def _declined(site: Site, payer: Payer, number: str, *, times: int) -> None:
    browser = await site.pay(payer, number)
    for _ in range(times - 1):
        await browser.press(ENTER_AGAIN)
        await site.type_card(browser, number)
        await browser.press(PAY)


async def test_a_hard_declined_card_that_is_entered_anew_is_not_charged_again(site: Site) -> None:
    payer = await site.payer()
    browser = await site.pay(payer, STOLEN)
    await browser.press(ENTER_AGAIN)
    await site.type_card(browser, STOLEN)

    assert REFUSED in browser.text
    assert PAY not in browser.buttons
    assert len(await site.charges()) == 1


async def test_a_hard_declined_card_is_not_charged_for_another_account_either_and_another_card_is(site: Site) -> None:
    await site.pay(await site.payer(), STOLEN)
    other = await site.payer(2)

    browser = await site.to_confirmation(other, STOLEN)
    assert REFUSED in browser.text
    await browser.press(ENTER_AGAIN)
    await site.type_card(browser, VISA)
    await browser.press(PAY)

    assert "お支払いが完了しました" in browser.text
    assert [charge["status"] for charge in await site.charges()] == ["declined", "succeeded"]


async def test_a_press_that_goes_round_the_page_does_not_charge_a_refused_card(site: Site) -> None:
    payer = await site.payer()
    other = await site.payer(2)
    browser = await site.to_confirmation(other, STOLEN)  # both stand before the button
    form = browser.form(PAY)
    await site.pay(payer, STOLEN)

    async with browser.session.post(f"{site.base}{form.action}", data=form.fields) as answer:
        assert answer.status == 200

    assert len(await site.charges()) == 1


async def test_a_soft_declined_card_is_tried_three_times_in_thirty_days_also_across_urls(
    site: Site, clock: FakeClock
) -> None:
    payer = await site.payer()
    await _declined(site, payer, DECLINES_ALWAYS, times=3)
    fourth = await site.browser().open(f"{site.base}/p/{payer.token}")
    await fourth.press("同意してカード情報の入力へ", phone_tail=payer.phone_tail)
    await site.type_card(fourth, DECLINES_ALWAYS)
    refused = fourth.text

    clock.go_to("2026-12-15T10:00")
    later = await site.payer(2)
    browser = await site.to_confirmation(later, DECLINES_ALWAYS)

    assert REFUSED in refused
    assert len(await site.charges()) == 3
    assert PAY in browser.buttons
