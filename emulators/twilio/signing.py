"""How the platform signs what it sends: HMAC-SHA1 over the URL and the sorted parameters."""

import base64
import hashlib
import hmac
from collections.abc import Mapping


def sign(*, auth_token: str, url: str, params: Mapping[str, str]) -> str:
    """Return the value of X-Twilio-Signature; blank parameters take part, a fragment does not."""
    text = url.partition("#")[0] + "".join(name + params[name] for name in sorted(params))
    digest = hmac.new(auth_token.encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()
