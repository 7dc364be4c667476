"""What a customer sends: the signed webhook, opt-out words, and answers in the webhook's reply."""

from xml.etree import ElementTree as ET

from emulators.twilio import callbacks, sending
from emulators.twilio.callbacks import Answer
from emulators.twilio.segments import count_segments
from emulators.twilio.state import Direction, Message, TwilioState

STOP_WORDS = frozenset({"STOP", "UNSUBSCRIBE", "END", "QUIT", "STOPALL", "REVOKE", "OPTOUT", "CANCEL"})
START_WORDS = frozenset({"START", "YES", "UNSTOP"})
_OK = 200


def receive(state: TwilioState, *, sender: str, to: str, body: str) -> Message:
    """Take a message from a telephone and tell the service in the background."""
    message = state.add_message(
        direction=Direction.INBOUND,
        to=to,
        sender=sender,
        body=body,
        segments=count_segments(body),
        status="received",
    )
    message.sent_at = message.created_at
    state.show_on_phone(message, number=sender)
    _obey_opt_out(state, sender=sender, word=body.strip().upper())
    if state.inbound_url is not None:
        state.courier.submit(_Telling(state, message, state.inbound_url).deliver)
    return message


def parameters(state: TwilioState, message: Message) -> dict[str, str]:
    """Return the parameters of an inbound webhook; what is not known about a place is blank."""
    country = "JP" if (message.sender or "").startswith("+81") else ""
    return {
        "ToCountry": "US",
        "ToState": "",
        "SmsMessageSid": message.sid,
        "NumMedia": "0",
        "ToCity": "",
        "FromZip": "",
        "SmsSid": message.sid,
        "FromState": "",
        "SmsStatus": "received",
        "FromCity": "",
        "Body": message.body,
        "FromCountry": country,
        "To": message.to,
        "ToZip": "",
        "NumSegments": str(message.segments),
        "MessageSid": message.sid,
        "AccountSid": state.config.account_sid,
        "From": message.sender or "",
        "ApiVersion": "2010-04-01",
    }


def replies(answer: Answer) -> list[str]:
    """Return the texts that an answer sends: TwiML messages, or any plain text (even "OK")."""
    if answer.status != _OK or not answer.text.strip():
        return []
    if answer.content_type == "text/plain":
        return [answer.text]
    if answer.content_type not in ("text/xml", "application/xml"):
        return []
    try:
        root = ET.fromstring(answer.text)  # noqa: S314 - the bot under test wrote it
    except ET.ParseError:
        return []
    texts = ["".join(element.itertext()).strip() for element in root.iter("Message")]
    return [text for text in texts if text]


class _Telling:
    def __init__(self, state: TwilioState, message: Message, url: str) -> None:
        self._state, self._message, self._url = state, message, url
        self._token = callbacks.new_token()

    async def deliver(self) -> None:
        state, message = self._state, self._message
        answer = await callbacks.post(
            state,
            url=self._url,
            message=message,
            params=parameters(state, message),
            token=self._token,
        )
        for text in replies(answer):
            if message.sender is not None and message.sender not in state.truth.opted_out:
                sending.queue(
                    state,
                    to=message.sender,
                    sender=message.to,
                    body=text,
                    direction=Direction.REPLY,
                )


def _obey_opt_out(state: TwilioState, *, sender: str, word: str) -> None:
    if word in STOP_WORDS:
        state.truth.opted_out.add(sender)
    elif word in START_WORDS:
        state.truth.opted_out.discard(sender)
