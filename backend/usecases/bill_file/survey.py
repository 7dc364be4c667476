"""Looks once over the bytes of a file before anything is taken from it: encoding, lines. Never guesses."""

import codecs
from dataclasses import dataclass
from pathlib import Path

from backend.domain.bill_refusal import Refusal, RefusalCode

MOST_LINES = 2_000_000
_CHUNK = 1 << 20  # also the longest line that is certainly accepted
# Strict UTF-8 first: more than half of short Japanese UTF-8 texts are also valid CP932 (f64).
_ENCODINGS = ("utf-8", "cp932")


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a file is: `encoding` for `open` (a byte order mark is dropped), its size in bytes and line ends."""

    encoding: str
    size: int
    line_ends: int


def survey(source: Path) -> Survey | Refusal:
    """Decide the encoding by decoding everything strictly, and bound what later steps must hold.

    Raises:
        OSError: the file cannot be read.
    """
    bounds = _bounds(source)
    if isinstance(bounds, Refusal):
        return bounds
    size, line_ends = bounds
    failed = []
    for encoding in _ENCODINGS:
        stopped_at = _first_undecodable(source, encoding)
        if stopped_at is None:
            name = "utf-8-sig" if encoding == "utf-8" else encoding
            return Survey(encoding=name, size=size, line_ends=line_ends)
        failed.append(stopped_at)
    # The decoder that came further is the one the writer meant.
    return _undecodable(source, max(failed))


def _bounds(source: Path) -> tuple[int, int] | Refusal:
    size = line_ends = 0
    with source.open("rb") as file:
        while chunk := file.read(_CHUNK):
            ends = chunk.count(b"\n") or chunk.count(b"\r")
            if ends == 0 and len(chunk) == _CHUNK:
                return Refusal(line=line_ends + 1, column=None, code=RefusalCode.LINE_TOO_LONG)
            size += len(chunk)
            line_ends += ends
    if size == 0:
        return Refusal(line=1, column=None, code=RefusalCode.EMPTY_FILE)
    if line_ends > MOST_LINES + 1:
        return Refusal(line=MOST_LINES + 2, column=None, code=RefusalCode.TOO_MANY_LINES)
    return size, line_ends


def _first_undecodable(source: Path, encoding: str) -> int | None:
    """The offset of the first byte that the encoding does not know, or None."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    done = 0
    with source.open("rb") as file:
        while True:
            chunk = file.read(_CHUNK)
            waiting = len(decoder.getstate()[0])
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                return done - waiting + error.start
            if not chunk:
                return None
            done += len(chunk)


def _undecodable(source: Path, offset: int) -> Refusal:
    """Name the line, and the byte within it (from 1), that is in neither encoding."""
    line, line_start, done = 1, 0, 0
    with source.open("rb") as file:
        while done < offset:
            chunk = file.read(min(_CHUNK, offset - done))
            line += chunk.count(b"\n")
            if (last := chunk.rfind(b"\n")) >= 0:
                line_start = done + last + 1
            done += len(chunk)
    return Refusal(line=line, column=None, code=RefusalCode.ENCODING, value_hint=str(offset - line_start + 1))
