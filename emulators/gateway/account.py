"""The gateway's account: all movements of money as they happen, and as they are paid out twice a month."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from aiohttp import web

from emulators.gateway.bodies import read_query, whole_in_query
from emulators.gateway.books import TransactionFilter
from emulators.gateway.charge_calls import list_limit, recorded_before
from emulators.gateway.clock import JAPAN
from emulators.gateway.errors import invalid, json_answer
from emulators.gateway.keys import STATE
from emulators.gateway.money_records import Transaction
from emulators.gateway.records import Json
from emulators.gateway.registrations import FAR_FUTURE
from emulators.gateway.state import GatewayState

LIST_PARAMETERS = frozenset({"since", "until", "limit", "starting_after"})
FIRST_CLOSING_DAY = 15
FEE_PER_MYRIAD = 325  # 3.25 %, of charges only


async def list_transactions(request: web.Request) -> web.Response:
    """`GET /v1/transactions`: oldest first, since ≤ created < until."""
    state = request.config_dict[STATE]
    query = read_query(request, allowed=LIST_PARAMETERS)
    after = query.get("starting_after")
    if after is not None and not state.transactions.has(after):
        raise invalid(f"no such transaction: {after}", code="resource_missing")
    since, until = _period(query)
    page, has_more = state.transactions.page(
        TransactionFilter(
            since=since,
            until=until,
            limit=list_limit(query),
            starting_after=after,
            recorded_before=recorded_before(state),
        )
    )
    return json_answer({"data": [line.as_json() for line in page], "has_more": has_more})


async def list_settlements(request: web.Request) -> web.Response:
    """`GET /v1/settlements`: the movements whose books have closed, oldest first, since ≤ paid out < until."""
    state = request.config_dict[STATE]
    query = read_query(request, allowed=LIST_PARAMETERS)
    since, until = _period(query)
    lines = [line for paid_at, line in _settled(state) if since <= paid_at < until]
    if (after := query.get("starting_after")) is not None:
        lines = _behind(lines, after)
    limit = list_limit(query)
    return json_answer({"data": lines[:limit], "has_more": len(lines) > limit})


def settlements(state: GatewayState) -> list[Json]:
    """Return every line that was paid out, oldest first."""
    return [line for _, line in _settled(state)]


def _settled(state: GatewayState) -> Iterator[tuple[int, Json]]:
    """Yield when each movement was paid out, and its line; both come in the same order."""
    now = state.clock.unix()
    for line in state.transactions.all():
        closing = _closing_day(datetime.fromtimestamp(line.created, tz=UTC).astimezone(JAPAN).date())
        paid_at = int(datetime.combine(closing + timedelta(days=1), time(), tzinfo=JAPAN).timestamp())
        if paid_at > now:
            return
        yield paid_at, _line(line, closing=closing, paid_at=paid_at)


def _line(line: Transaction, *, closing: date, paid_at: int) -> Json:
    shown = line.as_json()
    return shown | {
        "id": line.id.replace("txn_", "stl_"),
        "settlement": f"st_{closing:%Y%m%d}",
        "transaction": line.id,
        "fee": line.amount * FEE_PER_MYRIAD // 10_000 if line.type == "charge" else 0,
        "settled_on": closing.isoformat(),
        "created": paid_at,
    }


def _closing_day(day: date) -> date:
    """Return the end of the half month that `day` is in."""
    if day.day <= FIRST_CLOSING_DAY:
        return day.replace(day=FIRST_CLOSING_DAY)
    next_month = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return next_month - timedelta(days=1)


def _period(query: dict[str, str]) -> tuple[int, int]:
    since = whole_in_query(query, "since", least=0, most=FAR_FUTURE) or 0
    until = whole_in_query(query, "until", least=0, most=FAR_FUTURE)
    return since, FAR_FUTURE if until is None else until


def _behind(lines: list[Json], after: str) -> list[Json]:
    ids = [line["id"] for line in lines]
    if after not in ids:
        raise invalid(f"no such line: {after}", code="resource_missing")
    return lines[ids.index(after) + 1 :]
