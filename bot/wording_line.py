"""Turns a rendered text into LINE message objects: sections of a notice into a flex bubble, a reply into a text."""

from collections.abc import Sequence

from bot.message import Choice

Json = dict[str, object]

_GREY = "#555555"
_ACCENT = "#0B6E4F"


def sections_of(rendered: str) -> dict[str, str]:
    """Split a rendered notice at its `[name]` lines; a section that is missing or blank is not in the result."""
    sections: dict[str, str] = {}
    name, lines = "", list[str]()
    for line in rendered.split("\n"):
        if line.startswith("[") and line.endswith("]"):
            _keep(sections, name, lines)
            name, lines = line[1:-1], []
        else:
            lines.append(line)
    _keep(sections, name, lines)
    return sections


def _keep(sections: dict[str, str], name: str, lines: Sequence[str]) -> None:
    text = "\n".join(lines).strip()
    if name and text:
        sections[name] = text


def text_message(text: str) -> Json:
    """A plain text message."""
    return {"type": "text", "text": text}


def notice_bubble(sections: dict[str, str], *, uri: str) -> Json:
    """A flex message of the sections title, rows, note and button; no button without `uri`.

    A row is a line `label|value`, or `label|value|size` for what must be seen at a glance.
    """
    contents: list[Json] = [_title(sections["title"]), {"type": "separator"}]
    contents += [_row(*line.split("|", 2)) for line in sections.get("rows", "").split("\n") if line]
    if note := sections.get("note"):
        contents.append(_note(note))
    return flex_message(alt=sections["alt"], contents=contents, label=sections.get("button", ""), uri=uri)


def reply_bubble(text: str, *, label: str, uri: str) -> Json:
    """A flex message of one text above one button; the alt text is the text itself, shown where flex is not."""
    body: Json = {"type": "text", "text": text, "wrap": True, "size": "md"}
    return flex_message(alt=text[:400], contents=[body], label=label, uri=uri)


def flex_message(*, alt: str, contents: list[Json], label: str, uri: str) -> Json:
    """A bubble around `contents`, with a URI button below if there is an address."""
    bubble: Json = {
        "type": "bubble",
        "body": {"type": "box", "layout": "vertical", "spacing": "md", "contents": contents},
    }
    if uri and label:
        action: Json = {"type": "uri", "label": label, "uri": uri}
        button: Json = {"type": "button", "style": "primary", "color": _ACCENT, "action": action}
        bubble["footer"] = {"type": "box", "layout": "vertical", "contents": [button]}
    return {"type": "flex", "altText": alt, "contents": bubble}


def quick_reply(choices: Sequence[Choice]) -> Json:
    """Quick replies: pressing one shows its label as the customer's own words and sends its data."""
    return {
        "items": [
            {
                "type": "action",
                "action": {
                    "type": "postback",
                    "label": choice.label,
                    "data": choice.data,
                    "displayText": choice.label,
                },
            }
            for choice in choices
        ]
    }


def _title(text: str) -> Json:
    return {"type": "text", "text": text, "weight": "bold", "size": "lg", "wrap": True}


def _row(label: str, value: str, size: str = "") -> Json:
    emphasis = {"size": size, "weight": "bold"} if size else {"size": "sm"}
    return {
        "type": "box",
        "layout": "baseline",
        "spacing": "sm",
        "contents": [
            {"type": "text", "text": label, "size": "sm", "color": _GREY, "flex": 2, "wrap": True},
            {"type": "text", "text": value, "flex": 3, "wrap": True, "align": "end", **emphasis},
        ],
    }


def _note(text: str) -> Json:
    return {"type": "text", "text": text, "size": "sm", "color": _GREY, "wrap": True}
