"""Frozen settings: the one reader of the environment; every field is documented in docs/settings.md."""

from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.setting_refusals import refusals
from app.setting_values import (
    BaseAddress,
    DatabaseAddress,
    Days,
    Failpoints,
    Hours,
    Name,
    Names,
    Networks,
    PrintedTelephone,
    PublicAddress,
    Secret,
    Telephone,
    TwilioAccount,
    clean_hours,
)
from backend.domain.batch_brake import BrakeLimits
from backend.domain.billing_calendar import BillingCalendar

_LINE_API, _LINE_DIALOG = "https://api.line.me", "https://access.line.me"
_REACHED_AT = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - listening everywhere is no address
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_LONGEST_ADDRESS = 33  # the longest SMS with a URL fits two segments with it, the longest names and amounts included
# What `make run` and the tests use; production refuses them by value.
SANDBOX_SECRET = "sandbox-only-not-a-secret"  # noqa: S105


# A blank or guessable secret would let anybody sign webhooks, or compute one-time codes.
_SECRET_LENGTHS = {
    "line_channel_secret": 16,
    "line_channel_access_token": 16,
    "twilio_auth_token": 16,
    "link_secret": 32,
}


class SettingsRefusedError(Exception):
    """The settings cannot be used; the message lists each setting with its remedy."""


class Environment(StrEnum):
    """Where this process runs."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class ClockKind(StrEnum):
    """`shiftable` lets development and tests travel in time; production refuses it."""

    SYSTEM = "system"
    SHIFTABLE = "shiftable"


class GatewayName(StrEnum):
    """The card gateways there are; the module in backend/gateways has the same name."""

    SANDBOX = "sandbox"


def _here(port: str) -> Callable[[dict[str, Any]], str]:
    """The address on this machine of what listens on the port that this setting names."""
    return lambda settings: _reached_at(settings["web_host"], settings[port])


def _reached_at(host: str, port: int) -> str:
    host = _REACHED_AT.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Settings(BaseSettings):
    """All that can be configured. Unknown variables are left alone; wrong values stop the start."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_file=".env")

    environment: Environment = Environment.DEVELOPMENT
    database_url: DatabaseAddress | None = None
    data_dir: Path = Path("var")
    web_host: str = "127.0.0.1"
    web_port: int = Field(default=8080, ge=0, le=65535)
    phone_port: int = Field(default=8090, ge=0, le=65535)
    gateway_port: int = Field(default=8091, ge=0, le=65535)
    line_port: int = Field(default=8092, ge=0, le=65535)
    twilio_port: int = Field(default=8093, ge=0, le=65535)
    public_base_url: PublicAddress = Field(default_factory=_here("web_port"))

    line_channel_secret: Secret = SecretStr(SANDBOX_SECRET)
    line_channel_access_token: Secret = SecretStr(SANDBOX_SECRET)
    line_api_base: BaseAddress = Field(default_factory=_here("line_port"))
    line_access_base: BaseAddress | None = None

    twilio_account_sid: TwilioAccount = "AC" + "0" * 32
    twilio_auth_token: Secret = SecretStr(SANDBOX_SECRET)
    twilio_from: Telephone = "+815000000000"
    twilio_api_base: BaseAddress = Field(default_factory=_here("twilio_port"))

    gateway: GatewayName = GatewayName.SANDBOX
    sandbox_gateway_base: BaseAddress = Field(default_factory=_here("gateway_port"))
    sandbox_gateway_key: Secret = SecretStr(SANDBOX_SECRET)
    sandbox_gateway_webhook_secret: Secret = SecretStr(SANDBOX_SECRET)

    link_secret: Secret = SecretStr(SANDBOX_SECRET)
    clock: ClockKind = ClockKind.SYSTEM
    failpoints: Failpoints = ""

    send_from_day: int = Field(default=10, ge=1, le=27)
    expiry_day: int = Field(default=20, ge=2, le=28)
    fair_days: int = Field(default=3, ge=0, le=20)
    reminder_days: Annotated[Days, NoDecode] = (15, 18)
    send_hours: Hours = "10:00-19:00"

    canary_size: int = Field(default=50, ge=0, le=10_000)
    decline_stop_percent: int = Field(default=20, ge=1, le=100)
    fault_stop_percent: int = Field(default=2, ge=1, le=100)
    amount_stop_factor: Decimal = Field(default=Decimal(3), gt=1)
    unusual_amount_factor: Decimal = Field(default=Decimal(5), gt=1)
    unusual_amount_yen: int = Field(default=100_000, ge=1)
    sms_yen_per_segment: Decimal = Field(default=Decimal(12), ge=0)

    sender_name: Name = Field(default="つきばらい電力", min_length=1, max_length=12)
    support_phone: PrintedTelephone = "0120-000-000"
    line_pushes_per_second: int = Field(default=100, ge=1, le=2000)
    sms_per_second: int = Field(default=10, ge=1, le=100)
    max_connections: int = Field(default=800, ge=10, le=100_000)
    trusted_hosts: Annotated[Names, NoDecode] = ()
    trusted_proxies: Annotated[Networks, NoDecode] = ()

    @cached_property
    def calendar(self) -> BillingCalendar:
        """The month's calendar (domain.md, "where the guide is silent")."""
        start, end = clean_hours(self.send_hours)
        return BillingCalendar(
            send_from_day=self.send_from_day,
            expiry_day=self.expiry_day,
            fair_days=self.fair_days,
            reminder_days=self.reminder_days,
            send_from=start,
            send_until=end,
        )

    @property
    def phone_address(self) -> str:
        """Where the phone page of development is opened on this machine."""
        return _reached_at(self.web_host, self.phone_port)

    @property
    def brake(self) -> BrakeLimits:
        """When the month's automatic charges stop by themselves."""
        return BrakeLimits(
            canary_size=self.canary_size,
            decline_percent=self.decline_stop_percent,
            fault_percent=self.fault_stop_percent,
            amount_factor=self.amount_stop_factor,
        )

    @property
    def line_dialog_base(self) -> str:
        """Where LINE's account-link dialog is: LINE's own host for LINE, else the stand-in that plays LINE."""
        if self.line_access_base:
            return self.line_access_base
        return _LINE_DIALOG if self.line_api_base == _LINE_API else self.line_api_base

    @model_validator(mode="after")
    def _calendar_holds_together(self) -> Self:
        if self.send_from_day >= self.expiry_day:
            raise ValueError("SEND_FROM_DAY must lie before EXPIRY_DAY: a URL needs days on which it works")
        if self.send_from_day + self.fair_days > self.expiry_day:
            raise ValueError("SEND_FROM_DAY + FAIR_DAYS must not lie behind EXPIRY_DAY: no URL could ever go out")
        if not all(self.send_from_day < day <= self.expiry_day for day in self.reminder_days):
            raise ValueError(
                f"REMINDER_DAYS must lie behind SEND_FROM_DAY ({self.send_from_day}) and not behind EXPIRY_DAY"
                f" ({self.expiry_day}): there is nothing to remind of on other days"
            )
        return self

    @model_validator(mode="after")
    def _production_is_real(self) -> Self:
        if self.environment is Environment.PRODUCTION and (faults := list(_unreal_parts(self))):
            raise ValueError("; ".join(faults))
        return self


def _unreal_parts(settings: Settings) -> list[str]:
    """What production must never run with, each with its remedy."""
    faults = []
    if not settings.public_base_url.startswith("https://"):
        faults.append("PUBLIC_BASE_URL must begin with https:// in production")
    if len(settings.public_base_url) > _LONGEST_ADDRESS:
        faults.append(
            f"PUBLIC_BASE_URL has more than {_LONGEST_ADDRESS} characters, and an SMS with it a third segment; take a"
            " shorter host name"
        )
    bases = {
        "LINE_API_BASE": settings.line_api_base,
        "LINE_ACCESS_BASE": settings.line_dialog_base,
        "TWILIO_API_BASE": settings.twilio_api_base,
    }
    for name, base in bases.items():
        address = urlsplit(base)
        if address.scheme != "https" or address.hostname in _LOOPBACK:
            faults.append(f"{name} points at an emulator; set the provider's https address")
    if settings.gateway is GatewayName.SANDBOX:
        faults.append("GATEWAY=sandbox takes no real money; choose a live gateway")
    if settings.clock is ClockKind.SHIFTABLE:
        faults.append("CLOCK=shiftable is for development only; remove it")
    if settings.failpoints:
        faults.append("FAILPOINTS kills processes on purpose; remove it")
    if settings.database_url is None:
        faults.append("DATABASE_URL is missing; production never uses the embedded database")
    faults.extend(
        f"{name.upper()} is the sandbox's own; set the real one"
        for name in ("twilio_account_sid", "twilio_from", "support_phone")
        if getattr(settings, name) == Settings.model_fields[name].default
    )
    faults.extend(
        f"{name.upper()} still has the sandbox value; set the real one"
        for name in ("line_channel_secret", "line_channel_access_token", "twilio_auth_token", "link_secret")
        if getattr(settings, name).get_secret_value() == SANDBOX_SECRET
    )
    faults.extend(
        f"{name.upper()} is too short to be a real secret; at least {least} characters are needed"
        for name, least in _SECRET_LENGTHS.items()
        if len(getattr(settings, name).get_secret_value()) < least
    )
    return faults


def load_settings(**overrides: object) -> Settings:
    """Read the environment and `.env`; `overrides` win (tests, the development server).

    Raises:
        SettingsRefusedError: one line a setting, saying what to change.
    """
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as refusal:
        raise SettingsRefusedError(refusals(refusal)) from None
