"""I3, I4, I8: what reached the customers' telephones and our hooks, by the providers' own truth."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from backend.domain.billing_calendar import JST
from tests.faults.people import URL
from tests.faults.town import Town

_NOTICES = """
SELECT n.key::text, n.kind, n.channel, n.state, n.request_id, split_part(n.dedupe_key, ':', 1),
  EXISTS (SELECT FROM staff_task t WHERE t.detail->>'notice_id' = n.id::text), n.id, n.failure
FROM notice n
"""
_AS_OFTEN_AS_ASKED = ("reminderpress", "charge_declined-", "reply")  # news or an answer of its own each time
_MONEY_NEWS = {"paid", "charged"}
_ANSWERED = r"""
SELECT n.key::text, i.body->>'replyToken' FROM notice n
JOIN inbox_event i ON n.dedupe_key = 'reply\:' || i.source || '\:' || i.event_id || '\:0'
"""
_SETTLED = "SELECT id, state FROM payment_request"
_WORDS = """
SELECT n.key::text, n.id, n.state, (
  SELECT e.provider_request_id FROM notice_evidence e
  WHERE e.notice_id = n.id AND e.state_after = n.state AND e.provider_request_id IS NOT NULL
  ORDER BY e.id DESC LIMIT 1)
FROM notice n WHERE n.state IN ('sent', 'delivered')
"""


async def check_messages(town: Town) -> list[str]:
    """Violations about messages, in words."""
    line = await town.outsiders.ask("line", "truth")
    twilio = await town.outsiders.ask("twilio", "truth")
    arrived = _arrived(line, twilio)
    notices = await town.database.rows(_NOTICES)
    found = [f"I3 {key} was brought {count} times" for key, count in arrived.items() if count > 1]
    found += _each_news_once(notices, arrived)
    found += _same_words_once(line, twilio, {row[0]: row[5] for row in notices})
    found += await _one_completion(town, notices, arrived)
    found += await _on_whose_word(town, line)
    found += await _replies_once(town, line, arrived)
    found += await _hooks_are_stored(town, line, twilio)
    return found


def _arrived(line: dict[str, Any], twilio: dict[str, Any]) -> Counter[str]:
    """How often each notice, by its key, was taken by a provider."""
    times = Counter(push["retry_key"] for push in line["pushes"])
    times.update(_reference(message) for message in _brought_by_sms(twilio))
    return times


def _brought_by_sms(twilio: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for message in twilio["messages"]:
        if message["direction"] == "outbound-api" and message["status"] not in {"failed", "undelivered"}:
            yield message


def _reference(message: dict[str, Any]) -> str:
    """The key that we gave Twilio in the address of the receipts."""
    return parse_qs(urlsplit(message["callback_url"] or "").query).get("ref", ["(none)"])[0]


def _each_news_once(notices: list[tuple[Any, ...]], arrived: Counter[str]) -> list[str]:
    """One (request, news) comes once, over one channel; what says it was sent was taken by the provider."""
    found = []
    ways: defaultdict[tuple[int, str], list[str]] = defaultdict(list)
    known = {row[0] for row in notices}
    found += [f"I3 a message that no notice knows: {key}" for key in arrived if key not in known]
    for key, kind, channel, state, request, occasion, has_task, notice, failure in notices:
        if arrived[key] and request is not None:
            ways[request, occasion].append(channel)
        if state in {"sent", "delivered"} and not arrived[key] and kind != "reply":
            found.append(f"I3 notice {notice} ({kind}) is {state}, and {channel} has never taken it")
        if state == "needs_human" and not has_task:
            found.append(f"I5 notice {notice} waits for people who were not told")
        if state == "failed" and arrived[key] and not str(failure).startswith("request_"):  # not to be sent again
            found.append(f"I3 notice {notice} ({kind}) is failed, and {channel} has brought it")
    found += [f"I3 {news} of request {request} came by {how}" for (request, news), how in ways.items() if len(how) > 1]
    return found


def _same_words_once(line: dict[str, Any], twilio: dict[str, Any], occasions: dict[str, str]) -> list[str]:
    """Nobody reads the same words with a payment URL twice on a day, except who presses or asks again."""
    said: Counter[tuple[str, str, str]] = Counter()
    for push in line["pushes"]:
        if not occasions.get(push["retry_key"], "").startswith(_AS_OFTEN_AS_ASKED):
            said[push["user"], _day(push["at"]), str(push["messages"])] += 1
    for message in _brought_by_sms(twilio):
        if not occasions.get(_reference(message), "").startswith(_AS_OFTEN_AS_ASKED):
            said[message["to"], _day(message["created_at"]), message["body"]] += 1
    return [
        f"I3 {who} read the same words {count} times on {day}"
        for (who, day, words), count in said.items()
        if count > 1 and URL.search(words)
    ]


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, tz=JST):%Y-%m-%d}"


async def _one_completion(town: Town, notices: list[tuple[Any, ...]], arrived: Counter[str]) -> list[str]:
    """Every paid request is told once; no other is told to be paid."""
    told: defaultdict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for row in notices:
        if row[1] in _MONEY_NEWS:
            told[row[4]].append(row)
    found = []
    for request, state in await town.database.rows(_SETTLED):
        rows = told.get(int(str(request)), [])
        reached = sum(arrived[row[0]] for row in rows)
        is_given_up = any(row[3] == "needs_human" or row[6] for row in rows)
        if state == "settled" and (reached > 1 or (reached == 0 and not is_given_up)):
            found.append(f"I4 request {request} is paid, and {reached} messages say so")
        if state != "settled" and rows:
            found.append(f"I4 request {request} is {state}, and a notice says paid")
    return found


async def _on_whose_word(town: Town, line: dict[str, Any]) -> list[str]:
    """What has arrived by our books has a provider's word behind it; LINE's names the request that took the push."""
    pushed = {push["retry_key"]: push["request_id"] for push in line["pushes"]}
    return [
        f"I3 notice {notice} is {state} on the word {name}, and LINE took it as {pushed.get(str(key))}"
        for key, notice, state, name in await town.database.rows(_WORDS)
        if name is None or name != pushed.get(str(key), name)
    ]


async def _replies_once(town: Town, line: dict[str, Any], arrived: Counter[str]) -> list[str]:
    """An event of a chat is answered once: by its reply token or by a push."""
    replied = Counter(reply["reply_token"] for reply in line["replies"])
    found = []
    for key, token in await town.database.rows(_ANSWERED):
        times = arrived[str(key)] + replied[str(token)]
        if times > 1:
            found.append(f"I8 an event was answered {times} times: {key}")
    return found


async def _hooks_are_stored(town: Town, line: dict[str, Any], twilio: dict[str, Any]) -> list[str]:
    """What we answered with 2xx is in the inbox."""
    stored = {(str(source), str(event)) for source, event in await town.database.rows(
        "SELECT source, event_id FROM inbox_event")}  # fmt: skip
    gateway = (await town.outsiders.ask("gateway", "truth?parts=webhooks"))["webhooks"]
    answered = {("gateway", event["id"]) for event in gateway if event["times_delivered"]}
    answered |= {
        ("line", event) for sent in line["webhooks"] if 200 <= sent["status"] < 300 for event in sent["event_ids"]
    }
    for callback in twilio["callbacks"]:
        if 200 <= callback["status"] < 300:
            is_inbound = callback["message_status"] == "received"
            name = callback["sid"] if is_inbound else f"{callback['sid']}:{callback['message_status']}"
            answered.add(("twilio_sms" if is_inbound else "twilio_status", name))
    return [f"I8 answered and not stored: {event}" for event in sorted(answered - stored)]
