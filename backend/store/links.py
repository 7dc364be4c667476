"""SQL for payment links: made from requests, found by token."""

from collections.abc import Sequence
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
