"""One race of a simulated championship: how it is driven, its result and its points."""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random
from typing import TypeVar

Item = TypeVar("Item")

# Points are counted in halves, so that they are integers.
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
    """Random choices, all from `random.random()`, the only generator that Python promises not to change."""

    def __init__(self, seed: int) -> None:
        self.random: Callable[[], float] = Random(f"pitwall {seed}").random

    def below(self, limit: int) -> int:
        """A random integer from 0 to `limit` - 1."""
        return int(self.random() * limit)

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.random() < probability

    def order(self, items: Iterable[Item]) -> list[Item]:
        """The items in a new, random order."""
        return sorted(items, key=lambda _: self.random())


@dataclass(slots=True, eq=False)
class Driver:
    """A driver, who may not have raced yet."""

    born: int  # year
    slowness: int  # milliseconds per lap behind a perfect driver
    number: int
    id: int = 0  # given at the first race, when drivers.csv gets a row


@dataclass(slots=True, eq=False)
class Team:
    """A team, with its car and its two drivers."""

    slowness: int  # milliseconds per lap behind the best car
    seats: list[Driver]
    id: int = 0  # of the constructor; a team under a new name is a new constructor


@dataclass(slots=True, eq=False)
class Entry:
    """One driver and car at one race weekend."""

    driver: Driver
    team_id: int
    pace: int


@dataclass(slots=True, eq=False)
class Car:
    """One entry in one race or sprint: its start and its result."""

    entry: Entry
    grid: int
    slot: int
    letter: str = ""  # R, N, D or W if it is not classified
    status: int = FINISHED
    penalty: int = 0
    points: int = 0  # in halves
    laps: list[int] = field(default_factory=list)  # milliseconds
    clock: list[int] = field(default_factory=list)  # milliseconds since the start, after each lap
    stops: dict[int, int] = field(default_factory=dict)  # milliseconds in the pit lane, by lap

    @property
    def total(self) -> int:
        """The race time in milliseconds, with penalties."""
        return self.clock[-1] + self.penalty if self.clock else 0

    @property
    def best(self) -> tuple[int, int]:
        """The fastest lap: milliseconds and lap number."""
        best = min(self.laps)
        return best, self.laps.index(best) + 1


@dataclass(slots=True, eq=False)
class Race:
    """One race or sprint."""

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
        """Whether the race is stopped early, for half points."""
        return (self.season, self.round) == HALF_POINTS_RACE and not self.is_sprint

    @property
    def fills_position(self) -> bool:
        """Whether `position` is filled for cars that are not classified too, as from 2025."""
        return self.season >= 2025


@dataclass(slots=True)
class Tally:
    """The points and finishes of one driver or constructor in a season."""

    points: int = 0  # in halves
    finishes: list[int] = field(
        default_factory=lambda: [0] * 21
    )  # minus the number of finishes, by position, so that lower is better
    best: tuple[int, int] = (99, 99)  # best finish, and the round in which it first came

    def add_finish(self, position: int, round_: int) -> None:
        self.finishes[position] -= 1
        self.best = min(self.best, (position, round_))


class Standings(dict[int, Tally]):
    """The tallies of all drivers, or of all constructors, by id."""

    def add(self, id_: int, car: Car, race: Race, position: int) -> None:
        """Add the result of one car. Sprints count for points, not for finishes."""
        tally = self.setdefault(id_, Tally())
        tally.points += car.points
        if not car.letter and not race.is_sprint:
            tally.add_finish(position, race.round)

    def ranked(self) -> list[tuple[int, Tally]]:
        """The ids and tallies in the order of the championship."""

        def key(item: tuple[int, Tally]) -> tuple[object, ...]:
            return -item[1].points, item[1].finishes, item[1].best, item[0]

        return sorted(self.items(), key=key)


def points_table(race: Race) -> list[int]:
    """The points of the first places, in halves."""
    if race.is_sprint:
        return SPRINT_POINTS.get(race.season, LATER_SPRINT_POINTS)
    return [points // 2 for points in RACE_POINTS] if race.is_half else RACE_POINTS


def points_by_team(race: Race) -> dict[int, int]:
    """The points of each team's cars, in halves, by constructor id."""
    points: dict[int, int] = {}
    for car in race.cars:
        points[car.entry.team_id] = points.get(car.entry.team_id, 0) + car.points
    return points


def add_to_standings(race: Race, drivers: Standings, teams: Standings) -> None:
    """Add the result of a race or sprint to both championships."""
    for order, car in enumerate(race.cars, 1):
        drivers.add(car.entry.driver.id, car, race, order)
        teams.add(car.entry.team_id, car, race, order)


# Driving a race.


def drive(car: Car, race: Race, base: int, last_lap: int, dice: Dice) -> None:
    """Give the car its laps up to `last_lap`. finish() then cuts those after the winner's last lap."""
    random, pace, wear, worn = dice.random, base + car.entry.pace, 20 + dice.below(30), 0
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
    if last_lap > 9 and dice.chance(0.06):  # so that a slow car may have the fastest lap
        car.laps[8 + dice.below(last_lap - 8)] -= 2500


def drive_behind_safety_car(race: Race, base: int, dice: Dice) -> None:
    """Give all cars three laps behind the safety car, in the order of the grid."""
    first, *others = (base * 2 + dice.below(9000) for _ in range(race.distance))
    for car in race.cars:
        car.laps = [first + 1600 * car.slot + dice.below(900), *others]


def plan_stops(car: Car, distance: int, dice: Dice) -> None:
    """Plan one to three pit stops, about evenly spread over the race."""
    stints = 2 + dice.below(9) // 4
    for stop in range(1, stints):
        lap = distance * stop // stints - 4 + dice.below(9)
        car.stops[lap] = 19500 + dice.below(4500) + dice.chance(0.06) * dice.below(15000)


def plan_repairs(car: Car, distance: int, dice: Dice) -> None:
    """Plan three long visits to the garage. They cost so many laps that the car is not classified."""
    first = 3 + dice.below(distance // 3)
    car.stops = {first + 2 * stop: 290_000 + dice.below(40_000) for stop in range(3)}


def stop_race(race: Race, lap: int, dice: Dice) -> None:
    """Show the red flag on `lap`: all cars wait in the pit lane, and restart in the order of the race."""
    running = [car for car in race.cars if len(car.laps) >= lap]
    reached = {id(car): sum(car.laps[: lap - 1]) for car in running}
    running.sort(key=lambda car: (reached[id(car)], car.slot))
    restart = reached[id(running[0])] + 1_200_000 + dice.below(1_200_000)
    for place, car in enumerate(running):
        car.laps[lap - 1] = restart + 1300 * place + dice.below(900) - reached[id(car)]
        car.stops[lap] = car.laps[lap - 1] - 70_000 - dice.below(15_000)


def retirement(distance: int, dice: Dice) -> tuple[int, int]:
    """The number of laps that a car completes before it retires, and the status that says why."""
    laps = 0 if dice.chance(0.2) else dice.below(distance)
    reasons = CRASHES if laps == 0 or dice.chance(0.35) else FAILURES
    return laps, list(reasons)[dice.below(len(reasons))]


def drive_race(race: Race, dice: Dice) -> None:
    """Drive a race or sprint and classify it. Afterwards `race.cars` is in the order of the result."""
    base = race.length * 3600 // 222  # a lap at 222 km/h
    starters = [car for car in race.cars if car.letter != "W"]
    certain_finisher = starters[dice.below(len(starters))]  # a race needs a winner
    red_lap = 0
    if race.is_half:
        drive_behind_safety_car(race, base, dice)
    else:
        if race.season % 2 and not race.is_sprint and race.round == 5 + race.season % 3:
            red_lap = 5 + dice.below(race.distance // 3)
        for car in starters:
            last_lap = race.distance
            if not race.is_sprint:
                plan_stops(car, race.distance, dice)
            if car is not certain_finisher and dice.chance(0.1):
                last_lap, car.status = retirement(race.distance, dice)
            elif not race.is_sprint and not red_lap and dice.chance(0.005):
                plan_repairs(car, race.distance, dice)
            car.stops.pop(red_lap, None)
            drive(car, race, base, last_lap, dice)
        if red_lap:
            stop_race(race, red_lap, dice)
    finish(race, starters)
    if not race.is_sprint and not race.is_half:
        call_stewards(race, dice)
    classify(race)


def finish(race: Race, starters: list[Car]) -> None:
    """End the race: after the winner, each car finishes when it next crosses the line."""
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
    """Give a few time penalties after the race, and sometimes a disqualification."""
    lead_lap = [car for car in race.cars if not car.letter and len(car.laps) == race.distance]
    for car in lead_lap:
        car.penalty = 5000 * dice.chance(0.03)
    finished = [car for car in race.cars if not car.letter]
    out = finished[dice.below(len(finished))]
    if dice.chance(0.06) and (out not in lead_lap or len(lead_lap) > 1):
        out.letter, out.status = "D", DISQUALIFIED


def classify(race: Race) -> None:
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
