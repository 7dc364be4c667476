"""The FAQ entries as data: what customers ask, in which words, and what we answer; matches nothing."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import cast

from jinja2 import Environment, Template

from backend.domain.states import ChannelName

OUT_OF_SCOPE = "oos"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaqEntry:
    """One intent of templates/faq: its file is its definition, its examples are its tests."""

    id: str
    title: str  # the button's label, at most 20 characters
    order: int  # place in the list of questions; 0 = not in the list
    target: str  # the button under the answer: "" or a Target
    adds: str  # which facts of the account belong to the answer: "" or a key of dialogue_faq
    answers: Mapping[ChannelName, Template]
    examples: tuple[str, ...]
    keywords: Mapping[str, int]  # folded text → weight 1..3


def load_faq(folder: Path, env: Environment) -> tuple[FaqEntry, ...]:
    """Read every entry of the folder, in the order of the question list.

    Raises:
        KeyError: an entry lacks a field.
    """
    entries = [_entry(path, env) for path in sorted(folder.glob("*.toml"))]
    return tuple(sorted(entries, key=lambda entry: (entry.order or 1000, entry.id)))


def _entry(path: Path, env: Environment) -> FaqEntry:
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    return FaqEntry(
        id=path.stem,
        title=table["title"],
        order=table.get("order", 0),
        target=table.get("target", ""),
        adds=table.get("adds", ""),
        answers=MappingProxyType({name: env.from_string(table[name.value].strip()) for name in ChannelName}),
        examples=tuple(table["examples"]),
        keywords=MappingProxyType(cast("dict[str, int]", table.get("keywords", {}))),
    )
