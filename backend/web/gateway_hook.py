"""`POST /hooks/gateway/{name}`: verify the raw bytes, keep the event, answer; the work comes afterwards."""

from aiohttp import web

from backend.domain.untrusted_json import identifier, storable
from backend.failpoints import failpoint
from backend.ports import BadSignatureError, GatewayEvent
from backend.store import inbox
from backend.store.engine import transaction
from backend.usecases.services import Services
from backend.web.keys import now_of

SOURCE = "gateway"


def gateway_hook(services: Services) -> web.RouteDef:
    """The route of our gateway's notifications; any other name is not found."""

    async def receive(request: web.Request) -> web.Response:
        """401 for a wrong signature, nothing stored; 200 once the event is durable (f26, f27)."""
        if request.match_info["name"] != services.gateway.name:
            return web.Response(status=404)
        body = await request.read()
        try:
            new = _new_event(services.gateway.parse_event(headers=request.headers, body=body))
        except BadSignatureError:
            return web.Response(status=401)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError, RecursionError):
            return web.Response(status=400)
        now = await now_of(request)
        async with transaction(services.engine) as connection:
            await inbox.insert_events(connection, events=[new], now=now)
        failpoint("after-inbox-insert")
        return web.Response(status=200)

    return web.post("/hooks/gateway/{name}", receive)


def _new_event(event: GatewayEvent) -> inbox.NewEvent:
    """Card gateways promise no order, so an attempt's events are kept apart by the attempt alone."""
    event_id = identifier(event.event_id)
    return inbox.NewEvent(
        source=SOURCE,
        event_id=event_id,
        order_key=f"attempt:{event.attempt_id or event_id}",
        body=storable(event.body),
        occurred_at=event.occurred_at,
    )
