"""SQL that puts messages into the outbox, each in the transaction of its cause, and moves what cannot arrive."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.states import ChannelName, NoticeKind

# One statement for every notice about a request, for one request or a month of them. LINE if linked and not blocked,
# else SMS; an account without any channel becomes a task for people, never a silent gap. Who was told by one channel is
# not told by the other when a repeated job finds that LINE was linked or blocked meanwhile: each key is looked up.
# Row by row, by index (OFFSET 0 and LIMIT keep the planner from joining): before a month's first rows the estimates say
# that these tables are empty, and a plan by them compares every request with every link.
_ENQUEUE = text("""
WITH facts AS (
  SELECT r.id AS request_id, r.account_id, l.id AS link_id,
    CASE WHEN lu.line_user_id IS NOT NULL THEN 'line' WHEN sms_stop.address IS NULL THEN 'sms' END AS channel,
    coalesce(lu.line_user_id, a.phone) AS address,
    jsonb_strip_nulls(jsonb_build_object('next_day', CAST(:next_day AS text),
      'refund_amount', CAST(:refund_amount AS integer),
      'amount', r.amount, 'order_number', r.order_number, 'number_tail', right(a.customer_number, 4),
      'last_day', to_char((r.valid_until - interval '1 microsecond') AT TIME ZONE 'Asia/Tokyo', 'YYYY-MM-DD'),
      'reason', CASE WHEN r.bill_count > 1 THEN 'combined' WHEN r.card_change_id IS NOT NULL THEN 'card_change'
                ELSE 'first' END,
      'carry_over_reason', r.carry_over_reason,
      'months', b.months, 'amounts', b.amounts, 'brand', p.brand, 'last4', p.last4, 'decline_class', p.decline_class
    )) AS facts
  FROM payment_request r
  JOIN LATERAL (SELECT phone, customer_number FROM account WHERE id = r.account_id OFFSET 0) a ON true
  JOIN LATERAL (
    SELECT jsonb_agg(bill.billing_month ORDER BY bill.billing_month) AS months,
           jsonb_agg(bill.amount ORDER BY bill.billing_month) AS amounts
    FROM payment_request_bill m JOIN bill ON bill.id = m.bill_id WHERE m.request_id = r.id
  ) b ON true
  LEFT JOIN LATERAL (SELECT id FROM payment_link WHERE request_id = r.id AND state = 'active' OFFSET 0) l ON true
  LEFT JOIN LATERAL (
    SELECT c.brand, c.last4, p.decline_class FROM payment_attempt p LEFT JOIN card_on_file c ON c.id = p.card_id
    WHERE p.request_id = r.id ORDER BY p.state = 'succeeded' DESC, p.ordinal DESC LIMIT 1
  ) p ON true
  LEFT JOIN LATERAL (
    SELECT k.line_user_id FROM line_link k
    LEFT JOIN line_user u ON u.line_user_id = k.line_user_id
    LEFT JOIN contact_stop s ON s.channel = 'line' AND s.address = k.line_user_id
    WHERE k.account_id = r.account_id AND k.unlinked_at IS NULL AND NOT coalesce(u.is_blocked, false)
      AND s.address IS NULL OFFSET 0
  ) lu ON true
  LEFT JOIN LATERAL (SELECT address FROM contact_stop WHERE channel = 'sms' AND address = a.phone OFFSET 0) sms_stop
    ON true
  WHERE r.id = ANY(:request_ids) AND (
    SELECT true FROM notice told WHERE told.dedupe_key = ANY(ARRAY[
      CAST(:kind AS text) || CAST(:occasion AS text) || ':' || r.id || ':' || 'line',
      CAST(:kind AS text) || CAST(:occasion AS text) || ':' || r.id || ':' || 'sms']) LIMIT 1) IS NULL
), reachable AS (
  INSERT INTO notice (dedupe_key, kind, channel, address, account_id, request_id, link_id, facts, state, priority,
    created_at, not_before)
  SELECT CAST(:kind AS text) || CAST(:occasion AS text) || ':' || request_id || ':' || channel,
    :kind, channel, address, account_id, request_id, link_id, facts, 'queued', :priority, :now, :not_before
  FROM facts WHERE channel IS NOT NULL
  ON CONFLICT (dedupe_key) DO NOTHING
)
INSERT INTO staff_task (kind, dedupe_key, account_id, detail, created_at)
SELECT 'unreachable', 'unreachable:' || CAST(:kind AS text) || CAST(:occasion AS text) || ':' || request_id,
  account_id, jsonb_build_object('request_id', request_id, 'kind', CAST(:kind AS text)), :now
FROM facts WHERE channel IS NULL
ON CONFLICT (dedupe_key) DO NOTHING
""")


_ENQUEUE_ONE = text("""
INSERT INTO notice (dedupe_key, kind, channel, address, account_id, link_id, facts, payload, reply_token,
  reply_token_at, state, priority, created_at, not_before)
VALUES (:dedupe_key, :kind, :channel, :address, :account_id, :link_id, CAST(:facts AS jsonb), CAST(:payload AS jsonb),
  :reply_token, :reply_token_at, 'queued', :priority, :now, :not_before)
ON CONFLICT (dedupe_key) DO NOTHING
""")


# The same news by SMS, because LINE will certainly not bring it. One fallback a notice, by the dedupe key.
_FALL_BACK = text(r"""
WITH source AS (
  SELECT n.*, a.phone, s.address AS stopped FROM notice n JOIN account a ON a.id = n.account_id
  LEFT JOIN contact_stop s ON s.channel = 'sms' AND s.address = a.phone
  WHERE n.id = ANY(:ids) AND n.channel = 'line' AND n.kind <> 'reply'
), moved AS (
  INSERT INTO notice (dedupe_key, kind, channel, address, account_id, request_id, link_id, facts, state, priority,
    created_at, not_before)
  SELECT regexp_replace(dedupe_key, '[:]line$', '\:sms'), kind, 'sms', phone, account_id, request_id, link_id, facts,
    'queued', priority, :now, :not_before
  FROM source WHERE stopped IS NULL
  ON CONFLICT (dedupe_key) DO NOTHING
)
INSERT INTO staff_task (kind, dedupe_key, account_id, detail, created_at)
SELECT 'unreachable', 'unreachable:notice:' || id, account_id, jsonb_build_object('notice_id', id), :now
FROM source WHERE stopped IS NOT NULL
ON CONFLICT (dedupe_key) DO NOTHING
""")


_REPORT_UNDELIVERED = text("""
INSERT INTO staff_task (kind, dedupe_key, account_id, detail, created_at)
SELECT CAST(:kind AS text), CAST(:kind AS text) || ':notice:' || id, account_id,
  jsonb_build_object('notice_id', id, 'failure', failure), :now
FROM notice WHERE id = ANY(:ids)
ON CONFLICT (dedupe_key) DO NOTHING
""")


# An answer in a chat is told by lost_answers. Of codes the newest matters: who asks again has seen that none came.
_REPORT_FAILED_SMS = text("""
INSERT INTO staff_task (kind, dedupe_key, account_id, detail, created_at)
SELECT 'unreachable', 'unreachable:notice:' || id, account_id,
  jsonb_build_object('notice_id', id, 'failure', failure), :now
FROM notice n WHERE id = ANY(:ids) AND channel = 'sms' AND state = 'failed' AND kind <> 'reply'
  AND NOT (kind = 'code' AND EXISTS (
    SELECT FROM notice newer WHERE newer.address = n.address AND newer.kind = 'code' AND newer.id > n.id))
ON CONFLICT (dedupe_key) DO NOTHING
""")


# The code is the failure's last word.
_STOP_NUMBERS = text("""
INSERT INTO contact_stop (channel, address, source, since)
SELECT DISTINCT n.channel, n.address, s.source, CAST(:now AS timestamptz)
FROM notice n JOIN unnest(CAST(:codes AS text[]), CAST(:sources AS text[])) AS s(code, source)
  ON s.code = substring(n.failure FROM '[0-9]+$')
WHERE n.id = ANY(:ids) AND n.channel = 'sms'
ON CONFLICT (channel, address) DO NOTHING
""")


_KNOWN = text("""
SELECT provider_message_id FROM notice
WHERE address = :address AND id <> :id AND provider_message_id IS NOT NULL ORDER BY id DESC LIMIT 100
""")


# What only asks for a payment is worth nothing once the request has ended.
# A URL that expired without having been told is one for people.
_WITHDRAW_POINTLESS = text("""
WITH withdrawn AS (
  UPDATE notice n SET state = 'failed', failure = 'request_' || r.state, settled_at = :now FROM payment_request r
  WHERE n.id = ANY(:ids) AND r.id = n.request_id AND r.state <> 'open' AND n.state = 'queued'
    AND (n.kind IN ('payment_link', 'reminder', 'charge_declined')
      OR n.kind = 'charge_carried_over' AND r.state = 'settled')
  RETURNING n.id, n.kind, n.account_id, n.failure
)
INSERT INTO staff_task (kind, dedupe_key, account_id, detail, created_at)
SELECT 'unreachable', 'unreachable:notice:' || id, account_id,
  jsonb_build_object('notice_id', id, 'failure', failure), :now
FROM withdrawn WHERE kind <> 'reminder' AND failure IN ('request_expired', 'request_closing')
ON CONFLICT (dedupe_key) DO NOTHING
""")


# Two at once would only annoy; the same run, repeated, keeps its own. An SMS that waits has certainly not been sent.
_WITHDRAW_OLDER = text("""
UPDATE notice SET state = 'failed', failure = 'newer_reminder', settled_at = :now
WHERE request_id = ANY(:request_ids) AND kind = 'reminder' AND state = 'queued'
  AND (first_sent_at IS NULL OR channel = 'sms')
  AND split_part(dedupe_key, ':', 1) <> 'reminder' || CAST(:occasion AS text)
""")


# A reminder that turned out not to have been sent is not made up for beside the next one.
_WITHDRAW_OVERTAKEN = text("""
UPDATE notice n SET state = 'failed', failure = 'newer_reminder', settled_at = :now
WHERE n.id = ANY(:ids) AND n.kind = 'reminder' AND n.state = 'queued' AND EXISTS (
  SELECT FROM notice newer
  WHERE newer.request_id = n.request_id AND newer.kind = 'reminder' AND newer.id > n.id
    AND newer.state IN ('queued', 'sending', 'sent', 'delivered', 'unknown'))
""")


# What was tried already may have arrived: it goes on under its own key, and never by SMS as well.
_BLOCKED = text("""
SELECT id FROM notice
WHERE channel = 'line' AND address = :address AND state = 'queued' AND first_sent_at IS NULL FOR UPDATE
""")


_FAIL = text("""
UPDATE notice SET state = 'failed', failure = :failure, settled_at = :now
WHERE id = ANY(:ids) AND state IN ('queued', 'sending', 'sent', 'unknown')
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNotice:
    """A notice that is not about a payment request: a code, a reply, a confirmation."""

    dedupe_key: str
    kind: NoticeKind
    channel: ChannelName
    address: str = field(repr=False)
    account_id: int | None
    facts: Mapping[str, object]
    payload: Mapping[str, object] | None = None
    reply_token: str | None = field(default=None, repr=False)
    reply_token_at: datetime | None = None  # when the webhook with it reached us
    link_id: UUID | None = None
    priority: int = 1


async def enqueue_for_requests(
    connection: AsyncConnection,
    *,
    kind: NoticeKind,
    request_ids: Sequence[int],
    now: datetime,
    not_before: datetime,
    occasion: str = "",
    priority: int = 5,
    next_opening_on: date | None = None,
    refund_amount: int | None = None,
) -> None:
    """Tell the payers of these requests, once a (kind, occasion, request); the caller's transaction is the cause.

    `next_opening_on` is the day to name where the message speaks of the next month, `refund_amount` what went back
    (yen).
    """
    values = {
        "kind": kind,
        "request_ids": list(request_ids),
        "now": now,
        "not_before": not_before,
        "occasion": occasion,
        "priority": priority,
        "next_day": next_opening_on.isoformat() if next_opening_on else None,
        "refund_amount": refund_amount,
    }
    await connection.execute(_ENQUEUE, values)


async def enqueue(
    connection: AsyncConnection, *, notices: Sequence[NewNotice], now: datetime, not_before: datetime
) -> None:
    """Put single messages into the outbox; a known dedupe key changes nothing."""
    rows = [
        {
            "dedupe_key": notice.dedupe_key,
            "kind": notice.kind,
            "channel": notice.channel,
            "address": notice.address,
            "account_id": notice.account_id,
            "link_id": notice.link_id,
            "facts": json.dumps(notice.facts),
            "payload": None if notice.payload is None else json.dumps(notice.payload, ensure_ascii=False),
            "reply_token": notice.reply_token,
            "reply_token_at": notice.reply_token_at,
            "priority": notice.priority,
            "now": now,
            "not_before": not_before,
        }
        for notice in notices
    ]
    if rows:
        await connection.execute(_ENQUEUE_ONE, rows)


async def fall_back_to_sms(
    connection: AsyncConnection, *, notice_ids: Sequence[int], now: datetime, not_before: datetime
) -> None:
    """Bring by SMS what LINE will certainly not bring; who cannot get SMS either goes on the list for people."""
    await connection.execute(_FALL_BACK, {"ids": list(notice_ids), "now": now, "not_before": not_before})


async def report_to_staff(connection: AsyncConnection, *, kind: str, notice_ids: Sequence[int], now: datetime) -> None:
    """Put notices that did not arrive on the list for people."""
    await connection.execute(_REPORT_UNDELIVERED, {"kind": kind, "ids": list(notice_ids), "now": now})


async def report_failed_sms(connection: AsyncConnection, *, notice_ids: Sequence[int], now: datetime) -> None:
    """After SMS there is no other channel: people must reach these customers."""
    await connection.execute(_REPORT_FAILED_SMS, {"ids": list(notice_ids), "now": now})


async def stop_numbers(
    connection: AsyncConnection, *, notice_ids: Sequence[int], stops: Mapping[str, str], now: datetime
) -> None:
    """Send no more SMS to numbers that failed for a reason that lasts: `stops` is failure code → why we stop."""
    values = {"ids": list(notice_ids), "codes": list(stops), "sources": list(stops.values()), "now": now}
    await connection.execute(_STOP_NUMBERS, values)


async def find_known_messages(connection: AsyncConnection, *, notice_id: int, address: str) -> frozenset[str]:
    """The provider's names of the messages that other notices to this address have become."""
    found = await connection.execute(_KNOWN, {"id": notice_id, "address": address})
    return frozenset(found.scalars())


async def withdraw_pointless(connection: AsyncConnection, *, notice_ids: Sequence[int], now: datetime) -> None:
    """End what waits to be sent again although its request was paid, replaced or expired meanwhile."""
    await connection.execute(_WITHDRAW_POINTLESS, {"ids": list(notice_ids), "now": now})


async def withdraw_overtaken(connection: AsyncConnection, *, notice_ids: Sequence[int], now: datetime) -> None:
    """End those of these notices that were to be sent again and are reminders with a newer one behind them."""
    await connection.execute(_WITHDRAW_OVERTAKEN, {"ids": list(notice_ids), "now": now})


async def withdraw_older_reminders(
    connection: AsyncConnection, *, request_ids: Sequence[int], occasion: str, now: datetime
) -> None:
    """End reminders that still wait although this occasion's are about to be queued."""
    await connection.execute(_WITHDRAW_OLDER, {"request_ids": list(request_ids), "occasion": occasion, "now": now})


async def lock_queued_for(connection: AsyncConnection, *, line_user_id: str) -> list[int]:
    """Notices to a LINE user that were certainly not sent yet."""
    return list((await connection.execute(_BLOCKED, {"address": line_user_id})).scalars())


async def move_to_sms(
    connection: AsyncConnection, *, notice_ids: Sequence[int], failure: str, now: datetime, not_before: datetime
) -> None:
    """End notices that LINE will not bring, with the reason, and bring them by SMS instead."""
    await fail(connection, notice_ids=notice_ids, failure=failure, now=now)
    await fall_back_to_sms(connection, notice_ids=notice_ids, now=now, not_before=not_before)


async def fail(connection: AsyncConnection, *, notice_ids: Sequence[int], failure: str, now: datetime) -> None:
    """End notices that will not be sent, with the reason."""
    await connection.execute(_FAIL, {"ids": list(notice_ids), "failure": failure, "now": now})
