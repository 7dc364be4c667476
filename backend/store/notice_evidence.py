"""SQL that keeps a provider's word beside each change of a notice that rests on it (channels.md, rule 15)."""

from sqlalchemy import TextClause, text

from backend.domain.states import NoticeWord

_KEEP = """
WITH moved AS ({update})
INSERT INTO notice_evidence (notice_id, attempt, word, state_after, provider_request_id, reason, at)
SELECT id, attempts, '{word}', state, request_id, reason, CAST(:now AS timestamptz) FROM moved
RETURNING notice_id
"""


def with_evidence(update: str, *, word: NoticeWord) -> TextClause:
    """One statement that moves notices and keeps what was said of each; returns their ids.

    The update has the parameter `now` and returns id, state, attempts, request_id and reason.
    """
    return text(_KEEP.format(update=update, word=word))
