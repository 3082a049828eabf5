"""Write a made-up Formula 1 championship as the 14 CSV files of the Ergast schema.

    python scripts/simulate.py --seasons 5 --seed 1950 data/raw

People, teams and circuits are invented; headers, rules and blemishes are those of the real files. The same
arguments give the same bytes on every platform: the only randomness is `random.random()`, and no rounding is
left to the maths library. Rows are written as they are made, so memory does not grow with the seasons.

Simulated, from 2021 on:
- ten teams that rise, fall and change their names; drivers who come, age, move, fall ill and retire;
- qualifying in three parts, grid penalties, pit-lane starts (grid 0 until 2024), sprints (their result is the
  race grid in 2021 and 2022), laps, pit stops, retirements, disqualifications, five-second penalties;
- a race stopped after three laps for half points (2021, round 12); one red-flagged race in every odd year;
- points by each season's rules, and both championships after every race. Points tie: most wins, then most
  second places, and so on, counting classified finishes in races, not sprints. If every count is equal, the
  earlier best finish is ahead; drivers or teams never yet classified follow in the order of their ids.
- what real dumps do: `\\N`, mixed quoting, lost trailing zeros, `&amp;`, a trailing space, 8-field rows in
  races.csv for the last season, `position` filled for everybody from 2025, constructor_results without sprint
  points from 2025.

Not simulated: safety cars, weather, traffic (cars pass through each other), tyres by name, shared drives,
lap times of sprints, scheduled races without a result.
"""

import argparse
import os
import shutil
import sys
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cache
from itertools import accumulate, count
from pathlib import Path
from random import Random
from typing import NoReturn, TextIO

from data_folder import PlainError, exit_code

FIRST_SEASON, LAST_SEASON = 2021, 9999
NULL = r"\N"
MARKER = ".simulated"
HEADERS = {
    "circuits": "circuitId,circuitRef,name,location,country,lat,lng,alt,url",
    "constructor_results": "constructorResultsId,raceId,constructorId,points,status",
    "constructor_standings": "constructorStandingsId,raceId,constructorId,points,position,positionText,wins",
    "constructors": "constructorId,constructorRef,name,nationality,url",
    "driver_standings": "driverStandingsId,raceId,driverId,points,position,positionText,wins",
    "drivers": "driverId,driverRef,number,code,forename,surname,dob,nationality,url",
    "lap_times": "raceId,driverId,lap,position,time,milliseconds",
    "pit_stops": "raceId,driverId,stop,lap,time,duration,milliseconds",
    "qualifying": "qualifyId,raceId,driverId,constructorId,number,position,q1,q2,q3",
    "races": "raceId,year,round,circuitId,name,date,time,url,fp1_date,fp1_time,fp2_date,fp2_time,fp3_date,"
    "fp3_time,quali_date,quali_time,sprint_date,sprint_time",
    "results": "resultId,raceId,driverId,constructorId,number,grid,position,positionText,positionOrder,"
    "points,laps,time,milliseconds,fastestLap,rank,fastestLapTime,fastestLapSpeed,statusId",
    "seasons": "year,url",
    "sprint_results": "resultId,raceId,driverId,constructorId,number,grid,position,positionText,"
    "positionOrder,points,laps,time,milliseconds,fastestLap,fastestLapTime,statusId,rank",
    "status": "statusId,status",
}

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

# Circuit, location, country, latitude, longitude, altitude, grand prix, metres, hours ahead of UTC.
CIRCUITS = [
    ("Pearl Dunes International Circuit", "Pearl Dunes", "Bahrain", "26.11", "50.2", 4, "Gulf", 5410, 3),
    ("Red Mesa Raceway", "Red Mesa", "Saudi Arabia", "22.4051", "39.9", 11, "Red Mesa", 6170, 3),
    ("Wombat Lake Park", "Wombat Lake", "Australia", "-36.92", "145.4471", 31, "Wombat Lake", 5280, 10),
    ("Ginko Valley Speedland", "Ginko Valley", "Japan", "34.6", "137.052", 87, "Ginko", 5810, 9),
    ("Jade Terrace Circuit", "Jade Terrace", "China", "30.775", "120.91", 6, "Jade Terrace", 5450, 8),
    ("Flamingo Keys Autodrome", "Flamingo Keys", "USA", "25.06", "-80.9021", 0, "Flamingo Keys", 5400, -4),
    ("Autodromo di Castelnebbia", "Castelnebbia", "Italy", "44.1", "11.0983", 61, "Castelnebbia", 4910, 2),
    ("Circuit de la Corniche Bleue", "Port-Azur", "Monaco", "43.7", "7.4311", 7, "Riviera", 3340, 2),
    ("Circuito de Montegrís", "Montegrís", "Spain", "41.33", "2.01", 140, "Montegrís", 4660, 2),
    ("Circuit de l'Île-aux-Érables", "Île-aux-Érables", "Canada", "45.6", "-73.81", 13, "Maple", 4360, -4),
    ("Alpenkogel Ring", "Alpenkogel", "Austria", "47.3092", "14.9", 702, "Alpenkogel", 4320, 2),
    ("Thistledown Park", "Thistledown", "UK", "52.2214", "-1.3", 152, "Thistledown", 5890, 1),
    ("Forêt-Noire Circuit", "Forêt-Noire", "Belgium", "50.38", "5.8012", 411, "Ardour", 7000, 2),
    ("Pusztaring", "Pusztafalva", "Hungary", "47.61", "19.302", 231, "Puszta", 4380, 2),
    ("Circuit Duinstrand", "Duinstrand", "Netherlands", "52.41", "4.6", -2, "Duinstrand", 4260, 2),
    ("Autodromo del Bosco Reale", "Bosco Reale", "Italy", "45.5", "9.33", 171, "Bosco Reale", 5790, 2),
    ("Caspian Gate Street Circuit", "Caspian Gate", "Azerbaijan", "40.4", "49.9", -9, "Caspian", 6000, 4),
    ("Orchid Bay Street Circuit", "Orchid Bay", "Singapore", "1.3", "103.8", 18, "Orchid Bay", 4940, 8),
    ("Armadillo Ridge Circuit", "Armadillo Ridge", "USA", "30.22", "-97.7", 161, "Lone Star", 5510, -5),
    ("Autódromo Lago Jaguar", "Lago Jaguar", "Mexico", "19.5", "-99.2", 2227, "Lago Jaguar", 4300, -6),
    ("Autódromo Serra do Tucano", "Serra do Tucano", "Brazil", "-23.8", "-46.8", 785, "Tucano", 4310, -3),
    ("Neon Mirage Strip Circuit", "Neon Mirage", "United States", "36.2", "-115.3", 642, "Neon", 6200, -8),
    ("Falcon Sands Circuit", "Falcon Sands", "Qatar", "25.6", "51.4", 12, "Falcon Sands", 5420, 3),
    ("Palm Lagoon Circuit", "Palm Lagoon", "UAE", "24.5", "54.7", 3, "Palm Lagoon", 5280, 4),
]


def words(text: str) -> list[str]:
    return [word.replace("_", " ") for word in text.split()]


TEAM_FIRST = words("""Kestrel Bramblewick Vulcano Éclair Nordwind Tanuki Cobalt Halcyon Ironbark Zephyra
    Marlowe Quicksilver Brontë Solaris Wyvern Copperhead""")
TEAM_SECOND = words("Racing Grand_Prix Motorsport Competition F1_Team Autosport Works")
TEAM_NATIONS = words("British Italian French German American Swiss Austrian Japanese Indian")
SURNAME_START = words("""Ald Bren Cald Dorn Esk Fal Gavr Holm Ist Jor Kest Lum Marv Nev Ork Pell Quin Rav Solv
    Tarn Ulv Venn Wex Zan""")
SURNAME_END = words("aro ović asson etti ushi anen ière mond über inho eström gate vliet kova lund dale")
FORENAMES = words("""Alvar Bastien Ciro Dara Élodie Faro Grégor Hana Ilya Jón Kaito Léonie Mateo Nils Orla
    Pavel Quill Rémy Sören Tomás Una Vito Wren Zoë""")
NATIONS = words("""British Italian Dutch Spanish Brazilian American Japanese Australian French German Finnish
    Mexican Canadian Monegasque Thai New_Zealander Chinese Danish Belgian""")


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


def slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return "_".join("".join(char if char.isalnum() else " " for char in plain).lower().split())


def clock(milliseconds: int) -> str:
    """`m:ss.mmm`, or `h:mm:ss.mmm` from an hour on."""
    seconds, thousandths = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes}:{seconds:02d}.{thousandths:03d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}.{thousandths:03d}"


def decimal(thousandths: int) -> str:
    """A number without the zeros at its end: `218.3`."""
    return f"{thousandths // 1000}.{thousandths % 1000:03d}".rstrip("0").rstrip(".")


@cache
def points_text(halves: int) -> str:
    return decimal(halves * 500)


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


def web(season: int, page: str) -> str:
    return f"http{'s' * (season > 2022)}://example.org/wiki/{page}"


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


# How it is written.


def result_time(race: Race, car: Car, with_minutes: bool) -> str:
    """The columns time and milliseconds: for cars on the lead lap, the disqualified among them too."""
    if len(car.laps) < race.distance or car.letter == "W":
        return f"{NULL},{NULL}"
    gap = car.total - race.cars[0].total
    if car is race.cars[0] or gap < 0:
        return f"{clock(car.total)},{car.total}"
    text = clock(gap) if with_minutes and gap >= 60_000 else f"{gap // 1000}.{gap % 1000:03d}"
    return f"+{text},{car.total}"


class Championship:
    """The seasons one after another: the teams and drivers of the day, and the files they are written to."""

    def __init__(self, files: dict[str, TextIO], seed: int) -> None:
        self.write = {table: file.write for table, file in files.items()}
        self.ids = {table: count(1) for table in HEADERS}
        self.dice = Dice(seed)
        self.teams: list[Team] = []
        self.reserves: list[Driver] = []
        for table, file in files.items():
            file.write(HEADERS[table] + "\n")
        for id_, text in sorted(STATUSES.items()):
            self.write["status"](f'{id_},"{text}"\n')
        for id_, (name, place, land, lat, lng, alt, _, _, _) in enumerate(CIRCUITS, 1):
            page = web(2020 + id_ % 2 * 3, slug(name))
            self.write["circuits"](
                f'{id_},"{slug(place)}","{name}","{place}","{land}",{lat},{lng},{alt},"{page}"\n'
            )
        for place in range(10):
            self.teams.append(Team(200 * place + self.dice.upto(200), []))
            self.christen(self.teams[-1])
            for _ in range(2):
                self.teams[-1].seats.append(self.recruit(FIRST_SEASON, 20 + self.dice.upto(16)))
        for _ in range(3):
            self.reserves.append(self.recruit(FIRST_SEASON, 20))

    def christen(self, team: Team) -> None:
        """Enter the team under a new name, as a new constructor."""
        team.id = next(self.ids["constructors"])
        lap, first = divmod(team.id - 1, len(TEAM_FIRST))
        turn, second = divmod(lap, len(TEAM_SECOND))
        name = f"{TEAM_FIRST[first]} {TEAM_SECOND[(second + first) % len(TEAM_SECOND)]}"
        name += f" {turn + 1}" if turn else ""
        ref = slug(name)
        if team.id == 4:
            name, ref = "Éclair &amp; Fils", "eclair_fils"
        nation = TEAM_NATIONS[team.id * 2 % len(TEAM_NATIONS)]
        page = web(2020 + team.id % 2 * 3, ref)
        self.write["constructors"](f'{team.id},"{ref}","{name}","{nation}","{page}"\n')

    def recruit(self, season: int, age: int) -> Driver:
        taken = {driver.number for driver in self.reserves}
        taken |= {driver.number for team in self.teams for driver in team.seats}
        number = self.dice.order(number for number in range(2, 100) if number not in taken)[0]
        return Driver(season - age, self.dice.upto(700), number)

    def debut(self, driver: Driver) -> None:
        """Give the driver an id, a name and a row. Names repeat after 9216 drivers, refs never."""
        driver.id = next(self.ids["drivers"])
        turn, place = divmod(driver.id - 1, len(SURNAME_START) * len(SURNAME_END))
        end, start = divmod(place * 101 % 384, len(SURNAME_START))
        forename = FORENAMES[(turn + 7 * (driver.id - 1)) % len(FORENAMES)]
        surname = SURNAME_START[start] + SURNAME_END[end]
        ref = slug(f"{forename} {surname}" if turn else surname)
        ref += f"_{turn // len(FORENAMES) + 1}" if turn >= len(FORENAMES) else ""
        code = slug(SURNAME_START[start][:2] + SURNAME_END[end][:1]).upper()
        nation = "Argentinian " if driver.id == 7 else NATIONS[driver.id * 5 % len(NATIONS)]
        born = f"{driver.born:04d}-{1 + self.dice.upto(12):02d}-{1 + self.dice.upto(28):02d}"
        page = web(2020 + driver.id % 2 * 3, ref)
        self.write["drivers"](
            f'{driver.id},"{ref}",{driver.number},"{code}","{forename}","{surname}","{born}","{nation}","{page}"\n'
        )

    def off_season(self, season: int) -> None:
        """Between two seasons: cars change, people age, come and go."""
        dice = self.dice
        if season % 2:
            self.christen(self.teams[dice.upto(10)])
        for team in self.teams:
            team.slowness = (3 * team.slowness + 2 * dice.upto(2200)) // 5
            for seat, driver in enumerate(team.seats):
                age = season - driver.born
                driver.slowness = max(
                    0, driver.slowness + (age > 32) * 90 - (age < 27) * 60 + dice.upto(101) - 50
                )
                if age > 33 + dice.upto(8) or dice.chance(0.07):
                    self.fill(team, seat, season)
        best = min(team.slowness for team in self.teams)
        for team in self.teams:
            team.slowness -= best
        self.swap_seats()

    def fill(self, team: Team, seat: int, season: int) -> None:
        team.seats[seat] = self.reserves.pop(0)
        self.reserves.append(self.recruit(season, 18 + self.dice.upto(6)))

    def swap_seats(self) -> None:
        """Two drivers of different teams change places."""
        one, other = self.dice.order(self.teams)[:2]
        one.seats[0], other.seats[1] = other.seats[1], one.seats[0]

    def season(self, season: int, is_last: bool) -> None:
        page = web(season, f"{season}_season")
        self.write["seasons"](f'{season},"{page}"\n')
        drivers, constructors = Standings(), Standings()
        rounds = 22 + self.dice.upto(3) if season > 2022 else 22
        skipped = set(self.dice.order(range(len(CIRCUITS)))[rounds:])
        calendar = [circuit for circuit in range(len(CIRCUITS)) if circuit not in skipped]
        if season == FIRST_SEASON:
            calendar[8] = calendar[7]  # two races in a row at one circuit
        move = 3 + self.dice.upto(2 * rounds)
        for round_, circuit in enumerate(calendar, 1):
            if round_ == move:
                self.swap_seats()
            is_sprint_weekend = round_ in SPRINT_ROUNDS.get(season, LATER_SPRINT_ROUNDS)
            race = Race(season, round_, next(self.ids["races"]), CIRCUITS[circuit][7])
            first = date(season, 3, 7)
            sunday = first + timedelta(6 - first.weekday() + (round_ - 1) * 38 // (rounds - 1) * 7)
            start = self.write_race(race, circuit, sunday, is_sprint_weekend, is_last)
            self.weekend(race, start, is_sprint_weekend, drivers, constructors)

    def weekend(self, race: Race, start: int, has_sprint: bool, drivers: Standings, teams: Standings) -> None:
        """One Grand Prix: qualifying, sprint where there is one, race, and the standings after it."""
        dice, season = self.dice, race.season
        grid = self.qualify(race, self.entries())
        sprint_decides = has_sprint and season < 2023
        sprint_points: dict[int, int] = {}
        if has_sprint:
            order = grid if sprint_decides else dice.order(grid[:10]) + dice.order(grid[10:])
            sprint = replace(race, distance=race.distance // 3, is_sprint=True)
            sprint.cars = [Car(entry, slot, slot) for slot, entry in enumerate(order, 1)]
            run(sprint, dice)
            self.write_results(sprint)
            score(sprint, drivers, teams)
            sprint_points = points_by_team(sprint)
            if sprint_decides:
                grid = [car.entry for car in sprint.cars]
        race.cars = self.line_up(race, grid, sprint_decides)
        run(race, dice)
        self.write_results(race)
        self.write_laps(race)
        self.write_stops(race, start)
        score(race, drivers, teams)
        for team, points in points_by_team(race).items():
            total = points_text(points + (sprint_points.get(team, 0) if season < 2025 else 0))
            id_ = next(self.ids["constructor_results"])
            self.write["constructor_results"](f"{id_},{race.id},{team},{total},{NULL}\n")
        self.write_standings("driver_standings", race, drivers)
        self.write_standings("constructor_standings", race, teams)

    def entries(self) -> list[Entry]:
        """Who drives this weekend: now and then a reserve stands in for a driver who is ill."""
        dice, entries = self.dice, []
        ill = dice.upto(20) if dice.chance(0.08) else -1
        for team in self.teams:
            for driver in team.seats:
                if len(entries) == ill:
                    driver = self.reserves[dice.upto(len(self.reserves))]
                if not driver.id:
                    self.debut(driver)
                pace = team.slowness + driver.slowness + dice.upto(300) + dice.upto(300)
                entries.append(Entry(driver, team.id, pace))
        return entries

    def qualify(self, race: Race, entries: list[Entry]) -> list[Entry]:
        """Three sessions of 20, 15 and 10 cars. Now and then a car sets no time in its session."""
        dice, base, order = self.dice, race.length * 3600 // 234, entries
        times: dict[int, list[str]] = {entry.driver.id: [] for entry in entries}
        for session, size in enumerate((20, 15, 10)):
            laps = []
            for place, entry in enumerate(order[:size]):
                lap = base + entry.pace + dice.upto(500) - 300 * session
                laps.append((10**9 if dice.chance(0.01) else lap, place, entry))
            laps.sort(key=lambda item: item[:2])
            for lap, _, entry in laps:
                times[entry.driver.id].append(NULL if lap == 10**9 else clock(lap))
            order = [entry for _, _, entry in laps] + order[size:]
        for place, entry in enumerate(order, 1):
            q1, q2, q3 = (times[entry.driver.id] + [NULL, NULL])[:3]
            id_, driver = next(self.ids["qualifying"]), entry.driver
            self.write["qualifying"](
                f"{id_},{race.id},{driver.id},{entry.team_id},{driver.number},{place},{q1},{q2},{q3}\n"
            )
        return order

    def line_up(self, race: Race, order: list[Entry], is_settled: bool) -> list[Car]:
        """The starting grid: penalties (unless a sprint has settled it), pit-lane starts, withdrawals."""
        dice, places = self.dice, []
        for slot, entry in enumerate(order):
            drop = (3, 5, 10)[dice.upto(3)] + 0.5 if dice.chance(0.05) and not is_settled else 0
            is_out = slot > 0 and not race.is_half and dice.chance(0.005)
            is_last = slot > 0 and dice.chance(0.5 if is_out else 0.015)
            places.append((is_last, slot + drop, slot, entry, is_out))
        places.sort(key=lambda place: place[:3])
        cars = []
        for slot, (is_last, _, _, entry, is_out) in enumerate(places, 1):
            cars.append(Car(entry, 0 if is_last and race.season < 2025 else slot, slot))
            if is_out:
                cars[-1].letter, cars[-1].status = "W", WITHDREW
        return cars

    def write_race(self, race: Race, circuit: int, sunday: date, has_sprint: bool, is_last: bool) -> int:
        """Write the row of races.csv; return the local start in seconds since midnight."""
        _, place, land, _, _, _, prize, _, ahead = CIRCUITS[circuit]
        name = f"{place if (race.season, race.round) == (FIRST_SEASON, 9) else prize} Grand Prix"
        hour = 20 if land in ("Bahrain", "Qatar", "Saudi Arabia", "Singapore") else 14 + circuit % 2
        page = web(race.season, f"{race.season}_{slug(name)}")
        row, utc = f"{race.id},{race.season},{race.round},{circuit + 1}", hour - ahead
        if is_last:
            self.write["races"](f"{row},{name},{sunday},{utc:02d}:00:00,{page}\n")
            return hour * 3600
        noon, later = f'"{utc - 2:02d}:30:00"', f'"{utc:02d}:00:00"'
        if race.season == 2021:
            noon = later = NULL
        early, late, morning, evening = (
            f'"{sunday - timedelta(days)}",{time}' for days in (2, 1) for time in (noon, later)
        )
        none = f"{NULL},{NULL}"
        sessions = [early, late, morning, evening, none]  # three practices, qualifying, sprint
        if has_sprint:
            sessions = [early, morning, none, late, evening]
            if race.season >= 2024:
                sessions = [early, late, none, evening, morning]
        self.write["races"](f'{row},"{name}","{sunday}","{utc:02d}:00:00","{page}",{",".join(sessions)}\n')
        return hour * 3600

    def write_results(self, race: Race) -> None:
        table = "sprint_results" if race.is_sprint else "results"
        with_minutes = race.is_sprint or self.dice.chance(0.25)
        timed = [car for car in race.cars if car.laps and not race.is_half]
        timed.sort(key=lambda car: car.best[0])
        ranks = {car: rank for rank, car in enumerate(timed, 1)}
        for order, car in enumerate(race.cars, 1):
            position = order if race.fill or not car.letter else NULL
            lap = best = speed = NULL
            rank = ranks.get(car, NULL if race.fill else 0)
            if car in ranks:
                milliseconds, lap = car.best
                best = clock(milliseconds)
                speed = NULL if race.fill else decimal(race.length * 3_600_000 // milliseconds)
            if race.is_sprint:
                end = f"{lap},{best},{car.status},{rank if race.fill else NULL}"
            else:
                end = f"{lap},{rank},{best},{speed},{car.status}"
            self.write[table](
                f"{next(self.ids[table])},{race.id},{car.entry.driver.id},{car.entry.team_id},"
                f"{car.entry.driver.number},{car.grid},{position},{car.letter or order},{order},"
                f"{points_text(car.points)},{len(car.laps)},{result_time(race, car, with_minutes)},{end}\n"
            )

    def write_laps(self, race: Race) -> None:
        cars = [(car.entry.driver.id, car.laps, car.clock) for car in race.cars]
        write, first = self.write["lap_times"], race.id
        for lap in range(race.distance):
            order = sorted((clock_[lap], id_, laps[lap]) for id_, laps, clock_ in cars if len(laps) > lap)
            for place, (_, id_, milliseconds) in enumerate(order, 1):
                write(f'{first},{id_},{lap + 1},{place},"{clock(milliseconds)}",{milliseconds}\n')

    def write_stops(self, race: Race, start: int) -> None:
        """Stops in the order of the day; the race starts three minutes after the hour."""
        rows = []
        for car in race.cars:
            for number, (lap, stop) in enumerate(car.stops.items(), 1):
                second = start + 180 + (car.clock[lap - 1] - stop) // 1000
                rows.append((second, car.entry.driver.id, number, lap, stop))
        for second, driver, number, lap, stop in sorted(rows):
            time = f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
            short = decimal(stop) if race.fill else f"{stop // 1000}.{stop % 1000:03d}"
            duration = short if stop < 60_000 else clock(stop)
            self.write["pit_stops"](f"{race.id},{driver},{number},{lap},{time},{duration},{stop}\n")

    def write_standings(self, table: str, race: Race, standings: Standings) -> None:
        for place, (who, tally) in enumerate(standings.ranked(), 1):
            points, wins = points_text(tally.points), -tally.finishes[1]
            self.write[table](f"{next(self.ids[table])},{race.id},{who},{points},{place},{place},{wins}\n")


# How the folder is made.


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def check_replaceable(out: Path) -> None:
    """Raise where `out` is not a folder, or holds anything that an earlier run did not leave there."""
    if not os.path.lexists(out):
        return
    marker = out / MARKER
    lines = marker.read_text(encoding="utf-8", errors="replace").splitlines()[1:] if marker.is_file() else []
    for path in sorted(out.iterdir()):
        if path.name != MARKER and (not path.is_file() or f"{path.name} {path.stat().st_size}" not in lines):
            raise PlainError(f"{out} holds {path.name}, not written here; name another folder or empty it")


def simulate(seasons: int, seed: int, folder: Path) -> None:
    """Write the files, and beside them a list of their sizes, by which a later run knows them again."""
    with ExitStack() as stack:
        files = {}
        for table in HEADERS:
            file = (folder / f"{table}.csv").open("w", encoding="utf-8", newline="\n")
            files[table] = stack.enter_context(file)
        championship = Championship(files, seed)
        for season in range(FIRST_SEASON, FIRST_SEASON + seasons):
            championship.season(season, is_last=season == FIRST_SEASON + seasons - 1)
            championship.off_season(season + 1)
    sizes = "".join(f"{path.name} {path.stat().st_size}\n" for path in sorted(folder.iterdir()))
    title = f"Written by simulate.py --seasons {seasons} --seed {seed}, which may replace these files:\n"
    (folder / MARKER).write_text(title + sizes, encoding="utf-8", newline="\n")


def make_folder(seasons: int, seed: int, out: Path) -> None:
    """Write the championship beside `out`, then put it in place with a rename."""
    check_replaceable(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    part, old = (out.with_name(f".{out.name}.{os.getpid()}.{suffix}") for suffix in ("part", "old"))
    part.mkdir()
    try:
        simulate(seasons, seed, part)
        check_replaceable(out)
        if out.exists():
            out.rename(old)
        try:
            part.rename(out)
        except OSError:
            if old.exists():
                old.rename(out)
            raise
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit code: 0 done, 2 refused with one line on stderr."""
    parser = Parser(
        prog="simulate",
        description="Write a made-up Formula 1 championship as the 14 CSV files of the Ergast schema.",
        epilog="The same N and S give the same bytes. OUT is written aside and put in place whole; a folder "
        "that is empty or from an earlier run is replaced, any other is refused. A season has about 28,000 "
        "rows, 1 MB. "
        "Example: python scripts/simulate.py --seasons 5 --seed 1950 data/raw",
    )
    parser.add_argument("--seasons", type=int, default=5, metavar="N", help="from 2021 on (default: 5)")
    parser.add_argument("--seed", type=int, default=1950, metavar="S", help="any integer (default: 1950)")
    parser.add_argument("out", type=Path, metavar="OUT", help="the folder to write")
    options = parser.parse_args(arguments)
    last, most = FIRST_SEASON + options.seasons - 1, LAST_SEASON - FIRST_SEASON + 1
    if not 1 <= options.seasons <= most:
        parser.error(f"--seasons must be between 1 and {most}, not {options.seasons}")

    def action() -> None:
        make_folder(options.seasons, options.seed, Path(os.path.realpath(options.out)))
        print(f"Simulated {FIRST_SEASON} to {last} (seed {options.seed}) into {options.out}")

    return exit_code("simulate", action, options.out)


if __name__ == "__main__":
    sys.exit(main())
