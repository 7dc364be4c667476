"""Every state a row can be in is explained in docs/glossary.md, and nothing is explained that is gone."""

import inspect
import re
from enum import StrEnum

from backend.domain import states
from tests.house.source_tree import ROOT

_SECTION = re.compile(r"^### (\w+)\n(.*?)(?=^#|\Z)", flags=re.MULTILINE | re.DOTALL)
_ROW = re.compile(r"^\| `([a-z_]+)` \| \S", flags=re.MULTILINE)


def test_every_state_is_explained_and_no_other() -> None:
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")

    explained = {name: _ROW.findall(rows) for name, rows in _SECTION.findall(glossary)}

    assert explained == {name: [state.value for state in enum] for name, enum in _enums().items()}


def _enums() -> dict[str, type[StrEnum]]:
    found = inspect.getmembers(states, inspect.isclass)
    return {name: one for name, one in found if issubclass(one, StrEnum) and one is not StrEnum}
