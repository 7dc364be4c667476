"""Every Japanese word a customer may read lives in templates/, where staff can change it."""

import re
from pathlib import Path

from tests.house.source_tree import files, offenders, shown, strings

# Letters only: hiragana, katakana, ideographs. Punctuation in a pattern is not a word.
_JAPANESE = re.compile(r"[\u3041-\u3096\u30a1-\u30fa\u3400-\u4dbf\u4e00-\u9fff]")
_DOORS = ("app", "backend", "bot", "scheduler")
_ALLOWED = {
    "app/settings.py": "the default sender name is a setting of its own",
    "backend/usecases/bill_file/": "reads dates and amounts as other systems write them",
}


def test_no_japanese_word_is_written_in_code() -> None:
    found = offenders(files(".py", under=_DOORS), _japanese_words)

    assert {name: words for name, words in found.items() if not name.startswith(tuple(_ALLOWED))} == {}, (
        "move the words to templates/"
    )


def test_every_exception_to_that_rule_is_still_needed() -> None:
    found = offenders(files(".py", under=_DOORS), _japanese_words)

    assert [place for place in _ALLOWED if not any(name.startswith(place) for name in found)] == []


def test_no_template_switches_escaping_off() -> None:
    templates = files(".html", under=("templates", "emulators"))

    found = {
        shown(path)
        for path in templates
        if re.search(r"\|\s*safe\b|autoescape\s+false", path.read_text(encoding="utf-8"))
    }

    assert found == set()


def _japanese_words(path: Path) -> list[tuple[int, str]]:
    return [(line, text) for line, text in strings(path) if _JAPANESE.search(text)]
