"""What is committed is finished and really tested: no stubs, no skipped tests, no mocks."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.house.source_tree import files, imports, offenders, tree

_OPEN_END = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME)\b")
_TEXTS = (".py", ".html", ".css", ".js", ".toml", ".sh")
_FORBIDDEN_ENDINGS = (
    "pytest.skip",
    "pytest.importorskip",
    "pytest.xfail",
    "mark.skip",
    "mark.skipif",
    "mark.xfail",
    "monkeypatch.setattr",
    "monkeypatch.setitem",
    "NotImplementedError",
)


def test_nothing_is_left_for_later() -> None:
    found = offenders(files(*_TEXTS), _open_ends)

    assert found == {}, "finish it, or write an issue and remove the note"


def test_nothing_is_skipped_stubbed_or_mocked() -> None:
    found = offenders(files(".py"), _stand_ins)

    assert found == {}, "use a real part, an emulator or a fake that passes the contract"


def test_no_error_is_swallowed_unseen() -> None:
    found = offenders(files(".py"), _silent_handlers)

    assert found == {}, "catch narrowly, or log the exception at the door"


def _open_ends(path: Path) -> list[str]:
    return _OPEN_END.findall(path.read_text(encoding="utf-8"))


def _stand_ins(path: Path) -> list[str]:
    used = {name for name in _dotted_names(path) if name.endswith(_FORBIDDEN_ENDINGS)}
    mocks = {module for module, names in imports(path) if "mock" in {*module.split("."), *names}}
    return sorted(used | mocks)


def _silent_handlers(path: Path) -> list[int]:
    return [
        node.lineno
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler)
        and _catches_everything(node)
        and all(isinstance(step, ast.Pass | ast.Continue) for step in node.body)
    ]


def _dotted_names(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute | ast.Name):
            yield ast.unparse(node)


def _catches_everything(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or ast.unparse(handler.type) in {"Exception", "BaseException"}
