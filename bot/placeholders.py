"""The places in a frozen payload that are filled at send time, because secrets are never stored (house.md)."""

LINK = "{{link}}"
CODE = "{{code}}"
LINE_LINK_TOKEN = "{{line_link_token}}"  # noqa: S105 - the place of a token, not one

# What stands there when it is sent: a 22-character token, six digits, LINE's link token (32 so far; room for more).
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
    """Our linking page; LINE wants the link token as `linkToken` (channels.md section 2)."""
    return f"{base_url}/link?linkToken={LINE_LINK_TOKEN}"


def application_form_url(base_url: str) -> str:
    """The application form for a card change (R09)."""
    return f"{base_url}/apply"
