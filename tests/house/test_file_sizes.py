"""A file is read in one sitting: about 100 lines, never above 400."""

from tests.house.source_tree import files, shown

_MOST = 400


def test_no_file_is_longer_than_a_sitting() -> None:
    lengths = {shown(path): len(path.read_text().splitlines()) for path in files(".py")}

    too_long = {name: lines for name, lines in lengths.items() if lines > _MOST}

    assert too_long == {}, "split these files by what their parts are for"
