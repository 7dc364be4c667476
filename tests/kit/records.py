"""Where the emulators of a test run record what went over the wire, for `make contracts`."""

import os
from pathlib import Path


def record_path(api: str) -> Path | None:
    """The file for one API's records in this process, or None when nobody wants them."""
    folder = os.environ.get("TSUKIBARAI_RECORD_DIR")  # noqa: TID251 - the tests' own switch
    return Path(folder) / f"{api}-{os.getpid()}.jsonl" if folder else None
