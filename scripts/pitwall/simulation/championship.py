"""A simulated championship, season after season, written as the CSV files of the Ergast schema."""

import unicodedata
from contextlib import ExitStack
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import TextIO

from pitwall.simulation.names import (
    CIRCUITS,
    FORENAMES,
    NATIONS,
    SURNAME_END,
    SURNAME_START,
    TEAM_FIRST,
    TEAM_NATIONS,
    TEAM_SECOND,
)
from pitwall.simulation.race import (
    LATER_SPRINT_ROUNDS,
    SPRINT_ROUNDS,
    STATUSES,
    WITHDREW,
    Car,
    Dice,
    Driver,
    Entry,
    Race,
    Standings,
    Team,
    add_to_standings,
    drive_race,
    points_by_team,
)

FIRST_SEASON, LAST_SEASON = 2021, 9999
NULL = r"\N"
MARKER = ".simulated"  # the file by which a later run recognises the files that it may replace
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


def slug(text: str) -> str:
    """A text in lower-case ASCII letters, digits and underscores."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return "_".join("".join(char if char.isalnum() else " " for char in plain).lower().split())


def clock(milliseconds: int) -> str:
    """A time as `m:ss.mmm`, or as `h:mm:ss.mmm` if it is an hour or longer."""
    seconds, thousandths = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes}:{seconds:02d}.{thousandths:03d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}.{thousandths:03d}"


def decimal(thousandths: int) -> str:
    """A number without trailing zeros: `218.3`."""
    return f"{thousandths // 1000}.{thousandths % 1000:03d}".rstrip("0").rstrip(".")


@cache
def points_text(halves: int) -> str:
    """Points, given in halves, as the files write them."""
    return decimal(halves * 500)


def wiki_url(season: int, page: str) -> str:
    """The address of a page: http in the first seasons, https in later ones, as in the real files."""
    return f"http{'s' * (season > 2022)}://example.org/wiki/{page}"


def result_time(race: Race, car: Car, with_minutes: bool) -> str:
    """The columns time and milliseconds, which only cars on the lead lap have, disqualified or not."""
    if len(car.laps) < race.distance or car.letter == "W":
        return f"{NULL},{NULL}"
    gap = car.total - race.cars[0].total
    if car is race.cars[0] or gap < 0:
        return f"{clock(car.total)},{car.total}"
    text = clock(gap) if with_minutes and gap >= 60_000 else f"{gap // 1000}.{gap % 1000:03d}"
    return f"+{text},{car.total}"


class Championship:
    """The current teams and drivers, and the files to which the seasons are written."""

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
        for id_, (name, town, land, lat, lng, alt, _, _, _) in enumerate(CIRCUITS, 1):
            page = wiki_url(2020 + id_ % 2 * 3, slug(name))
            self.write["circuits"](
                f'{id_},"{slug(town)}","{name}","{town}","{land}",{lat},{lng},{alt},"{page}"\n'
            )
        for place in range(10):
            self.teams.append(Team(200 * place + self.dice.below(200), []))
            self.enter_as_new_constructor(self.teams[-1])
            for _ in range(2):
                self.teams[-1].seats.append(self.recruit(FIRST_SEASON, 20 + self.dice.below(16)))
        for _ in range(3):
            self.reserves.append(self.recruit(FIRST_SEASON, 20))

    def enter_as_new_constructor(self, team: Team) -> None:
        """Give the team a new name, with which it is a new constructor."""
        team.id = next(self.ids["constructors"])
        lap, first = divmod(team.id - 1, len(TEAM_FIRST))
        turn, second = divmod(lap, len(TEAM_SECOND))
        name = f"{TEAM_FIRST[first]} {TEAM_SECOND[(second + first) % len(TEAM_SECOND)]}"
        name += f" {turn + 1}" if turn else ""
        ref = slug(name)
        if team.id == 4:
            name, ref = "Éclair &amp; Fils", "eclair_fils"
        nation = TEAM_NATIONS[team.id * 2 % len(TEAM_NATIONS)]
        page = wiki_url(2020 + team.id % 2 * 3, ref)
        self.write["constructors"](f'{team.id},"{ref}","{name}","{nation}","{page}"\n')

    def recruit(self, season: int, age: int) -> Driver:
        """A new driver, with a number that nobody else has."""
        taken = {driver.number for driver in self.reserves}
        taken |= {driver.number for team in self.teams for driver in team.seats}
        number = self.dice.order(number for number in range(2, 100) if number not in taken)[0]
        return Driver(season - age, self.dice.below(700), number)

    def debut(self, driver: Driver) -> None:
        """Give the driver an id, a name and a row. Names repeat after 9216 drivers; refs never repeat."""
        driver.id = next(self.ids["drivers"])
        turn, place = divmod(driver.id - 1, len(SURNAME_START) * len(SURNAME_END))
        end, start = divmod(place * 101 % 384, len(SURNAME_START))
        forename = FORENAMES[(turn + 7 * (driver.id - 1)) % len(FORENAMES)]
        surname = SURNAME_START[start] + SURNAME_END[end]
        ref = slug(f"{forename} {surname}" if turn else surname)
        ref += f"_{turn // len(FORENAMES) + 1}" if turn >= len(FORENAMES) else ""
        code = slug(SURNAME_START[start][:2] + SURNAME_END[end][:1]).upper()
        nation = "Argentinian " if driver.id == 7 else NATIONS[driver.id * 5 % len(NATIONS)]
        born = f"{driver.born:04d}-{1 + self.dice.below(12):02d}-{1 + self.dice.below(28):02d}"
        page = wiki_url(2020 + driver.id % 2 * 3, ref)
        self.write["drivers"](
            f'{driver.id},"{ref}",{driver.number},"{code}","{forename}","{surname}","{born}","{nation}","{page}"\n'
        )

    def off_season(self, season: int) -> None:
        """Change the cars between two seasons, age the drivers, and replace some of them."""
        dice = self.dice
        if season % 2:
            self.enter_as_new_constructor(self.teams[dice.below(10)])
        for team in self.teams:
            team.slowness = (3 * team.slowness + 2 * dice.below(2200)) // 5
            for seat, driver in enumerate(team.seats):
                age = season - driver.born
                driver.slowness = max(
                    0, driver.slowness + (age > 32) * 90 - (age < 27) * 60 + dice.below(101) - 50
                )
                if age > 33 + dice.below(8) or dice.chance(0.07):
                    self.replace_with_reserve(team, seat, season)
        best = min(team.slowness for team in self.teams)
        for team in self.teams:
            team.slowness -= best
        self.swap_seats()

    def replace_with_reserve(self, team: Team, seat: int, season: int) -> None:
        """Put the first reserve into a seat, and recruit another reserve."""
        team.seats[seat] = self.reserves.pop(0)
        self.reserves.append(self.recruit(season, 18 + self.dice.below(6)))

    def swap_seats(self) -> None:
        """Swap two drivers of different teams."""
        one, other = self.dice.order(self.teams)[:2]
        one.seats[0], other.seats[1] = other.seats[1], one.seats[0]

    def season(self, season: int, is_last: bool) -> None:
        """Run and write one season."""
        page = wiki_url(season, f"{season}_season")
        self.write["seasons"](f'{season},"{page}"\n')
        drivers, constructors = Standings(), Standings()
        rounds = 22 + self.dice.below(3) if season > 2022 else 22
        skipped = set(self.dice.order(range(len(CIRCUITS)))[rounds:])
        calendar = [circuit for circuit in range(len(CIRCUITS)) if circuit not in skipped]
        if season == FIRST_SEASON:
            calendar[8] = calendar[7]  # two races in a row at one circuit
        move = 3 + self.dice.below(2 * rounds)
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
        """Run and write one Grand Prix: qualifying, sprint if there is one, race, and the standings."""
        dice, season = self.dice, race.season
        grid = self.qualify(race, self.entries())
        sprint_decides = has_sprint and season < 2023
        sprint_points: dict[int, int] = {}
        if has_sprint:
            order = grid if sprint_decides else dice.order(grid[:10]) + dice.order(grid[10:])
            sprint = replace(race, distance=race.distance // 3, is_sprint=True)
            sprint.cars = [Car(entry, slot, slot) for slot, entry in enumerate(order, 1)]
            drive_race(sprint, dice)
            self.write_results(sprint)
            add_to_standings(sprint, drivers, teams)
            sprint_points = points_by_team(sprint)
            if sprint_decides:
                grid = [car.entry for car in sprint.cars]
        race.cars = self.line_up(race, grid, sprint_decides)
        drive_race(race, dice)
        self.write_results(race)
        self.write_laps(race)
        self.write_stops(race, start)
        add_to_standings(race, drivers, teams)
        for team, points in points_by_team(race).items():
            total = points_text(points + (sprint_points.get(team, 0) if season < 2025 else 0))
            id_ = next(self.ids["constructor_results"])
            self.write["constructor_results"](f"{id_},{race.id},{team},{total},{NULL}\n")
        self.write_standings("driver_standings", race, drivers)
        self.write_standings("constructor_standings", race, teams)

    def entries(self) -> list[Entry]:
        """The drivers of this weekend. Sometimes a reserve replaces a driver who is ill."""
        dice = self.dice
        entries: list[Entry] = []
        ill = dice.below(20) if dice.chance(0.08) else -1
        for team in self.teams:
            for driver in team.seats:
                if len(entries) == ill:
                    driver = self.reserves[dice.below(len(self.reserves))]
                if not driver.id:
                    self.debut(driver)
                pace = team.slowness + driver.slowness + dice.below(300) + dice.below(300)
                entries.append(Entry(driver, team.id, pace))
        return entries

    def qualify(self, race: Race, entries: list[Entry]) -> list[Entry]:
        """Run and write three sessions of 20, 15 and 10 cars. Sometimes a car sets no time.

        Returns:
            The entries in the order of the result.
        """
        dice, base, order = self.dice, race.length * 3600 // 234, entries
        times: dict[int, list[str]] = {entry.driver.id: [] for entry in entries}
        for session, size in enumerate((20, 15, 10)):
            laps = []
            for place, entry in enumerate(order[:size]):
                lap = base + entry.pace + dice.below(500) - 300 * session
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
        """The starting grid, with penalties (unless a sprint decided it), pit-lane starts and withdrawals."""
        dice, places = self.dice, []
        for slot, entry in enumerate(order):
            drop = (3, 5, 10)[dice.below(3)] + 0.5 if dice.chance(0.05) and not is_settled else 0
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
        """Write the row of races.csv. Returns the local start, in seconds since midnight."""
        _, place, land, _, _, _, prize, _, ahead = CIRCUITS[circuit]
        name = f"{place if (race.season, race.round) == (FIRST_SEASON, 9) else prize} Grand Prix"
        hour = 20 if land in ("Bahrain", "Qatar", "Saudi Arabia", "Singapore") else 14 + circuit % 2
        page = wiki_url(race.season, f"{race.season}_{slug(name)}")
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
        """Write the result of a race or sprint."""
        table = "sprint_results" if race.is_sprint else "results"
        with_minutes = race.is_sprint or self.dice.chance(0.25)
        timed = [car for car in race.cars if car.laps and not race.is_half]
        timed.sort(key=lambda car: car.best[0])
        ranks = {car: rank for rank, car in enumerate(timed, 1)}
        for order, car in enumerate(race.cars, 1):
            position = order if race.fills_position or not car.letter else NULL
            lap: int | str = NULL
            best = speed = NULL
            rank = ranks.get(car, NULL if race.fills_position else 0)
            if car in ranks:
                milliseconds, lap = car.best
                best = clock(milliseconds)
                speed = NULL if race.fills_position else decimal(race.length * 3_600_000 // milliseconds)
            if race.is_sprint:
                end = f"{lap},{best},{car.status},{rank if race.fills_position else NULL}"
            else:
                end = f"{lap},{rank},{best},{speed},{car.status}"
            self.write[table](
                f"{next(self.ids[table])},{race.id},{car.entry.driver.id},{car.entry.team_id},"
                f"{car.entry.driver.number},{car.grid},{position},{car.letter or order},{order},"
                f"{points_text(car.points)},{len(car.laps)},{result_time(race, car, with_minutes)},{end}\n"
            )

    def write_laps(self, race: Race) -> None:
        """Write the laps, in the order in which cars complete them."""
        cars = [(car.entry.driver.id, car.laps, car.clock) for car in race.cars]
        write, first = self.write["lap_times"], race.id
        for lap in range(race.distance):
            order = sorted((clock_[lap], id_, laps[lap]) for id_, laps, clock_ in cars if len(laps) > lap)
            for place, (_, id_, milliseconds) in enumerate(order, 1):
                write(f'{first},{id_},{lap + 1},{place},"{clock(milliseconds)}",{milliseconds}\n')

    def write_stops(self, race: Race, start: int) -> None:
        """Write the pit stops in the order of their time. A race starts three minutes after the hour."""
        rows = []
        for car in race.cars:
            for number, (lap, stop) in enumerate(car.stops.items(), 1):
                second = start + 180 + (car.clock[lap - 1] - stop) // 1000
                rows.append((second, car.entry.driver.id, number, lap, stop))
        for second, driver, number, lap, stop in sorted(rows):
            time = f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
            short = decimal(stop) if race.fills_position else f"{stop // 1000}.{stop % 1000:03d}"
            duration = short if stop < 60_000 else clock(stop)
            self.write["pit_stops"](f"{race.id},{driver},{number},{lap},{time},{duration},{stop}\n")

    def write_standings(self, table: str, race: Race, standings: Standings) -> None:
        """Write a championship as it is after the race."""
        for place, (id_, tally) in enumerate(standings.ranked(), 1):
            points, wins = points_text(tally.points), -tally.finishes[1]
            self.write[table](f"{next(self.ids[table])},{race.id},{id_},{points},{place},{place},{wins}\n")


def simulate(seasons: int, seed: int, folder: Path) -> None:
    """Write the files, and a list of their sizes, by which a later run recognises them.

    Args:
        seasons: how many, from FIRST_SEASON on.
        seed: the same seed and number of seasons give the same bytes.
        folder: an empty folder.
    """
    with ExitStack() as stack:
        files: dict[str, TextIO] = {}
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
