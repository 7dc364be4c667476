"""What one try to send means for its notice: pure rules about keys, tokens and pauses; sends and writes nothing."""

from dataclasses import replace
from datetime import datetime, timedelta

from backend.domain.states import ChannelName, NoticeKind, NoticeState
from backend.ports import Accepted, NotNow, Refused, ReplyExpired, SendOutcome, Unclear
from backend.store import outbox

_RETRY_KEY_LIFE = timedelta(hours=23)  # LINE forgets a key after 24 h: never send again after that (f51)
_TOKEN_LIVES = timedelta(seconds=50)  # a reply token is good for a minute after the webhook; less what clocks differ
_BACK_OFF = (5, 15, 60, 300, 900)  # seconds after the n-th unclear try
_LONGEST_HOLD = 300  # seconds between two tries that the provider refuses, unless it asks for more
_HELD_TOO_LONG = timedelta(hours=24)
_CANNOT_WAIT = {NoticeKind.PAYMENT_LINK, NoticeKind.CHARGE_DECLINED}  # they bring a URL whose days are counted


def has_old_key(notice: outbox.ClaimedNotice, *, now: datetime) -> bool:
    """Whether LINE may have taken this push so long ago that it has forgotten the key (f51); pure."""
    is_push = notice.channel is ChannelName.LINE and notice.reply_token is None
    return is_push and now - notice.first_sent_at > _RETRY_KEY_LIFE


def settlement_of(notice: outbox.ClaimedNotice, outcome: SendOutcome, *, now: datetime) -> outbox.Settlement:
    """What one try means for the notice; pure."""
    return replace(_meaning(notice, outcome, now=now), request_id=outcome.provider_request_id)


def _meaning(notice: outbox.ClaimedNotice, outcome: SendOutcome, *, now: datetime) -> outbox.Settlement:
    match outcome:
        case Accepted():
            return outbox.Settlement(
                notice_id=notice.id, state=NoticeState.SENT, message_id=outcome.provider_message_id
            )
        case Refused():
            return _refused(notice, outcome)
        case NotNow():
            return _held(notice, outcome, now=now)
        case Unclear():
            return _unclear(notice, outcome, now=now)
        case ReplyExpired():
            return _reply_expired(notice, now=now)


def _is_first_try(notice: outbox.ClaimedNotice) -> bool:
    """Whether nothing before this try can have arrived: tries that were certainly not processed are forgotten."""
    return notice.first_sent_at == notice.last_sent_at


def _refused(notice: outbox.ClaimedNotice, refusal: Refused) -> outbox.Settlement:
    """A no to the first try is a no. After an unclear push it says nothing of that one: it may have arrived."""
    may_have_arrived = notice.channel is ChannelName.LINE and not _is_first_try(notice)
    return outbox.Settlement(
        notice_id=notice.id,
        state=NoticeState.NEEDS_HUMAN if may_have_arrived else NoticeState.FAILED,
        failure=refusal.reason,
    )


def _held(notice: outbox.ClaimedNotice, outcome: NotNow, *, now: datetime) -> outbox.Settlement:
    """Not processed, so the key is unused; again after a pause that grows, or longer if the provider says so.

    A URL that LINE has refused for a day has failed there: it goes by SMS while there are days left to pay (f50).
    """
    if _is_held_too_long(notice, now=now):
        return outbox.Settlement(
            notice_id=notice.id, state=NoticeState.FAILED, failure=f"held for a day: {outcome.reason}"
        )
    pause = max(outcome.retry_after, min(_back_off(notice), _LONGEST_HOLD))
    return outbox.Settlement(
        notice_id=notice.id,
        state=NoticeState.QUEUED,
        failure=outcome.reason,
        not_before=now + timedelta(seconds=pause),
        forgets_first_try=_is_first_try(notice),
    )


def _is_held_too_long(notice: outbox.ClaimedNotice, *, now: datetime) -> bool:
    """Whether LINE has certainly not got this URL, and a day of asking has not changed that."""
    is_urgent = notice.channel is ChannelName.LINE and notice.kind in _CANNOT_WAIT
    is_held = notice.held_since is not None and now - notice.held_since >= _HELD_TOO_LONG
    return is_urgent and is_held and _is_first_try(notice)


def _unclear(notice: outbox.ClaimedNotice, outcome: Unclear, *, now: datetime) -> outbox.Settlement:
    """LINE: the same key again, until the key's life is over. SMS: look for it first."""
    if notice.channel is ChannelName.SMS:
        return outbox.Settlement(notice_id=notice.id, state=NoticeState.UNKNOWN, failure=outcome.reason)
    if now - notice.first_sent_at > _RETRY_KEY_LIFE:
        return outbox.Settlement(notice_id=notice.id, state=NoticeState.NEEDS_HUMAN, failure=outcome.reason)
    return outbox.Settlement(
        notice_id=notice.id,
        state=NoticeState.QUEUED,
        failure=outcome.reason,
        not_before=now + timedelta(seconds=_back_off(notice)),
    )


def _back_off(notice: outbox.ClaimedNotice) -> int:
    """Seconds until the next try, by how many there were."""
    return _BACK_OFF[min(notice.attempts, len(_BACK_OFF)) - 1]


def _reply_expired(notice: outbox.ClaimedNotice, *, now: datetime) -> outbox.Settlement:
    """A dead token after nothing or only refusals is a certain non-send: push instead (f57).

    After an unclear try, a token that died before its minute was over was used by that try: LINE has the reply. One
    that may have died of age proves nothing, and nobody is told twice: people see the question that got no sure answer.
    """
    if _is_first_try(notice):
        return outbox.Settlement(
            notice_id=notice.id,
            state=NoticeState.QUEUED,
            not_before=now,
            drops_reply_token=True,
            forgets_first_try=True,
        )
    died_young = notice.reply_token_at is not None and now - notice.reply_token_at < _TOKEN_LIVES
    if died_young:
        return outbox.Settlement(notice_id=notice.id, state=NoticeState.SENT)
    return outbox.Settlement(notice_id=notice.id, state=NoticeState.NEEDS_HUMAN, failure="reply outcome unknown")
