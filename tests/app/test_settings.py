"""Settings refuse what cannot work, and say the remedy."""

import pytest

from app.settings import Settings, SettingsRefusedError, load_settings

REAL = {
    "environment": "production",
    "database_url": "postgresql://db.example.jp/tsukibarai",
    "public_base_url": "https://pay.example.jp",
    "line_api_base": "https://api.line.me",
    "twilio_api_base": "https://api.twilio.com",
    "line_channel_secret": "x" * 32,
    "line_channel_access_token": "x" * 32,
    "twilio_auth_token": "x" * 32,
    "twilio_account_sid": "AC1",
    "twilio_from": "+16505550100",
    "support_phone": "03-1234-5678",
    "link_secret": "x" * 32,
}


def refusal(**settings: object) -> str:
    with pytest.raises(SettingsRefusedError) as refused:
        load_settings(**settings)
    return str(refused.value)


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("public_base_url", "http://pay.example.jp", "https://"),
        ("line_api_base", "http://127.0.0.1:8092", "LINE_API_BASE points at an emulator"),
        ("twilio_api_base", "https://localhost", "TWILIO_API_BASE points at an emulator"),
        ("clock", "shiftable", "CLOCK=shiftable"),
        ("link_secret", "sandbox-only-not-a-secret", "LINK_SECRET"),
        ("support_phone", "0120-000-000", "SUPPORT_PHONE"),
        ("twilio_from", "+815000000000", "TWILIO_FROM"),
        ("database_url", None, "DATABASE_URL is missing"),
    ],
)
def test_production_refuses_what_is_not_real(name: str, value: object, remedy: str) -> None:
    assert remedy in refusal(**{**REAL, name: value})


def test_production_has_no_real_gateway_yet_and_says_so() -> None:
    assert refusal(**REAL).endswith("GATEWAY=sandbox takes no real money; choose a live gateway")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("send_hours", "19:00-10:00"),
        ("send_hours", "all day"),
        ("expiry_day", 31),
        ("fair_days", 15),
        ("public_base_url", "pay.example.jp"),
        ("web_port", "eighty"),
    ],
)
def test_a_value_that_cannot_work_stops_the_start(name: str, value: object) -> None:
    assert refusal(**{name: value})


def test_secrets_never_appear_in_a_repr() -> None:
    assert "very-secret" not in repr(Settings(link_secret="very-secret", twilio_auth_token="very-secret"))


def test_the_account_link_dialog_is_lines_own_unless_a_stand_in_plays_line() -> None:
    assert Settings(line_api_base="https://api.line.me").line_dialog_base == "https://access.line.me"
    assert Settings(line_api_base="http://127.0.0.1:7000").line_dialog_base == "http://127.0.0.1:7000"
