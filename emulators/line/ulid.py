"""ULIDs, as the platform numbers its webhook events: time first, then chance."""

import secrets

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RANDOM_BITS = 80


def new_ulid(*, milliseconds: int) -> str:
    """Return a ULID for this moment (milliseconds since 1970)."""
    value = (milliseconds << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)
    return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))
