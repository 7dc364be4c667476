"""A message's way: queued, sent, then delivered, undelivered or nothing more; each told by callback.

The first state is never told: the answer to the create call tells it.
"""

import asyncio
from functools import partial

from emulators.shared.courier import Job
from emulators.twilio import callbacks
from emulators.twilio.errors import Code
from emulators.twilio.state import Behaviour, Message, Number, TwilioState


async def run(state: TwilioState, message: Message) -> None:
    """Bring a new outbound message to its end."""
    if message.status == "accepted":
        await _step(state, message, status="queued")
    number = state.truth.numbers.get(message.to, Number())
    match number.behaviour:
        case Behaviour.FAILED:
            await _step(state, message, status="failed", code=number.error_code or Code.UNKNOWN)
        case Behaviour.UNDELIVERED:
            await _not_delivered(state, message, code=number.error_code or Code.UNREACHABLE)
        case Behaviour.BLOCKED:
            await _not_delivered(state, message, code=number.error_code or Code.BLOCKED)
        case Behaviour.LANDLINE:
            await _not_delivered(state, message, code=Code.LANDLINE_OR_CARRIER)
        case Behaviour.NO_RECEIPT:
            await _step(state, message, status="sent")
            state.show_on_phone(message, number=message.to)
        case Behaviour.DELIVER:
            await _step(state, message, status="sent")
            await _step(state, message, status="delivered")
            state.show_on_phone(message, number=message.to)


async def _not_delivered(state: TwilioState, message: Message, *, code: int) -> None:
    await _step(state, message, status="sent")
    await _step(state, message, status="undelivered", code=code)


async def _step(state: TwilioState, message: Message, *, status: str, code: int | None = None) -> None:
    await asyncio.sleep(state.config.status_seconds)
    if message.sender is None:
        message.sender = state.config.from_number
    if status == "sent":
        message.sent_at = state.clock.time()
    state.move(message, status=status, error_code=code)
    if message.callback_url is not None:
        state.courier.submit(_callback(state, message, url=message.callback_url, status=status))


def _callback(state: TwilioState, message: Message, *, url: str, status: str) -> Job:
    params = callbacks.status_parameters(state, message, status=status)
    token = callbacks.new_token()
    return partial(callbacks.post, state, url=url, message=message, params=params, token=token)
