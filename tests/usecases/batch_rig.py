"""A month of many customers with cards, at a gateway that answers as a test says: for batches, stops and resumes."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from backend.domain.batch_brake import BrakeLimits
from backend.domain.states import DeclineClass
from backend.ports import Absent, Busy, Capabilities, Challenged, Declined, Evidence, Succeeded, Unknown
from backend.usecases.charge_prepared import charge_due
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.run_month_batches import watch_batches
from backend.usecases.services import Services
from tests.kit.ledger import Ledger

_SAID = Evidence(source="charge", body={})
_PEOPLE = """
WITH people AS (
  INSERT INTO account (customer_number, name_kanji, name_kana, phone, service_location, created_at)
  SELECT lpad(n::text, 10, '0'), '山田 花子', 'ヤマダ ハナコ', '+8190' || lpad(n::text, 8, '0'), '東京都', :now
  FROM generate_series(1, :customers) n RETURNING id
)
INSERT INTO card_on_file (account_id, gateway, customer_reference, card_reference, brand, last4, exp_year, exp_month,
  fingerprint, three_ds_result, state, authenticated_at, consented_at, created_at)
SELECT id, 'scripted', 'cus_' || id, 'card_' || id, 'visa', '4242', 2030, 12, 'print_' || id, 'authenticated', 'active',
  :now, :now, :now FROM people
"""
_BILLS = """
INSERT INTO bill (account_id, bill_number, billing_month, period_from, period_to, usage_kwh, amount, confirmed_on,
  state, created_at)
SELECT id, 'B' || id || '-' || :month, :month, CAST(:month || '-01' AS date), CAST(:month || '-28' AS date), 250,
  :amount + id, CAST(:month || '-08' AS date), 'finalized', :now FROM account
"""


def yes(request: Mapping[str, Any]) -> Succeeded:
    return Succeeded(gateway_reference=f"ch_{request['transaction_id']}", amount=int(request["amount"]), evidence=_SAID)


def no(decline_class: DeclineClass) -> Declined:
    return Declined(decline_class=decline_class, decline_code="code", gateway_reference=None, evidence=_SAID)


@dataclass(kw_only=True)
class ScriptedGateway:
    """Answers the n-th charge (from 1) as `answer` says; remembers every key that it was asked to charge."""

    answer: Callable[[int, Mapping[str, Any]], Succeeded | Declined | Unknown | Busy | Challenged]
    charged: list[UUID] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)
    meanwhile: Callable[[], Awaitable[object]] | None = None  # happens once, while a charge is on the wire
    said_later: Any = None  # what a look-up or a cancel answers; None: it does not know the attempt
    name: str = "scripted"
    capabilities: Capabilities = field(
        default_factory=lambda: Capabilities(idempotency_seconds=86_400, min_yen=50, max_yen=9_999_999)
    )

    async def charge(self, *, attempt_id: UUID, charge_request: Mapping[str, Any]) -> Any:
        self.charged.append(attempt_id)
        said = self.answer(len(self.charged), charge_request)
        happens, self.meanwhile = self.meanwhile, None
        if happens:
            await happens()
        if isinstance(said, Succeeded):
            self.orders.append(str(charge_request["reference"]))
        return said

    async def look_up(self, *, attempt_id: UUID, charge_request: Mapping[str, Any]) -> Any:  # noqa: ARG002
        return self.said_later or Absent(evidence=_SAID)

    async def cancel(self, *, attempt_id: UUID, gateway_reference: str) -> Any:  # noqa: ARG002
        return self.said_later


@dataclass(kw_only=True)
class Month:
    """The same database and clock, with a gateway that obeys."""

    services: Services
    gateway: ScriptedGateway
    ledger: Ledger

    async def people(self, customers: int) -> None:
        await self.ledger.change(_PEOPLE, customers=customers, now=self.services.clock.now())

    async def bills(self, month: str, *, amount: int = 8_000) -> None:
        await self.ledger.change(_BILLS, month=month, amount=amount, now=self.services.clock.now())

    async def states(self) -> dict[str, int]:
        rows = await self.ledger.rows("SELECT state, count(*) FROM payment_attempt GROUP BY state")
        return {state: count for state, count in rows}  # noqa: C416 - rows of two become a dictionary

    async def batch(self) -> str:
        return str((await self.ledger.rows("SELECT state FROM charge_batch ORDER BY id DESC LIMIT 1"))[0][0])


def month_with(
    services: Services, *answers: Succeeded | Declined | Unknown | Busy | None, canary_size: int = 0, **limits: Any
) -> Month:
    """A month whose first charges get these answers (None: success), and all later ones success."""

    def answer(turn: int, request: Mapping[str, Any]) -> Any:
        said = answers[turn - 1] if turn <= len(answers) else None
        return said or yes(request)

    gateway = ScriptedGateway(answer=answer)
    obeying: Any = gateway
    brake = BrakeLimits(canary_size=canary_size, **limits)
    changed = replace(services, gateway=obeying, brake=brake)
    return Month(services=changed, gateway=gateway, ledger=Ledger(services=changed))


async def opened(month: Month, *, customers: int) -> None:
    await month.people(customers)
    await month.bills("2026-11")
    await open_payment_requests(month.services, now=month.services.clock.now())


async def charge_all(month: Month) -> None:
    """What a worker does until nothing moves any more."""
    clock = month.services.clock
    while await charge_due(month.services, now=clock.now()) or await watch_batches(month.services, now=clock.now()):
        pass
