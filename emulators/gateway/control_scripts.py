"""Scripts for what comes next: outcomes, faults, how webhooks travel, late success."""

import math
from dataclasses import asdict, replace
from typing import Any

from aiohttp import web

from emulators.gateway import charge_calls, charges
from emulators.gateway.bodies import Body, read_body
from emulators.gateway.cards import Advice, DeclineCode
from emulators.gateway.errors import invalid, json_answer
from emulators.gateway.faults import FaultKind, FaultRule
from emulators.gateway.keys import STATE
from emulators.gateway.outcomes import Outcome
from emulators.gateway.records import ChargeStatus, Json
from emulators.gateway.state import GatewayState

LONGEST_SECONDS = 30 * 24 * 3600.0
MOST_TIMES = 1_000_000
MOST_COPIES = 10


async def queue_outcomes(request: web.Request) -> web.Response:
    """`POST /_control/outcomes`: what the next charges answer, in this order."""
    state = request.config_dict[STATE]
    body = await read_body(request)
    rows = [_outcome(row) for row in body.rows("charges")]
    body.finish()
    for outcome, customer, reference in rows:
        state.outcomes.add(outcome, customer=customer, reference=reference)
    return json_answer({"waiting": state.outcomes.left()})


async def show_faults(request: web.Request) -> web.Response:
    """`GET /_control/faults`: the rules in force, and how many calls suffered what so far."""
    return json_answer(_faults(request.config_dict[STATE]))


async def set_faults(request: web.Request) -> web.Response:
    """`POST /_control/faults`: replaces what is given, leaves the rest as it is."""
    state = request.config_dict[STATE]
    body = await read_body(request)
    rules = [_rule(row) for row in body.rows("rules")] if body.has("rules") else None
    latency = _latency(body) if body.has("latency_ms") else None
    lag = _seconds(body, "list_lag_seconds")
    seed = body.whole("seed", least=0, most=2**63) if body.has("seed") else None
    body.finish()
    faults = state.faults
    faults.rules = faults.rules if rules is None else rules
    faults.latency_ms = latency or faults.latency_ms
    faults.list_lag_seconds = faults.list_lag_seconds if lag is None else lag
    if seed is not None:
        faults.dice.seed(seed)
        state.postman.dice.seed(seed)
    return json_answer(_faults(state))


async def set_webhooks(request: web.Request) -> web.Response:
    """`POST /_control/webhooks`: replaces what is given, then sends what was held back."""
    postman = request.config_dict[STATE].postman
    body = await read_body(request)
    changes = _post_changes(body)
    body.finish()
    postman.settings = replace(postman.settings, **changes)
    postman.release()
    return json_answer(asdict(postman.settings))


async def flush_webhooks(request: web.Request) -> web.Response:
    """`POST /_control/webhooks/flush`: try everything that waits once, and wait for it."""
    return json_answer(await request.config_dict[STATE].postman.flush())


async def succeed_late(request: web.Request) -> web.Response:
    """`POST /_control/charges/{id}/late_success`: the decline was not the last word."""
    charge = charge_calls.named(request)
    if charge.status is not ChargeStatus.DECLINED:
        raise invalid("only a declined charge can succeed late", code="charge_not_declined")
    return json_answer(charges.succeed_late(request.config_dict[STATE], charge).as_json())


def _post_changes(body: Body) -> dict[str, Any]:
    changes: dict[str, Any] = {
        name: body.flag(name) for name in ("enabled", "shuffle", "corrupt_signature") if body.has(name)
    }
    if body.has("duplicate"):
        changes["duplicate"] = body.whole("duplicate", least=0, most=MOST_COPIES)
    if body.has("delay_seconds"):
        changes["delay_seconds"] = _seconds(body, "delay_seconds")
    return changes


def _outcome(row: Body) -> tuple[Outcome, str | None, str | None]:
    customer, reference = row.optional_text("customer"), row.optional_text("reference")
    code, advice = row.optional_text("decline_code"), row.optional_text("advice")
    requires_action = row.has("requires_action") and row.flag("requires_action")
    succeeds = row.has("succeed") and row.flag("succeed")
    row.finish()
    if succeeds == (requires_action or code is not None):
        raise invalid("an outcome is a decline_code, requires_action (or both), or succeed")
    try:
        outcome = Outcome(
            decline_code=DeclineCode(code) if code else None,
            advice=Advice(advice) if advice else None,
            requires_action=requires_action,
        )
    except ValueError as error:
        raise invalid(str(error)) from error
    return outcome, customer, reference


def _rule(row: Body) -> FaultRule:
    try:
        kind = FaultKind(row.text("kind"))
    except ValueError as error:
        raise invalid(str(error)) from error
    rule = FaultRule(
        kind=kind,
        path=row.optional_text("path") or "*",
        method=row.optional_text("method"),
        times=row.whole("times", least=0, most=MOST_TIMES) if row.has("times") else None,
        seconds=_seconds(row, "seconds") or 0.0,
        probability=(row.number("probability", least=0, most=1) if row.has("probability") else 1.0),
    )
    row.finish()
    return rule


def _latency(body: Body) -> tuple[float, float]:
    values = [value for value in body.values("latency_ms") if isinstance(value, int | float)]
    if len(values) != 2 or not 0 <= values[0] <= values[1] < math.inf:  # noqa: PLR2004 - low, high
        raise invalid("latency_ms must be [low, high]")
    return float(values[0]), float(values[1])


def _seconds(body: Body, name: str) -> float | None:
    return body.number(name, least=0, most=LONGEST_SECONDS) if body.has(name) else None


def _faults(state: GatewayState) -> Json:
    return {
        "rules": [
            {"kind": rule.kind, "path": rule.path, "method": rule.method, "times": rule.times}
            for rule in state.faults.rules
        ],
        "latency_ms": list(state.faults.latency_ms),
        "list_lag_seconds": state.faults.list_lag_seconds,
        "applied": dict(state.faults.applied),
    }
