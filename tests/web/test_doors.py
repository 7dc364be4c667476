"""What stands before every page: headers, hosts, origins, bodies, limits, and probes."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import aiohttp
import pytest
from sqlalchemy import text

from backend.web.app import create_web_app
from backend.web.keys import RENDERER
from tests.kit.servers import free_port, serving
from tests.web.site import CONSENT, Site

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("path", ["/apply", "/p/unknown", "/nowhere", "/healthz", "/static/unknown.css"])
async def test_every_answer_carries_the_strict_headers(site: Site, path: str) -> None:
    headers = (await _get(site, path))[1]

    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Server"] == "-"
    assert "Strict-Transport-Security" not in headers


async def test_only_the_entry_page_may_frame_the_gateway(site: Site) -> None:
    browser = await site.prove(await site.payer())

    async with browser.session.get(browser.url) as answer:
        entry = answer.headers["Content-Security-Policy"]
    _, other, _ = await _get(site, "/apply")

    assert entry.endswith(f"form-action 'self'; frame-ancestors 'none'; frame-src {site.gateway}")
    assert "frame-src" not in other["Content-Security-Policy"]


async def test_the_session_cookie_is_closed_to_scripts_and_other_sites(site: Site) -> None:
    payer = await site.payer()
    browser = await site.open(payer)
    form = browser.form(CONSENT)

    data = {**form.fields, "phone_tail": payer.phone_tail}
    async with browser.session.post(browser.url, data=data, allow_redirects=False) as answer:
        cookie = answer.headers["Set-Cookie"]

    assert cookie.startswith(f"pay-{payer.order_number}=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=3600"} <= set(cookie.split("; "))


async def test_over_https_the_cookie_is_bound_to_the_host_and_the_browser_to_https(site: Site) -> None:
    payer, port = await site.payer(), free_port()
    services = replace(site.services, public_base_url="https://pay.example.jp")
    app = create_web_app(services=services, pages=site.pages, line_link=site.dialog)
    consent = app[RENDERER].consent_version
    form = {"phone_tail": payer.phone_tail, "consent_version": consent}

    async with (
        serving(app, port) as url,
        aiohttp.ClientSession() as http,
        http.post(
            f"{url}/p/{payer.token}", data=form, headers={"Host": "pay.example.jp"}, allow_redirects=False
        ) as answer,
    ):
        cookie, headers = answer.headers["Set-Cookie"], answer.headers

    assert cookie.startswith(f"__Host-pay-{payer.order_number}=")
    assert {"HttpOnly", "Secure", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    assert headers["Strict-Transport-Security"].startswith("max-age=63072000")


async def test_a_parser_error_does_not_name_the_server(site: Site) -> None:
    answer = await _raw(site, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nBad Header\r\n\r\n")

    assert b" 400 " in answer.partition(b"\r\n")[0]
    assert b"aiohttp" not in answer.lower()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "127.0.0.1"])
async def test_f85_another_host_is_misdirected(site: Site, host: str) -> None:
    status, _, body = await _get(site, "/apply", {"Host": host})

    assert status == 421
    assert "evil" not in body


async def test_f97_an_absolute_target_with_another_host_is_misdirected(site: Site) -> None:
    own = site.base.removeprefix("http://").encode()

    answer = await _raw(site, b"GET http://evil.example/apply HTTP/1.1\r\nHost: " + own + b"\r\n\r\n")

    assert b" 421 " in answer.partition(b"\r\n")[0]


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_a_form_from_another_site_is_refused(site: Site, headers: dict[str, str]) -> None:
    status, _, _ = await _post(site, "/apply", b"customer_number=1&phone=1", headers)

    assert status == 403


@pytest.mark.parametrize("headers", [{}, {"Origin": "null"}, {"Origin": "null", "Sec-Fetch-Site": "same-origin"}])
async def test_old_phones_without_these_headers_may_send_forms(site: Site, headers: dict[str, str]) -> None:
    status, _, _ = await _post(site, "/apply", b"customer_number=1&phone=1", headers)

    assert status == 422


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"phone_tail=%ff%fe", {}, 400),
        (b"phone_tail=\xff\xfe", {}, 400),
        (b"phone_tail=1&phone_tail=2", {}, 400),
        (b"phone_tail=%00", {}, 400),
        (b"a=" + b"1" * 1000, {}, 400),
        (b"&".join(b"f%d=1" % n for n in range(50)), {}, 400),
        (b"phone_tail=1", {"Content-Type": "application/x-www-form-urlencoded; charset=nonsense"}, 400),
        (b"phone_tail=1", {"Content-Type": "application/x-www-form-urlencoded; charset=utf-16"}, 400),
        (b'{"phone_tail": "1"}', {"Content-Type": "application/json"}, 415),
        (b"--x\r\n\r\n--x--", {"Content-Type": "multipart/form-data; boundary=x"}, 415),
        (b"a=" + b"1" * 70_000, {}, 413),
        (b"", {}, 422),
    ],
)
async def test_an_odd_body_gets_a_page_and_never_a_failure(
    site: Site, body: bytes, headers: dict[str, str], status: int
) -> None:
    payer = await site.payer()

    found, answered, text = await _post(site, f"/p/{payer.token}", body, headers)

    assert found == status
    assert answered["Content-Type"] == "text/html; charset=utf-8"
    assert 'lang="ja"' in text


@pytest.mark.parametrize(
    "path",
    ["/p/%00", "/p/%ff", "/p/あ", "/p/" + "a" * 5000, "/pay/%00/done", "/pay/あ/entry", "/apply/%00", "/link/%ff/x"],
)
async def test_an_odd_path_gets_a_page_and_never_a_failure(site: Site, path: str) -> None:
    answer = await _raw(site, f"GET {path} HTTP/1.1\r\nHost: {site.base[7:]}\r\nConnection: close\r\n\r\n".encode())

    assert answer.partition(b"\r\n")[0].split()[1] in {b"400", b"403", b"404"}


async def test_an_odd_cookie_gets_a_page_and_never_a_failure(site: Site) -> None:
    payer = await site.payer()
    order, host = payer.order_number.encode(), site.base[7:].encode()
    cookie = b"Cookie: pay-" + order + b"=\xff\xfe\r\n\r\n"

    answer = await _raw(site, b"GET /pay/" + order + b"/done HTTP/1.1\r\nHost: " + host + b"\r\n" + cookie)

    assert answer.partition(b"\r\n")[0].split()[1] in {b"400", b"403"}


async def test_another_method_is_told_which_ones_there_are(site: Site) -> None:
    async with aiohttp.ClientSession() as http, http.delete(f"{site.base}/apply") as answer:
        status, allowed = answer.status, answer.headers["Allow"]

    assert status == 405
    assert "POST" in allowed


async def test_f84_every_unknown_token_gets_the_same_answer(site: Site) -> None:
    answers = [await _get(site, f"/p/{token}") for token in ("A" * 22, "short", "nobody-knows-this-one-")]

    assert {status for status, _, _ in answers} == {404}
    assert len({body for _, _, body in answers}) == 1


async def test_f84_many_unknown_tokens_are_slowed_down_but_a_true_one_still_opens(site: Site) -> None:
    payer = await site.payer()

    statuses = [(await _get(site, f"/p/{n:022d}"))[0] for n in range(21)]
    known, _, _ = await _get(site, f"/p/{payer.token}")

    assert statuses == [404] * 20 + [429]
    assert known == 200


async def test_the_process_says_that_it_lives_and_is_ready(site: Site) -> None:
    alive, _, _ = await _get(site, "/healthz", {"Host": "10.0.0.7"})
    ready, _, _ = await _get(site, "/readyz", {"Host": "10.0.0.7"})

    assert (alive, ready) == (200, 200)


@pytest.mark.parametrize(("schema", "expected"), [("0001", 503), ("9999", 200)], ids=["older", "newer"])
async def test_f69_a_process_is_ready_for_a_newer_schema_and_not_for_an_older_one(
    site: Site, schema: str, expected: int
) -> None:
    await site.ledger.change("UPDATE alembic_version SET version_num = :schema", schema=schema)

    status, _, _ = await _get(site, "/readyz")

    assert status == expected


@pytest.mark.leaves_violations("a table is taken away")
async def test_an_unexpected_failure_is_a_japanese_page_with_a_number(site: Site) -> None:
    payer = await site.payer()
    async with site.services.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE payment_link RENAME TO gone"))

    status, headers, body = await _get(site, f"/p/{payer.token}")

    assert status == 500
    assert headers["X-Request-Id"] in body
    assert "画面を表示できませんでした" in body


async def test_the_first_page_is_light(site: Site) -> None:
    payer = await site.payer()

    _, _, page = await _get(site, f"/p/{payer.token}")
    parts = [path.partition('"')[0] for path in page.split('"/static/')[1:]]
    sizes = [len((await _get(site, f"/static/{part}"))[2].encode()) for part in parts]

    assert len(parts) == 2
    assert len(page.encode()) + sum(sizes) < 30_000
    assert max(sizes) < 10_000


async def test_static_files_may_be_kept_for_a_year(site: Site) -> None:
    _, _, page = await _get(site, "/apply")
    name = page.partition('"/static/')[2].partition('"')[0]

    status, headers, _ = await _get(site, f"/static/{name}")

    assert status == 200
    assert "immutable" in headers["Cache-Control"]


async def _get(site: Site, path: str, headers: dict[str, str] | None = None) -> tuple[int, Mapping[str, str], str]:
    async with aiohttp.ClientSession() as http, http.get(f"{site.base}{path}", headers=headers) as answer:
        return answer.status, answer.headers, await answer.text()


async def _post(site: Site, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, Mapping[str, str], str]:
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{site.base}{path}", data=body, headers={**FORM, **headers}) as answer,
    ):
        return answer.status, answer.headers, await answer.text()


async def _raw(site: Site, request: bytes) -> bytes:
    host, _, port = site.base.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    await writer.drain()
    answer = await asyncio.wait_for(reader.read(65_536), timeout=60)
    writer.close()
    return answer
