"""Compiles the message templates once; afterwards nothing of the wording touches a file."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from backend.domain.states import ChannelName

Compiled = Mapping[tuple[str, ChannelName], Template]


def environment(templates: Path) -> Environment:
    """Plain text, so nothing is escaped: payloads are built from the text by Python, never by joining JSON.

    A text may include what pages, chat and staff lists say alike, from the folder `shared`.
    """
    return Environment(
        loader=FileSystemLoader(templates / "shared"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701
        keep_trailing_newline=False,
    )


def notice_templates(folder: Path, env: Environment) -> Compiled:
    """`<channel>/<kind>.txt` below the folder, by kind and channel."""
    return MappingProxyType(
        {
            (path.stem, channel): env.from_string(path.read_text(encoding="utf-8"))
            for channel in ChannelName
            for path in sorted((folder / channel.value).glob("*.txt"))
        }
    )


def reply_templates(folder: Path, env: Environment) -> Compiled:
    """The tables of `replies/*.toml`: each has a `line` and an `sms` text; by key and channel."""
    return MappingProxyType(
        {
            (key, channel): env.from_string(text.strip())
            for path in sorted((folder / "replies").glob("*.toml"))
            for key, channel, text in _texts_of(tables_of(path))
        }
    )


def tables_of(path: Path) -> dict[str, dict[str, object]]:
    """The tables of one TOML file."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def table_of(path: Path) -> dict[str, object]:
    """The values of a TOML file without tables."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _texts_of(tables: Mapping[str, Mapping[str, object]]) -> Iterator[tuple[str, ChannelName, str]]:
    for key, texts in tables.items():
        for channel in ChannelName:
            yield key, channel, str(texts[channel.value])
