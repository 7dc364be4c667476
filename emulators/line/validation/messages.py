"""Message objects and the bodies that carry them: push, reply, multicast, validate."""

from typing import Any

from emulators.line.validation.actions import LINK, ON_QUICK_REPLY
from emulators.line.validation.checks import (
    Check,
    Invalid,
    anything,
    boolean,
    by_type,
    grapheme_text,
    integer,
    listing,
    matching,
    number,
    one_of,
    shape,
    uri,
    utf16_text,
)
from emulators.line.validation.flex import BUBBLE_BYTES, CONTAINER, check_size
from emulators.line.validation.templates import TEMPLATE

MESSAGES_PER_REQUEST = 5
RECIPIENTS_PER_MULTICAST = 500
_ALT_TEXT = utf16_text(most=1500)
_TEXT = utf16_text(most=5000)
_MEDIA_URL = uri("https", most=2000)
_DIGITS = matching(r"\d+", message="must be a number in a string")
_AREA = shape(
    required=["x", "y", "width", "height"],
    x=integer(least=0, most=100_000),
    y=integer(least=0, most=100_000),
    width=integer(least=1, most=100_000),
    height=integer(least=1, most=100_000),
)

_COMMON: dict[str, Check] = {
    "quickReply": shape(
        required=["items"],
        items=listing(
            shape(
                required=["action"],
                type=one_of("action"),
                imageUrl=_MEDIA_URL,
                action=ON_QUICK_REPLY,
            ),
            least=1,
            most=13,
        ),
    ),
    "sender": shape(name=grapheme_text(most=20), iconUrl=_MEDIA_URL),
}


def _message(name: str, *required: str, **allowed: Check) -> Check:
    return shape(required=required, type=one_of(name), **_COMMON, **allowed)


def _values(inner: Check) -> Check:
    """Return a check of an object used as a map: every value by the same rule."""

    def check(value: Any) -> None:
        if type(value) is not dict:
            raise Invalid("must be an object")
        for name, item in value.items():
            try:
                inner(item)
            except Invalid as problem:
                problem.under(name)
                raise

    return check


_SUBSTITUTION = by_type(
    {
        "mention": shape(
            required=["mentionee"],
            type=one_of("mention"),
            mentionee=by_type(
                {
                    "user": shape(required=["userId"], type=one_of("user"), userId=anything),
                    "all": shape(type=one_of("all")),
                }
            ),
        ),
        "emoji": shape(
            required=["productId", "emojiId"],
            type=one_of("emoji"),
            productId=utf16_text(most=100),
            emojiId=utf16_text(most=100),
        ),
    }
)
_EMOJI = shape(
    required=["index", "productId", "emojiId"],
    index=integer(least=0, most=5000),
    productId=utf16_text(most=100),
    emojiId=utf16_text(most=100),
)
_IMAGEMAP_ACTION = by_type(
    {
        "message": shape(
            required=["text", "area"],
            type=one_of("message"),
            label=anything,
            text=utf16_text(most=400),
            area=_AREA,
        ),
        "uri": shape(
            required=["linkUri", "area"],
            type=one_of("uri"),
            label=anything,
            linkUri=LINK,
            area=_AREA,
        ),
        "clipboard": shape(
            required=["clipboardText", "area"],
            type=one_of("clipboard"),
            label=anything,
            clipboardText=utf16_text(most=1000),
            area=_AREA,
        ),
    }
)
_QUOTE: dict[str, Check] = {"quoteToken": utf16_text(most=1000)}

MESSAGE = by_type(
    {
        "text": _message("text", "text", text=_TEXT, emojis=listing(_EMOJI, most=20), **_QUOTE),
        "textV2": _message("textV2", "text", text=_TEXT, substitution=_values(_SUBSTITUTION), **_QUOTE),
        "sticker": _message("sticker", "packageId", "stickerId", packageId=_DIGITS, stickerId=_DIGITS, **_QUOTE),
        "image": _message(
            "image",
            "originalContentUrl",
            "previewImageUrl",
            originalContentUrl=_MEDIA_URL,
            previewImageUrl=_MEDIA_URL,
        ),
        "video": _message(
            "video",
            "originalContentUrl",
            "previewImageUrl",
            originalContentUrl=_MEDIA_URL,
            previewImageUrl=_MEDIA_URL,
            trackingId=matching(r"[a-zA-Z0-9\-.=,+*()%$&;:@{}!?<>\[\]]{1,100}", message="invalid"),
        ),
        "audio": _message(
            "audio",
            "originalContentUrl",
            "duration",
            originalContentUrl=_MEDIA_URL,
            duration=integer(least=1, most=10**9),
        ),
        "location": _message(
            "location",
            "title",
            "address",
            "latitude",
            "longitude",
            title=grapheme_text(most=100),
            address=grapheme_text(most=100),
            latitude=number,
            longitude=number,
        ),
        "imagemap": _message(
            "imagemap",
            "baseUrl",
            "altText",
            "baseSize",
            "actions",
            baseUrl=_MEDIA_URL,
            altText=_ALT_TEXT,
            baseSize=shape(
                required=["width", "height"],
                width=integer(least=1040, most=1040),
                height=integer(least=1, most=100_000),
            ),
            actions=listing(_IMAGEMAP_ACTION, least=1, most=50),
            video=shape(
                required=["originalContentUrl", "previewImageUrl", "area"],
                originalContentUrl=_MEDIA_URL,
                previewImageUrl=_MEDIA_URL,
                area=_AREA,
                externalLink=shape(required=["linkUri", "label"], linkUri=LINK, label=grapheme_text(most=30)),
            ),
        ),
        "template": _message("template", "altText", "template", altText=_ALT_TEXT, template=TEMPLATE),
        "flex": _message("flex", "altText", "contents", altText=_ALT_TEXT, contents=CONTAINER),
        "coupon": _message("coupon", "couponId", couponId=utf16_text(most=100), deliveryTag=utf16_text(most=30)),
    }
)

_MESSAGES = listing(MESSAGE, least=1, most=MESSAGES_PER_REQUEST)
_UNITS = listing(matching(r"[a-zA-Z0-9_]{1,30}", message="invalid unit"), most=1)
_USER_ID = matching(r"[UCR][0-9a-f]{32}", message="invalid user id")
_OPTIONS: dict[str, Check] = {"notificationDisabled": boolean, "customAggregationUnits": _UNITS}

PUSH = shape(required=["to", "messages"], to=utf16_text(most=100), messages=_MESSAGES, **_OPTIONS)
MULTICAST = shape(
    required=["to", "messages"],
    to=listing(_USER_ID, least=1, most=RECIPIENTS_PER_MULTICAST),
    messages=_MESSAGES,
    **_OPTIONS,
)
REPLY = shape(
    required=["replyToken", "messages"],
    replyToken=utf16_text(most=200),
    messages=_MESSAGES,
    notificationDisabled=boolean,
)
VALIDATE = shape(required=["messages"], messages=_MESSAGES)


def check_body(body: Any, *, check: Check, raw_bytes: int) -> None:
    """Check a request body of `raw_bytes` bytes; raises Invalid with the place of the fault.

    A body smaller than the smallest limit needs no measuring of its flex containers.
    """
    check(body)
    if raw_bytes <= BUBBLE_BYTES:
        return
    for index, message in enumerate(body["messages"]):
        if message["type"] == "flex":
            _check_flex_size(message, index=index)


def _check_flex_size(message: Any, *, index: int) -> None:
    try:
        check_size(message["contents"])
    except Invalid as problem:
        problem.under("contents")
        problem.under(f"[{index}]")
        problem.under("messages")
        raise
