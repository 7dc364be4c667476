"""A bill file with wrong amounts is noticed before a single URL leaves, also where no card is charged."""

import pytest

from backend.domain.billing_calendar import jst_date
from backend.domain.states import ChannelName
from backend.store import batches, outbox
from backend.store.engine import transaction
from backend.usecases.expire_payment_requests import expire_payment_requests
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.run_month_batches import resume_charging
from backend.usecases.services import Services
from bot.notifier import NEWS
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger

_PEOPLE = """
INSERT INTO account (customer_number, name_kanji, name_kana, phone, service_location, created_at)
SELECT lpad(n::text, 10, '0'), '山田 花子', 'ヤマダ ハナコ', '+8190' || lpad(n::text, 8, '0'), '東京都', :now
FROM generate_series(1, 30) n
"""
_BILLS = """
INSERT INTO bill (account_id, bill_number, billing_month, period_from, period_to, usage_kwh, amount, confirmed_on,
  state, created_at)
SELECT id, 'B' || id || '-' || :month, :month, CAST(:month || '-01' AS date), CAST(:month || '-28' AS date), 250,
  :amount + id, CAST(:month || '-08' AS date), 'finalized', :now FROM account
"""
OPEN_STOPS = "SELECT reason, scope FROM charging_stop WHERE lifted_at IS NULL"


async def bills(ledger: Ledger, *, month: str, amount: int) -> None:
    await ledger.change(_BILLS, month=month, amount=amount, now=ledger.services.clock.now())


async def leaving(services: Services) -> int:
    """How many URLs a worker would take now; it leaves them where they are."""
    async with transaction(services.engine) as connection:
        claimed = await outbox.claim(
            connection, now=services.clock.now(), channel=ChannelName.SMS, priorities=NEWS, size=100
        )
        return len([notice for notice in claimed if notice.kind == "payment_link"])


@pytest.fixture
async def first_month(ledger: Ledger, services: Services, clock: FakeClock) -> None:
    """Thirty customers without a card were asked for some 8,000 yen each, and nobody has paid."""
    await ledger.change(_PEOPLE, now=clock.now())
    await bills(ledger, month="2026-11", amount=8_000)
    await open_payment_requests(services, now=clock.now())
    await ledger.change("UPDATE notice SET state = 'sent', settled_at = :now", now=clock.now())
    await expire_payment_requests(services, now=clock.go_to("2026-11-21T00:00"))


@pytest.mark.usefixtures("first_month")
async def test_amounts_ten_times_as_high_hold_every_url_until_people_say_so(
    ledger: Ledger, services: Services, clock: FakeClock
) -> None:
    clock.go_to("2026-12-10T10:00")
    await bills(ledger, month="2026-12", amount=80_000)

    await open_payment_requests(services, now=clock.now())
    held, stops = await leaving(services), await ledger.rows(OPEN_STOPS)
    await resume_charging(services, by="Sato", note="a hot month", now=clock.now())

    assert (held, stops) == (0, [("amount_anomaly", "automatic")])
    assert await leaving(services) == 30


@pytest.mark.usefixtures("first_month")
async def test_amounts_as_ever_hold_nothing(ledger: Ledger, services: Services, clock: FakeClock) -> None:
    clock.go_to("2026-12-10T10:00")
    await bills(ledger, month="2026-12", amount=9_000)

    await open_payment_requests(services, now=clock.now())

    assert await leaving(services) == 30
    assert await ledger.rows(OPEN_STOPS) == []


async def test_no_url_leaves_before_its_opening_is_over(ledger: Ledger, services: Services, clock: FakeClock) -> None:
    await ledger.bill(await ledger.account(), "2026-11", 8_000)
    await open_payment_requests(services, now=clock.now())
    async with transaction(services.engine) as connection:
        await batches.begin(connection, today=jst_date(clock.now()), canary_size=0, now=clock.now())

    assert await leaving(services) == 0
