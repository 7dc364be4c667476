"""The message resource as the platform shows it in JSON."""

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from emulators.twilio.errors import MESSAGES
from emulators.twilio.state import Direction, Message

API = "/2010-04-01/Accounts"


def of(message: Message, *, account_sid: str) -> dict[str, Any]:
    """Return the JSON shape of a message; counts are strings, dates RFC 2822."""
    uri = f"{API}/{account_sid}/Messages/{message.sid}"
    code = message.error_code
    is_open = message.sender is None
    return {
        "account_sid": account_sid,
        "api_version": "2010-04-01",
        "body": message.body,
        "date_created": _date(message.created_at),
        "date_sent": None if message.sent_at is None else _date(message.sent_at),
        "date_updated": _date(message.updated_at),
        "direction": message.direction.value,
        "error_code": code,
        "error_message": None if code is None else MESSAGES.get(code),
        "from": message.sender,
        "messaging_service_sid": message.service_sid,
        "num_media": "0",
        "num_segments": "0" if is_open else str(message.segments),
        "price": None,
        "price_unit": "USD" if message.direction is not Direction.INBOUND else None,
        "sid": message.sid,
        "status": message.status,
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": message.to,
        "uri": f"{uri}.json",
    }


def _date(seconds: float) -> str:
    return format_datetime(datetime.fromtimestamp(int(seconds), tz=UTC))
