"""List, fetch, update and delete: newest first, page by page, with the platform's filters."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from operator import attrgetter
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from emulators.twilio import resource
from emulators.twilio.errors import Code, Refused, answer
from emulators.twilio.sending import limit_rate, read_form
from emulators.twilio.state import STATE, Message, TwilioState

_PAGE_SIZE, _MOST_PER_PAGE = 50, 1000
_TOKEN_PREFIX = "PA"  # noqa: S105 - a page token, not a secret
_FINAL = frozenset({"delivered", "undelivered", "failed", "canceled", "received"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Filter:
    """Which messages a list call asks for; a message not yet sent has no date and never matches."""

    sender: str | None
    since: float | None
    until: float | None

    def matches(self, message: Message) -> bool:
        if message.is_deleted or self.sender not in (None, message.sender):
            return False
        if self.since is None and self.until is None:
            return True
        at = message.sent_at
        if at is None:
            return False
        return (self.since or 0) <= at and (self.until is None or at < self.until)


async def read_list(request: web.Request) -> web.Response:
    """Return one page of messages, newest first; those younger than the lag are not there yet."""
    state = request.app[STATE]
    limit_rate(state, "read")
    query = request.query
    size, page = _number(query, "PageSize", _PAGE_SIZE), _number(query, "Page", 0)
    size = max(1, min(size, _MOST_PER_PAGE))
    found = _found(state, query)
    items = list(islice(found, size))
    has_more = next(found, None) is not None
    following = f"{_TOKEN_PREFIX}{items[-1].sid}" if has_more else None
    return answer(200, _page(state, query, items, page=page, size=size, following=following))


async def fetch(request: web.Request) -> web.Response:
    """Return one message."""
    state = request.app[STATE]
    limit_rate(state, "read")
    message = _message(request, state)
    return answer(200, resource.of(message, account_sid=state.config.account_sid))


async def update(request: web.Request) -> web.Response:
    """Redact a message (an empty Body); nothing else can be changed."""
    state = request.app[STATE]
    message = _message(request, state)
    form = await read_form(request)
    if form.get("Body") != "" or message.status not in _FINAL:
        raise Refused(Code.BAD_REQUEST, message="Only the Body of a finished message can be emptied")
    message.body = ""
    return answer(200, resource.of(message, account_sid=state.config.account_sid))


async def delete(request: web.Request) -> web.Response:
    """Delete a message; the telephone keeps its copy."""
    _message(request, request.app[STATE]).is_deleted = True
    return web.Response(status=204)


def _message(request: web.Request, state: TwilioState) -> Message:
    message = state.truth.by_sid.get(request.match_info["sid"])
    if message is None or message.is_deleted:
        raise Refused(Code.NOT_FOUND, status=404)
    return message


def _found(state: TwilioState, query: Mapping[str, str]) -> Iterator[Message]:
    to = query.get("To")
    messages = state.truth.messages if to is None else state.truth.by_to.get(to, [])
    newest = state.clock.time() - state.list_lag_seconds
    wanted = _filter(query)
    for position in range(_start(state, messages, query) - 1, -1, -1):
        message = messages[position]
        is_listed = not state.list_lag_seconds or message.created_at <= newest
        if is_listed and wanted.matches(message):
            yield message


def _start(state: TwilioState, messages: Sequence[Message], query: Mapping[str, str]) -> int:
    token = query.get("PageToken")
    if token is None:
        return len(messages)
    last = state.truth.by_sid.get(token.removeprefix(_TOKEN_PREFIX))
    if last is None:
        raise Refused(Code.BAD_REQUEST, message="Invalid PageToken")
    return bisect_left(messages, last.index, key=attrgetter("index"))


def _filter(query: Mapping[str, str]) -> _Filter:
    """DateSent is one day in GMT; DateSent< and DateSent> are moments or days, inclusive."""
    since, until = _moment(query.get("DateSent>")), _moment(query.get("DateSent<"))
    if "DateSent<" in query and len(query["DateSent<"]) == len("2026-12-10"):
        until = None if until is None else until + 24 * 3600
    day = _moment(query.get("DateSent"))
    if day is not None:
        since, until = day, day + timedelta(days=1).total_seconds()
    return _Filter(sender=query.get("From"), since=since, until=until)


def _moment(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        if len(text) == len("2026-12-10"):
            day = date.fromisoformat(text)
            return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refused(Code.BAD_REQUEST, message="Invalid date") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isdigit():
        raise Refused(Code.BAD_REQUEST, message=f"Invalid {name}")
    return int(text)


def _page(
    state: TwilioState,
    query: Mapping[str, str],
    items: Sequence[Message],
    *,
    page: int,
    size: int,
    following: str | None,
) -> dict[str, Any]:
    sid = state.config.account_sid
    kept = {k: v for k, v in query.items() if k not in ("Page", "PageToken", "PageSize")}
    start = page * size

    def uri(**more: str) -> str:
        fields = {**kept, "PageSize": str(size), **more}
        return f"{resource.API}/{sid}/Messages.json?{urlencode(fields)}"

    after = None if following is None else uri(Page=str(page + 1), PageToken=following)
    token = query.get("PageToken")
    return {
        "messages": [resource.of(message, account_sid=sid) for message in items],
        "page": page,
        "page_size": size,
        "start": start,
        "end": max(start, start + len(items) - 1),
        "first_page_uri": uri(Page="0"),
        "next_page_uri": after,
        "previous_page_uri": None if page == 0 else uri(Page=str(page - 1)),
        "uri": uri(Page=str(page), **({"PageToken": token} if token else {})),
    }
