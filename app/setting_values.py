"""The kinds of values that settings have: what each accepts, and one sentence that says what to write instead."""

import json
import re
from collections.abc import Mapping
from datetime import time
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated
from urllib.parse import SplitResult, parse_qsl, urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr

from backend.failpoints import parse_failpoints

_HOURS = re.compile(r"(\d\d:\d\d)\s*-\s*(\d\d:\d\d)")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_PRINTED = re.compile(r"(?=(?:-?[0-9]){10,11}$)0[0-9]{1,4}-?[0-9]{1,4}-?[0-9]{3,4}")
_ACCOUNT_SID = re.compile(r"AC[0-9A-Za-z]{1,64}")
_POSTGRES = {"postgres", "postgresql", "postgresql+asyncpg"}
# What backend.store.engine and its driver understand; anything else would end in a TypeError at the first connection.
_CONNECTION_OPTIONS = {
    "channel_binding",
    "host",
    "passfile",
    "password",
    "port",
    "prepared_statement_cache_size",
    "ssl",
    "sslmode",
    "target_session_attrs",
    "user",
}
_SSL_MODES = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}


def _split(value: str, *, schemes: set[str]) -> SplitResult | None:
    """The parts of an address of one of these schemes; None when it is not one."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.scheme in schemes else None


def _clean_base(value: object) -> object:
    if not isinstance(value, str):
        return value
    parts = _split(value, schemes={"http", "https"})
    if parts is None or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an address such as https://pay.example.jp")
    return value.rstrip("/")


def _without_path(value: str) -> str:
    if urlsplit(value).path or urlsplit(value).username is not None:
        raise ValueError("must end after the host and the port, such as https://pay.example.jp; remove the rest")
    return value


def _ascii(value: str) -> str:
    if not value.isascii():
        raise ValueError("must be written in ASCII, as LINE takes no other address; a Japanese domain begins with xn--")
    return value


def _one_line(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise ValueError("must be a name on one line, as customers read it")
    return value.strip()


def _postgres_only(value: object) -> object:
    if not isinstance(value, str):
        return value
    parts = _split(value, schemes=_POSTGRES)
    if parts is None:
        raise ValueError(
            "must be a PostgreSQL address such as postgresql://user:password@host/database; remove the setting"
            " to use the embedded one"
        )
    _check_options(dict(parse_qsl(parts.query, keep_blank_values=True)))
    return value


def _check_options(options: Mapping[str, str]) -> None:
    """Never quotes what it refuses: behind a `?` in a password, it is a part of that."""
    if not options.keys() <= _CONNECTION_OPTIONS:
        raise ValueError(
            f"has an option behind its ? that cannot be used; remove all but {', '.join(sorted(_CONNECTION_OPTIONS))}"
            " (a ? in the password is written %3F)"
        )
    if not {options[name] for name in ("ssl", "sslmode") if name in options} <= _SSL_MODES:
        raise ValueError(f"must have an sslmode out of {', '.join(sorted(_SSL_MODES))}")


def _not_blank(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().strip():
        raise ValueError("must not be empty; fill it in, or remove it to have the sandbox's")
    return value


def _telephone(value: str) -> str:
    if not _E164.fullmatch(value):
        raise ValueError("must be the sending number in international form, such as +815012345678")
    return value


def _printed_telephone(value: str) -> str:
    if not _PRINTED.fullmatch(value):
        raise ValueError("must be the telephone number as customers read it, such as 0120-000-000 or 03-1234-5678")
    return value


def _twilio_account(value: str) -> str:
    if not _ACCOUNT_SID.fullmatch(value):
        raise ValueError("must be the Account SID of Twilio's console; it begins with AC")
    return value


def clean_hours(value: object) -> tuple[time, time]:
    """The first moment and the end (exclusive) of hours such as 10:00-19:00."""
    found = _HOURS.fullmatch(str(value).strip())
    try:
        start, end = (time.fromisoformat(part) for part in (found.groups() if found else ()))
    except ValueError:
        raise ValueError("must look like 10:00-19:00 (Asia/Tokyo)") from None
    if start >= end:
        raise ValueError("must begin before it ends, for example 10:00-19:00")
    return start, end


def _hours(value: object) -> object:
    clean_hours(value)
    return value


def _listed(value: object) -> object:
    """A JSON list, or its members with commas between them."""
    if not isinstance(value, str):
        return value
    if not value.lstrip().startswith("["):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    try:
        return tuple(json.loads(value))
    except ValueError:
        raise ValueError("must be a JSON list, or its members with commas between them") from None


def _days(value: object) -> object:
    """Whole days, as `_listed`."""
    try:
        days = _listed(value)
    except ValueError:
        days = None
    if not isinstance(days, tuple | list) or not all(re.fullmatch(r"\d{1,2}", str(day)) for day in days):
        raise ValueError("must be days of the month such as [15,18]; [] for none")
    return tuple(int(day) for day in days)


def _networks(value: object) -> object:
    """Addresses and networks, as `_listed`; an address is a network of one."""
    try:
        members = _listed(value)
        return tuple(ip_network(str(each)) for each in (members if isinstance(members, tuple | list) else [members]))
    except ValueError:
        raise ValueError(
            "must be addresses or networks with commas between them, such as 10.0.0.0/8,192.0.2.7; all bits of a"
            " network behind its prefix are zero"
        ) from None


def _known_failpoints(value: str) -> str:
    parse_failpoints(value)
    return value


BaseAddress = Annotated[str, BeforeValidator(_clean_base)]
PublicAddress = Annotated[BaseAddress, AfterValidator(_without_path), AfterValidator(_ascii)]
Name = Annotated[str, AfterValidator(_one_line)]
DatabaseAddress = Annotated[SecretStr, BeforeValidator(_postgres_only)]
Secret = Annotated[SecretStr, AfterValidator(_not_blank)]
Telephone = Annotated[str, AfterValidator(_telephone)]
PrintedTelephone = Annotated[str, AfterValidator(_printed_telephone)]
TwilioAccount = Annotated[str, AfterValidator(_twilio_account)]
Hours = Annotated[str, BeforeValidator(_hours)]
Days = Annotated[tuple[int, ...], BeforeValidator(_days)]
Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], BeforeValidator(_networks)]
Failpoints = Annotated[str, AfterValidator(_known_failpoints)]
