"""SQL of the outbox's own life: claimed by one worker, frozen before the first try, settled once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.states import ChannelName, NoticeKind, NoticeWord
from backend.store.charging_stops import HAS_SETTLED
from backend.store.notice_evidence import with_evidence

# The rows stay locked until they are marked: another worker passes them over. A closed restore gate holds all news, and
# what the restored state still had to send: it may have been sent in the time that was lost. No URL leaves before its
# opening is over and its amounts were looked at, nor while they look wrong.
# Twilio's list tells messages apart by text and URL. So there is one SMS with a URL at a time: while another is on its
# way, or nobody knows whether it is, a second one would be taken for it (f52).
_CLAIM = text(f"""
SELECT id, key, kind, channel, address, link_id, facts, payload, reply_token, reply_token_at, held_since,
  attempts + 1 AS attempts, coalesce(first_sent_at, :now) AS first_sent_at,
  CAST(:now AS timestamptz) AS last_sent_at, 'sending' AS state, provider_message_id
FROM notice
WHERE state = 'queued' AND not_before <= :now AND channel = :channel AND priority BETWEEN :first AND :last
  AND {HAS_SETTLED}
  AND NOT EXISTS (
    SELECT FROM charging_stop s
    WHERE s.reason = 'restore_gate' AND s.lifted_at IS NULL AND s.detail->>'because' <> 'gateway_not_asked'
      AND (notice.priority > 1 OR notice.created_at <= s.stopped_at))
  AND NOT (kind = 'payment_link' AND (
    EXISTS (SELECT FROM charge_batch WHERE state = 'opening')
    OR EXISTS (SELECT FROM charging_stop WHERE reason = 'amount_anomaly' AND lifted_at IS NULL)))
  AND NOT (channel = 'sms' AND EXISTS (
    SELECT FROM notice other
    WHERE other.address = notice.address AND other.link_id = notice.link_id AND other.channel = 'sms'
      AND other.id <> notice.id
      AND (other.state IN ('sending', 'unknown') OR other.state = 'queued' AND other.not_before <= :now
           AND (other.priority, other.id) < (notice.priority, notice.id))))
ORDER BY priority, id LIMIT :size FOR UPDATE SKIP LOCKED
""")  # noqa: S608 - the condition is ours


_MARK = text("""
UPDATE notice n SET state = 'sending', attempts = n.attempts + 1, last_sent_at = :now,
  first_sent_at = coalesce(n.first_sent_at, :now),
  payload = CASE WHEN n.first_sent_at IS NULL THEN CAST(m.payload AS jsonb) ELSE n.payload END,
  lease_until = clock_timestamp() + make_interval(secs => :lease_seconds)
FROM unnest(CAST(:ids AS bigint[]), CAST(:payloads AS text[])) AS m(id, payload)
WHERE n.id = m.id
""")


# `|| ''` hides the column from the statistics: those of a month just opened say that nothing is being sent, and a plan
# for nothing would walk through the whole table for each batch.
_SETTLE = with_evidence(
    """
UPDATE notice n SET state = CASE WHEN n.state = 'sending' THEN s.state ELSE n.state END,
  provider_message_id = coalesce(s.message_id, n.provider_message_id),
  failure = CASE WHEN n.state = 'sending' THEN s.failure ELSE n.failure END,
  not_before = coalesce(s.not_before, n.not_before), lease_until = NULL,
  reply_token = CASE WHEN s.drop_reply_token THEN NULL ELSE n.reply_token END,
  first_sent_at = CASE WHEN s.forget_first THEN NULL ELSE n.first_sent_at END,
  held_since = CASE WHEN s.forget_first THEN coalesce(n.held_since, n.last_sent_at) END,
  settled_at = CASE WHEN n.state <> 'sending' THEN n.settled_at
                    WHEN s.state IN ('delivered', 'failed', 'sent') THEN CAST(:now AS timestamptz) END
FROM unnest(CAST(:ids AS bigint[]), CAST(:states AS text[]), CAST(:message_ids AS text[]),
  CAST(:request_ids AS text[]), CAST(:failures AS text[]), CAST(:not_befores AS timestamptz[]),
  CAST(:drops AS boolean[]), CAST(:forgets AS boolean[])) AS s(id, state, message_id, request_id, failure,
  not_before, drop_reply_token, forget_first)
WHERE n.id = s.id AND n.state || '' IN ('sending', 'sent', 'delivered', 'failed')
RETURNING n.id, n.state, n.attempts, s.request_id, s.failure AS reason
""",
    word=NoticeWord.ANSWER,
)


_PUT_OFF = text("UPDATE notice SET not_before = :not_before WHERE id = ANY(:ids) AND state = 'queued'")


_PARK = text("""
UPDATE notice SET state = 'needs_human', failure = coalesce(failure, CAST(:failure AS text))
WHERE id = ANY(:ids) AND state = 'queued'
""")


# A worker that died while sending: LINE may be sent again with the same key, SMS must be looked for first.
_RECOVER = text("""
UPDATE notice SET state = CASE WHEN channel = 'line' THEN 'queued' ELSE 'unknown' END, lease_until = NULL
WHERE state = 'sending' AND lease_until < clock_timestamp()
RETURNING id
""")


# `unknown`: look for it. An SMS without a receipt: ask what became of it (a lost callback is healed by asking), until
# it is known that nobody will say.
_TAKE_UNKNOWN = text("""
UPDATE notice SET not_before = CAST(:now AS timestamptz)
    + CASE state WHEN 'unknown' THEN interval '5 minutes' ELSE interval '6 hours' END
WHERE id IN (
  SELECT id FROM notice
  WHERE (state = 'unknown' AND last_sent_at <= :sent_before
         OR state = 'sent' AND channel = 'sms' AND last_sent_at <= :receipt_before AND failure IS NULL)
    AND not_before <= :now
  ORDER BY id LIMIT :size FOR UPDATE SKIP LOCKED)
RETURNING id, key, kind, channel, address, link_id, facts, payload, reply_token, reply_token_at, held_since,
  attempts, first_sent_at, last_sent_at, state, provider_message_id
""")


# What goes out again goes to the number that is known by now (f61).
_DECIDE_UNKNOWN = with_evidence(
    """
UPDATE notice SET state = :state, provider_message_id = coalesce(:message_id, provider_message_id),
  failure = :failure, lease_until = NULL,
  address = CASE WHEN CAST(:state AS text) = 'queued' AND kind <> 'code'
    THEN coalesce((SELECT a.phone FROM account a WHERE a.id = account_id AND channel = 'sms'), address)
    ELSE address END,
  not_before = CASE WHEN CAST(:state AS text) = 'queued' THEN CAST(:now AS timestamptz) ELSE not_before END,
  settled_at = CASE WHEN CAST(:state AS text) <> 'queued' THEN CAST(:now AS timestamptz) END
WHERE id = :id AND state IN ('unknown', 'sent')
RETURNING id, state, attempts, CAST(:request_id AS text) AS request_id, CAST(:failure AS text) AS reason
""",
    word=NoticeWord.LOOK_UP,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedNotice:
    """A notice whose intent to send is committed with the claim."""

    id: int
    key: UUID
    kind: NoticeKind
    channel: ChannelName
    address: str = field(repr=False)
    link_id: UUID | None
    facts: Mapping[str, object]
    payload: Mapping[str, object] | None
    reply_token: str | None = field(repr=False)
    reply_token_at: datetime | None
    held_since: datetime | None
    attempts: int
    first_sent_at: datetime
    last_sent_at: datetime
    state: str
    provider_message_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What became of one try to send."""

    notice_id: int
    state: str
    message_id: str | None = None
    request_id: str | None = None
    failure: str | None = None
    not_before: datetime | None = None
    drops_reply_token: bool = False
    forgets_first_try: bool = False  # it was certainly not processed: the key has not been used


async def claim(
    connection: AsyncConnection, *, now: datetime, channel: ChannelName, priorities: range, size: int
) -> list[ClaimedNotice]:
    """Lock the next due notices, the most urgent first; mark them in the same transaction."""
    values = {
        "now": now,
        "channel": channel,
        "first": priorities[0],
        "last": priorities[-1],
        "size": size,
    }
    return _claimed((await connection.execute(_CLAIM, values)).mappings())


def _claimed(rows: Iterable[RowMapping]) -> list[ClaimedNotice]:
    return [
        ClaimedNotice(**{**row, "kind": NoticeKind(row["kind"]), "channel": ChannelName(row["channel"])})
        for row in rows
    ]


async def mark_sending(
    connection: AsyncConnection, *, payloads: Mapping[int, str], now: datetime, lease_seconds: int
) -> None:
    """Count the try and fix what will be sent (JSON); what may have arrived stays as it is. Commit before the wire."""
    values = {
        "ids": list(payloads),
        "payloads": list(payloads.values()),
        "now": now,
        "lease_seconds": lease_seconds,
    }
    await connection.execute(_MARK, values)


async def settle(connection: AsyncConnection, *, settlements: Sequence[Settlement], now: datetime) -> None:
    """Write what became of a batch of tries. A receipt that was quicker keeps its word."""
    if not settlements:
        return
    values = {
        "now": now,
        "ids": [s.notice_id for s in settlements],
        "states": [s.state for s in settlements],
        "message_ids": [s.message_id for s in settlements],
        "request_ids": [s.request_id for s in settlements],
        "failures": [s.failure for s in settlements],
        "not_befores": [s.not_before for s in settlements],
        "drops": [s.drops_reply_token for s in settlements],
        "forgets": [s.forgets_first_try for s in settlements],
    }
    await connection.execute(_SETTLE, values)


async def put_off(connection: AsyncConnection, *, notice_ids: Sequence[int], not_before: datetime) -> None:
    """Let claimed notices that were not marked wait."""
    await connection.execute(_PUT_OFF, {"ids": list(notice_ids), "not_before": not_before})


async def park(connection: AsyncConnection, *, notice_ids: Sequence[int], failure: str) -> None:
    """Leave claimed notices that were not marked to people."""
    await connection.execute(_PARK, {"ids": list(notice_ids), "failure": failure})


async def recover(connection: AsyncConnection) -> int:
    """Give back what a dead worker was sending; returns how many."""
    return len((await connection.execute(_RECOVER)).all())


async def take_unknown(
    connection: AsyncConnection,
    *,
    now: datetime,
    sent_before: datetime,
    receipt_before: datetime,
    size: int,
) -> list[ClaimedNotice]:
    """Notices to ask the provider about: unknown since `sent_before`, or without a receipt since `receipt_before`."""
    values = {
        "now": now,
        "sent_before": sent_before,
        "receipt_before": receipt_before,
        "size": size,
    }
    return _claimed((await connection.execute(_TAKE_UNKNOWN, values)).mappings())


async def decide_unknown(
    connection: AsyncConnection,
    *,
    notice_id: int,
    state: str,
    message_id: str | None,
    request_id: str | None,
    failure: str | None,
    now: datetime,
) -> None:
    """End the doubt about one notice, on evidence."""
    values = {
        "id": notice_id,
        "state": state,
        "message_id": message_id,
        "request_id": request_id,
        "failure": failure,
        "now": now,
    }
    await connection.execute(_DECIDE_UNKNOWN, values)
