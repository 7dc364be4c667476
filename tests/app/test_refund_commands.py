"""The desk for refunds, as its two persons meet it: words and exit statuses."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest

from app.refund_desk import OpenServices, approve_command, list_command, request_command, withdraw_command
from backend.domain.states import RefundOrigin, RefundState
from backend.usecases.refund_payment import RefundObstacle
from backend.usecases.refund_wording import obstacle_sentence, refund_messages
from backend.usecases.services import Services
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger
from tests.usecases.refunds import paid_bill, work


@pytest.fixture
def desk(services: Services) -> OpenServices:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Services]:
        yield services

    return opened


async def the_refund(ledger: Ledger) -> UUID:
    [(refund_id,)] = await ledger.rows("SELECT id FROM refund")
    return UUID(str(refund_id))


async def test_two_persons_give_money_back(
    desk: OpenServices, ledger: Ledger, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    paid = await paid_bill(ledger, clock)

    for _ in range(2):
        asked = await request_command(paid.transaction_id, amount=1000, reason="誤請求", by="佐藤", open_services=desk)
        assert asked == 0
    refund_id = await the_refund(ledger)
    assert await list_command(is_all=False, open_services=desk) == 0
    for _ in range(2):
        assert await approve_command(refund_id, by="鈴木", open_services=desk) == 0
    await work(ledger)
    assert await list_command(is_all=False, open_services=desk) == 0
    assert await list_command(is_all=True, open_services=desk) == 0

    said = capsys.readouterr().out.splitlines()
    assert f"tsukibarai refund approve {refund_id}" in said[0]
    assert "二重には返金されません" in said[1]
    assert said[2].startswith(f"{refund_id}  取引ID {paid.transaction_id}  1,000円  承認待ち  申請 佐藤  2026-11-")
    assert "承認しました" in said[3]
    assert "すでに承認されています" in said[4]
    assert said[5] == "終わっていない返金はありません。"
    assert "返金済み  申請 佐藤・承認 鈴木" in said[6]


async def test_the_same_person_and_too_much_are_refused_with_a_remedy(
    desk: OpenServices, ledger: Ledger, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    paid = await paid_bill(ledger, clock)

    assert await request_command(paid.transaction_id, amount=8433, reason="x", by="佐藤", open_services=desk) == 1
    assert await request_command(paid.transaction_id, amount=None, reason="x", by="佐藤", open_services=desk) == 0
    assert await approve_command(await the_refund(ledger), by="佐藤", open_services=desk) == 1
    assert await approve_command(uuid4(), by="鈴木", open_services=desk) == 1
    assert await request_command(paid.transaction_id, amount=None, reason=" ", by="佐藤", open_services=desk) == 1
    assert await approve_command(await the_refund(ledger), by=" ", open_services=desk) == 1

    said = capsys.readouterr().err.splitlines()
    assert [line.startswith("受け付けませんでした") for line in said] == [True] * 5
    assert "別の担当者" in said[1]


async def test_a_refund_that_was_not_sent_is_withdrawn(
    desk: OpenServices,
    ledger: Ledger,
    clock: FakeClock,
    capsys: pytest.CaptureFixture[str],
) -> None:
    paid = await paid_bill(ledger, clock)
    await request_command(paid.transaction_id, amount=100, reason="x", by="佐藤", open_services=desk)

    assert await withdraw_command(await the_refund(ledger), by="佐藤", open_services=desk) == 0
    assert await withdraw_command(await the_refund(ledger), by="佐藤", open_services=desk) == 1

    assert "取り下げました" in capsys.readouterr().out


def test_every_state_origin_and_obstacle_has_its_words() -> None:
    words = refund_messages()

    assert set(words["states"]) == set(RefundState)
    assert set(words["origins"]) == set(RefundOrigin)
    assert set(words["obstacles"]) == set(RefundObstacle)
    assert all("{" not in obstacle_sentence(one, hint="7") for one in RefundObstacle)
