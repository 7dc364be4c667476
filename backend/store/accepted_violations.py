"""SQL for violations that people accept: proposed by one person, accepted by another, never taken back."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.store.invariants import Violation

_ACCEPT = text("""
UPDATE accepted_violation SET accepted_by = :by, accepted_note = :note, accepted_at = :now
WHERE (invariant, subject, detail) = (:invariant, :subject, :detail) AND accepted_by IS NULL
  AND lower(btrim(proposed_by)) <> lower(btrim(CAST(:by AS text)))
""")

_PROPOSE = text("""
INSERT INTO accepted_violation (invariant, subject, detail, proposed_by, proposed_note, proposed_at)
VALUES (:invariant, :subject, :detail, :by, :note, :now)
ON CONFLICT (invariant, subject, detail) DO NOTHING
""")

_ACCEPTED = text("SELECT invariant, subject, detail FROM accepted_violation WHERE accepted_by IS NOT NULL")


async def accept(connection: AsyncConnection, *, violation: Violation, by: str, note: str, now: datetime) -> bool:
    """Accept what another person has proposed; False when nobody else has."""
    values = _names(violation) | {"by": by, "note": note, "now": now}
    return (await connection.execute(_ACCEPT, values)).rowcount > 0


async def propose(connection: AsyncConnection, *, violation: Violation, by: str, note: str, now: datetime) -> bool:
    """Write down that this person would accept it; False when it was proposed already."""
    values = _names(violation) | {"by": by, "note": note, "now": now}
    return (await connection.execute(_PROPOSE, values)).rowcount > 0


async def split(
    connection: AsyncConnection, *, violations: Sequence[Violation]
) -> tuple[list[Violation], list[Violation]]:
    """Those that nobody has accepted, and those that two persons have."""
    accepted = {tuple(row) for row in await connection.execute(_ACCEPTED)} if violations else set()
    is_known = {id(each): tuple(_names(each).values()) in accepted for each in violations}
    return [each for each in violations if not is_known[id(each)]], [each for each in violations if is_known[id(each)]]


def _names(violation: Violation) -> dict[str, object]:
    return {"invariant": violation.invariant.name, "subject": violation.subject, "detail": violation.detail}
