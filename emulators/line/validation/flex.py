"""Flex messages: components, containers and their sizes."""

import json
from typing import Any

from emulators.line.validation.actions import ON_BUTTON, ON_COMPONENT
from emulators.line.validation.checks import (
    Check,
    Invalid,
    boolean,
    both,
    by_type,
    integer,
    listing,
    matching,
    one_of,
    shape,
    uri,
    utf16_text,
)

# "30 KB" and "50 KB" are read as thousands: whoever keeps to that is right under both readings.
BUBBLE_BYTES = 30_000
CAROUSEL_BYTES = 50_000
CAROUSEL_BUBBLES = 12

_STEPS = "none|xs|sm|md|lg|xl|xxl"
_LENGTH = r"\d+(\.\d+)?px"
_COLOR = matching(r"#[0-9a-fA-F]{6}([0-9a-fA-F]{2})?", message="invalid color")
_SPACE = matching(rf"{_STEPS}|{_LENGTH}", message="invalid spacing")
_OFFSET = matching(rf"{_STEPS}|-?{_LENGTH}|-?\d+(\.\d+)?%", message="invalid offset")
_PADDING = matching(rf"{_STEPS}|{_LENGTH}|\d+(\.\d+)?%", message="invalid padding")
_EXTENT = matching(rf"{_LENGTH}|\d+(\.\d+)?%", message="invalid width or height")
_BORDER = matching(rf"none|light|normal|medium|semi-bold|bold|{_LENGTH}", message="invalid border width")
_FONT = matching(rf"xxs|xs|sm|md|lg|xl|xxl|3xl|4xl|5xl|{_LENGTH}", message="invalid size")
_IMAGE_SIZE = matching(rf"xxs|xs|sm|md|lg|xl|xxl|3xl|4xl|5xl|full|{_LENGTH}|\d+(\.\d+)?%", message="invalid size")
_RATIO = matching(r"\d{1,6}(\.\d+)?:\d{1,6}(\.\d+)?", message="invalid aspect ratio")
_FLEX = integer(least=0, most=1_000_000)
_IMAGE_URL = uri("https", most=2000)
_ALIGN = one_of("start", "end", "center")
_GRAVITY = one_of("top", "bottom", "center")

_PLACE: dict[str, Check] = {
    "margin": _SPACE,
    "position": one_of("relative", "absolute"),
    "offsetTop": _OFFSET,
    "offsetBottom": _OFFSET,
    "offsetStart": _OFFSET,
    "offsetEnd": _OFFSET,
}
_GLYPHS: dict[str, Check] = {
    "size": _FONT,
    "color": _COLOR,
    "weight": one_of("regular", "bold"),
    "style": one_of("normal", "italic"),
    "decoration": one_of("none", "underline", "line-through"),
}
_FIT: dict[str, Check] = {"adjustMode": one_of("shrink-to-fit"), "scaling": boolean}
_COMPONENTS: dict[str, Check] = {}
_IN_BASELINE: dict[str, Check] = {}


def _is(name: str) -> Check:
    return one_of(name)


_SPAN = shape(required=["text"], type=_is("span"), text=utf16_text(most=2000), **_GLYPHS)
_TEXT_SHAPE = shape(
    required=[],
    type=_is("text"),
    text=utf16_text(most=2000),
    contents=listing(by_type({"span": _SPAN}), least=1),
    flex=_FLEX,
    align=_ALIGN,
    gravity=_GRAVITY,
    wrap=boolean,
    lineSpacing=matching(_LENGTH, message="invalid line spacing"),
    maxLines=integer(least=0, most=1_000_000),
    action=ON_COMPONENT,
    **_GLYPHS,
    **_PLACE,
    **_FIT,
)


def _text(value: Any) -> None:
    _TEXT_SHAPE(value)
    if "text" not in value and "contents" not in value:
        raise Invalid("text or contents must be specified")


_BOX_SHAPE = shape(
    required=["layout", "contents"],
    type=_is("box"),
    layout=one_of("horizontal", "vertical", "baseline"),
    contents=listing(lambda _: None),
    flex=_FLEX,
    spacing=_SPACE,
    backgroundColor=_COLOR,
    borderColor=_COLOR,
    borderWidth=_BORDER,
    cornerRadius=matching(rf"{_STEPS}|{_LENGTH}", message="invalid radius"),
    width=_EXTENT,
    maxWidth=_EXTENT,
    height=_EXTENT,
    maxHeight=_EXTENT,
    paddingAll=_PADDING,
    paddingTop=_PADDING,
    paddingBottom=_PADDING,
    paddingStart=_PADDING,
    paddingEnd=_PADDING,
    action=ON_COMPONENT,
    justifyContent=one_of("center", "flex-start", "flex-end", "space-between", "space-around", "space-evenly"),
    alignItems=one_of("center", "flex-start", "flex-end"),
    background=shape(
        required=["type", "angle", "startColor", "endColor"],
        type=_is("linearGradient"),
        angle=matching(r"\d+(\.\d+)?deg", message="invalid angle"),
        startColor=_COLOR,
        endColor=_COLOR,
        centerColor=_COLOR,
        centerPosition=matching(r"\d+(\.\d+)?%", message="invalid position"),
    ),
    **_PLACE,
)
_CHILDREN = listing(by_type(_COMPONENTS))
_BASELINE_CHILDREN = listing(by_type(_IN_BASELINE))


def _box(value: Any) -> None:
    _BOX_SHAPE(value)
    children = _BASELINE_CHILDREN if value["layout"] == "baseline" else _CHILDREN
    try:
        children(value["contents"])
    except Invalid as problem:
        problem.under("contents")
        raise


_BUTTON = shape(
    required=["action"],
    type=_is("button"),
    action=ON_BUTTON,
    flex=_FLEX,
    color=_COLOR,
    style=one_of("primary", "secondary", "link"),
    gravity=_GRAVITY,
    height=one_of("md", "sm"),
    **_PLACE,
    **_FIT,
)
_IMAGE = shape(
    required=["url"],
    type=_is("image"),
    url=_IMAGE_URL,
    flex=_FLEX,
    align=_ALIGN,
    gravity=_GRAVITY,
    size=_IMAGE_SIZE,
    aspectRatio=_RATIO,
    aspectMode=one_of("fit", "cover"),
    backgroundColor=_COLOR,
    action=ON_COMPONENT,
    animated=boolean,
    **_PLACE,
)
_ICON = shape(
    required=["url"],
    type=_is("icon"),
    url=_IMAGE_URL,
    size=_FONT,
    aspectRatio=_RATIO,
    scaling=boolean,
    **_PLACE,
)
_SEPARATOR = shape(type=_is("separator"), margin=_SPACE, color=_COLOR)
_FILLER = shape(type=_is("filler"), flex=_FLEX)
_VIDEO = shape(
    required=["url", "previewUrl", "altContent"],
    type=_is("video"),
    url=_IMAGE_URL,
    previewUrl=_IMAGE_URL,
    altContent=by_type({"box": _box, "image": _IMAGE}),
    aspectRatio=_RATIO,
    action=ON_COMPONENT,
)
_COMPONENTS |= {
    "box": _box,
    "button": _BUTTON,
    "image": _IMAGE,
    "text": _text,
    "separator": _SEPARATOR,
    "filler": _FILLER,
}
_IN_BASELINE |= {"icon": _ICON, "text": _text, "filler": _FILLER}

_BLOCK = shape(backgroundColor=_COLOR, separator=boolean, separatorColor=_COLOR)
_BOX = by_type({"box": _box})
_BUBBLE_SHAPE = shape(
    type=_is("bubble"),
    direction=one_of("ltr", "rtl"),
    size=one_of("nano", "micro", "deca", "hecto", "kilo", "mega", "giga"),
    styles=shape(header=_BLOCK, hero=_BLOCK, body=_BLOCK, footer=_BLOCK),
    header=_BOX,
    hero=by_type({"box": _box, "image": _IMAGE, "video": _VIDEO}),
    body=_BOX,
    footer=_BOX,
    action=ON_COMPONENT,
)
_PARTS = ("header", "hero", "body", "footer")


def _bubble(value: Any) -> None:
    _BUBBLE_SHAPE(value)
    if not any(part in value for part in _PARTS):
        raise Invalid("At least one block must be specified")


def _same_size(value: Any) -> None:
    sizes = {bubble.get("size", "mega") for bubble in value}
    if len(sizes) > 1:
        raise Invalid("All bubbles of a carousel must have the same size")


CONTAINER = by_type(
    {
        "bubble": _bubble,
        "carousel": shape(
            required=["contents"],
            type=_is("carousel"),
            contents=both(listing(by_type({"bubble": _bubble}), least=1, most=CAROUSEL_BUBBLES), _same_size),
        ),
    }
)


def check_size(container: Any) -> None:
    """Refuse a container whose JSON is larger than the platform takes (checked after its shape)."""
    if container["type"] == "bubble":
        _check_bytes(container, BUBBLE_BYTES)
        return
    _check_bytes(container, CAROUSEL_BYTES)
    for bubble in container["contents"]:
        _check_bytes(bubble, BUBBLE_BYTES)


def _check_bytes(value: Any, most: int) -> None:
    size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace"))
    if size > most:
        raise Invalid(f"The JSON is {size} bytes long; at most {most} are allowed")
