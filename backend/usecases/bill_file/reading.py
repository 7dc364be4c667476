"""Walks through a surveyed file block by block, so that a million lines take the memory of one thousand."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TextIO

from backend.domain.bill_refusal import Refusal, Refusals
from backend.usecases.bill_file.header import Header, read_header
from backend.usecases.bill_file.rows import Record, read_rows
from backend.usecases.bill_file.survey import Survey

_BLOCK_LINES = 1_000  # fits the processor's cache: twice as fast as five times as many


def read_first_line(source: Path, survey: Survey) -> Header | tuple[Refusal, ...]:
    """The header, or all that is wrong with it.

    Raises:
        OSError: the file cannot be read.
    """
    with _opened(source, survey) as file:
        return read_header(file.readline())


def read_records(
    source: Path,
    survey: Survey,
    *,
    header: Header,
    refusals: Refusals,
    progress: Callable[[int], None] | None,
) -> Iterator[Record]:
    """The records of good lines; refusals of the others are added on the way. `progress` hears the bytes done.

    Raises:
        OSError: the file cannot be read.
    """
    with _opened(source, survey) as file:
        file.readline()
        line = 2
        while lines := list(islice(file, _BLOCK_LINES)):
            yield from read_rows(lines, first_line=line, header=header, refusals=refusals)
            line += len(lines)
            if progress is not None:
                progress(file.buffer.tell())


def _opened(source: Path, survey: Survey) -> TextIO:
    # newline="" keeps the line ends as they are: csv judges them, and LF, CRLF and CR all end a line.
    return source.open(encoding=survey.encoding, errors="strict", newline="")
