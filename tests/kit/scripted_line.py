"""LINE behind a script: the first calls of one kind answer what a test wants, all others are the emulator's own."""

import json
from typing import Any

import aiohttp
from aiohttp.client_reqrep import ConnectionKey
from linebot.v3.messaging.exceptions import ApiException
from multidict import CIMultiDict

from bot.channels.line import Api
from tests.kit.world import World

LOST = "lost"  # done, and the answer is lost
UNNAMED_409 = "unnamed 409"  # a 409 as the OpenAPI file has it: without the header that names the accepted request


def refusal(status: int, message: str = "no", **headers: str) -> ApiException:
    """An answer that is no 2xx; nothing was done. `retry_after="120"` becomes `Retry-After: 120`."""
    problem = ApiException(status=status, reason=message)
    problem.headers = CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()})
    problem.body = json.dumps({"message": message})
    return problem


def no_connection() -> aiohttp.ClientConnectorError:
    """Nobody listens: certainly nothing was sent."""
    key = ConnectionKey(
        host="line", port=443, is_ssl=True, ssl=True, proxy=None, proxy_auth=None, proxy_headers_hash=None
    )
    return aiohttp.ClientConnectorError(key, OSError("refused"))


class ScriptedLine:
    """The SDK's client; `script` has one item for each of the first calls to paths that end in `path`."""

    def __init__(self, client: Api, path: str, script: tuple[str | Exception, ...]) -> None:
        self.calls = 0
        self._client, self._path, self._script = client, path, list(script)

    async def call_api(self, path: str, *args: Any, **kwargs: Any) -> Any:
        if not path.endswith(self._path):
            return await self._client.call_api(path, *args, **kwargs)
        self.calls += 1
        step = self._script.pop(0) if self._script else None
        if isinstance(step, Exception):
            raise step
        try:
            answer = await self._client.call_api(path, *args, **kwargs)
        except ApiException as problem:
            if step == UNNAMED_409:
                problem.headers = CIMultiDict()
            raise
        if step == LOST:
            raise aiohttp.ServerDisconnectedError
        return answer


def script_line(world: World, path: str, *script: str | Exception) -> ScriptedLine:
    """Put a script before the world's LINE."""
    line = world.parts.line
    scripted = ScriptedLine(line._client, path, script)  # noqa: SLF001 - nobody else may hold LINE's client
    line._client = scripted  # noqa: SLF001 - as above
    return scripted
