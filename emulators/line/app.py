"""The LINE emulator as an aiohttp application: every path of the platform that the product uses."""

from aiohttp import web

from emulators.line import (
    account_link,
    bot_api,
    control,
    door,
    richmenu,
    richmenu_alias,
    sending,
    truth,
)
from emulators.line.config import LineConfig
from emulators.line.errors import LineErrors
from emulators.line.keys import STATE
from emulators.line.state import LineState
from emulators.shared.buckets import Buckets
from emulators.shared.clock import EmulatorClock
from emulators.shared.control import CommonParts, add_common_routes
from emulators.shared.courier import Courier
from emulators.shared.faults import Faults
from emulators.shared.recorder import Recorder
from emulators.shared.stream import Hub

__all__ = ["STATE", "LineConfig", "create_app"]

_BODY_BYTES = 2 * 1024 * 1024
_MESSAGE = "/v2/bot/message"
_MENU = "/v2/bot/richmenu"


def create_app(*, config: LineConfig) -> web.Application:
    """Build one emulated channel; serve it without an access log when speed matters."""
    state, faults = _new_state(config), Faults(LineErrors())
    app = web.Application(middlewares=[door.build(state=state, faults=faults)], client_max_size=_BODY_BYTES)
    app[STATE] = state
    parts = CommonParts(clock=state.clock, faults=faults, courier=state.courier)
    _add_messages(app)
    _add_bot(app)
    _add_rich_menus(app)
    add_common_routes(app, parts=parts, deliveries="webhooks")
    control.add_routes(app)
    truth.add_routes(app)
    app.on_shutdown.append(state.hub.close)
    app.on_cleanup.append(_close_recorder)
    return app


def _new_state(config: LineConfig) -> LineState:
    recorder = config.record_to and Recorder(path=config.record_to, api="line")
    return LineState(
        config=config,
        clock=EmulatorClock(),
        courier=Courier(),
        hub=Hub(),
        recorder=recorder or None,
        buckets=Buckets(rates=config.rates),
        webhook_url=config.webhook_url,
        monthly_quota=config.monthly_quota,
    )


def _add_messages(app: web.Application) -> None:
    router = app.router
    router.add_post(f"{_MESSAGE}/push", sending.push)
    router.add_post(f"{_MESSAGE}/reply", sending.reply)
    router.add_post(f"{_MESSAGE}/multicast", sending.multicast)
    for kind in ("reply", "push", "multicast", "narrowcast", "broadcast"):
        router.add_post(f"{_MESSAGE}/validate/{kind}", sending.validate)
    router.add_get(f"{_MESSAGE}/quota", bot_api.quota)
    router.add_get(f"{_MESSAGE}/quota/consumption", bot_api.consumption)


def _add_bot(app: web.Application) -> None:
    router = app.router
    router.add_get("/v2/bot/info", bot_api.info)
    router.add_get("/v2/bot/followers/ids", bot_api.followers)
    router.add_get("/v2/bot/profile/{user_id}", bot_api.profile)
    router.add_post("/v2/bot/user/{user_id}/linkToken", bot_api.link_token)
    router.add_post("/v2/bot/chat/loading/start", bot_api.loading)
    router.add_get("/v2/bot/channel/webhook/endpoint", bot_api.read_endpoint)
    router.add_put("/v2/bot/channel/webhook/endpoint", bot_api.set_endpoint)
    router.add_post("/v2/bot/channel/webhook/test", bot_api.test_endpoint)
    router.add_get(account_link.PATH, account_link.ask)
    router.add_post(account_link.PATH, account_link.agree)


def _add_rich_menus(app: web.Application) -> None:
    router = app.router
    router.add_post(_MENU, richmenu.create)
    router.add_post(f"{_MENU}/validate", richmenu.validate)
    router.add_get(f"{_MENU}/list", richmenu.read_all)
    router.add_post(f"{_MENU}/bulk/link", richmenu.bulk_link)
    router.add_post(f"{_MENU}/bulk/unlink", richmenu.bulk_unlink)
    router.add_post(f"{_MENU}/alias", richmenu_alias.create)
    router.add_get(f"{_MENU}/alias/list", richmenu_alias.read_all)
    router.add_get(f"{_MENU}/alias/{{alias_id}}", richmenu_alias.read)
    router.add_post(f"{_MENU}/alias/{{alias_id}}", richmenu_alias.update)
    router.add_delete(f"{_MENU}/alias/{{alias_id}}", richmenu_alias.delete)
    router.add_get(f"{_MENU}/{{menu_id}}", richmenu.read)
    router.add_delete(f"{_MENU}/{{menu_id}}", richmenu.delete)
    router.add_get(f"{_MENU}/{{menu_id}}/content", richmenu.download)
    router.add_post(f"{_MENU}/{{menu_id}}/content", richmenu.upload)
    router.add_get("/v2/bot/user/all/richmenu", richmenu.read_default)
    router.add_delete("/v2/bot/user/all/richmenu", richmenu.clear_default)
    router.add_post("/v2/bot/user/all/richmenu/{menu_id}", richmenu.set_default)
    router.add_get("/v2/bot/user/{user_id}/richmenu", richmenu.read_link)
    router.add_delete("/v2/bot/user/{user_id}/richmenu", richmenu.unlink)
    router.add_post("/v2/bot/user/{user_id}/richmenu/{menu_id}", richmenu.link)


async def _close_recorder(app: web.Application) -> None:
    recorder = app[STATE].recorder
    if recorder is not None:
        recorder.close()
