import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.emulators.line_kit import AUTH, USER, Line, running_line

NONCE = "n" * 43
PAGE = "/dialog/bot/accountLink"
MENU = {
    "size": {"width": 2500, "height": 843},
    "selected": True,
    "name": "月払い",
    "chatBarText": "メニュー",
    "areas": [
        {
            "bounds": {"x": 0, "y": 0, "width": 1250, "height": 843},
            "action": {"type": "message", "text": "今月の金額"},
        }
    ],
}
PICTURE = b"\x89PNG\r\n\x1a\n" + b"\0" * 8 + struct.pack(">II", 2500, 843)


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    async with running_line() as running:
        yield running


async def link_token(line: Line) -> str:
    status, body = await line.call(f"/v2/bot/user/{USER}/linkToken")
    assert status == 200
    return str(body["linkToken"])


async def agree(line: Line, token: str, nonce: str = NONCE) -> int:
    form = {"linkToken": token, "nonce": nonce}
    async with line.client.post(PAGE, data=form) as response:
        return response.status


async def test_the_page_asks_before_it_links(line: Line) -> None:
    token = await link_token(line)
    query = {"linkToken": token, "nonce": NONCE}

    async with line.client.get(PAGE, params=query) as response:
        page = await response.text()

    assert response.status == 200
    assert "連携する" in page
    assert await line.events() == []


async def test_agreeing_tells_the_bot_the_nonce(line: Line) -> None:
    assert await agree(line, await link_token(line)) == 200

    event = (await line.events())[0]
    assert event["link"] == {"result": "ok", "nonce": NONCE}
    assert event["source"]["userId"] == USER
    assert event["replyToken"]


async def test_a_failed_link_names_nobody(line: Line) -> None:
    await line.control("limits", {"account_link": "failed"})
    await agree(line, await link_token(line))

    event = (await line.events())[0]
    assert event["link"]["result"] == "failed"
    assert "source" not in event
    assert "replyToken" not in event


async def test_a_used_link_token_is_an_error_page_and_no_webhook(line: Line) -> None:
    token = await link_token(line)
    await agree(line, token)

    assert await agree(line, token) == 400
    assert len(await line.events()) == 1


async def test_an_old_link_token_is_an_error_page_and_no_webhook(line: Line) -> None:
    token = await link_token(line)
    await line.control("clock", {"offset_seconds": 601})

    assert await agree(line, token) == 400
    assert await line.events() == []


async def test_a_short_nonce_is_refused(line: Line) -> None:
    assert await agree(line, await link_token(line), "short") == 400


async def test_names_are_escaped_on_the_page(line: Line) -> None:
    added = await line.control("users", {"displayName": "<b>佐藤"})
    _, body = await line.call(f"/v2/bot/user/{added['userId']}/linkToken")

    query = {"linkToken": body["linkToken"], "nonce": NONCE}
    async with line.client.get(PAGE, params=query) as response:
        assert "&lt;b&gt;佐藤" in await response.text()


async def make_menu(line: Line, **changes: Any) -> tuple[int, Any]:
    return await line.call("/v2/bot/richmenu", {**MENU, **changes})


async def upload(line: Line, menu: str, data: bytes = PICTURE) -> int:
    headers = {**AUTH, "Content-Type": "image/png"}
    path = f"/v2/bot/richmenu/{menu}/content"
    async with line.client.post(path, data=data, headers=headers) as response:
        return response.status


async def test_a_rich_menu_needs_its_picture_before_it_is_shown(line: Line) -> None:
    _, made = await make_menu(line)
    show = f"/v2/bot/user/all/richmenu/{made['richMenuId']}"

    assert (await line.call(show))[0] == 400
    assert await upload(line, made["richMenuId"]) == 200
    assert (await line.call(show))[0] == 200
    assert await line.call("/v2/bot/user/all/richmenu", method="GET") == (200, made)


async def test_a_picture_of_another_size_is_refused(line: Line) -> None:
    _, made = await make_menu(line)
    small = PICTURE[:16] + struct.pack(">II", 800, 270)

    assert await upload(line, made["richMenuId"], small) == 400


async def test_a_rich_menu_can_be_given_to_one_person_and_taken_away(line: Line) -> None:
    _, made = await make_menu(line)
    await upload(line, made["richMenuId"])
    own = f"/v2/bot/user/{USER}/richmenu"

    assert (await line.call(f"{own}/{made['richMenuId']}"))[0] == 200
    assert await line.call(own, method="GET") == (200, made)
    assert (await line.call(own, method="DELETE"))[0] == 200
    assert (await line.call(own, method="GET"))[0] == 404


async def test_the_phone_page_sees_the_menu_that_a_person_sees(line: Line) -> None:
    _, made = await make_menu(line)
    await upload(line, made["richMenuId"])
    before = await line.look(f"users/{USER}/richmenu")

    await line.call(f"/v2/bot/user/all/richmenu/{made['richMenuId']}")

    assert before == {"richmenu": None}
    seen = await line.look(f"users/{USER}/richmenu")
    assert seen["richmenu"]["areas"] == MENU["areas"]


async def test_an_alias_points_to_a_menu(line: Line) -> None:
    _, made = await make_menu(line)
    await upload(line, made["richMenuId"])

    await line.call("/v2/bot/richmenu/alias", {"richMenuAliasId": "main", **made})

    _, found = await line.call("/v2/bot/richmenu/alias/main", method="GET")
    assert found == {"richMenuAliasId": "main", **made}
    assert (await line.call("/v2/bot/richmenu/alias/main", method="DELETE"))[0] == 200


@pytest.mark.parametrize(
    "changes", [{"chatBarText": "あ" * 15}, {"size": {"width": 800, "height": 800}}, {"areas": [{}]}]
)
async def test_a_rich_menu_out_of_bounds_is_refused(line: Line, changes: dict[str, Any]) -> None:
    assert (await make_menu(line, **changes))[0] == 400


async def test_the_bot_knows_its_own_name(line: Line) -> None:
    _, body = await line.call("/v2/bot/info", method="GET")

    assert body["displayName"] == "月払い電気"
