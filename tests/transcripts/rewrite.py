"""Writes every transcript anew with today's answers: `python -m tests.transcripts.rewrite`."""

from tests.bot.conftest import load_test_wording
from tests.transcripts.player import FOLDER, play, read


def main() -> None:
    """Rewrite all files of this folder."""
    wording = load_test_wording()
    for path in sorted(FOLDER.glob("*.txt")):
        path.write_text(play(read(path), wording=wording), encoding="utf-8")


if __name__ == "__main__":
    main()
