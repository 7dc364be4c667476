"""SQL for payment links: made from requests, found by token."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.identifiers import hash_token, hmac_pads

# The token is HMAC(secret, "link:" + id) cut to 16 bytes, as base64url; only its SHA-256 is written.
# backend.domain.identifiers says the same in Python, and a test holds the two equal.
_CREATE = text("""
WITH fresh AS (
  SELECT gen_random_uuid() AS id, request_id FROM unnest(CAST(:request_ids AS bigint[])) AS request_id
), derived AS (
  SELECT id, request_id, substring(
    sha256(CAST(:outer_pad AS bytea) || sha256(CAST(:inner_pad AS bytea) || 'link:'::bytea || uuid_send(id)))
    FOR 16) AS secret
  FROM fresh
)
INSERT INTO payment_link (id, request_id, token_hash, state, created_at)
SELECT id, request_id,
  sha256(convert_to(rtrim(translate(encode(secret, 'base64'), '+/', '-_'), '='), 'UTF8')),
  'active', :now
FROM derived
ON CONFLICT (request_id) WHERE state = 'active' DO NOTHING
""")

_FIND = text("SELECT id FROM payment_link WHERE token_hash = :token_hash")

_LOCK = text("SELECT id FROM payment_link WHERE id = :link_id FOR UPDATE")

_END = text("""
UPDATE payment_link SET state = :state WHERE request_id = ANY(:request_ids) AND state = 'active'
""")

_COUNT_FAILURE = text("""
UPDATE payment_link SET proof_failures = proof_failures + 1 WHERE id = :link_id RETURNING proof_failures
""")

_ASKED_FOR = text("""
SELECT l.id, r.account_id, r.order_number, t.proof_failures, t.declines, t.registrations
FROM payment_request r JOIN payment_link l ON l.request_id = r.id AND l.state = 'active'
JOIN payment_link_tries t ON t.link_id = l.id
WHERE r.id = :request_id
""")

_REQUEST_OF = text("SELECT id FROM payment_request WHERE order_number = :order_number")

_UNLOCK = text("UPDATE payment_link SET unlocked_at = :now, proof_failures = 0 WHERE id = :link_id")

# Staff tasks about stopped URLs that nobody could use any more anyhow.
_SETTLE_ENDED = text("""
UPDATE staff_task t SET done_at = :now, done_by = 'tsukibarai', note = 'the URL has ended'
WHERE t.kind = 'link_locked' AND t.done_at IS NULL AND NOT EXISTS (
  SELECT FROM payment_request r JOIN payment_link l ON l.request_id = r.id AND l.state = 'active'
  WHERE r.order_number = t.detail->>'order_number')
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedLink:
    """The URL of a request that still works, and how often something was tried on it."""

    id: UUID
    account_id: int
    order_number: str
    proof_failures: int
    declines: int
    registrations: int


async def create_links(
    connection: AsyncConnection, *, request_ids: Sequence[int], secret: bytes, now: datetime
) -> None:
    """Give every request that has no active link one."""
    inner, outer = hmac_pads(secret)
    await connection.execute(
        _CREATE, {"request_ids": list(request_ids), "inner_pad": inner, "outer_pad": outer, "now": now}
    )


async def find_link(connection: AsyncConnection, *, token: str) -> UUID | None:
    """The link that a token opens, whatever its state."""
    found = await connection.execute(_FIND, {"token_hash": hash_token(token)})
    return found.scalar_one_or_none()


async def lock_link(connection: AsyncConnection, *, link_id: UUID) -> None:
    """Wait for whoever is answering this link's identity question: guesses are counted one after the other."""
    await connection.execute(_LOCK, {"link_id": link_id})


async def end_links(connection: AsyncConnection, *, request_ids: Sequence[int], state: str) -> None:
    """Close the active links of these requests as `used`, `expired`, `superseded` or `revoked`."""
    await connection.execute(_END, {"request_ids": list(request_ids), "state": state})


async def count_proof_failure(connection: AsyncConnection, *, link_id: UUID) -> int:
    """One more wrong answer to the identity question; returns how many there have been."""
    return int((await connection.execute(_COUNT_FAILURE, {"link_id": link_id})).scalar_one())


async def find_tried(connection: AsyncConnection, *, request_id: int) -> TriedLink | None:
    """The active link of a request with its tries; None if it has none."""
    row = (await connection.execute(_ASKED_FOR, {"request_id": request_id})).mappings().one_or_none()
    return TriedLink(**row) if row else None


async def find_request(connection: AsyncConnection, *, order_number: str) -> int | None:
    """The request that bears an order number."""
    return (await connection.execute(_REQUEST_OF, {"order_number": order_number})).scalar_one_or_none()


async def unlock_link(connection: AsyncConnection, *, link_id: UUID, now: datetime) -> None:
    """Let it work again: its tries are counted from now on."""
    await connection.execute(_UNLOCK, {"link_id": link_id, "now": now})


async def settle_ended(connection: AsyncConnection, *, now: datetime) -> None:
    """Take those who wait for a URL that has ended (paid, expired, replaced) off the list for people."""
    await connection.execute(_SETTLE_ENDED, {"now": now})
