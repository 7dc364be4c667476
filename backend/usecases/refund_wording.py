"""Says in Japanese what became of a refund, for the staff's doors; the words are templates/refunds/messages.toml."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from backend.domain.billing_calendar import JST
from backend.domain.states import RefundOrigin, RefundState
from backend.store.refunds import ListedRefund
from backend.usecases.refund_payment import RefundObstacle, RefundTaken

MESSAGES_FILE = Path(__file__).resolve().parents[2] / "templates" / "refunds" / "messages.toml"


@cache
def refund_messages(source: Path = MESSAGES_FILE) -> Mapping[str, Mapping[str, str]]:
    """The sentences by section and key."""
    return tomllib.loads(source.read_text(encoding="utf-8"))


def obstacle_sentence(obstacle: RefundObstacle, *, hint: str) -> str:
    """Why nothing was done, and what to do; `hint` is the number that was given."""
    words = refund_messages()
    return words["report"]["refused"].format(reason=words["obstacles"][obstacle].format(hint=hint))


def requested_sentence(taken: RefundTaken) -> str:
    """That it waits for a second person, or that it was on its way already."""
    words = refund_messages()
    key = "requested" if taken.is_new else "on_its_way"
    return words["report"][key].format(
        id=taken.refund_id, amount=f"{taken.amount or 0:,}", state=words["states"][taken.state]
    )


def approved_sentence(taken: RefundTaken) -> str:
    """That it will be sent, or how far it has come."""
    words = refund_messages()
    key = "approved" if taken.is_new else "already"
    return words["report"][key].format(id=taken.refund_id, state=words["states"][taken.state])


def withdrawn_sentence(taken: RefundTaken) -> str:
    """That no money moves."""
    return refund_messages()["report"]["withdrawn"].format(id=taken.refund_id)


def refund_lines(listed: Sequence[ListedRefund]) -> Iterator[str]:
    """A line a refund."""
    words = refund_messages()["report"]
    for refund in listed:
        yield words["line"].format(**_values(refund))
    if not listed:
        yield words["nothing_waits"]


def _values(refund: ListedRefund) -> dict[str, object]:
    words = refund_messages()
    is_approved = refund.origin is RefundOrigin.STAFF and refund.approved_by is not None
    is_refused = refund.state is RefundState.REFUSED
    return {
        "id": refund.id,
        "transaction_id": refund.transaction_id,
        "amount": f"{refund.amount:,}",
        "state": words["states"][refund.state],
        "refusal": words["report"]["refusal"].format(code=refund.refusal) if is_refused else "",
        "origin": words["origins"][refund.origin].format(requested_by=refund.requested_by),
        "approved": words["report"]["approved_by"].format(approved_by=refund.approved_by) if is_approved else "",
        "created_at": f"{refund.created_at.astimezone(JST):%Y-%m-%d %H:%M}",
        "reason": refund.reason,
    }
