"""The same words as in tests/bot."""

from tests.bot.conftest import wording

__all__ = ["wording"]
