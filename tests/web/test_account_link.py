"""From a LINE chat to the account: our page, LINE's dialog, its event, and the end of a link."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from backend.domain.states import ChannelName, NoticeKind
from backend.store import notices
from backend.usecases import link_line_account
from backend.usecases.link_line_account import LinkedAccount
from tests.kit.clock import FakeClock
from tests.kit.simple_browser import SimpleBrowser
from tests.web.people import LINE_USER, LINK, NUMBER, PHONE, SEND_CODE, codes, customer, invited
from tests.web.site import Site

OTHER_USER = "U" + "b" * 32
LIVE = "SELECT line_user_id FROM line_link WHERE unlinked_at IS NULL"


async def test_the_right_code_leads_to_lines_dialog_with_a_nonce(site: Site) -> None:
    await customer(site)

    location = await _to_dialog(site)
    user, nonce = site.dialog.asked[0]

    assert location == f"{site.dialog.origin}/dialog?nonce={nonce}"
    assert user == LINE_USER
    assert 10 <= len(nonce) <= 255


async def test_the_page_may_lead_to_lines_dialog(site: Site) -> None:
    await customer(site)
    browser = await _ask(site)

    async with browser.session.get(browser.url) as answer:
        policy = answer.headers["Content-Security-Policy"]

    assert f"form-action 'self' {site.dialog.origin}" in policy


async def test_linking_says_that_it_can_be_undone(site: Site) -> None:
    browser = await site.browser().open(await invited(site))

    assert "いつでも解除できます" in browser.text


async def test_the_event_links_the_user(site: Site) -> None:
    account_id = await customer(site)

    linked = await _accept(site, nonce=await _nonce(site, account_id))

    assert linked == LinkedAccount(account_id=account_id, number_tail="0001")
    assert await site.ledger.rows(LIVE) == [(LINE_USER,)]


@pytest.mark.parametrize("result", ["failed", "", "something new"])
async def test_a_failed_dialog_links_nobody(site: Site, result: str) -> None:
    nonce = await _nonce(site, await customer(site))

    linked = await _accept(site, nonce=nonce, result=result)

    assert linked is None
    assert await site.ledger.rows(LIVE) == []


async def test_a_nonce_is_good_once(site: Site) -> None:
    nonce = await _nonce(site, await customer(site))
    await _accept(site, nonce=nonce)

    again = await _accept(site, nonce=nonce, user=OTHER_USER)

    assert again is None
    assert await site.ledger.rows(LIVE) == [(LINE_USER,)]


async def test_a_nonce_is_good_for_ten_minutes(site: Site, clock: FakeClock) -> None:
    nonce = await _nonce(site, await customer(site))
    clock.forward(minutes=10)

    linked = await _accept(site, nonce=nonce)

    assert linked is None


async def test_the_database_does_not_hold_the_nonce(site: Site) -> None:
    nonce = await _nonce(site, await customer(site))

    rows = await site.dump()

    assert [row for table in rows.values() for row in table if nonce in row] == []


async def test_f60_a_new_line_user_takes_the_account_over_and_the_former_loses_it(site: Site) -> None:
    account_id = await customer(site)
    await _accept(site, nonce=await _nonce(site, account_id))
    await _wait_for_line(site, account_id)

    await _accept(site, nonce=await _nonce(site, account_id, user=OTHER_USER), user=OTHER_USER)

    assert await site.ledger.rows(LIVE) == [(OTHER_USER,)]
    assert await site.ledger.rows("SELECT kind, account_id FROM staff_task") == [("line_user_replaced", account_id)]
    waiting = await site.ledger.rows("SELECT channel, state FROM notice ORDER BY id")
    assert waiting == [("line", "failed"), ("sms", "queued")]


async def test_one_line_user_may_have_several_accounts(site: Site) -> None:
    first, second = await customer(site, 1), await customer(site, 2, phone="+819087654321")

    for account_id in (first, second):
        await _accept(site, nonce=await _nonce(site, account_id))

    assert await site.ledger.rows(LIVE) == [(LINE_USER,), (LINE_USER,)]


async def test_linking_again_changes_nothing(site: Site) -> None:
    account_id = await customer(site)

    for _ in range(2):
        await _accept(site, nonce=await _nonce(site, account_id))

    assert await site.ledger.rows("SELECT count(*) FROM line_link") == [(1,)]


async def test_unlinking_sends_what_waits_by_sms(site: Site) -> None:
    account_id = await customer(site)
    await _accept(site, nonce=await _nonce(site, account_id))
    await _wait_for_line(site, account_id)

    ended = await _unlink(site, account_id)
    again = await _unlink(site, account_id)

    assert (ended, again) == (True, False)
    assert await site.ledger.rows(LIVE) == []
    assert await site.ledger.rows("SELECT state FROM notice WHERE channel = 'sms'") == [("queued",)]


async def test_unlinking_leaves_what_may_have_arrived_to_people_and_not_to_sms(site: Site) -> None:
    account_id = await customer(site)
    await _accept(site, nonce=await _nonce(site, account_id))
    await _wait_for_line(site, account_id)
    async with site.services.engine.begin() as connection:
        await connection.execute(text("UPDATE notice SET first_sent_at = created_at, last_sent_at = created_at"))

    await _unlink(site, account_id)

    assert await site.ledger.rows("SELECT channel, state FROM notice") == [("line", "needs_human")]
    assert await site.ledger.rows("SELECT kind FROM staff_task") == [("notice_unclear",)]


async def test_a_stranger_cannot_unlink_somebody_else(site: Site) -> None:
    account_id = await customer(site)
    await _accept(site, nonce=await _nonce(site, account_id))

    ended = await _unlink(site, account_id, user=OTHER_USER)

    assert not ended
    assert await site.ledger.rows(LIVE) == [(LINE_USER,)]


async def test_an_old_invitation_is_over(site: Site, clock: FakeClock) -> None:
    url = await invited(site)
    clock.forward(minutes=61)

    browser = await site.browser().open(url)

    assert browser.status == 404
    assert "このURLはお使いいただけません" in browser.text


async def test_without_line_the_page_says_so(site: Site) -> None:
    await customer(site)
    site.dialog.is_away = True
    browser = await _ask(site)

    await browser.press(LINK, code=(await codes(site))[-1])

    assert browser.status == 503
    assert "LINEと通信できませんでした" in browser.text


async def _ask(site: Site) -> SimpleBrowser:
    browser = await site.browser().open(await invited(site))
    return await browser.press(SEND_CODE, customer_number=NUMBER, phone=PHONE)


async def _to_dialog(site: Site) -> str:
    browser = await _ask(site)
    data = {"code": (await codes(site))[-1]}
    async with browser.session.post(browser.url, data=data, allow_redirects=False) as answer:
        assert answer.status == 303
        return answer.headers["Location"]


async def _nonce(site: Site, account_id: int, *, user: str = LINE_USER) -> str:
    return await link_line_account.issue_nonce(
        site.services, account_id=account_id, line_user_id=user, now=site.services.clock.now()
    )


async def _accept(site: Site, *, nonce: str, result: str = "ok", user: str = LINE_USER) -> LinkedAccount | None:
    async with site.services.engine.begin() as connection:
        return await link_line_account.accept(
            site.services,
            connection,
            line_user_id=user,
            nonce=nonce,
            result=result,
            linked_at=site.services.clock.now(),
            now=site.services.clock.now(),
        )


async def _unlink(site: Site, account_id: int, *, user: str = LINE_USER) -> bool:
    async with site.services.engine.begin() as connection:
        return await link_line_account.unlink(
            site.services, connection, line_user_id=user, account_id=account_id, now=site.services.clock.now()
        )


async def _wait_for_line(site: Site, account_id: int) -> None:
    """A notice about the account that still waits to go to the linked chat."""
    now = site.services.clock.now()
    notice = notices.NewNotice(
        dedupe_key="card_change_received:1:line",
        kind=NoticeKind.CARD_CHANGE_RECEIVED,
        channel=ChannelName.LINE,
        address=LINE_USER,
        account_id=account_id,
        facts={"number_tail": "0001"},
    )
    async with site.services.engine.begin() as connection:
        await notices.enqueue(connection, notices=[notice], now=now, not_before=now + timedelta(hours=1))
