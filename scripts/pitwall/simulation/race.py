"""One race of a made-up championship: how it is driven, and what each car scores."""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random

# Points are held in halves, so that they stay whole numbers.
RACE_POINTS = [2 * points for points in (25, 18, 15, 12, 10, 8, 6, 4, 2, 1)]
SPRINT_POINTS = {2021: [6, 4, 2]}
LATER_SPRINT_POINTS = [2 * points for points in (8, 7, 6, 5, 4, 3, 2, 1)]
SPRINT_ROUNDS = {2021: (10, 14, 19), 2022: (4, 11, 21)}
LATER_SPRINT_ROUNDS = (4, 6, 11, 16, 18, 20)
HALF_POINTS_RACE = (2021, 12)

FINISHED, DISQUALIFIED, RETIRED, WITHDREW, NOT_CLASSIFIED = 1, 2, 31, 54, 62
CRASHES = {3: "Accident", 4: "Collision", 20: "Spun off", 130: "Collision damage"}
FAILURES = {5: "Engine", 6: "Gearbox", 9: "Hydraulics", 10: "Electrical", 22: "Suspension", 23: "Brakes"}
FAILURES |= {25: "Overheating", 29: "Puncture", 44: "Oil leak", 47: "Water leak", 131: "Power Unit"}
LAPPED = {10 + laps: f"+{laps} Lap{'s' * (laps > 1)}" for laps in range(1, 10)}
STATUSES = CRASHES | FAILURES | LAPPED | {1: "Finished", 2: "Disqualified", RETIRED: "Retired"}
STATUSES |= {WITHDREW: "Withdrew", NOT_CLASSIFIED: "Not classified"}


class Dice:
    """Chance from `random.random()` alone, the one generator that Python promises never to change."""

    def __init__(self, seed: int) -> None:
        self.random: Callable[[], float] = Random(f"pitwall {seed}").random

    def upto(self, limit: int) -> int:
        return int(self.random() * limit)

    def chance(self, probability: float) -> bool:
        return self.random() < probability

    def order(self, items: Iterable) -> list:
        """The items in a new, random order."""
        return sorted(items, key=lambda _: self.random())


@dataclass(slots=True, eq=False)
class Driver:
    born: int
    slowness: int  # milliseconds a lap over a perfect driver
    number: int
    id: int = 0  # given at the first entry, when drivers.csv gets its row


@dataclass(slots=True, eq=False)
class Team:
    slowness: int  # milliseconds a lap over the best car
    seats: list[Driver]
    id: int = 0


@dataclass(slots=True, eq=False)
class Entry:
    """One driver and car at one race weekend."""

    driver: Driver
    team_id: int
    pace: int


@dataclass(slots=True, eq=False)
class Car:
    """One entry in one race or sprint: how it started, and what became of it."""

    entry: Entry
    grid: int
    slot: int
    letter: str = ""  # R, N, D or W; empty where classified
    status: int = FINISHED
    penalty: int = 0
    points: int = 0  # in halves
    laps: list[int] = field(default_factory=list)  # milliseconds
    clock: list[int] = field(default_factory=list)  # milliseconds since the start, lap by lap
    stops: dict[int, int] = field(default_factory=dict)  # milliseconds in the pit lane, by lap

    @property
    def total(self) -> int:
        return self.clock[-1] + self.penalty if self.clock else 0

    @property
    def best(self) -> tuple[int, int]:
        """The fastest lap: milliseconds and lap number."""
        best = min(self.laps)
        return best, self.laps.index(best) + 1


@dataclass(slots=True, eq=False)
class Race:
    """One race or sprint under way."""

    season: int
    round: int
    id: int
    length: int  # of the circuit, in metres
    distance: int = 0  # laps
    is_sprint: bool = False
    cars: list[Car] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.distance = self.distance or (3 if self.is_half else 305_000 // self.length + 1)

    @property
    def is_half(self) -> bool:
        return (self.season, self.round) == HALF_POINTS_RACE and not self.is_sprint

    @property
    def fill(self) -> bool:
        """Whether `position` is filled for everybody, as from 2025."""
        return self.season >= 2025


@dataclass(slots=True)
class Tally:
    """What one driver or constructor has collected in a season."""

    points: int = 0  # in halves
    finishes: list[int] = field(default_factory=lambda: [0] * 21)  # minus the count, by position
    best: tuple[int, int] = (99, 99)  # best finish, and the round in which it first came

    def add_finish(self, position: int, round_: int) -> None:
        self.finishes[position] -= 1
        self.best = min(self.best, (position, round_))


class Standings(dict[int, Tally]):
    """A championship under way: tallies by id."""

    def add(self, id_: int, car: Car, race: Race, position: int) -> None:
        tally = self.setdefault(id_, Tally())
        tally.points += car.points
        if not car.letter and not race.is_sprint:
            tally.add_finish(position, race.round)

    def ranked(self) -> list[tuple[int, Tally]]:
        def key(item: tuple[int, Tally]) -> tuple:
            return -item[1].points, item[1].finishes, item[1].best, item[0]

        return sorted(self.items(), key=key)


def points_table(race: Race) -> list[int]:
    if race.is_sprint:
        return SPRINT_POINTS.get(race.season, LATER_SPRINT_POINTS)
    return [points // 2 for points in RACE_POINTS] if race.is_half else RACE_POINTS


def points_by_team(race: Race) -> dict[int, int]:
    points: dict[int, int] = {}
    for car in race.cars:
        points[car.entry.team_id] = points.get(car.entry.team_id, 0) + car.points
    return points


def score(race: Race, drivers: Standings, teams: Standings) -> None:
    for order, car in enumerate(race.cars, 1):
        drivers.add(car.entry.driver.id, car, race, order)
        teams.add(car.entry.team_id, car, race, order)


# How a race is driven.


def drive(car: Car, race: Race, base: int, last_lap: int, dice: Dice) -> None:
    """Give the car its laps up to `last_lap`, as if it had the whole time."""
    random, pace, wear, worn = dice.random, base + car.entry.pace, 20 + dice.upto(30), 0
    for lap in range(1, last_lap + 1):
        milliseconds = pace + 22 * (race.distance - lap) + wear * worn + int(900 * random() * random())
        if lap in car.stops:
            milliseconds += car.stops[lap]
            worn = 0
        else:
            worn += 1
        car.laps.append(milliseconds)
    if car.laps:
        car.laps[0] += 4000 + 350 * car.slot
    if last_lap > 9 and dice.chance(0.06):  # one lap flat out, so that a slow car may have the fastest
        car.laps[8 + dice.upto(last_lap - 8)] -= 2500


def crawl(race: Race, base: int, dice: Dice) -> None:
    """Three laps behind the safety car, in the order of the grid."""
    first, *others = (base * 2 + dice.upto(9000) for _ in range(race.distance))
    for car in race.cars:
        car.laps = [first + 1600 * car.slot + dice.upto(900), *others]


def plan_stops(car: Car, distance: int, dice: Dice) -> None:
    stints = 2 + dice.upto(9) // 4
    for stop in range(1, stints):
        lap = distance * stop // stints - 4 + dice.upto(9)
        car.stops[lap] = 19500 + dice.upto(4500) + dice.chance(0.06) * dice.upto(15000)


def plan_repairs(car: Car, distance: int, dice: Dice) -> None:
    """Three long visits to the garage: too many laps are lost to be classified."""
    first = 3 + dice.upto(distance // 3)
    car.stops = {first + 2 * stop: 290_000 + dice.upto(40_000) for stop in range(3)}


def stop_race(race: Race, lap: int, dice: Dice) -> None:
    """Show the red flag on `lap`: everybody waits in the pit lane, then follows the leader away."""
    running = [car for car in race.cars if len(car.laps) >= lap]
    reached = {id(car): sum(car.laps[: lap - 1]) for car in running}
    running.sort(key=lambda car: (reached[id(car)], car.slot))
    restart = reached[id(running[0])] + 1_200_000 + dice.upto(1_200_000)
    for place, car in enumerate(running):
        car.laps[lap - 1] = restart + 1300 * place + dice.upto(900) - reached[id(car)]
        car.stops[lap] = car.laps[lap - 1] - 70_000 - dice.upto(15_000)


def retirement(distance: int, dice: Dice) -> tuple[int, int]:
    """The laps that a car completes before it retires, and why it does."""
    laps = 0 if dice.chance(0.2) else dice.upto(distance)
    reasons = CRASHES if laps == 0 or dice.chance(0.35) else FAILURES
    return laps, list(reasons)[dice.upto(len(reasons))]


def run(race: Race, dice: Dice) -> None:
    """Drive a race or sprint to the flag and settle its result; `race.cars` ends in result order."""
    base = race.length * 3600 // 222  # a lap at 222 km/h
    starters = [car for car in race.cars if car.letter != "W"]
    lucky = starters[dice.upto(len(starters))]  # somebody has to get home
    red_lap = 0
    if race.is_half:
        crawl(race, base, dice)
    else:
        if race.season % 2 and not race.is_sprint and race.round == 5 + race.season % 3:
            red_lap = 5 + dice.upto(race.distance // 3)
        for car in starters:
            last_lap = race.distance
            if not race.is_sprint:
                plan_stops(car, race.distance, dice)
            if car is not lucky and dice.chance(0.1):
                last_lap, car.status = retirement(race.distance, dice)
            elif not race.is_sprint and not red_lap and dice.chance(0.005):
                plan_repairs(car, race.distance, dice)
            car.stops.pop(red_lap, None)
            drive(car, race, base, last_lap, dice)
        if red_lap:
            stop_race(race, red_lap, dice)
    show_flag(race, starters)
    if not race.is_sprint and not race.is_half:
        call_stewards(race, dice)
    settle(race)


def show_flag(race: Race, starters: list[Car]) -> None:
    """End the race: once the winner is home, everybody finishes at the next crossing of the line."""
    for car in starters:
        car.clock = list(accumulate(car.laps))
    end = min(car.clock[-1] for car in starters if len(car.laps) == race.distance)
    for car in starters:
        laps = bisect_left(car.clock, end) + 1
        if laps > len(car.laps):
            car.letter = "R"
        else:
            del car.laps[laps:], car.clock[laps:]
            car.status = FINISHED if laps == race.distance else 10 + race.distance - laps
        car.stops = {lap: stop for lap, stop in sorted(car.stops.items()) if lap <= len(car.laps)}


def call_stewards(race: Race, dice: Dice) -> None:
    """After the flag: a few time penalties, and now and then a disqualification."""
    lead_lap = [car for car in race.cars if not car.letter and len(car.laps) == race.distance]
    for car in lead_lap:
        car.penalty = 5000 * dice.chance(0.03)
    finished = [car for car in race.cars if not car.letter]
    out = finished[dice.upto(len(finished))]
    if dice.chance(0.06) and (out not in lead_lap or len(lead_lap) > 1):
        out.letter, out.status = "D", DISQUALIFIED


def settle(race: Race) -> None:
    """Decide who is classified, the order of the result, and the points."""
    for car in race.cars:
        if car.letter in ("R", ""):
            full = len(car.laps) * 10 >= race.distance * 9
            if not full and not car.letter:
                car.letter, car.status = "N", NOT_CLASSIFIED
            elif full:
                car.letter = ""
    groups = {"": 0, "R": 1, "N": 1, "W": 2, "D": 3}
    race.cars.sort(key=lambda car: (groups[car.letter], -len(car.laps), car.total, car.slot))
    for car, points in zip(race.cars, points_table(race), strict=False):
        car.points = 0 if car.letter else points
    fastest = min((car for car in race.cars if car.laps), key=lambda car: car.best[0])
    if race.season < 2025 and not (race.is_sprint or race.is_half or fastest.letter):
        fastest.points += 2 * (fastest in race.cars[:10])
