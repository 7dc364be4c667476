"""Golden chats: the bot still answers word for word as support staff have read it.

After a change of wording: `python -m tests.transcripts.rewrite`, then read the difference.
"""

import pytest

from bot.wording import Wording
from tests.transcripts.player import FOLDER, play, read

NAMES = sorted(path.stem for path in FOLDER.glob("*.txt"))


@pytest.mark.parametrize("name", NAMES)
def test_the_bot_answers_as_written(wording: Wording, name: str) -> None:
    path = FOLDER / f"{name}.txt"

    assert play(read(path), wording=wording) == path.read_text(encoding="utf-8")
