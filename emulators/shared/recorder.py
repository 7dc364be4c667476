"""A record of what went over the wire, for the contract check; secrets never enter it."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

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
