"""What one try to send means for its notice: pure rules about keys, tokens and pauses; sends and writes nothing."""

from datetime import datetime, timedelta

from backend.domain.states import ChannelName, NoticeState
from backend.ports import Accepted, NotNow, Refused, ReplyExpired, SendOutcome, Unclear
from backend.store import outbox

_RETRY_KEY_LIFE = timedelta(hours=23)  # LINE forgets a key after 24 h: never send again after that (f51)
_REPLY_TOKEN_LIFE = timedelta(seconds=60)
_BACK_OFF = (5, 15, 60, 300, 900)  # seconds after the n-th unclear try


def has_old_key(notice: outbox.ClaimedNotice, *, now: datetime) -> bool:
    """Whether LINE may have taken this push so long ago that it has forgotten the key (f51); pure."""
    is_push = notice.channel is ChannelName.LINE and notice.reply_token is None
    return is_push and now - notice.first_sent_at > _RETRY_KEY_LIFE


def settlement_of(notice: outbox.ClaimedNotice, outcome: SendOutcome, *, now: datetime) -> outbox.Settlement:
    """What one try means for the notice; pure."""
    match outcome:
        case Accepted():
            return outbox.Settlement(
                notice_id=notice.id,
                state=NoticeState.SENT,
                message_id=outcome.provider_message_id,
                request_id=outcome.provider_request_id,
            )
        case Refused():
            return outbox.Settlement(
                notice_id=notice.id,
                state=NoticeState.FAILED,
                failure=outcome.reason,
                request_id=outcome.provider_request_id,
            )
        case NotNow():
            later = now + timedelta(seconds=outcome.retry_after)
            return outbox.Settlement(
                notice_id=notice.id,
                state=NoticeState.QUEUED,
                failure=outcome.reason,
                not_before=later,
                forgets_first_try=notice.first_sent_at == notice.last_sent_at,
            )
        case Unclear():
            return _unclear(notice, outcome, now=now)
        case ReplyExpired():
            return _reply_expired(notice, now=now)


def _unclear(notice: outbox.ClaimedNotice, outcome: Unclear, *, now: datetime) -> outbox.Settlement:
    """LINE: the same key again, until the key's life is over. SMS: look for it first."""
    if notice.channel is ChannelName.SMS:
        return outbox.Settlement(notice_id=notice.id, state=NoticeState.UNKNOWN, failure=outcome.reason)
    if now - notice.first_sent_at > _RETRY_KEY_LIFE:
        return outbox.Settlement(notice_id=notice.id, state=NoticeState.NEEDS_HUMAN, failure=outcome.reason)
    pause = _BACK_OFF[min(notice.attempts, len(_BACK_OFF)) - 1]
    return outbox.Settlement(
        notice_id=notice.id,
        state=NoticeState.QUEUED,
        failure=outcome.reason,
        not_before=now + timedelta(seconds=pause),
    )


def _reply_expired(notice: outbox.ClaimedNotice, *, now: datetime) -> outbox.Settlement:
    """A first try's expired token is a certain non-send: push instead (f57).

    After an unclear try, a token that died early was used by that try: LINE has the reply. A token that
    died of age proves nothing; an answer to a chat is then not repeated.
    """
    if notice.attempts == 1:
        return outbox.Settlement(notice_id=notice.id, state=NoticeState.QUEUED, not_before=now, drops_reply_token=True)
    if now - notice.first_sent_at < _REPLY_TOKEN_LIFE:
        return outbox.Settlement(notice_id=notice.id, state=NoticeState.SENT, failure=None)
    return outbox.Settlement(notice_id=notice.id, state=NoticeState.NEEDS_HUMAN, failure="reply outcome unknown")
