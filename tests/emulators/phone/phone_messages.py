"""Messages as the product sends them, for the tests in a browser."""

from typing import Any


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def bill(uri: str) -> dict[str, Any]:
    """A bubble of a title, rows and one button, with quick replies below."""
    rows = (("ご請求金額", "12,345円"), ("ご注文番号", "TB-2610-000123"), ("お支払い期限", "10月20日(火)"))
    contents = [
        {"type": "text", "text": "10月分のお支払い", "weight": "bold", "size": "lg", "wrap": True},
        {"type": "separator"},
        *(_row(label, value) for label, value in rows),
        {"type": "text", "text": "期限を過ぎると、翌月分と合わせたご請求になります。", "size": "sm", "wrap": True},
    ]
    button = {"type": "button", "style": "primary", "color": "#0B6E4F", "action": _uri("お支払いへ進む", uri)}
    return {
        "type": "flex",
        "altText": "10月分のお支払いのご案内",
        "contents": {
            "type": "bubble",
            "body": {"type": "box", "layout": "vertical", "spacing": "md", "contents": contents},
            "footer": {"type": "box", "layout": "vertical", "contents": [button]},
        },
        "quickReply": {"items": [_quick("今月の金額", "amount"), _quick("お支払い状況", "status")]},
    }


def question() -> dict[str, Any]:
    yes = {"type": "postback", "label": "はい", "data": "yes", "displayText": "はい、変更します"}
    no = {"type": "message", "label": "いいえ", "text": "いいえ"}
    template = {"type": "confirm", "text": "カードを変更しますか。", "actions": [yes, no]}
    return {"type": "template", "altText": "カードの変更", "template": template}


def two_months(uri: str) -> dict[str, Any]:
    """A carousel of small bubbles, one with its own action and colours."""
    bubbles = [
        {
            "type": "bubble",
            "size": "kilo",
            "styles": {"body": {"backgroundColor": "#FFF4DC"}},
            "body": {
                "type": "box",
                "layout": "horizontal",
                "contents": [
                    {"type": "text", "text": month, "color": "#8A4B00", "size": "xl", "flex": 2},
                    {"type": "filler"},
                    {"type": "text", "text": "詳しく", "action": _uri("詳しく", uri), "align": "end"},
                ],
            },
        }
        for month in ("10月分", "11月分")
    ]
    return {"type": "flex", "altText": "2か月分", "contents": {"type": "carousel", "contents": bubbles}}


def _row(label: str, value: str) -> dict[str, Any]:
    cells = [
        {"type": "text", "text": label, "size": "sm", "color": "#555555", "flex": 2},
        {"type": "text", "text": value, "size": "sm", "flex": 3, "align": "end"},
    ]
    return {"type": "box", "layout": "baseline", "spacing": "sm", "contents": cells}


def _uri(label: str, uri: str) -> dict[str, str]:
    return {"type": "uri", "label": label, "uri": uri}


def _quick(label: str, data: str) -> dict[str, Any]:
    action = {"type": "postback", "label": label, "data": data, "displayText": label}
    return {"type": "action", "action": action}
