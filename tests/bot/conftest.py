"""The product's own words, loaded once."""

import pytest

from backend.domain.billing_calendar import BillingCalendar
from bot.wording import Wording, load_wording
from tests.bot.chat_accounts import TEMPLATES


def load_test_wording() -> Wording:
    return load_wording(
        TEMPLATES,
        sender_name="つきばらい電力",
        support_phone="0120-000-000",
        public_base_url="https://pay.example.jp",
        calendar=BillingCalendar(),
    )


@pytest.fixture(scope="session")
def wording() -> Wording:
    return load_test_wording()
