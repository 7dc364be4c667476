"""The page of access.line.me where a person allows a service to know them, and its outcome."""

from html import escape

from aiohttp import web

from emulators.line import chat, events, webhooks
from emulators.line.keys import STATE
from emulators.line.state import LineState, User

PATH = "/dialog/bot/accountLink"
_NONCE_LENGTHS = range(10, 256)


async def ask(request: web.Request) -> web.Response:
    """Show the question; looking does not use the token up."""
    state = request.app[STATE]
    token, nonce = request.query.get("linkToken", ""), request.query.get("nonce", "")
    user = _user_of(state, token=token, nonce=nonce)
    return _refused() if user is None else _page(_question(state, user, token, nonce))


async def agree(request: web.Request) -> web.Response:
    """Use the token up and tell the service; without a valid token nobody is told anything."""
    state = request.app[STATE]
    form = await request.post()
    token, nonce = str(form.get("linkToken", "")), str(form.get("nonce", ""))
    user = _user_of(state, token=token, nonce=nonce)
    if user is None:
        return _refused()
    del state.truth.link_tokens[token]
    _tell(state, user=user, nonce=nonce)
    return _page("<h1>連携しました</h1><p>トーク画面にお戻りください。</p>")


def _user_of(state: LineState, *, token: str, nonce: str) -> User | None:
    link = state.truth.link_tokens.get(token)
    if link is None or state.clock.time() > link.valid_until or len(nonce) not in _NONCE_LENGTHS:
        return None
    user = state.truth.users.get(link.user_id)
    return user if user is not None and user.is_reachable else None


def _tell(state: LineState, *, user: User, nonce: str) -> None:
    """A failed link names neither the person nor a reply token."""
    result = state.truth.link_result
    link = {"result": result, "nonce": nonce}
    if result == "ok":
        chat.add_note(state, user=user, text="アカウントを連携しました")
        event = events.answerable(state, kind="accountLink", user=user, link=link)
    else:
        event = events.frame(state, kind="accountLink", user=None, link=link)
    webhooks.send(state, event)


def _question(state: LineState, user: User, token: str, nonce: str) -> str:
    return (
        f"<h1>{escape(state.config.bot_name)}とのアカウント連携</h1>"
        f"<p>{escape(user.display_name)}さんのLINEアカウントを連携しますか。</p>"
        f'<form method="post" action="{PATH}">'
        f'<input type="hidden" name="linkToken" value="{escape(token)}">'
        f'<input type="hidden" name="nonce" value="{escape(nonce)}">'
        '<button type="submit">連携する</button></form>'
    )


def _refused() -> web.Response:
    text = "<h1>連携できませんでした</h1><p>トーク画面から、もう一度お試しください。</p>"
    return _page(text, status=400)


def _page(body: str, *, status: int = 200) -> web.Response:
    text = (
        '<!doctype html><html lang="ja"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>アカウント連携</title></head><body><main>{body}</main></body></html>"
    )
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return web.Response(text=text, status=status, content_type="text/html", headers=headers)
