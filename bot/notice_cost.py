"""How many SMS segments a notice will be billed as, by the very texts that would be sent; sends nothing."""

from collections.abc import Mapping
from typing import cast

from backend.domain.states import ChannelName, NoticeKind
from bot.wording import Wording
from bot.wording_sms import SmsTooLongError, sms_segments

# The card is known only once it has paid: the longest names stand in.
_SOME_CARD = {"brand": "american_express", "last4": "0000"}


def segments_of(
    wording: Wording, *, kind: NoticeKind, facts: Mapping[str, object], has_link: bool, base_url: str
) -> int | None:
    """The segments of this SMS; None when it is too long to be sent at all."""
    try:
        payload = wording.render_notice(
            kind=kind,
            channel=ChannelName.SMS,
            facts=_SOME_CARD | dict(facts),
            base_url=base_url,
            sender_name=str(wording.house["sender"]),
            support_phone=str(wording.house["phone"]),
            has_link=has_link,
        )
    except SmsTooLongError:
        return None
    return sms_segments(cast("str", payload["body"]))
