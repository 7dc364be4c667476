"""Template messages: buttons, confirm, carousel and image carousel."""

from typing import Any

from emulators.line.validation.actions import ON_IMAGE_COLUMN, ON_RICH_MENU, ON_TEMPLATE
from emulators.line.validation.checks import (
    Check,
    Invalid,
    both,
    by_type,
    grapheme_text,
    listing,
    matching,
    one_of,
    shape,
    uri,
)

_IMAGE_URL = uri("https", most=2000)
_TITLE = grapheme_text(most=40)
_WITH_HEAD = 60
_LOOKS: dict[str, Check] = {
    "imageAspectRatio": one_of("rectangle", "square"),
    "imageSize": one_of("cover", "contain"),
}
_HEAD: dict[str, Check] = {
    "thumbnailImageUrl": _IMAGE_URL,
    "imageBackgroundColor": matching(r"#[0-9a-fA-F]{6}", message="invalid color"),
    "title": _TITLE,
    "defaultAction": ON_RICH_MENU,
}
_SHORT = grapheme_text(most=_WITH_HEAD)


def _short_text_under_a_head(value: Any) -> None:
    """With a title or an image above it, the text may only have 60 characters."""
    if "title" in value or "thumbnailImageUrl" in value:
        try:
            _SHORT(value["text"])
        except Invalid as problem:
            problem.under("text")
            raise


def _same_number_of_actions(columns: Any) -> None:
    if len({len(column["actions"]) for column in columns}) > 1:
        raise Invalid("All columns must have the same number of actions")


_COLUMN = both(
    shape(
        required=["text", "actions"],
        text=grapheme_text(most=120),
        actions=listing(ON_TEMPLATE, least=1, most=3),
        **_HEAD,
    ),
    _short_text_under_a_head,
)

TEMPLATE = by_type(
    {
        "buttons": both(
            shape(
                required=["text", "actions"],
                type=one_of("buttons"),
                text=grapheme_text(most=160),
                actions=listing(ON_TEMPLATE, least=1, most=4),
                **_HEAD,
                **_LOOKS,
            ),
            _short_text_under_a_head,
        ),
        "confirm": shape(
            required=["text", "actions"],
            type=one_of("confirm"),
            text=grapheme_text(most=240),
            actions=listing(ON_TEMPLATE, least=2, most=2),
        ),
        "carousel": shape(
            required=["columns"],
            type=one_of("carousel"),
            columns=both(listing(_COLUMN, least=1, most=10), _same_number_of_actions),
            **_LOOKS,
        ),
        "image_carousel": shape(
            required=["columns"],
            type=one_of("image_carousel"),
            columns=listing(
                shape(required=["imageUrl", "action"], imageUrl=_IMAGE_URL, action=ON_IMAGE_COLUMN),
                least=1,
                most=10,
            ),
        ),
    }
)
