"""A process that owns (or shares) an embedded PostgreSQL until its input ends; run by tests."""

import sys
from pathlib import Path

from backend.store.embedded import EmbeddedPostgres


def main() -> None:
    data_dir, bindir = sys.argv[1], sys.argv[2:]
    server = EmbeddedPostgres(
        data_dir=Path(data_dir),
        bindir=Path(bindir[0]) if bindir else None,
        settings={"fsync": "off"},
    )
    sys.stdout.write(server.start() + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()
