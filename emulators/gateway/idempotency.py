"""Idempotency keys: the first answer again for the same call, a conflict for another one."""

import contextlib
import hashlib
import json
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler

from emulators.gateway.bodies import parse
from emulators.gateway.errors import GatewayError, invalid
from emulators.gateway.keys import STATE

KEPT_SECONDS = 24 * 3600
LONGEST_KEY = 255
SERVER_ERRORS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A finished answer as it went out."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """The first use of a key; `answer` is None while that call is still running."""

    call: str
    used_at: float
    answer: Answer | None = None


class KeyStore:
    """Remembers the keys of the last 24 hours by the emulator's clock."""

    def __init__(self) -> None:
        self._uses: dict[str, Use] = {}

    def claim(self, key: str, *, call: str, now: float) -> Answer | None:
        """Take `key` for `call`; return the earlier answer if there is one.

        Raises GatewayError 409 for a key used by another call, or still in use by this one.
        """
        self._prune(now=now)
        use = self._uses.get(key)
        if use is None or now - use.used_at >= KEPT_SECONDS:
            self._uses.pop(key, None)
            self._uses[key] = Use(call=call, used_at=now)
            return None
        if use.call != call:
            raise _conflict("idempotency_error", "This key was used for another call.")
        if use.answer is None:
            raise _conflict("idempotency_in_progress", "The first call is still running.")
        return use.answer

    def keep(self, key: str, *, answer: Answer) -> None:
        """Remember the answer of the call that claimed `key`."""
        if use := self._uses.get(key):
            self._uses[key] = Use(call=use.call, used_at=use.used_at, answer=answer)

    def release(self, key: str) -> None:
        """Forget `key`: its call did no work."""
        self._uses.pop(key, None)

    def __len__(self) -> int:
        return len(self._uses)

    def _prune(self, *, now: float) -> None:
        while self._uses:
            oldest = next(iter(self._uses))
            if now - self._uses[oldest].used_at < KEPT_SECONDS:
                return
            del self._uses[oldest]


@web.middleware
async def answer_once(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let each key do its work once."""
    if request.method != "POST":
        return await handler(request)
    state = request.config_dict[STATE]
    key = _key_of(request)
    call = fingerprint(path=request.path, body=await request.read())
    earlier = state.keys.claim(key, call=call, now=state.clock.now().timestamp())
    if earlier is not None:
        return _replay(earlier)
    return await _work(request, handler, key=key, keys=state.keys)


async def _work(request: web.Request, handler: Handler, *, key: str, keys: KeyStore) -> web.StreamResponse:
    try:
        response = await handler(request)
    except BaseException:
        keys.release(key)
        raise
    if response.status >= SERVER_ERRORS or not isinstance(response, web.Response):
        keys.release(key)
    else:
        keys.keep(key, answer=Answer(status=response.status, body=_body_of(response)))
    return response


def fingerprint(*, path: str, body: bytes) -> str:
    """Return what two calls must share to be the same: path and parameters, in any order."""
    with contextlib.suppress(GatewayError):  # not JSON: then the bytes themselves are compared
        body = json.dumps(parse(body), sort_keys=True).encode()
    return hashlib.sha256(path.encode() + b"\n" + body).hexdigest()


def _key_of(request: web.Request) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if not 1 <= len(key) <= LONGEST_KEY:
        raise invalid(
            "every POST carries an Idempotency-Key of 1 to 255 characters",
            code="idempotency_key_missing",
        )
    return key


def _replay(answer: Answer) -> web.Response:
    return web.Response(
        status=answer.status,
        body=answer.body,
        content_type="application/json",
        charset="utf-8",
        headers={"Idempotency-Replayed": "true"},
    )


def _body_of(response: web.Response) -> bytes:
    return response.body if isinstance(response.body, bytes) else b""


def _conflict(code: str, message: str) -> GatewayError:
    return GatewayError(status=409, kind="idempotency_error", code=code, message=message)
