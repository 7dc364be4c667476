"""The desk for money by bank, shop or cash, as its two persons meet it: words and exit statuses."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from app.receipt_desk import OpenEngine, OpenServices, approve_command, list_command, record_command, reject_command
from backend.domain.receipt_refusal import ReceiptRefusal, ReceiptRefusalCode
from backend.domain.states import ReceiptKind, ReceiptState
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.receipt_wording import receipt_messages, refusal_sentence
from backend.usecases.record_receipt import NewReceipt
from backend.usecases.services import Services
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger


@pytest.fixture
def desk(services: Services) -> OpenServices:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Services]:
        yield services

    return opened


def engine_of(desk: OpenServices) -> OpenEngine:
    @asynccontextmanager
    async def opened() -> AsyncIterator[AsyncEngine]:
        async with desk() as services:
            yield services.engine

    return opened


@pytest.fixture
async def bill(ledger: Ledger) -> str:
    account = await ledger.account()
    await ledger.bill(account, "2026-11", 8432)
    return f"B{account}-2026-11"


def receipt(bill_number: str, *, amount: int = 8432) -> NewReceipt:
    return NewReceipt(
        bill_number=bill_number,
        kind=ReceiptKind.BANK,
        reference="F-1",
        amount=amount,
        received_on=date(2026, 11, 9),
        recorded_by="佐藤",
    )


async def test_two_persons_make_a_bill_paid(
    desk: OpenServices, bill: str, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await record_command(receipt(bill), open_services=desk) == 0
    assert await list_command(open_engine=engine_of(desk)) == 0
    assert await approve_command(1, by="鈴木", open_services=desk) == 0
    assert await list_command(open_engine=engine_of(desk)) == 0

    said = capsys.readouterr().out.splitlines()
    assert "tsukibarai receipt approve 1" in said[0]
    assert said[1].startswith(f"1  請求 {bill}  2026-11  8,432円  銀行振込 F-1  入金日 2026-11-09  記録 佐藤(2026-11-")
    assert said[2] == f"請求 {bill}(2026-11、8,432円)をお支払い済みにしました。"
    assert said[3] == "承認待ちの入金はありません。"
    assert await ledger.rows("SELECT state FROM bill") == [("paid",)]


async def test_a_refusal_says_what_to_do_and_ends_with_status_1(
    desk: OpenServices, bill: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await record_command(receipt(bill), open_services=desk)

    assert await record_command(receipt(bill, amount=8400), open_services=desk) == 1
    assert await approve_command(1, by="佐藤", open_services=desk) == 1
    assert await reject_command(2, by="佐藤", open_services=desk) == 1
    assert await reject_command(1, by="佐藤", open_services=desk) == 0
    assert await reject_command(1, by="佐藤", open_services=desk) == 1

    amount, person, unknown, decided = capsys.readouterr().err.splitlines()
    assert "請求額は8,432円で、入金額と一致しません" in amount
    assert "別の担当者が承認してください" in person
    assert "tsukibarai receipt list" in unknown
    assert "取り消し済みです" in decided


async def test_the_rest_of_a_request_is_asked_for_at_once(
    desk: OpenServices, bill: str, ledger: Ledger, clock: FakeClock
) -> None:
    [(account,)] = await ledger.rows("SELECT id FROM account")
    await ledger.bill(account, "2026-12", 700, confirmed="2026-11-09")
    await open_payment_requests(ledger.services, now=clock.now())
    await record_command(receipt(bill), open_services=desk)

    await approve_command(1, by="鈴木", open_services=desk)

    requests = "SELECT state, amount FROM payment_request ORDER BY id"
    assert await ledger.rows(requests) == [("void", 9132), ("open", 700)]


@pytest.mark.parametrize("code", ReceiptRefusalCode)
def test_every_refusal_has_its_sentence(code: ReceiptRefusalCode) -> None:
    hint = ReceiptState.APPROVED if code is ReceiptRefusalCode.ALREADY_DECIDED else "B1"

    sentence = refusal_sentence(ReceiptRefusal(code=code, hint=hint))

    assert sentence.startswith("受け付けませんでした: ")
    assert sentence.endswith("。")
    assert "{" not in sentence


def test_nothing_is_worded_that_cannot_happen() -> None:
    assert set(receipt_messages()["refusals"]) == {code.value for code in ReceiptRefusalCode}
    assert set(receipt_messages()["kinds"]) == {kind.value for kind in ReceiptKind}
