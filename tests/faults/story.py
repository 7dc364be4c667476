"""Two business months as they are lived: what happens on which day, and the storms that come over it."""

import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from backend.failpoints import NAMES
from tests.faults.people import Habit, Person
from tests.faults.rest import evidence_so_far
from tests.faults.staff import give_back, let_charging_go_on
from tests.faults.town import Town
from tests.kit.clock import jst

_WORDS = ("今月の金額", "URL再送", "支払い状況", "カード変更", "ありがとう", "期限はいつ")
_AT_ONCE = 12  # people at the pages at the same moment; in a large town
_AT_ONCE_OF = 50  # one of so many
_CLEAR_MINUTES = 12
_MOST_ROUNDS = 6
_LATER = 0.3  # of the kills, while the slow ones finish: everybody should get through in the end;
_AT_LAST = 0.03  # and that many when the storm has had its share
_STORMS, _KILLED_BY_POWER_CUTS = 11, 130


@dataclass(frozen=True, kw_only=True)
class Weather:
    """How bad it gets. `kills` and `crash` are a minute's; `losing` is the share of COMMIT answers."""

    kills: float
    crash: float
    losing: float
    minute: float  # real seconds
    minutes: int = 6
    wanted: int = 0  # kills in all, at least: a storm goes on until it has had its share
    is_short: bool = False  # without the 18th, and the second import under a clear sky
    has_dice: bool = True
    patience: float = 40  # real seconds that the quick payers wait for their URLs,
    still: float = 40  # or only so many while none leaves and nobody dies
    is_every_place: bool = False  # go on as long as somebody dies at a place where nobody has died before

    @classmethod
    def for_kills(cls, kills: int, *, minute: float, is_short: bool, is_every_place: bool = False) -> Self:
        """The weather in which about so many die, power cuts included."""
        if is_every_place:  # whose worker died has no URL before the next round: nobody waits long for it
            return cls(
                kills=0,
                crash=0,
                losing=0,
                minute=minute,
                is_short=is_short,
                still=2.5,
                has_dice=False,
                is_every_place=True,
            )
        each = min(1.0, max(0.5, (kills - _KILLED_BY_POWER_CUTS) / (_STORMS * cls.minutes)))
        minutes = 4 if is_short else cls.minutes
        return cls(kills=each, wanted=kills, crash=0.05, losing=0.01, minute=minute, minutes=minutes, is_short=is_short)


class Story:
    """Lives the months in a town."""

    def __init__(self, town: Town, weather: Weather) -> None:
        self.town, self.weather = town, weather
        self.evidence: list[tuple[int, str]] = []
        self._storms = 0
        self._dice = random.Random(town.dice.random())  # noqa: S311 - repeatable on purpose

    async def live(self) -> None:
        """Two months, then calm."""
        await self._first_day()
        await self._month("2026-11", is_first=True)
        await self._change_cards()
        await self._month("2026-12", is_first=False)
        await self._calm()

    async def _first_day(self) -> None:
        town = self.town
        await town.go_to(jst("2026-11-08T12:00"))
        await town.power_on()
        await town.import_month("2026-11")
        await town.make_friends()

    async def _month(self, month: str, *, is_first: bool) -> None:
        prompt = [person for person in self.town.people if person.habit not in {Habit.LAST_SECOND, Habit.NEVER}]
        if not is_first:
            await self._import(month)
        half = len(prompt) // 2
        await self._storm(f"{month}-10T09:57", lambda: self._after_the_opening(prompt[:half]), is_away=not is_first)
        await self._storm(f"{month}-15T09:58", lambda: self._pay_and_talk(prompt))
        if not self.weather.is_short:
            await self._storm(f"{month}-18T09:58", lambda: self._pay_and_talk(prompt[half:]))
        await self._last_evening(month)

    async def _import(self, month: str) -> None:
        if self.weather.is_short:
            await self.town.go_to(jst(f"{month}-08T12:00"))
            return await self.town.import_month(month)
        return await self._storm(f"{month}-08T12:00", lambda: self.town.import_month(month))

    async def _after_the_opening(self, payers: Sequence[Person]) -> None:
        """URLs go out at ten; who is quick pays at once."""
        await self.town.until_urls_are_out(seconds=self.weather.patience, still=self.weather.still)
        await self._all_of(payers, Person.pay)

    async def _pay_and_talk(self, payers: Sequence[Person]) -> None:
        await give_back(self.town, most=2)
        talkers = self._dice.sample(self.town.people, k=max(2, len(self.town.people) // 4))
        words = [self._dice.choice(_WORDS) for _ in talkers]
        saying = [person.say(said) for person, said in zip(talkers, words, strict=True)]
        await asyncio.gather(self._all_of(payers, Person.pay), *saying)

    async def _change_cards(self) -> None:
        changers = self.town.people[::6]
        await self._storm("2026-11-25T12:00", lambda: self._all_of(changers, Person.apply_for_card_change))

    async def _last_evening(self, month: str) -> None:
        """Some have everything filled in, and press in the last second; midnight falls while they do."""
        late = [person for person in self.town.people if person.habit is Habit.LAST_SECOND]

        async def evening() -> None:
            await self._all_of(late, Person.come_up_to_the_button)
            await self.town.go_to(jst(f"{month}-20T23:59:59"))
            pressing = asyncio.create_task(self._all_of(late, Person.press_at_last))
            await asyncio.sleep(0.05)
            await self.town.go_to(jst(f"{month}-21T00:00:01"))
            await pressing

        # No clock of a process at work may be left behind by more than machines' clocks may differ (assumption C1).
        await self._storm(f"{month}-20T23:55", evening, is_flowing=False)

    async def _all_of(self, people: Sequence[Person], what: Callable[[Person], Awaitable[None]]) -> None:
        gate = asyncio.Semaphore(max(_AT_ONCE, len(self.town.people) // _AT_ONCE_OF))

        async def one(person: Person) -> None:
            async with gate:
                await what(person)

        await asyncio.gather(*(one(person) for person in people))

    async def _storm(
        self, at: str, work: Callable[[], Awaitable[None]], *, is_away: bool = False, is_flowing: bool = True
    ) -> None:
        """Go there after a power cut, live in bad weather, and let the sky clear."""
        town, begun = self.town, time.monotonic()
        await town.power_cut()
        self.evidence.append(await evidence_so_far(town))  # nobody is alive: nothing is about to be committed
        await town.go_to(jst(at))
        for _ in range(_MOST_ROUNDS):
            known = set(town.fleet.deaths.failpoints)
            await self._one_storm(work, is_away=is_away, is_flowing=is_flowing)
            await town.power_cut()
            found = set(town.fleet.deaths.failpoints)
            if not self.weather.is_every_place or found in (known, NAMES):
                break
        over = time.monotonic()
        await self._clear()
        self._say(at, bad=over - begun, clear=time.monotonic() - over)

    def _say(self, at: str, **seconds: float) -> None:
        """One line a storm, for who waits."""
        took = ", ".join(f"{name} {value:.0f} s" for name, value in seconds.items())
        deaths = self.town.fleet.deaths
        print(f"{at}: {took}; {deaths.kills} kills, {len(deaths.failpoints)} failpoints", file=sys.stderr, flush=True)  # noqa: T201

    async def _one_storm(self, work: Callable[[], Awaitable[None]], *, is_away: bool, is_flowing: bool) -> None:
        town = self.town
        if self.weather.has_dice:
            await town.outsiders.throw_dice()
        town.database.proxy.losing = self.weather.losing
        town.fleet.is_armed = True
        await town.power_on()
        working = asyncio.create_task(_started(work))
        await self._bad_minutes(working, is_away=is_away and self.weather.has_dice, is_flowing=is_flowing)
        await working

    async def _bad_minutes(self, working: asyncio.Task[None], *, is_away: bool, is_flowing: bool) -> None:
        town, weather = self.town, self.weather
        if is_away:
            await town.outsiders.leave(now=town.now)
        self._storms += 1
        minute, share = 0, min(weather.wanted, weather.wanted * self._storms // _STORMS)
        while minute < weather.minutes or not working.done() or town.fleet.deaths.kills < share:
            await town.until_served()
            await self._strike(share=self._share_of_kills(minute, working, wanted=share))
            await asyncio.sleep(weather.minute)
            if minute < weather.minutes and is_flowing:
                await town.tick()
            minute += 1
            if is_away and minute == weather.minutes:
                await town.outsiders.return_(now=town.now)

    def _share_of_kills(self, minute: int, working: asyncio.Task[None], *, wanted: int) -> float:
        if minute < self.weather.minutes or working.done():
            return 1
        return _LATER if self.town.fleet.deaths.kills < wanted else _AT_LAST

    async def _strike(self, *, share: float) -> None:
        """What this minute brings: deaths, and now and then a crash of the database."""
        whole, rest = divmod(self.weather.kills * share, 1)
        for _ in range(int(whole) + (self._dice.random() < rest)):
            await self.town.fleet.kill_one(self._dice)
        if self._dice.random() < self.weather.crash * share:
            await self.town.database.crash()

    async def _clear(self) -> None:
        """The gateway answers everybody, and nobody dies: unclear outcomes must end soon."""
        town = self.town
        town.fleet.is_armed = False
        town.database.proxy.losing = 0
        await town.outsiders.put_dice_away()
        await town.power_on()
        town.cleared.append(town.now)
        for _ in range(_CLEAR_MINUTES):
            await town.tick()
            await let_charging_go_on(town)
            await town.until_nobody_waits_for_the_gateway()
        await town.until_still(seconds=30)  # messages have no part in the race against the clock

    async def _calm(self) -> None:
        """Days without any fault, long enough for every schedule."""
        town, begun = self.town, time.monotonic()
        for step in (0.3, 2, 9, 25):
            await let_charging_go_on(town)
            await town.until_still()
            await town.go_to(town.now + timedelta(hours=step))
        await town.until_still()
        self._say("calm", days=time.monotonic() - begun)


async def _started(work: Callable[[], Awaitable[None]]) -> None:
    await work()
