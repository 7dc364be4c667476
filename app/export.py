"""Tables that leave the system: whole under their name or not there at all, and whoever reads one can tell."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


class Table:
    """Rows on their way into a file."""

    def __init__(self, partial: Path) -> None:
        self._file = partial.open("w", newline="", encoding="utf-8-sig")  # the mark lets spreadsheets read Japanese
        self._rows = csv.writer(self._file)
        self._count = 0

    def add(self, row: Sequence[object]) -> None:
        """Write one row."""
        self._rows.writerow(row)
        self._count += 1

    def end(self, word: str) -> None:
        """The last row: `word` and how many rows lie between it and the header."""
        self._rows.writerow([word, self._count])

    def header(self, row: Sequence[object]) -> None:
        """Write the first row."""
        self._rows.writerow(row)

    def close(self) -> None:
        """Nothing can be added any more."""
        self._file.close()


@contextmanager
def whole_table(out: Path, *, header: Sequence[object], last_word: str) -> Iterator[Table]:
    """A CSV table that appears as `out` when the block has ended well, and not at all when it has not (f70).

    The last row says `last_word` and the number of rows, so that a copy that was cut short is noticed as well.
    """
    partial = out.with_name(f".{out.name}.partial")
    table = Table(partial)
    try:
        table.header(header)
        yield table
        table.end(last_word)
        table.close()
        partial.replace(out)
    finally:
        table.close()
        partial.unlink(missing_ok=True)
