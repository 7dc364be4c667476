"""What one try to send means for its notice: pure rules (f46, f47, f57)."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from backend.domain.states import ChannelName, NoticeKind, NoticeState
from backend.ports import NotNow, Refused, ReplyExpired
from backend.store.outbox import ClaimedNotice
from bot.notice_outcomes import settlement_of
from tests.kit.clock import jst

NOON = jst("2026-11-10T12:00")
PUSH = ClaimedNotice(
    id=1,
    key=UUID(int=1),
    kind=NoticeKind.PAYMENT_LINK,
    channel=ChannelName.LINE,
    address="U" + "3" * 32,
    link_id=None,
    facts={},
    payload={},
    reply_token=None,
    reply_token_at=None,
    held_since=None,
    attempts=1,
    first_sent_at=NOON,
    last_sent_at=NOON,
    state="sending",
)


def tried_again(notice: ClaimedNotice, *, after: timedelta) -> ClaimedNotice:
    """A try before this one is unclear."""
    return replace(notice, attempts=notice.attempts + 1, last_sent_at=NOON + after)


def reply(*, age: timedelta) -> ClaimedNotice:
    """An answer in the chat whose token reached us so long before noon."""
    return replace(PUSH, kind=NoticeKind.REPLY, reply_token="token", reply_token_at=NOON - age)


@pytest.mark.parametrize(("tries", "seconds"), [(1, 5), (2, 15), (3, 60), (4, 300), (5, 300), (99, 300)])
def test_f46_the_pause_after_a_refusal_for_now_grows_up_to_five_minutes(tries: int, seconds: int) -> None:
    settled = settlement_of(replace(PUSH, attempts=tries), NotNow(reason="429", retry_after=5), now=NOON)

    assert settled.not_before == NOON + timedelta(seconds=seconds)
    assert settled.forgets_first_try


def test_f46_a_provider_may_ask_for_a_longer_pause() -> None:
    settled = settlement_of(PUSH, NotNow(reason="429", retry_after=900), now=NOON)

    assert settled.not_before == NOON + timedelta(seconds=900)


def test_f48_a_push_that_is_refused_at_its_first_try_has_failed() -> None:
    assert settlement_of(PUSH, Refused(reason="400"), now=NOON).state is NoticeState.FAILED


def test_f48_a_push_that_is_refused_after_an_unclear_try_is_left_to_people() -> None:
    again = tried_again(PUSH, after=timedelta(seconds=5))

    assert settlement_of(again, Refused(reason="400"), now=NOON).state is NoticeState.NEEDS_HUMAN


@pytest.mark.parametrize("age", [timedelta(0), timedelta(minutes=5)])
def test_f57_a_token_that_nothing_can_have_used_is_dropped(age: timedelta) -> None:
    settled = settlement_of(reply(age=age), ReplyExpired(), now=NOON)

    assert (settled.state, settled.drops_reply_token, settled.forgets_first_try) == (NoticeState.QUEUED, True, True)


@pytest.mark.parametrize(
    ("age", "state"), [(timedelta(seconds=30), NoticeState.SENT), (timedelta(seconds=45), NoticeState.NEEDS_HUMAN)]
)
def test_f57_a_token_that_an_unclear_try_may_have_used_tells_by_its_age(age: timedelta, state: NoticeState) -> None:
    again = tried_again(reply(age=age), after=timedelta(seconds=5))

    assert settlement_of(again, ReplyExpired(), now=NOON + timedelta(seconds=8)).state is state
