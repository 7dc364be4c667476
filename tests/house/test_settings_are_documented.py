"""A setting that nobody can find does not exist: each has its line in docs/settings.md."""

import re

from app.settings import Settings
from tests.house.source_tree import ROOT


def test_the_document_lists_exactly_the_settings_there_are() -> None:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `([A-Z_]+)` \|", text, flags=re.MULTILINE)

    assert sorted(documented) == sorted(name.upper() for name in Settings.model_fields)
