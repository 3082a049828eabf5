"""Make seven marts from the raw CSVs with pandas alone: the rival of the whole pipeline.

Reads the CSVs of folder RAW and the seeds of the project, and writes OUT/<table>.parquet with the same rows,
columns and values as the warehouse: fct_lap_times, fct_race_laps, fct_race_pace, fct_stints,
fct_race_results, fct_driver_championship and fct_constructor_championship. It is written as a careful user of
pandas would: everything is vectorised, running sums replace the join of each race with those before it, lap
times have small types and are sorted once, keys of several columns are one integer, large frames are deleted
early, and pyarrow reads the one large file.
"""

import argparse
import re
from pathlib import Path

import numpy as np
import pandas as pd

SEEDS = Path(__file__).resolve().parents[2] / "seeds"
NULLS = ["\\N", ""]
RED_FLAG_MS = 600_000
CLASSIFIED_PERCENT = 90
NO_STOP_PERCENT = 20
MINUTE, HOUR = 60_000, 3_600_000
ACCENTS = str.maketrans("àáâãäåçèéêëìíîïñòóôõöøùúûüýÿ", "aaaaaaceeeeiiiinoooooouuuuyy")
ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&nbsp;": " ", "&amp;": "&"}
# An integer holds the counts of nine places, with two digits each; four integers hold the places 1 to 36.
BLOCK = 9
PLACES = [f"places_{number}" for number in range(4)]
TABLE_PLACES = [f"table_places_{number}" for number in range(4)]
LISTED = [f"listed_{number}" for number in range(6)]
# The marts of single laps have no names next to their keys.
WITHOUT_NAMES = ("fct_lap_times", "fct_race_laps")


def snake(name: str) -> str:
    """`positionText` becomes `position_text`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def read(raw: Path, table: str, **options: object) -> pd.DataFrame:
    """A raw table, with its columns in snake_case."""
    frame = pd.read_csv(raw / f"{table}.csv", na_values=NULLS, keep_default_na=False, **options)
    return frame.rename(columns=snake)


def seed(name: str) -> pd.DataFrame:
    """A seed of the project."""
    return pd.read_csv(SEEDS / f"{name}.csv", na_values=[""], keep_default_na=False)


def clean(text: pd.Series) -> pd.Series:
    """A text, trimmed and with its HTML entities decoded."""
    for entity, character in ENTITIES.items():
        text = text.str.replace(entity, character, regex=False)
    return text.str.strip()


def to_ms(text: pd.Series) -> pd.Series:
    """Milliseconds of `27.452`, `1:27.452` or `1:34:50.616`."""
    parts = text.str.extract(r"^\+?(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?)$").astype("float64")
    ms = parts[0].fillna(0) * 3_600_000 + parts[1].fillna(0) * 60_000 + parts[2] * 1000
    return ms.round()


def with_ms(frame: pd.DataFrame, text: str) -> pd.DataFrame:
    """`milliseconds`, filled from the text if they are missing."""
    missing = frame["milliseconds"].isna()
    if missing.any():
        frame.loc[missing, "milliseconds"] = to_ms(frame.loc[missing, text])
    return frame


def whole(values: pd.Series) -> pd.Series:
    """Numbers rounded to integers, with halves away from zero."""
    return np.floor(values.round(3) + 0.5)


def thousandths(values: pd.Series) -> pd.Series:
    """Numbers rounded to three decimals, with halves away from zero."""
    return np.floor(values * 1000 + 0.5) / 1000


# Results.


def outcomes(raw: Path, races: pd.DataFrame, drivers: pd.DataFrame, laps: pd.DataFrame) -> pd.DataFrame:
    """All results of races and sprints, corrected where rules decide, and how each ended."""
    results = pd.concat(
        [
            read(raw, "results").assign(session_type="race"),
            read(raw, "sprint_results").assign(session_type="sprint"),
        ],
        ignore_index=True,
    ).rename(
        columns={
            "number": "car_number",
            "laps": "laps_completed",
            "fastest_lap": "fastest_lap_number",
            "rank": "fastest_lap_rank",
            "fastest_lap_speed": "fastest_lap_speed_kph",
            "milliseconds": "race_time_ms",
        }
    )
    status = read(raw, "status")
    status["status"] = clean(status["status"])
    status = status.merge(seed("status_groups"), on="status", how="left")
    lapped = status["status"].str.match(r"\+.* Lap")
    status["status_group"] = status["status_group"].fillna(lapped.map({True: "lapped", False: "unknown"}))
    status["status_category"] = status["status_category"].fillna(
        lapped.map({True: "running", False: "unknown"})
    )
    results = results.merge(status, on="status_id", how="left")
    results = results.merge(races[["race_id", "season", "round"]], on="race_id")
    results = results.merge(drivers[["driver_id", "driver_ref"]], on="driver_id")

    text = results["position_text"]
    results["source_finishing_position"] = pd.to_numeric(text.where(~text.isin(list("RDEFNW"))))
    results["source_race_time_ms"] = results["race_time_ms"]
    results["fastest_lap_time_ms"] = to_ms(results["fastest_lap_time"])
    results["fastest_lap_rank"] = results["fastest_lap_rank"].where(results["fastest_lap_rank"] != 0)
    for column in ("number", "rank", "time_ms", "speed_kph"):
        results[f"source_fastest_lap_{column}"] = results[f"fastest_lap_{column}"]
    of_drivers = laps.drop(columns="driver_id").rename(columns={"actual_driver_id": "driver_id"})
    correct_times(results, of_drivers, lost_hours(raw, of_drivers))
    correct_places(results)
    correct_fastest_laps(results, of_drivers)
    correct_laps(results, laps)
    text = results["position_text"]
    results["is_classified"] = results["finishing_position"].notna()
    results["is_started"] = (
        (results["laps_completed"] > 0)
        | results["is_classified"]
        | (text.isin(list("RND")) & (results["grid"] > 0))
    )
    exceptions = seed("start_exceptions").set_index(["season", "round", "driver_ref"])
    reasons = exceptions.loc[exceptions["start"] == "not taken", "reason"]
    keys = pd.MultiIndex.from_frame(results[["season", "round", "driver_ref"]])
    results["non_start_reason"] = reasons.reindex(keys).to_numpy()
    results["non_start_reason"] = results["non_start_reason"].where(results["session_type"] == "race")
    results["is_started"] &= results["non_start_reason"].isna()
    results["is_finished"] = (results["status_category"] == "running") & ~text.isin(list("RDEFW"))
    results["is_disqualified"] = text.isin(["D", "E"])
    # Drivers who share a car have the same result in the same car.
    car = ["session_type", "race_id", "constructor_id", "car_number", "position_text", "laps_completed"]
    drivers_of_car = results.groupby(car, dropna=False)["result_id"].transform("size")
    results["is_shared_drive"] = (
        results["car_number"].notna() & (results["laps_completed"] > 0) & (drivers_of_car > 1)
    )
    best_first = results.sort_values(
        ["finishing_position", "laps_completed", "position_order", "result_id"],
        ascending=[True, False, True, True],
    )
    results["driver_entry_number"] = (
        best_first.groupby(["session_type", "race_id", "driver_id"]).cumcount() + 1
    )
    mark_pit_lane_starts(results, keys.isin(exceptions.index[exceptions["start"] == "pit lane"]))
    results["reason_out"] = results["status"].where(~results["is_finished"])
    results["reason_out_group"] = np.select(
        [
            results["is_finished"],
            results["is_disqualified"],
            results["status_category"] == "running",
        ],
        [None, "disqualified", "unknown"],
        results["status_group"],
    )
    return results


def mark_pit_lane_starts(results: pd.DataFrame, is_named: np.ndarray) -> None:
    """Starts from the pit lane, marked in the source or named by a seed. NULL where the season marks none."""
    is_named &= (results["session_type"] == "race").to_numpy()
    results["source_grid_position"] = results["grid"].where(results["grid"] != 0)
    results["grid_position"] = results["source_grid_position"].mask(is_named)
    is_known = results["is_started"] & ((results["grid"] == 0) | is_named)
    is_other = ~results["is_started"] | results["season"].between(2019, 2024)
    results["is_pit_lane_start"] = is_known.astype("boolean").where(is_known | is_other)
    slot = results["grid_position"].astype("Int64").astype("string")
    results["grid"] = slot.mask(is_known, "pit lane")


def correct_laps(results: pd.DataFrame, laps: pd.DataFrame) -> None:
    """Laps on file of disqualified cars without laps, and no place for sprint cars that ran too few laps."""
    results["source_laps_completed"] = results["laps_completed"]
    is_without = (
        (results["session_type"] == "race")
        & (results["position_text"] == "D")
        & (results["laps_completed"] == 0)
    )
    without = results[is_without]
    on_file = laps[laps["race_id"].isin(without["race_id"])]
    on_file = on_file.groupby(key(on_file, "driver_id"))["lap_number"].max()
    on_file = on_file.reindex(key(without, "driver_id"))
    results.loc[is_without, "laps_completed"] = on_file.fillna(0).to_numpy().astype("int64")
    sprints = results[results["session_type"] == "sprint"]
    winners = sprints[sprints["position_text"] == "1"].set_index("race_id")["laps_completed"]
    least = sprints["race_id"].map(winners) * CLASSIFIED_PERCENT
    short = sprints.index[(sprints["laps_completed"] + 1) * 100 <= least]
    results.loc[short, "finishing_position"] = np.nan


def lost_hours(raw: Path, laps: pd.DataFrame) -> pd.Series:
    """How many hours the laps of a race lost, by the times of day of its pit stops."""
    stops = read(raw, "pit_stops").rename(columns={"lap": "lap_number"})
    stops = stops.loc[
        stops["time"].str.fullmatch(r"\d\d:\d\d:\d\d", na=False),
        ["race_id", "driver_id", "lap_number", "time"],
    ]
    of_driver = laps.groupby(key(laps, "driver_id"), sort=False)
    ends = of_driver["lap_time_ms"].cumsum()
    is_complete = of_driver.cumcount() + 1 == laps["lap_number"]
    is_stop = pd.Series(key(laps, "driver_id", "lap_number")).isin(key(stops, "driver_id", "lap_number"))
    of_stops = laps.assign(end=ends)[is_stop & is_complete]
    stops = stops.merge(of_stops, on=["race_id", "driver_id", "lap_number"])
    stops["earliest"] = to_ms(stops["time"]) - stops["end"]
    stops["latest"] = stops["earliest"] + stops["lap_time_ms"]
    of_race = stops.groupby("race_id")
    stops["is_late"] = stops["earliest"] - of_race["earliest"].transform("min") > HOUR / 2
    of_race = stops.groupby("race_id")
    moved = of_race["earliest"].max() - of_race["earliest"].min()
    hours = (moved / HOUR).round()
    is_lost = (
        (of_race["earliest"].max() - of_race["latest"].min() > RED_FLAG_MS)
        & hours.between(1, 4)
        & ((moved - hours * HOUR).abs() <= 10_000)
        & (of_race["is_late"].sum() >= 3)
        & (of_race["is_late"].size() - of_race["is_late"].sum() >= 3)
    )
    return hours[is_lost]


def correct_times(results: pd.DataFrame, laps: pd.DataFrame, hours: pd.Series) -> None:
    """Correct times that lost hours or minutes, repeat another car's, or are gaps to the car ahead."""
    session = ["session_type", "race_id"]
    timed = results[results["race_time_ms"].notna()]
    of_time = timed.groupby([*session, "race_time_ms"])["result_id"].transform("size")
    of_place = timed.groupby([*session, "race_time_ms", "position_text"])["result_id"].transform("size")
    timed = timed.assign(is_repeated=of_time > of_place)
    timed = timed[timed["source_finishing_position"].notna()]
    timed = timed.sort_values([*session, "source_finishing_position", "result_id"])
    time = timed["race_time_ms"]
    keys = [timed[name] for name in session]
    winner = time.where(timed["position_text"] == "1").groupby(keys).transform("min")
    gap = time - winner
    ahead = gap.groupby(keys).shift()
    behind = gap.groupby(keys).shift(-1)
    text = to_ms(timed["time"].where(timed["time"].str.startswith("+", na=False)))
    is_race = timed["session_type"] == "race"

    at = ["season", "round"]
    known = timed[at].merge(seed("race_time_exceptions"), on=at, how="left").set_index(timed.index)
    books = known["winner_time_ms"].where(is_race & (known["source_winner_time_ms"] == winner)) + gap
    sums = laps.groupby(key(laps, "driver_id"), sort=False)["lap_time_ms"].agg(["size", "sum"])
    sums = sums.reindex(key(timed, "driver_id")).set_index(timed.index).where(is_race)
    lost = timed["race_id"].map(hours).where((sums["sum"] - time).abs() < HOUR / 2)
    short = sums["sum"] - time
    is_short = (sums["size"] == timed["laps_completed"]) & (short > 5)
    is_short &= (short - MINUTE * (short / MINUTE).round()).abs() <= 5
    fits = timed["is_repeated"] & (text > gap) & (behind.isna() | (text <= behind))
    is_to_car_ahead = (gap < ahead) & (ahead + gap <= behind)
    candidates = {
        "record books": books,
        "pit stop clock": time + lost * HOUR,
        "laps": sums["sum"].where(is_short),
        "gap text": (winner + text).where(fits),
        "gap to the car ahead": (winner + ahead + gap).where(is_to_car_ahead),
    }
    results["time_basis"] = pd.Series("source", index=results.index).where(results["race_time_ms"].notna())
    for basis, candidate in reversed(candidates.items()):
        found = candidate.dropna()
        results.loc[found.index, "race_time_ms"] = found
        results.loc[found.index, "time_basis"] = basis


def correct_places(results: pd.DataFrame) -> None:
    """Correct the places of races that the source has in the order before a time penalty."""
    session = ["session_type", "race_id"]
    place = "source_finishing_position"
    known = seed("finishing_position_exceptions").assign(session_type="race")
    at = ["session_type", "season", "round", "driver_ref", place]
    known = results[at].merge(known, on=at, how="left").set_index(results.index)["finishing_position"]
    cars = results.loc[
        results[place].notna() & results["race_time_ms"].notna(), [*session, place, "points", "race_time_ms"]
    ].rename_axis("car")
    cars = cars.reset_index()
    pairs = cars.merge(cars, on=session, suffixes=("", "_behind"))
    pairs = pairs[
        (pairs[place] < pairs[f"{place}_behind"]) & (pairs["race_time_ms"] > pairs["race_time_ms_behind"])
    ]
    pairs["points"] += pairs["points_behind"]
    moved = pd.Series(np.nan, index=results.index)
    for _, of_race in pairs.groupby(session):
        lost = len(of_race)
        is_next = of_race[f"{place}_behind"].max() - of_race[place].min() == lost
        if of_race["car"].nunique() == 1 and lost >= 2 and is_next and of_race["points"].sum() == 0:
            moved[of_race["car_behind"]] = of_race[f"{place}_behind"].to_numpy() - 1
            moved[of_race["car"].iloc[0]] = of_race[place].iloc[0] + lost
    corrected = known.fillna(moved)
    results["finishing_position"] = corrected.fillna(results[place])
    results["position_basis"] = np.select(
        [known.notna(), moved.notna(), results[place].notna()], ["stewards", "race times", "source"], None
    )
    results["position_order"] = corrected.fillna(results["position_order"]).astype("int64")
    text = corrected.astype("Int64").astype("string")
    results["position_text"] = text.fillna(results["position_text"].astype("string")).astype(object)


def correct_fastest_laps(results: pd.DataFrame, laps: pd.DataFrame) -> None:
    """Take the least of a driver's laps where the source has a lap of another driver."""
    lap = ["race_id", "lap_number", "lap_time_ms"]
    of_race = results.loc[
        (results["session_type"] == "race") & results["fastest_lap_time_ms"].notna(),
        [
            *("result_id", "race_id", "driver_id", "laps_completed"),
            *("fastest_lap_number", "fastest_lap_time_ms", "fastest_lap_speed_kph"),
        ],
    ].rename(columns={"fastest_lap_number": "lap_number", "fastest_lap_time_ms": "lap_time_ms"})
    of_race = of_race.rename_axis("result").reset_index()
    # Nearly all are the driver's own, which one lookup finds.
    fastest = laps[pd.Series(key(laps, "lap_number")).isin(key(of_race, "lap_number"))]
    own = of_race.merge(fastest, on=[*lap, "driver_id"])["result"]
    others = of_race[~of_race["result"].isin(own)]
    others = others[others["result"].isin(others.merge(fastest, on=lap)["result"])]
    of_drivers = laps[pd.Series(key(laps, "driver_id")).isin(key(others, "driver_id"))]
    own = others[["result", "race_id", "driver_id", "laps_completed"]].merge(
        of_drivers[[*lap, "driver_id"]], on=["race_id", "driver_id"]
    )
    own = own[own["lap_number"] <= own["laps_completed"]]
    own = own[own.groupby("result")["lap_number"].transform("size") == own["laps_completed"]]
    own = own.sort_values(["lap_time_ms", "lap_number"]).groupby("result").head(1)
    known = pd.concat([of_race[[*lap, "fastest_lap_speed_kph"]], own[lap]])
    known = known.groupby(lap)["fastest_lap_speed_kph"].max().reset_index()
    known = known.sort_values(["race_id", "lap_time_ms", "lap_number"])
    known["fastest_lap_rank"] = known.groupby("race_id").cumcount() + 1
    own = own.merge(known, on=lap).set_index("result")
    source = of_race.set_index("result").loc[own.index]
    speed = source["fastest_lap_speed_kph"] * source["lap_time_ms"] / own["lap_time_ms"]
    results.loc[own.index, "fastest_lap_number"] = own["lap_number"].astype("float64")
    results.loc[own.index, "fastest_lap_time_ms"] = own["lap_time_ms"].astype("float64")
    results.loc[own.index, "fastest_lap_rank"] = own["fastest_lap_rank"].astype("float64")
    results.loc[own.index, "fastest_lap_speed_kph"] = own["fastest_lap_speed_kph"].fillna(thousandths(speed))
    results["fastest_lap_basis"] = pd.Series("source", index=results.index).where(
        results["source_fastest_lap_time_ms"].notna()
    )
    results.loc[own.index, "fastest_lap_basis"] = "laps"


def race_results(results: pd.DataFrame, points_computed: pd.DataFrame) -> pd.DataFrame:
    """fct_race_results."""
    results = results[results["session_type"] == "race"].copy()
    exceptions = seed("pole_position_exceptions")[["season", "round", "driver_ref", "car_number"]]
    exceptional = results.merge(exceptions, on=["season", "round", "driver_ref", "car_number"])
    regular = (results["grid_position"] == 1) & ~results["race_id"].isin(exceptional["race_id"])
    results["is_pole"] = regular | results["result_id"].isin(exceptional["result_id"])
    results["is_win"] = results["finishing_position"] == 1
    results["is_podium"] = results["finishing_position"] <= 3
    winners = results[results["is_win"]].groupby("race_id")["race_time_ms"].min()
    results["gap_to_winner_ms"] = results["race_time_ms"] - results["race_id"].map(winners)
    winners = results[results["source_finishing_position"] == 1]
    winners = winners.groupby("race_id")["source_race_time_ms"].min()
    results["source_gap_to_winner_ms"] = results["source_race_time_ms"] - results["race_id"].map(winners)
    results["race_time_basis"] = results["time_basis"]
    results = results.merge(points_computed, on="result_id", how="left")
    return results[
        [
            "result_id",
            "race_id",
            "season",
            "round",
            "driver_id",
            "constructor_id",
            "status_id",
            "car_number",
            "driver_entry_number",
            "grid_position",
            "grid",
            "source_grid_position",
            "is_pit_lane_start",
            "is_pole",
            "finishing_position",
            "source_finishing_position",
            "position_basis",
            "position_text",
            "position_order",
            "is_started",
            "non_start_reason",
            "is_classified",
            "is_finished",
            "is_disqualified",
            "reason_out_group",
            "reason_out",
            "is_shared_drive",
            "is_win",
            "is_podium",
            "points",
            "points_computed",
            "laps_completed",
            "source_laps_completed",
            "race_time_ms",
            "gap_to_winner_ms",
            "source_race_time_ms",
            "source_gap_to_winner_ms",
            "race_time_basis",
            "fastest_lap_number",
            "fastest_lap_rank",
            "fastest_lap_time_ms",
            "fastest_lap_speed_kph",
            "source_fastest_lap_number",
            "source_fastest_lap_rank",
            "source_fastest_lap_time_ms",
            "source_fastest_lap_speed_kph",
            "fastest_lap_basis",
        ]
    ]


# Laps.


def key(frame: pd.DataFrame, *columns: str) -> np.ndarray:
    """The race and other keys of each row as one integer, which is faster to group, look up and sort by."""
    bits = {"driver_id": 20, "actual_driver_id": 20, "lap_number": 12}
    found: np.ndarray = frame["race_id"].to_numpy("int64")
    for column in columns:
        found = (found << bits[column]) | frame[column].to_numpy("int64")
    return found


def lap_times(raw: Path, races: pd.DataFrame, drivers: pd.DataFrame) -> pd.DataFrame:
    """fct_lap_times."""
    small = {"raceId": "int32", "driverId": "int32", "lap": "int32", "position": "Int32"}
    laps = read(raw, "lap_times", engine="pyarrow", dtype=small)
    laps = with_ms(laps, "time").drop(columns="time")
    laps = laps.rename(columns={"lap": "lap_number", "milliseconds": "lap_time_ms"})
    laps["lap_time_ms"] = laps["lap_time_ms"].astype("int32")
    laps = laps.merge(races[["race_id", "season", "round"]].astype("int32"), on="race_id")
    misfiled = seed("misfiled_laps").merge(races[["race_id", "season", "round"]], on=["season", "round"])
    ids = drivers.set_index("driver_ref")["driver_id"]
    misfiled["driver_id"] = misfiled["driver_ref"].map(ids)
    misfiled["actual_driver_id"] = misfiled["actual_driver_ref"].map(ids)
    misfiled = misfiled[["race_id", "driver_id", "actual_driver_id"]].dropna()
    # The type of the laps' ids, because a merge of different types would copy them with the larger one.
    misfiled = misfiled.astype({"race_id": "int32", "driver_id": "int32", "actual_driver_id": "float64"})
    laps = laps.merge(misfiled, on=["race_id", "driver_id"], how="left")
    laps["is_misfiled"] = laps["actual_driver_id"].notna()
    laps["actual_driver_id"] = laps["actual_driver_id"].fillna(laps["driver_id"]).astype("int32")
    laps["is_red_flag"] = laps["lap_time_ms"] > RED_FLAG_MS
    laps["is_red_flag_by_rule"] = laps["is_red_flag"]  # without the optional files the rule decides
    # Sorted once, for everything below: by race, driver and lap.
    laps = laps.iloc[np.argsort(key(laps, "actual_driver_id", "lap_number"), kind="stable")]
    laps = laps.reset_index(drop=True)
    return laps[
        [
            "race_id",
            "driver_id",
            "lap_number",
            "season",
            "round",
            "actual_driver_id",
            "position",
            "lap_time_ms",
            "is_red_flag",
            "is_red_flag_by_rule",
            "is_misfiled",
        ]
    ]


def without_lost_time(stops: pd.DataFrame, laps: pd.DataFrame) -> np.ndarray:
    """Which pit stops are none: neither their lap nor the next has lost the time of a stop."""
    laps = laps.loc[~laps["is_red_flag"], ["race_id", "actual_driver_id", "lap_number", "lap_time_ms"]]
    laps = laps.rename(columns={"actual_driver_id": "driver_id"})
    car, lap = key(laps, "driver_id"), key(laps, "lap_number")
    at = key(stops, "driver_id", "lap_number")
    is_lane = pd.Series(key(laps, "driver_id", "lap_number")).isin(np.concatenate([at, at + 1])).to_numpy()
    is_flying = ~is_lane & (laps["lap_number"].to_numpy() > 1)
    ms = laps["lap_time_ms"].to_numpy()
    field = whole(pd.Series(ms[is_flying]).groupby(lap[is_flying], sort=False).median())
    part = ms[is_flying] * 1_000_000.0 / field.reindex(lap[is_flying]).to_numpy()
    flying = pd.DataFrame({"lap_time_ms_usual": ms[is_flying], "part": part})
    usual = whole(flying.groupby(car[is_flying], sort=False).median())
    del flying, part
    in_lane = laps[is_lane]
    in_lane = in_lane.assign(field_ms=field.reindex(lap[is_lane]).to_numpy())
    in_lane = in_lane.join(usual, on=pd.Series(car[is_lane], in_lane.index), how="inner")
    found = stops[["race_id", "driver_id", "lap_number"]].reset_index(names="stop")
    found = pd.concat([found, found.assign(lap_number=found["lap_number"] + 1)])
    found = found.merge(in_lane.dropna(subset="field_ms"), on=["race_id", "driver_id", "lap_number"])
    both = found.groupby("stop").agg(
        laps=("lap_time_ms", "size"),
        ms=("lap_time_ms", "sum"),
        field=("field_ms", "sum"),
        usual=("lap_time_ms_usual", "first"),
        part=("part", "first"),
    )
    both = both[both["laps"] == 2]
    lost = np.maximum(both["ms"] - 2 * both["usual"], whole(both["ms"] - both["field"] * both["part"] / 1e6))
    is_none = lost * 100 < stops["milliseconds"].reindex(both.index) * NO_STOP_PERCENT
    found_none: np.ndarray = stops.index.isin(is_none[is_none].index)
    return found_none


def pit_stop_kinds(raw: Path, races: pd.DataFrame, results: pd.DataFrame, laps: pd.DataFrame) -> pd.DataFrame:
    """All pit stops, and which of them are red flags, drive-throughs or none."""
    stops = with_ms(read(raw, "pit_stops"), "duration").rename(columns={"lap": "lap_number"})
    stops = stops[["race_id", "driver_id", "lap_number", "milliseconds"]]
    at = ["race_id", "lap_number"]
    lane = stops.assign(is_long=stops["milliseconds"] > 120_000)
    lane = lane.groupby(at).agg(stops=("milliseconds", "size"), long_stops=("is_long", "sum")).reset_index()
    entries = results.loc[
        (results["session_type"] == "race") & (results["driver_entry_number"] == 1),
        ["race_id", "laps_completed"],
    ]
    fields = lane.merge(entries, on="race_id").query("lap_number <= laps_completed").groupby(at).size()
    lane = lane.merge(fields.rename("cars").reset_index(), on=at, how="left")
    ordinary = stops.merge(lane, on=at)
    ordinary = ordinary[
        (ordinary["milliseconds"] <= 120_000) & (ordinary["stops"] * 10 < ordinary["cars"].fillna(20) * 8)
    ]
    usual = stops["race_id"].map(whole(ordinary.groupby("race_id")["milliseconds"].median()))
    red = lane.loc[lane["long_stops"] >= 3, at]
    red = pd.concat([red, red.assign(lap_number=red["lap_number"] + 1)]).drop_duplicates()
    is_red = stops.merge(red.assign(red=True), on=at, how="left")["red"].notna().to_numpy()
    phantom = seed("phantom_pit_stops").merge(races, on=["season", "circuit_ref"])
    is_phantom = pd.Series(False, index=stops.index)
    for row in phantom.itertuples():
        is_phantom |= (stops["race_id"] == row.race_id) & stops["lap_number"].between(
            row.first_lap, row.last_lap
        )
    ms = stops["milliseconds"]
    stops["stop_kind"] = np.select(
        [
            (ms > RED_FLAG_MS) | (is_red & (ms > (2 * usual).fillna(120_000))),
            without_lost_time(stops, laps),
            is_phantom | (ms * 10 < usual * 9),
        ],
        ["red flag", "no stop", "drive-through"],
        "stop",
    )
    return stops.drop(columns="milliseconds")


CLASSES = ["red flag", "not counted", "first", "in", "out", "unknown", "slow", "green"]


def race_laps(laps: pd.DataFrame, stops: pd.DataFrame, results: pd.DataFrame) -> pd.DataFrame:
    """fct_race_laps."""
    results = results[results["driver_entry_number"] == 1]
    laps = laps.drop(columns="driver_id").rename(columns={"actual_driver_id": "driver_id"})
    number, ms = laps["lap_number"], laps["lap_time_ms"]
    race_length = laps["race_id"].map(results.groupby("race_id")["laps_completed"].max())
    in_laps = key(stops[stops["stop_kind"] != "no stop"], "driver_id", "lap_number")
    laps["is_in_lap"] = pd.Series(key(laps, "driver_id", "lap_number")).isin(in_laps)
    of_driver = laps.groupby(key(laps, "driver_id"), sort=False)
    laps["is_out_lap"] = of_driver["is_in_lap"].shift(fill_value=False)
    position_before = of_driver["position"].shift()
    is_complete = of_driver.cumcount() + 1 == number
    elapsed = of_driver["lap_time_ms"].cumsum().where(is_complete)

    # The laps from which the speed of the field is computed.
    is_flying = (
        (number > 1)
        & (number <= race_length)
        & ~laps["is_red_flag"]
        & ~laps["is_in_lap"]
        & ~laps["is_out_lap"]
    )
    flying = laps.loc[is_flying, ["race_id", "driver_id", "lap_number", "lap_time_ms"]]
    field = whole(flying.groupby(["race_id", "lap_number"])["lap_time_ms"].median())
    field = field.rename("field_median_ms").reset_index()
    of_race = field.groupby("race_id")["field_median_ms"]
    reference = whole(of_race.quantile(0.25))[of_race.size() >= 10]
    field["reference"] = field["race_id"].map(reference)
    field = field.dropna(subset="reference")
    field["is_field_slow"] = field["field_median_ms"] * 100 >= field["reference"] * 106
    field = field.drop(columns="reference").astype({"race_id": "int32", "lap_number": "int32"})
    paced = flying.merge(field[~field["is_field_slow"]], on=["race_id", "lap_number"])
    paced["part"] = paced["lap_time_ms"] * 1_000_000.0 / paced["field_median_ms"]
    usual = whole(paced.groupby(["race_id", "driver_id"])["part"].median()).rename("usual").reset_index()
    del flying, paced

    laps = laps.merge(field.astype({"is_field_slow": "boolean"}), on=["race_id", "lap_number"], how="left")
    laps = laps.merge(usual, on=["race_id", "driver_id"], how="left")
    is_driver_slow = ms * 1_000_000.0 / laps["field_median_ms"] >= laps.pop("usual") * 105 / 100
    kind = np.select(
        [
            laps["is_red_flag"],
            number > race_length,
            number == 1,
            laps["is_in_lap"],
            laps["is_out_lap"],
            laps["field_median_ms"].isna(),
            laps["is_field_slow"].fillna(False).astype(bool) | is_driver_slow,
        ],
        [np.int8(code) for code in range(7)],
        np.int8(7),
    )
    laps["lap_class"] = pd.Categorical.from_codes(kind, CLASSES)
    laps["is_green"] = kind == 7

    grid = results[["race_id", "driver_id", "grid_position"]].astype(
        {"race_id": "int32", "driver_id": "int32"}
    )
    grid = laps[["race_id", "driver_id"]].merge(grid, on=["race_id", "driver_id"], how="left")[
        "grid_position"
    ]
    laps["positions_gained"] = position_before.astype("float64").where(number > 1, grid) - laps[
        "position"
    ].astype("float64")
    laps["elapsed_ms"] = elapsed
    laps["gap_to_leader_ms"] = elapsed - elapsed.groupby([laps["race_id"], number]).transform("min")
    has_stops = laps["race_id"].isin(stops["race_id"])
    for name in ("is_in_lap", "is_out_lap"):
        laps[name] = laps[name].astype("boolean").where(has_stops)
    # The benchmark has no record of safety cars.
    for name in ("is_safety_car", "is_virtual_safety_car"):
        laps[name] = pd.Series(pd.NA, index=laps.index, dtype="boolean")
    return laps[
        [
            "race_id",
            "driver_id",
            "lap_number",
            "season",
            "round",
            "position",
            "positions_gained",
            "lap_time_ms",
            "elapsed_ms",
            "gap_to_leader_ms",
            "field_median_ms",
            "lap_class",
            "is_green",
            "is_field_slow",
            "is_safety_car",
            "is_virtual_safety_car",
            "is_in_lap",
            "is_out_lap",
            "is_red_flag",
            "is_red_flag_by_rule",
            "is_misfiled",
        ]
    ]


def race_pace(laps: pd.DataFrame) -> pd.DataFrame:
    """fct_race_pace."""
    keys = ["race_id", "driver_id"]
    green = laps.loc[laps["is_green"] & ~laps["is_misfiled"], [*keys, "season", "round", "lap_time_ms"]]
    of_driver = green.groupby(keys)
    pace = of_driver.agg(
        season=("season", "first"), round=("round", "first"), green_laps=("lap_time_ms", "size")
    )
    quantiles = of_driver["lap_time_ms"].quantile([0.1, 0.25, 0.5, 0.75, 0.9]).unstack()
    quantiles = whole(quantiles)
    quantiles.columns = ["tenth", "lower", "median_ms", "upper", "ninetieth"]
    pace = pace.join(quantiles)
    pace = pace[pace["green_laps"] >= 5].reset_index()
    green = green.merge(pace[[*keys, "tenth", "ninetieth"]], on=keys)
    trimmed = green[green["lap_time_ms"].between(green["tenth"], green["ninetieth"])]
    mean = whole(trimmed.groupby(keys)["lap_time_ms"].mean()).rename("trimmed_mean_ms")
    pace = pace.merge(mean.reset_index(), on=keys)
    most = pace.groupby("race_id")["green_laps"].transform("max")
    pace["is_representative"] = pace["green_laps"] * 2 >= most
    best = pace[pace["is_representative"]].groupby("race_id")["median_ms"].min()
    median = pace["median_ms"]
    pace["median_pct_of_best"] = thousandths(median * 100.0 / pace["race_id"].map(best))
    pace["interquartile_range_pct"] = thousandths((pace["upper"] - pace["lower"]) * 100.0 / median)
    return pace[
        [
            "race_id",
            "driver_id",
            "season",
            "round",
            "green_laps",
            "is_representative",
            "median_ms",
            "trimmed_mean_ms",
            "median_pct_of_best",
            "interquartile_range_pct",
        ]
    ]


def stints(laps: pd.DataFrame, stops: pd.DataFrame) -> pd.DataFrame:
    """fct_stints."""
    lap = ["race_id", "driver_id", "lap_number"]
    laps = laps.loc[
        laps["is_in_lap"].notna(), [*lap, "season", "round", "lap_time_ms", "is_green", "is_red_flag"]
    ]
    real = stops[~stops["stop_kind"].isin(["drive-through", "no stop"])].astype(
        {"race_id": "int32", "driver_id": "int32", "lap_number": "int32", "stop_kind": "category"}
    )
    laps = laps.merge(real, on=lap, how="left")
    of_driver = laps.groupby(key(laps, "driver_id"), sort=False)
    is_first_of_flag = laps["is_red_flag"] & of_driver["stop_kind"].shift().isna()
    # A race that is stopped on the grid has no pit stops, but tyres may be changed, so the long lap ends the
    # stint.
    laps["ended_by"] = (
        laps["stop_kind"].astype("str").mask(laps["stop_kind"].isna() & is_first_of_flag, "red flag")
    )
    ends = laps["ended_by"].notna()
    begins = (of_driver.cumcount() == 0) | ends.shift(fill_value=False)
    stint = begins.cumsum()
    first, last = laps[begins.to_numpy()], laps[begins.shift(-1, fill_value=True).to_numpy()]
    found = first[["race_id", "driver_id", "season", "round"]].assign(
        stint_number=first.groupby(["race_id", "driver_id"]).cumcount() + 1,
        first_lap=first["lap_number"],
        last_lap=last["lap_number"].to_numpy(),
        laps=last.index - first.index + 1,
        ended_by=last["ended_by"].to_numpy(),
    )
    found.index = stint[found.index]

    green = laps.loc[laps["is_green"], ["lap_number", "lap_time_ms"]]
    of_stint = stint[green.index]
    early = green[green.groupby(of_stint).cumcount() < 3]
    early = early.groupby(of_stint[early.index])["lap_time_ms"]
    start_pace = whole(early.median()[early.size() == 3])
    # The slope by least squares, from sums that are integers.
    lap_number, ms = green["lap_number"].astype("int64"), green["lap_time_ms"].astype("int64")
    sums = pd.DataFrame({"n": 1, "x": lap_number, "y": ms, "xy": lap_number * ms, "xx": lap_number**2})
    sums = sums.groupby(of_stint, sort=False).sum()
    enough = sums[sums["n"] >= 8]
    slope = (enough["n"] * enough["xy"] - enough["x"] * enough["y"]) / (
        enough["n"] * enough["xx"] - enough["x"] ** 2
    )
    slope = np.sign(slope) * np.floor((slope.abs().round(6) * 10).round(5) + 0.5) / 10
    found = found.assign(
        green_laps=sums["n"],
        start_pace_ms=start_pace,
        slope_ms_per_lap=slope,
        is_slope_unusual=(slope.abs() > 300).astype("boolean"),
    )
    found["green_laps"] = found["green_laps"].fillna(0)
    return found.reset_index()[
        [
            "race_id",
            "driver_id",
            "stint_number",
            "season",
            "round",
            "first_lap",
            "last_lap",
            "laps",
            "ended_by",
            "green_laps",
            "start_pace_ms",
            "slope_ms_per_lap",
            "is_slope_unusual",
        ]
    ]


# The championships.


def calendar(raw: Path, races: pd.DataFrame, results: pd.DataFrame) -> pd.DataFrame:
    """All races: whether each was held, whether it has a sprint, and which points it gives."""
    scoring = seed("race_scoring").drop(columns="reason")
    races = races.merge(scoring, on=["season", "round"], how="left")
    races["points_factor"] = races["points_factor"].fillna(1)
    for flag in ("is_factor_known_before", "is_fastest_lap_scored", "is_counted_for_constructors"):
        races[flag] = races[flag].fillna(True).astype(bool)
    announced = seed("sprint_weekends")[["season", "circuit_ref"]].assign(announced=True)
    races = races.merge(announced, on=["season", "circuit_ref"], how="left")
    sprints = results.loc[results["session_type"] == "sprint", "race_id"]
    held = results.loc[results["session_type"] == "race", "race_id"]
    races["is_held"] = races["race_id"].isin(held)
    races["is_sprint_weekend"] = (
        races["race_id"].isin(sprints) | races["sprint_date"].notna() | races["announced"].notna()
    )
    return races


def season_rules(races: pd.DataFrame, championship: str) -> pd.DataFrame:
    """The rules of each season. A season after the last one in the seed has the latest rules."""
    periods = seed("championship_periods").query("championship == @championship")
    rules = pd.DataFrame({"season": races["season"].unique()})
    rules["rules_of"] = rules["season"].clip(upper=periods["last_season"].max())
    rules = rules.merge(periods, how="cross")
    rules = rules[rules["rules_of"].between(rules["first_season"], rules["last_season"])]
    rules = rules[["season", "points_system", "scoring_cars", "shared_drives"]]
    return rules.merge(seed("points_systems").drop(columns="source"), on="points_system")


def places(results: pd.DataFrame) -> pd.DataFrame:
    """All results with the places for points, for ties, for ties in tables, and for what is still equal."""
    race = results["session_type"] == "race"
    results = results.copy()
    results["scoring_position"] = results["finishing_position"]
    results["countback_position"] = results["finishing_position"].where(race)
    results["table_place"] = results["countback_position"]
    unclassified = ~results["is_classified"] & (results["position_text"] != "D") & race
    results["listing_order"] = results["position_order"].where(unclassified)
    exceptions = seed("place_exceptions")
    exceptions["finishing_position"] = exceptions["finishing_position"].fillna(0)
    at = ["season", "round", "driver_ref", "finishing_position"]
    keys = results[at].fillna({"finishing_position": 0})
    for purpose, column in (
        ("points", "scoring_position"),
        ("countback", "table_place"),
        ("listing", "listing_order"),
    ):
        changed = exceptions.loc[exceptions["purpose"] == purpose, [*at, "place"]].assign(is_changed=True)
        changed = keys.merge(changed, on=at, how="left").set_index(results.index)
        results[column] = results[column].mask(changed["is_changed"].notna() & race, changed["place"])

    named = seed("fastest_laps")[["season", "round", "driver_ref", "car_number", "share"]]
    named = results[race].merge(named, on=["season", "round", "driver_ref"], suffixes=("", "_named"))
    named = named[
        (named["car_number"] == named["car_number_named"])
        | (named["car_number_named"].isna() & (named["driver_entry_number"] == 1))
    ]
    shares = results.loc[race, "result_id"].map(named.set_index("result_id")["share"])
    is_fastest = ~results["race_id"].isin(named["race_id"]) & (results["fastest_lap_rank"] == 1)
    results["fastest_lap_share"] = (
        shares.reindex(results.index).fillna(is_fastest.astype(float)).where(race, 0)
    )
    of_place = results.groupby(["session_type", "race_id", "scoring_position"], dropna=False)
    results["drivers_of_place"] = of_place["result_id"].transform("size")
    return results


def result_points(
    placed: pd.DataFrame, races: pd.DataFrame, rules: pd.DataFrame, of_drivers: pd.DataFrame, competitor: str
) -> pd.DataFrame:
    """The points of each result in a championship, and whether they count."""
    points = placed.merge(rules, on="season")
    points = points.drop(columns="shared_drives").merge(of_drivers[["season", "shared_drives"]], on="season")
    flags = ["race_id", "points_factor", "is_fastest_lap_scored", "is_counted_for_constructors"]
    points = points.merge(races[flags], on="race_id")
    if competitor == "constructor_id":
        points = points[points["is_counted_for_constructors"]]
    table = seed("points_by_position").rename(
        columns={"position": "scoring_position", "points": "place_points"}
    )
    points = points.merge(
        table.drop(columns="source"), on=["points_system", "session_type", "scoring_position"], how="left"
    )
    shared = points["drivers_of_place"].where(points["shared_drives"] == "split")
    sharing = shared.mask(points["drivers_of_place"] == 1, 1)
    factor = points["points_factor"].where(points["session_type"] == "race", 1)
    of_place = (points["place_points"] * factor / sharing).round(2).fillna(0)
    within = points["fastest_lap_within_position"]
    scores_lap = points["is_fastest_lap_scored"] & (within.isna() | (points["scoring_position"] <= within))
    of_lap = (points["fastest_lap_points"] * points["fastest_lap_share"]).where(scores_lap, 0)
    points["points_computed"] = (of_place + of_lap).round(2)
    points["competitor_id"] = points[competitor]
    points = points.sort_values(
        ["points_computed", "finishing_position", "result_id"], ascending=[False, True, True]
    )
    car = points.groupby(["session_type", "race_id", "competitor_id"]).cumcount()
    points["is_scoring"] = (points["scoring_cars"] == "all") | (car == 0)
    return points


def best_of_parts(results: pd.DataFrame, championship: str) -> pd.Series:
    """The points that count if only the best results count, by season, round and competitor.

    Args:
        results: for each standing (`after` a round), `round` and `points` of the results that it includes.
    """
    counted = seed("counted_results")
    counted = counted[counted["championship"].isin(["both", championship])]
    parts = results[["season", "round"]].drop_duplicates().merge(counted, on="season")
    parts = parts[parts["round"].between(parts["from_round"], parts["to_round"])]
    results = results.merge(
        parts[["season", "round", "from_round", "best_results"]], on=["season", "round"], how="left"
    )
    results = results.sort_values("points", ascending=False)
    rank = results.groupby(["season", "after", "competitor_id", "from_round"], dropna=False).cumcount()
    counts = results["best_results"].isna() | (rank < results["best_results"])
    return results[counts].groupby(["season", "after", "competitor_id"])["points"].sum()


def blocks(positions: pd.Series, names: list[str]) -> pd.DataFrame:
    """A place as a number whose sum counts places: two digits for each of the nine places of a block."""
    place = positions.fillna(0).astype("int64")
    block, digit = (place - 1) // BLOCK, (place - 1) % BLOCK
    weight = 100 ** (BLOCK - 1 - digit)
    return pd.DataFrame({name: weight.where(block == number, 0) for number, name in enumerate(names)})


def championship_table(
    championship: str,
    placed: pd.DataFrame,
    races: pd.DataFrame,
    points: pd.DataFrame,
    rules: pd.DataFrame,
    competitors: pd.DataFrame,
) -> pd.DataFrame:
    """A championship after every race, with the points that could still be scored."""
    competitor = f"{championship[:-1]}_id"
    standing = ["season", "round", "competitor_id"]
    in_season = ["season", "competitor_id"]

    # Every competitor of a season, after every race that was held from their first one on.
    in_race = placed[placed["session_type"] == "race"]
    in_race = in_race.assign(competitor_id=in_race[competitor])
    first = points.groupby(in_season)["round"].min().rename("first_round").reset_index()
    held = races.loc[races["is_held"], ["season", "round", "race_id"]]
    table = first.merge(held, on="season").sort_values(standing, ignore_index=True)

    # Wins and places, as sums whose order is that of countback.
    listing = seed("listing_periods")
    by_surname = np.concatenate(
        [np.arange(row.first_season, row.last_season + 1) for row in listing.itertuples()]
    )
    listed = in_race["listing_order"].mask(in_race["season"].isin(by_surname))
    summed = [*PLACES, *TABLE_PLACES, *LISTED]
    counts = pd.concat(
        [
            in_race[standing],
            blocks(in_race["countback_position"], PLACES),
            blocks(in_race["table_place"], TABLE_PLACES),
            blocks(listed, LISTED),
        ],
        axis=1,
    )
    counts["wins"] = (in_race["finishing_position"] == 1).astype("int64")
    of_races = counts.groupby(standing)
    sums = of_races[summed].sum()
    sums["wins"] = of_races["wins"].max()
    scored = points[points["is_scoring"] & (points["points_computed"] > 0)]
    sums = sums.join(
        scored.groupby(standing)["points_computed"].sum().rename("points_gross"), how="outer"
    ).reset_index()
    table = table.merge(sums, on=standing, how="left")
    running = [*summed, "wins", "points_gross"]
    table[running] = table[running].fillna(0).astype(dict.fromkeys([*summed, "wins"], "int64"))
    table[running] = table.groupby(in_season)[running].cumsum()
    table["points_gross"] = table["points_gross"].round(2)
    table = table[table["round"] >= table["first_round"]].reset_index(drop=True)

    # If only the best results count, each standing is computed from all results before it.
    seasons = seed("counted_results").query("championship in ['both', @championship]")["season"].unique()
    dropping = table.loc[table["season"].isin(seasons), standing].rename(columns={"round": "after"})
    results = scored[[*standing, "points_computed"]].rename(columns={"points_computed": "points"})
    known = dropping.merge(results, on=in_season).query("round <= after")
    counted = best_of_parts(known, championship).round(2)
    index = pd.MultiIndex.from_frame(table[["season", "round", "competitor_id"]])
    is_dropping = table["season"].isin(seasons)
    best = counted.reindex(index).fillna(0).to_numpy()
    table["points_counted"] = table["points_gross"].where(~is_dropping, best)
    table["points_dropped"] = table["points_gross"] - table["points_counted"]

    # Penalties.
    penalties = seed("championship_penalties").query("championship == @championship")
    penalties = penalties.rename(columns={"points": "deducted"}).drop(columns=["championship", "reason"])
    penalties = penalties.merge(competitors[["competitor_id", "competitor_ref"]], on="competitor_ref")
    hit = table[standing].merge(penalties, on=in_season)
    hit = hit[(hit["round"] >= hit["from_round"]) & ~(hit["round"] > hit["to_round"])]
    is_exclusion = hit["kind"] == "exclusion"
    hit["points_adjustment"] = hit["deducted"].where(~is_exclusion, 0)
    hit["is_excluded"] = is_exclusion
    hit["is_out"] = is_exclusion & (hit["round"] >= hit["known_after_round"])
    hit = hit.groupby(standing).agg({"points_adjustment": "sum", "is_excluded": "max", "is_out": "max"})
    table = table.merge(hit.reset_index(), on=standing, how="left")
    table["points_adjustment"] = table["points_adjustment"].astype("float64").fillna(0)
    for flag in ("is_excluded", "is_out"):
        table[flag] = table[flag].astype("boolean").fillna(False).astype(bool)
    table["points_counted"] = (table["points_counted"] + table["points_adjustment"]).round(2)

    # Positions: by the rules of the sport, and as the official tables list them.
    table = table.merge(competitors[["competitor_id", "listing_name"]], on="competitor_id")
    after_race = ["season", "round"]
    merit = [*after_race, "is_excluded", "points_counted"]
    table = table.sort_values(
        [*merit, *PLACES], ascending=[True, True, True, *[False] * (1 + len(PLACES))], ignore_index=True
    )
    table["sporting_position"] = table.groupby(after_race).cumcount() + 1
    equal = table.groupby([*merit, *PLACES], sort=False)["sporting_position"]
    table["sporting_position"] = equal.transform("min")
    table = table.sort_values(
        [*merit, *TABLE_PLACES, *LISTED, "listing_name", "competitor_id"],
        ascending=[True, True, True, *[False] * (1 + len(TABLE_PLACES) + len(LISTED)), True, True],
        ignore_index=True,
    )
    table["championship_position"] = table.groupby(after_race).cumcount() + 1
    equal = table.groupby([*merit, *TABLE_PLACES], sort=False)["championship_position"]
    table["tied_from_position"] = equal.transform("min")
    table["tied_to_position"] = equal.transform("max")
    table["is_latest_of_season"] = table["round"] == table.groupby("season")["round"].transform("max")
    leader = table.groupby(after_race)["points_counted"].transform("first")
    table["gap_to_leader"] = (leader - table["points_counted"]).round(2)
    return title_fight(championship, table, scored, races, rules, competitors, seasons)


def title_fight(
    championship: str,
    table: pd.DataFrame,
    scored: pd.DataFrame,
    races: pd.DataFrame,
    rules: pd.DataFrame,
    competitors: pd.DataFrame,
    dropping: np.ndarray,
) -> pd.DataFrame:
    """Add the points that could still be scored, who could still be champion, and when it was decided."""
    standing = ["season", "round", "competitor_id"]
    after_race = ["season", "round"]
    # The most points of a session: a win, or for constructors the first two places if all their cars score.
    by_position = seed("points_by_position").drop(columns="source")
    best = rules.merge(by_position, on="points_system")
    second = (best["position"] == 2) & (best["scoring_cars"] == "all") & (championship == "constructors")
    best = best[(best["position"] == 1) | second]
    best = best.groupby(["season", "session_type"])["points"].sum().reset_index()
    flags = ["season", "round", "points_factor", "is_factor_known_before", "is_sprint_weekend"]
    counted = races if championship == "drivers" else races[races["is_counted_for_constructors"]]
    maxima = (
        counted[flags].merge(best, on="season").merge(rules[["season", "fastest_lap_points"]], on="season")
    )
    is_race = maxima["session_type"] == "race"
    maxima = maxima[is_race | maxima["is_sprint_weekend"]]
    is_race = maxima["session_type"] == "race"
    factor = maxima["points_factor"].where(is_race & maxima["is_factor_known_before"], 1)
    maxima["points"] = maxima["points"] * factor + maxima["fastest_lap_points"].where(is_race, 0)
    maxima["is_race"] = is_race.astype("int64")

    # The points of the rounds to come; none for drivers who died.
    rounds = maxima.groupby(after_race)[["points", "is_race"]].sum()
    totals = rounds.groupby("season").sum()
    so_far = rounds.groupby("season").cumsum().reset_index()
    after = table[standing].sort_values("round", kind="stable").reset_index(names="row")
    after = pd.merge_asof(after, so_far.sort_values("round"), on="round", by="season")
    after = after.set_index("row").sort_index().fillna({"points": 0, "is_race": 0})
    to_come = table["season"].map(totals["points"]) - after["points"]
    races_to_win = table["season"].map(totals["is_race"]) - after["is_race"]
    deaths = seed("driver_deaths") if championship == "drivers" else seed("driver_deaths").head(0)
    deaths = deaths.merge(competitors, left_on="driver_ref", right_on="competitor_ref")
    deaths = deaths.set_index(["season", "competitor_id"])["after_round"]
    died_after = deaths.reindex(pd.MultiIndex.from_frame(table[["season", "competitor_id"]])).to_numpy()
    is_alive = ~(table["round"] >= died_after)
    to_come, races_to_win = to_come.where(is_alive, 0), races_to_win.where(is_alive, 0)
    at_most = table["points_gross"] + to_come

    # If only the best results count, future results may replace earlier ones.
    rows = table.loc[table["season"].isin(dropping), standing].rename(columns={"round": "after"})
    alive = rows[is_alive[rows.index]]
    had = scored[[*standing, "points_computed"]].rename(columns={"points_computed": "points"})
    had = rows.merge(had, on=["season", "competitor_id"]).query("round <= after")
    coming = alive.merge(maxima[[*after_race, "points"]], on="season").query("round > after")
    bests = best_of_parts(pd.concat([had, coming]), championship)
    bests = bests.reindex(pd.MultiIndex.from_frame(table[standing])).fillna(0).to_numpy()
    at_most = at_most.where(~table["season"].isin(dropping), bests)
    table["points_attainable"] = (at_most + table["points_adjustment"]).round(2)

    first, rest = PLACES[0], PLACES[1:]
    two_cars = table["season"].isin(rules.loc[rules["scoring_cars"] == "all", "season"])
    weight = 100 ** (BLOCK - 1) + (two_cars & (championship == "constructors")) * 100 ** (BLOCK - 2)
    firsts_at_best = table[first] + (races_to_win * weight).astype("int64")
    # The present points and places of the leader, which a champion must at least equal.
    ahead = table.sort_values(
        [*after_race, "is_out", "points_counted", *PLACES, "championship_position"],
        ascending=[True, True, True, False, *[False] * len(PLACES), True],
    )
    leaders = ahead.groupby(after_race).head(1)
    is_leader = pd.Series(table.index.isin(leaders.index), index=table.index)
    leaders = leaders[~leaders["is_out"]]
    lead = table[after_race].merge(
        leaders[[*after_race, "points_counted", *PLACES]], on=after_race, how="left"
    )
    no_worse = pd.Series(True, index=table.index)
    for name in reversed(rest):
        no_worse = (table[name] > lead[name]) | ((table[name] == lead[name]) & no_worse)
    no_worse = (firsts_at_best > lead[first]) | ((firsts_at_best == lead[first]) & no_worse)
    attainable = table["points_attainable"]
    table["is_title_possible"] = ~table["is_out"] & (
        is_leader
        | (attainable > lead["points_counted"])
        | ((attainable == lead["points_counted"]) & no_worse)
    )
    contenders = table.groupby(after_race)["is_title_possible"].transform("sum")
    table["is_title_decided"] = contenders == 1
    decided = table["round"].where(table["is_title_decided"])
    table["title_decided_in_round"] = decided.groupby(table["season"]).transform("min")
    is_champion = table["is_latest_of_season"] & table["is_title_decided"] & table["is_title_possible"]
    table["is_champion"] = is_champion.groupby([table["season"], table["competitor_id"]]).transform("max")
    return table


def reconciled(
    championship: str, table: pd.DataFrame, official: pd.DataFrame, competitors: pd.DataFrame
) -> pd.DataFrame:
    """fct_driver_championship or fct_constructor_championship, compared with the official table."""
    competitor = f"{championship[:-1]}_id"
    official = official[["race_id", competitor, "points", "position", "wins"]].rename(
        columns={
            competitor: "competitor_id",
            "points": "official_points",
            "position": "official_position",
            "wins": "official_wins",
        }
    )
    table = table.merge(official, on=["race_id", "competitor_id"], how="left")
    reasons = seed("championship_exceptions").query("championship == @championship")
    reasons = reasons.merge(competitors, on="competitor_ref")
    standing = ["season", "round", "competitor_id"]
    reasons = reasons.groupby(standing)["reason"].min().rename("exception_reason").reset_index()
    table = table.merge(reasons, on=standing, how="left")
    position = table["official_position"]
    is_in_tie = (position >= table["tied_from_position"]) & (position <= table["tied_to_position"])
    agrees = (
        (table["official_points"] == table["points_counted"])
        & (table["official_wins"] == table["wins"])
        & (position.isna() | is_in_tie)
    )
    table["is_reconciled"] = agrees.astype("boolean").where(table["official_points"].notna())
    table = table.rename(columns={"competitor_id": competitor})
    return table[
        [
            *("season", "round", competitor),
            *[
                "race_id",
                "is_latest_of_season",
                "points_gross",
                "points_dropped",
                "points_adjustment",
                "points_counted",
                "wins",
                "championship_position",
                "sporting_position",
                "gap_to_leader",
                "points_attainable",
                "is_title_possible",
                "is_title_decided",
                "title_decided_in_round",
                "is_champion",
                "is_excluded",
                "official_points",
                "official_position",
                "official_wins",
                "is_reconciled",
                "exception_reason",
            ],
        ]
    ]


def names(raw: Path) -> dict[str, pd.DataFrame]:
    """The names that stand next to each key in the marts, by key."""
    races, drivers = read(raw, "races"), read(raw, "drivers")
    constructors, status = read(raw, "constructors"), read(raw, "status")
    driver_name = clean(drivers["forename"]) + " " + clean(drivers["surname"])
    found = {
        "race_id": races[["race_id"]].assign(race_name=clean(races["name"]), race_date=races["date"]),
        "driver_id": drivers[["driver_id"]].assign(driver_name=driver_name),
        "constructor_id": constructors[["constructor_id"]].assign(
            constructor_name=clean(constructors["name"])
        ),
        "status_id": status[["status_id"]].assign(status=clean(status["status"])),
    }
    return {key: frame.set_index(key) for key, frame in found.items()}


def write(frame: pd.DataFrame, out: Path, table: str, names_of: dict[str, pd.DataFrame]) -> None:
    """Write a table, with the names next to its keys."""
    if table not in WITHOUT_NAMES:
        for key in names_of.keys() & set(frame.columns):
            frame = frame.join(names_of[key], on=key)
    frame.to_parquet(out / f"{table}.parquet", compression="zstd", index=False)


def races_and_drivers(raw: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The races, with their circuits, and the drivers."""
    circuits = read(raw, "circuits")[["circuit_id", "circuit_ref"]]
    races = read(raw, "races").rename(columns={"year": "season"})
    races = races[["race_id", "season", "round", "circuit_id", "sprint_date"]].merge(
        circuits, on="circuit_id"
    )
    return races, read(raw, "drivers")


def small_tables(
    raw: Path,
    out: Path,
    names_of: dict[str, pd.DataFrame],
    races: pd.DataFrame,
    drivers: pd.DataFrame,
    laps: pd.DataFrame,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Write both championships and fct_race_results.

    Returns:
        the kinds of the pit stops, and fct_race_results
    """
    constructors = read(raw, "constructors")
    results = outcomes(raw, races, drivers, laps)

    family, given = (clean(drivers[name]).str.lower() for name in ("surname", "forename"))
    drivers["listing_name"] = family.str.translate(ACCENTS) + " " + given
    constructors["listing_name"] = clean(constructors["name"]).str.lower()
    races_scored = calendar(raw, races, results)
    placed = places(results)
    rules_of_drivers = season_rules(races, "drivers")
    for championship, people in (("drivers", drivers), ("constructors", constructors)):
        one = championship[:-1]
        competitors = people.rename(columns={f"{one}_id": "competitor_id", f"{one}_ref": "competitor_ref"})[
            ["competitor_id", "competitor_ref", "listing_name"]
        ]
        rules = season_rules(races, championship)
        points = result_points(placed, races_scored, rules, rules_of_drivers, f"{one}_id")
        if championship == "drivers":
            race_points = points.loc[points["session_type"] == "race", ["result_id", "points_computed"]]
        table = championship_table(championship, placed, races_scored, points, rules, competitors)
        official = read(raw, f"{one}_standings")
        mart = reconciled(championship, table, official, competitors)
        write(mart, out, f"fct_{one}_championship", names_of)
        del points, table, mart

    stops = pit_stop_kinds(raw, races, results, laps)
    of_races = race_results(results, race_points)
    write(of_races, out, "fct_race_results", names_of)
    return stops, of_races


def run(raw: Path, out: Path) -> None:
    """Compute the seven tables and write them."""
    out.mkdir(parents=True, exist_ok=True)
    names_of = names(raw)
    races, drivers = races_and_drivers(raw)
    laps = lap_times(raw, races, drivers)
    write(laps, out, "fct_lap_times", names_of)
    stops, of_races = small_tables(raw, out, names_of, races, drivers, laps)
    laps = race_laps(laps, stops, of_races)
    write(laps, out, "fct_race_laps", names_of)
    write(stints(laps, stops), out, "fct_stints", names_of)
    write(race_pace(laps), out, "fct_race_pace", names_of)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("raw", metavar="RAW", type=Path)
    parser.add_argument("out", metavar="OUT", type=Path)
    options = parser.parse_args()
    run(options.raw, options.out)
