"""A record of what went over the wire, for the contract check; secrets never enter it."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from aiohttp import web

_SECRET = frozenset({"authorization", "cookie", "x-line-signature", "x-twilio-signature"})


class Recorder:
    """Appends one JSON line per call to a file."""

    def __init__(self, *, path: Path, api: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: TextIO = path.open("a", encoding="utf-8")
        self._api = api

    def request(
        self,
        *,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        status: int,
        answer: bytes,
    ) -> None:
        """Keep one API call and the answer it got (status 0: none)."""
        self._write(
            kind="request",
            method=method,
            path=path,
            headers=_public(headers),
            status=status,
            answer=_text(answer),
            **_body(body),
        )

    def webhook(self, *, url: str, headers: Mapping[str, str], body: bytes, status: int) -> None:
        """Keep one webhook or callback that the emulator sent and the status it got (0: none)."""
        self._write(
            kind="webhook",
            method="POST",
            path=url,
            headers=_public(headers),
            status=status,
            **_body(body),
        )

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, **line: Any) -> None:
        self._file.write(json.dumps({"api": self._api, **line}, ensure_ascii=False) + "\n")
        self._file.flush()


async def record_call(recorder: Recorder, request: web.Request, response: web.StreamResponse) -> None:
    """Keep an API call and its answer; a connection that a fault cut has status 0."""
    is_cut = request.transport is None or request.transport.is_closing()
    data = response.body if isinstance(response, web.Response) else b""
    recorder.request(
        method=request.method,
        path=request.path_qs,
        headers=request.headers,
        body=await _body_of(request),
        status=0 if is_cut else response.status,
        answer=data if isinstance(data, bytes) else b"",
    )


async def _body_of(request: web.Request) -> bytes:
    """Return the body, which may be too large or cut off: then there is nothing to record."""
    try:
        return await request.read()
    except (web.HTTPException, ConnectionError):
        return b""


def _public(headers: Mapping[str, str]) -> dict[str, str]:
    return {k.lower(): v for k, v in headers.items() if k.lower() not in _SECRET}


def _body(body: bytes) -> dict[str, str]:
    text = _text(body)
    return {"body": text} if text is not None else {"body64": base64.b64encode(body).decode()}


def _text(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None
