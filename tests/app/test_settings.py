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
        ("public_base_url", "https://pay.a-very-long-name.example.jp", "more than 33 characters"),
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
    ("name", "value", "remedy"),
    [
        ("SEND_HOURS", "19:00-10:00", "must begin before it ends"),
        ("PUBLIC_BASE_URL", "https://支払い.jp", "must be written in ASCII"),
        ("SENDER_NAME", "つきばらい\n電力", "must be a name on one line"),
        ("SENDER_NAME", "　 ", "must be a name on one line"),
        ("SEND_HOURS", "all day", "must look like 10:00-19:00"),
        ("SEND_HOURS", "10:00Z-19:00", "must look like 10:00-19:00"),
        ("SEND_FROM_DAY", "20", "SEND_FROM_DAY must lie before EXPIRY_DAY"),
        ("EXPIRY_DAY", "31", "must be at most 28"),
        ("FAIR_DAYS", "15", "SEND_FROM_DAY + FAIR_DAYS must not lie behind EXPIRY_DAY"),
        ("REMINDER_DAYS", "[25,99]", "REMINDER_DAYS must lie behind SEND_FROM_DAY (10) and not behind EXPIRY_DAY (20)"),
        ("REMINDER_DAYS", "the 15th", "must be days of the month such as [15,18]"),
        ("TRUSTED_HOSTS", "[pay", "must be a JSON list"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,proxy", "must be addresses or networks with commas between them"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "all bits of a network behind its prefix are zero"),
        ("TRUSTED_PROXIES", "[10.0.0.1", "must be addresses or networks"),
        ("PUBLIC_BASE_URL", "pay.example.jp", "must be an address such as https://pay.example.jp"),
        ("PUBLIC_BASE_URL", "https://pay.example.jp/path", "must end after the host and the port"),
        ("WEB_PORT", "eighty", "must be a whole number"),
        ("GATEWAY", "stripe", "must be 'sandbox'"),
        ("TWILIO_FROM", "abc", "must be the sending number in international form"),
        ("SUPPORT_PHONE", "", "must be the telephone number as customers read it"),
        ("SUPPORT_PHONE", "the office", "must be the telephone number as customers read it"),
        ("SUPPORT_PHONE", "+81-3-1234-5678", "must be the telephone number as customers read it"),
        ("SUPPORT_PHONE", "0120-00-00", "must be the telephone number as customers read it"),
        ("SUPPORT_PHONE", "0120--000000", "must be the telephone number as customers read it"),
        ("TWILIO_ACCOUNT_SID", "", "must be the Account SID of Twilio's console"),
        ("LINE_CHANNEL_SECRET", "", "must not be empty"),
        ("SENDER_NAME", "", "fill it in"),
        ("DATABASE_URL", "mysql://user:hidden@host/db", "must be a PostgreSQL address such as postgresql://"),
        ("DATABASE_URL", "", "must be a PostgreSQL address such as postgresql://"),
        ("DATABASE_URL", "postgresql://host/db?connect_timeout=5", "remove all but channel_binding, host, "),
        ("DATABASE_URL", "postgresql://user:1?hidden@host/db", "a ? in the password is written %3F"),
        ("DATABASE_URL", "postgresql://host/db?sslmode=hidden", "must have an sslmode out of allow, disable, "),
    ],
)
def test_a_value_that_cannot_work_stops_the_start_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, remedy: str
) -> None:
    monkeypatch.setenv(name, value)

    said = refusal()

    assert name in said
    assert remedy in said
    assert "hidden" not in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    "printed", ["0120-000-000", "0570-012-345", "03-1234-5678", "0467-12-3456", "090-1234-5678", "0312345678"]
)
def test_a_support_number_is_written_as_customers_read_it(printed: str) -> None:
    assert load_settings(support_phone=printed).support_phone == printed


@pytest.mark.parametrize("options", ["", "?sslmode=require&channel_binding=require", "?host=/run/pg&user=u&ssl=allow"])
def test_the_options_that_hosts_append_are_accepted(options: str) -> None:
    assert load_settings(database_url=f"postgresql://db.example.jp/x{options}").database_url is not None


def test_days_are_a_json_list_or_have_commas_between_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for written, days in {"[15,18]": (15, 18), "15, 18": (15, 18), "15": (15,), "[]": ()}.items():
        monkeypatch.setenv("REMINDER_DAYS", written)

        assert load_settings().reminder_days == days


def test_trusted_proxies_are_addresses_and_networks_with_commas_between_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", "10.0.0.0/8, 2001:db8::7")

    assert [str(each) for each in load_settings().trusted_proxies] == ["10.0.0.0/8", "2001:db8::7/128"]
    assert load_settings(trusted_proxies="").trusted_proxies == ()


def test_addresses_follow_from_the_ports_unless_they_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    ports = {"WEB_PORT": "18080", "GATEWAY_PORT": "18091", "LINE_PORT": "18092", "TWILIO_PORT": "18093"}
    for name, port in ports.items():
        monkeypatch.setenv(name, port)
    monkeypatch.setenv("TWILIO_API_BASE", "http://stand-in.example.jp:7000")

    settings = load_settings()

    assert settings.public_base_url == "http://127.0.0.1:18080"
    assert settings.sandbox_gateway_base == "http://127.0.0.1:18091"
    assert settings.line_api_base == "http://127.0.0.1:18092"
    assert settings.twilio_api_base == "http://stand-in.example.jp:7000"


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("0.0.0.0", "http://127.0.0.1:8080"),  # noqa: S104 - the setting says so
        ("::", "http://[::1]:8080"),
        ("192.0.2.7", "http://192.0.2.7:8080"),
    ],
)
def test_who_listens_on_a_host_is_reached_there(host: str, address: str) -> None:
    assert Settings(web_host=host).public_base_url == address


def test_secrets_never_appear_in_a_repr() -> None:
    assert "very-secret" not in repr(Settings(link_secret="very-secret", twilio_auth_token="very-secret"))


def test_the_account_link_dialog_is_lines_own_unless_a_stand_in_plays_line() -> None:
    assert Settings(line_api_base="https://api.line.me").line_dialog_base == "https://access.line.me"
    assert Settings(line_api_base="http://127.0.0.1:7000").line_dialog_base == "http://127.0.0.1:7000"
