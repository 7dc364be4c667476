"""The FAQ entries as data: what customers ask, in which words, and what we answer; matches nothing."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from jinja2 import Environment, Template

from backend.domain.states import ChannelName
from bot.understanding.folding import fold

OUT_OF_SCOPE = "oos"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """Another answer of the same entry, for those who use one of these words."""

    words: tuple[str, ...]  # folded
    answers: Mapping[ChannelName, Template]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaqEntry:
    """One intent of templates/faq: its file is its definition, its examples are its tests."""

    id: str
    title: str  # the button's label, at most 20 characters
    order: int  # place in the list of questions; 0 = not in the list
    target: str  # the button under the answer: "" or a Target
    adds: str  # which facts of the account belong to the answer: "" or a key of dialogue_faq
    first: frozenset[str]  # the situations whose own text stands above the answer
    instead: frozenset[str]  # the situations whose own text is the answer
    answers: Mapping[ChannelName, Template]
    variants: tuple[Variant, ...]
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
        first=frozenset(table.get("first", ())),
        instead=frozenset(table.get("instead", ())),
        answers=_answers(table, env),
        variants=tuple(
            Variant(words=tuple(fold(word) for word in variant["words"]), answers=_answers(variant, env))
            for variant in table.get("variants", {}).values()
        ),
        examples=tuple(table["examples"]),
        keywords=MappingProxyType(cast("dict[str, int]", table.get("keywords", {}))),
    )


def _answers(table: Mapping[str, Any], env: Environment) -> Mapping[ChannelName, Template]:
    return MappingProxyType({name: env.from_string(table[name.value].strip()) for name in ChannelName})
