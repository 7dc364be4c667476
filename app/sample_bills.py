"""Writes realistic bill files for demonstrations, tests and measurements; the people in them do not exist."""

import csv
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from backend.domain.billing_calendar import billing_month_of, first_of_next_month

if TYPE_CHECKING:
    from faker import Faker

WORDS_FILE = Path(__file__).resolve().parents[1] / "templates" / "import" / "sample.toml"
MOST_CUSTOMERS = 1_000_000
DEMO_CUSTOMERS, DEMO_MONTHS, DEMO_SEED = 12, 3, 7

# Percent of a household's yearly average by billing month, January first: winter heats, summer cools.
_SEASON = (150, 145, 125, 100, 82, 76, 88, 122, 120, 92, 86, 114)
# One in so many has a second place of use: same person, same phone, another customer number (R11).
_SECOND_PLACE_EVERY = 25
# Hundredths of a yen: basic charge, then per kWh up to 120, up to 300 and above.
_BASIC, _STEPS = 93_525, ((120, 2_980), (300, 3_640), (10_000, 4_049))


class FakerMissingError(Exception):
    """Faker is not installed; it writes the sample customers. Install the `demo` group: pip install faker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleOrder:
    """What to write: the same order always gives the same files. `start` is the first billing month, 2026-11."""

    customers: int
    months: int
    start: str
    seed: int

    def __post_init__(self) -> None:
        """Refuse what no file can hold."""
        if not 1 <= self.customers <= MOST_CUSTOMERS or self.months < 1:
            raise ValueError(f"Ask for 1 to {MOST_CUSTOMERS:,} customers and at least one month.")
        date.fromisoformat(f"{self.start}-01")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Household:
    index: int
    customer_number: str
    name_kanji: str
    name_kana: str
    phone: str
    email: str
    place: str
    average_tenths: int  # of a kWh, a month
    meter_day: int


def write_samples(order: SampleOrder, *, out: Path) -> tuple[Path, ...]:
    """Write one file a billing month into `out` (made when missing) and return their paths.

    Raises:
        FakerMissingError: Faker is not installed.
    """
    households = tuple(_households(order))
    out.mkdir(parents=True, exist_ok=True)
    paths = []
    for month in _months(order):
        path = out / f"bills-{billing_month_of(month)}.csv"
        # With a byte order mark, so that a double click opens it rightly in Excel.
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(sample_header())
            writer.writerows(_row(household, month, order.seed) for household in households)
        paths.append(path)
    return tuple(paths)


def demo_order(*, start: str) -> SampleOrder:
    """The customers of `make run`, with three months of bills from `start` on."""
    return SampleOrder(customers=DEMO_CUSTOMERS, months=DEMO_MONTHS, start=start, seed=DEMO_SEED)


def demo_rows(*, start: str) -> tuple[tuple[str, ...], ...]:
    """The demo customers' rows, months one after the other, in the order of `sample_header`."""
    order = demo_order(start=start)
    households = tuple(_households(order))
    return tuple(_row(each, month, order.seed) for month in _months(order) for each in households)


def sample_header() -> tuple[str, ...]:
    """The first line of every sample file."""
    return tuple(_words()["header"])


def _months(order: SampleOrder) -> Iterator[date]:
    month = date.fromisoformat(f"{order.start}-01")
    for _ in range(order.months):
        yield month
        month = first_of_next_month(month)


def _households(order: SampleOrder) -> Iterator[_Household]:
    faker = _faker(order.seed)
    random = Random(order.seed)  # noqa: S311 - repeatable on purpose, protects nothing
    name_kanji = name_kana = phone = email = ""
    for index in range(order.customers):
        if index % _SECOND_PLACE_EVERY != _SECOND_PLACE_EVERY - 1:
            name_kanji, name_kana, email = _person(faker)
            # The last tenth of the youngest mobile range: valid in form, and far from numbers given to people.
            phone = f"0609{index:07}"
        yield _Household(
            index=index,
            customer_number=f"{2_010_000_137 + 37 * index:010}",
            name_kanji=name_kanji,
            name_kana=name_kana,
            phone=phone,
            email=email if random.random() < 0.7 else "",  # noqa: PLR2004 - most people give one
            place=_place(faker, random),
            average_tenths=10 * random.choice((140, 190, 240, 290, 350, 430)) + random.randrange(-200, 200),
            meter_day=random.randrange(2, 6),
        )


def _person(faker: "Faker") -> tuple[str, str, str]:
    last, first = faker.last_name_pair(), faker.first_name_pair()
    return f"{last[0]} {first[0]}", f"{last[1]} {first[1]}", f"{first[2]}.{last[2]}@example.jp".lower()


def _place(faker: "Faker", random: Random) -> str:
    words = _words()
    region = random.choice(words["places"])
    chome, ban, gou = random.randrange(1, 7), random.randrange(1, 30), random.randrange(1, 20)
    house = words["house"].format(chome=chome, ban=ban, gou=gou)
    room = f"{random.randrange(1, 9)}0{random.randrange(1, 9)}"
    flat = words["flat"].format(building=faker.building_name(), room=room)
    return f"{region['prefecture']}{random.choice(region['cities'])}{faker.town()}{house}{random.choice(('', flat))}"


@cache
def _words() -> dict[str, Any]:
    return tomllib.loads(WORDS_FILE.read_text(encoding="utf-8"))


def _row(household: _Household, month: date, seed: int) -> tuple[str, ...]:
    # Its own stream a bill, so that no month depends on how many others are written.
    random = Random(f"{seed}/{household.index}/{month}")  # noqa: S311 - repeatable on purpose
    tenths = household.average_tenths * _SEASON[month.month - 1] * random.randrange(88, 113) // 10_000
    last_month = month - timedelta(days=1)
    start, end = last_month.replace(day=household.meter_day), month.replace(day=household.meter_day - 1)
    return (
        household.customer_number,
        household.name_kanji,
        household.name_kana,
        household.phone,
        household.email,
        household.place,
        billing_month_of(month),
        f"{start}〜{end}",
        f"{tenths // 10}.{tenths % 10}",
        str(_yen(tenths)),
        f"B{month:%Y%m}{household.index:07}",
        month.replace(day=random.randrange(6, 10)).isoformat(),
    )


def _yen(tenths: int) -> int:
    """A made-up three-step tariff, tax included, rounded down to whole yen."""
    hundredths, below = _BASIC * 10, 0
    for upper, price in _STEPS:
        hundredths += price * max(0, min(tenths, upper * 10) - below * 10)
        below = upper
    return hundredths // 1_000


def _faker(seed: int) -> "Faker":
    try:
        from faker import Faker  # noqa: PLC0415 - only this command needs it, and production has none
    except ImportError:
        raise FakerMissingError from None
    faker = Faker("ja_JP")
    faker.seed_instance(seed)
    return faker
