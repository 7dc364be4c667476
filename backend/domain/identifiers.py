"""Secrets that can be derived again instead of being stored: link tokens and one-time codes."""

import base64
import hashlib
import hmac
import secrets
from typing import NewType
from uuid import UUID

LinkToken = NewType("LinkToken", str)

TOKEN_LENGTH = 22
_LINK_PURPOSE = b"link:"
_INVITATION_PURPOSE = b"line:"
_CODE_PURPOSE = b"code:"
_BLOCK = 64  # SHA-256's block size, bytes


def derive_token(*, secret: bytes, link_id: UUID) -> LinkToken:
    """The 22 characters (128 bits) of a payment URL: the same for the same link, unguessable without the secret."""
    return _token(secret, _LINK_PURPOSE + link_id.bytes)


def derive_invitation_token(*, secret: bytes, invitation_id: UUID) -> LinkToken:
    """The token of an invitation from a LINE chat to the account-link page."""
    return _token(secret, _INVITATION_PURPOSE + invitation_id.bytes)


def _token(secret: bytes, message: bytes) -> LinkToken:
    digest = hmac.digest(secret, message, "sha256")
    return LinkToken(base64.urlsafe_b64encode(digest[:16]).decode().rstrip("="))


def hash_token(token: str) -> bytes:
    """What the database keeps of a token (SHA-256)."""
    return hashlib.sha256(token.encode()).digest()


def derive_code(*, secret: bytes, verification_id: UUID) -> str:
    """A six-digit one-time code for a verification."""
    digest = hmac.digest(secret, _CODE_PURPOSE + verification_id.bytes, "sha256")
    return f"{int.from_bytes(digest[:8], 'big') % 1_000_000:06d}"


def new_secret() -> str:
    """256 random bits for a cookie or a nonce, url-safe."""
    return secrets.token_urlsafe(32)


def hmac_pads(secret: bytes) -> tuple[bytes, bytes]:
    """HMAC-SHA256's inner and outer key blocks, so that SQL can derive tokens for a whole month in one statement."""
    key = hashlib.sha256(secret).digest() if len(secret) > _BLOCK else secret
    padded = key.ljust(_BLOCK, b"\0")
    return bytes(b ^ 0x36 for b in padded), bytes(b ^ 0x5C for b in padded)


def transaction_id(*, order_number: str, ordinal: int) -> str:
    """取引ID: the n-th try to pay an order. Known before the try is made, so that every page shows the same (R17)."""
    return f"{order_number}-{ordinal:02d}"
