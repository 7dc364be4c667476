"""The style sheet, the script and the icon: read once, named by their content, so that browsers may keep them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_KEEP = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticFile:
    """One file as it goes out."""

    body: bytes
    content_type: str


class StaticFiles:
    """The files of one folder. `url("pages.css")` changes whenever the file does."""

    def __init__(self, folder: Path) -> None:
        self._files: dict[str, StaticFile] = {}
        self._urls: dict[str, str] = {}
        for path in sorted(folder.iterdir()):
            if content_type := _TYPES.get(path.suffix):
                self._add(path, content_type)

    def url(self, name: str) -> str:
        """Where a page finds the file. Raises KeyError for a file that is not there."""
        return self._urls[name]

    def find(self, name: str) -> StaticFile | None:
        """The file behind a name that `url` gave out."""
        return self._files.get(name)

    def _add(self, path: Path, content_type: str) -> None:
        body = path.read_bytes()
        name = f"{path.stem}.{hashlib.sha256(body).hexdigest()[:10]}{path.suffix}"
        self._files[name] = StaticFile(body=body, content_type=content_type)
        self._urls[path.name] = f"/static/{name}"


def respond(found: StaticFile) -> web.Response:
    """The file, to be kept for a year: another content has another name."""
    return web.Response(
        body=found.body, content_type=found.content_type, charset="utf-8", headers={"Cache-Control": _KEEP}
    )
