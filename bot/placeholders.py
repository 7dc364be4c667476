"""The places in a frozen payload that are filled at send time, because secrets are never stored (house.md)."""

LINK = "{{link}}"
CODE = "{{code}}"
LINE_LINK_TOKEN = "{{line_link_token}}"  # noqa: S105 - the place of an invitation's token, not one

# What stands there when it is sent: a 22-character token, six digits, an invitation's token (with room).
_REAL = {LINK: "x" * 22, CODE: "0" * 6, LINE_LINK_TOKEN: "x" * 64}


def at_real_length(text: str) -> str:
    """The text as long as it will be once its placeholders are filled."""
    if "{{" not in text:
        return text
    for placeholder, example in _REAL.items():
        text = text.replace(placeholder, example)
    return text


def payment_url(base_url: str) -> str:
    """The payment link's address with the token's place."""
    return f"{base_url}/p/{LINK}"


def account_link_url(base_url: str) -> str:
    """Our linking page, with the place of the invitation's token."""
    return f"{base_url}/link/{LINE_LINK_TOKEN}"


def application_form_url(base_url: str) -> str:
    """The application form for a card change (R09)."""
    return f"{base_url}/apply"
