"""Action objects: what a tap may do, and how long its texts may be."""

from emulators.line.validation.checks import (
    Check,
    by_type,
    grapheme_text,
    matching,
    one_of,
    shape,
    uri,
    utf16_text,
)

LINK = uri("http", "https", "line", "tel", most=1000)
_MOMENT = matching(r"\d{4}-\d{2}-\d{2}([tT]\d{2}:\d{2})?|\d{2}:\d{2}", message="invalid date or time")
_DATA = utf16_text(most=300)
_SHOWN = grapheme_text(most=300)


def action(*, label: int, is_label_required: bool, is_quick_reply: bool = False) -> Check:
    """Return the check of an action whose label may have `label` characters."""
    text = grapheme_text(most=label)
    needed = ("label",) if is_label_required else ()

    def of(name: str, *required: str, **allowed: Check) -> Check:
        return shape(required=(*needed, *required), type=one_of(name), label=text, **allowed)

    shapes = {
        "message": of("message", "text", text=_SHOWN),
        "postback": of(
            "postback",
            "data",
            data=_DATA,
            displayText=_SHOWN,
            text=_SHOWN,
            inputOption=one_of("closeRichMenu", "openRichMenu", "openKeyboard", "openVoice"),
            fillInText=_SHOWN,
        ),
        "uri": of("uri", "uri", uri=LINK, altUri=shape(desktop=LINK)),
        "datetimepicker": of(
            "datetimepicker",
            "data",
            "mode",
            data=_DATA,
            mode=one_of("date", "time", "datetime"),
            initial=_MOMENT,
            max=_MOMENT,
            min=_MOMENT,
        ),
        "clipboard": of("clipboard", "clipboardText", clipboardText=utf16_text(most=1000)),
        "richmenuswitch": of(
            "richmenuswitch",
            "richMenuAliasId",
            "data",
            richMenuAliasId=matching(r"[a-z0-9_-]{1,32}", message="invalid alias id"),
            data=_DATA,
        ),
    }
    if is_quick_reply:
        shapes |= {name: of(name) for name in ("camera", "cameraRoll", "location")}
    return by_type(shapes)


BUTTON_LABEL = 40
TEMPLATE_LABEL = 20
QUICK_REPLY_LABEL = 20

ON_BUTTON = action(label=BUTTON_LABEL, is_label_required=True)
ON_COMPONENT = action(label=BUTTON_LABEL, is_label_required=False)
ON_TEMPLATE = action(label=TEMPLATE_LABEL, is_label_required=True)
ON_IMAGE_COLUMN = action(label=12, is_label_required=True)
ON_RICH_MENU = action(label=20, is_label_required=False)
ON_QUICK_REPLY = action(label=QUICK_REPLY_LABEL, is_label_required=True, is_quick_reply=True)
