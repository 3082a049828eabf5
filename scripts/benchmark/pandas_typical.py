"""Make the same seven marts with pandas as most notebooks use it: the everyday rival of the whole pipeline.

The rules and the results are those of pandas_pipeline.py. The laps are computed with these habits of
tutorials and notebooks:
- `read_csv` infers all types, and the names stand next to the ids from the first merge on;
- a function parses each time text (`apply`);
- each window is a `groupby(...).transform(lambda ...)`;
- a function returns a `Series` for each group (`groupby(...).apply`), with `np.polyfit` for a slope;
- a function with `if` and `elif` classifies each row (`apply(axis=1)`);
- corrections are a loop over rows (`iterrows`);
- every step adds columns to one table, which is kept to the end.

Nothing waits, and nothing is computed twice. Medians, sums and joins of whole columns are as fast as pandas
makes them. The small tables, which are results, championships and kinds of pit stops, are those of
pandas_pipeline.py: notebooks have no such rules, and this makes the program faster, not slower.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmark import pandas_pipeline as careful

DRIVER = ["raceId", "driverId"]
LAP = ["raceId", "lap"]
FINAL_NAMES = {"raceId": "race_id", "driverId": "driver_id", "lap": "lap_number", "year": "season"}


def time_to_ms(text: str) -> float:
    """`1:27.452` in milliseconds."""
    seconds = 0.0
    for part in str(text).split(":"):
        seconds = seconds * 60 + float(part)
    return round(seconds * 1000)


def round_half_up(value: float) -> float:
    """A number rounded to an integer, with halves away from zero."""
    return float(np.floor(round(value, 3) + 0.5))


def lap_times(raw: Path) -> pd.DataFrame:
    """Every lap, with its race and its driver."""
    races = pd.read_csv(raw / "races.csv", na_values="\\N")
    drivers = pd.read_csv(raw / "drivers.csv", na_values="\\N")
    laps = pd.read_csv(raw / "lap_times.csv", na_values="\\N")
    laps = laps.merge(races[["raceId", "year", "round", "name"]], on="raceId")
    laps = laps.merge(drivers[["driverId", "driverRef", "code"]], on="driverId")
    laps["milliseconds"] = laps["milliseconds"].fillna(laps["time"].apply(time_to_ms))

    ids = drivers.set_index("driverRef")["driverId"]
    laps["actual_driver_id"] = laps["driverId"]
    laps["is_misfiled"] = False
    for _, row in pd.read_csv(careful.SEEDS / "misfiled_laps.csv").iterrows():
        is_wrong = (laps["year"] == row["season"]) & (laps["round"] == row["round"])
        is_wrong &= laps["driverRef"] == row["driver_ref"]
        if is_wrong.any():
            laps.loc[is_wrong, "actual_driver_id"] = ids[row["actual_driver_ref"]]
            laps.loc[is_wrong, "is_misfiled"] = True
    laps["is_red_flag"] = laps["milliseconds"] > careful.RED_FLAG_MS
    laps["is_red_flag_by_rule"] = laps["is_red_flag"]
    return laps


def classify(row: pd.Series) -> str:
    """The class of a lap."""
    if row["is_red_flag"]:
        return "red flag"
    if row["lap"] > row["race_length"]:
        return "not counted"
    if row["lap"] == 1:
        return "first"
    if row["is_in_lap"]:
        return "in"
    if row["is_out_lap"]:
        return "out"
    if pd.isna(row["field_median_ms"]):
        return "unknown"
    if row["is_field_slow"] or row["relative_pace"] >= row["usual"] * 105 / 100:
        return "slow"
    return "green"


def race_laps(laps: pd.DataFrame, stops: pd.DataFrame, results: pd.DataFrame) -> pd.DataFrame:
    """Every lap with its class and its gaps."""
    results = results[results["driver_entry_number"] == 1]
    results = results.rename(columns={"race_id": "raceId", "driver_id": "driverId"})
    laps = laps.drop(columns="driverId").rename(columns={"actual_driver_id": "driverId"})
    laps = laps.sort_values(["raceId", "driverId", "lap"]).reset_index(drop=True)
    in_laps = stops[stops["stop_kind"] != "no stop"]
    in_laps = in_laps.rename(columns={"race_id": "raceId", "driver_id": "driverId", "lap_number": "lap"})
    in_laps = in_laps[["raceId", "driverId", "lap"]].drop_duplicates()
    laps = laps.merge(in_laps, on=["raceId", "driverId", "lap"], how="left", indicator=True)
    laps["is_in_lap"] = laps["_merge"] == "both"
    laps = laps.merge(results[[*DRIVER, "grid_position"]], on=DRIVER, how="left")

    laps["is_out_lap"] = laps.groupby(DRIVER)["is_in_lap"].transform(lambda lap: lap.shift(fill_value=False))
    laps["position_before"] = laps.groupby(DRIVER)["position"].transform(lambda lap: lap.shift())
    laps["position_before"] = laps["position_before"].where(laps["lap"] > 1, laps["grid_position"])
    laps["positions_gained"] = laps["position_before"] - laps["position"]
    laps["elapsed_ms"] = laps.groupby(DRIVER)["milliseconds"].transform(lambda ms: ms.cumsum())
    is_complete = laps.groupby(DRIVER).cumcount() + 1 == laps["lap"]
    laps["elapsed_ms"] = laps["elapsed_ms"].where(is_complete)
    laps["gap_to_leader_ms"] = laps.groupby(LAP)["elapsed_ms"].transform(lambda ms: ms - ms.min())

    # How fast the field was on each lap.
    laps["race_length"] = laps["raceId"].map(results.groupby("raceId")["laps_completed"].max())
    flying = laps[
        (laps["lap"] > 1)
        & (laps["lap"] <= laps["race_length"])
        & ~laps["is_red_flag"]
        & ~laps["is_in_lap"]
        & ~laps["is_out_lap"]
    ]
    field = flying.groupby(LAP)["milliseconds"].median().apply(round_half_up)
    field = field.rename("field_median_ms").reset_index()
    reference = field.groupby("raceId")["field_median_ms"].apply(
        lambda ms: round_half_up(ms.quantile(0.25)) if len(ms) >= 10 else np.nan
    )
    field["reference"] = field["raceId"].map(reference)
    field = field.dropna(subset=["reference"])
    field["is_field_slow"] = field["field_median_ms"] * 100 >= field["reference"] * 106
    laps = laps.merge(field.drop(columns="reference"), on=LAP, how="left")

    # How fast each driver usually was, compared with the field.
    laps["relative_pace"] = laps["milliseconds"] * 1_000_000.0 / laps["field_median_ms"]
    flying = flying.merge(field[~field["is_field_slow"]], on=LAP)
    flying["relative_pace"] = flying["milliseconds"] * 1_000_000.0 / flying["field_median_ms"]
    usual = flying.groupby(DRIVER)["relative_pace"].apply(lambda pace: round_half_up(pace.median()))
    laps = laps.merge(usual.rename("usual").reset_index(), on=DRIVER, how="left")
    laps["lap_class"] = laps.apply(classify, axis=1)
    laps["is_green"] = laps["lap_class"] == "green"

    # Without pit stops of a race, nothing is known about its in laps.
    is_known = laps["raceId"].isin(stops["race_id"])
    for column in ("is_in_lap", "is_out_lap"):
        laps[column] = laps[column].astype("object").where(is_known, None)
    return laps


def pace_of(green: pd.DataFrame) -> pd.Series:
    """The pace of a driver in a race, from their green laps."""
    ms = green["milliseconds"]
    lower, upper = round_half_up(ms.quantile(0.25)), round_half_up(ms.quantile(0.75))
    tenth, ninetieth = round_half_up(ms.quantile(0.1)), round_half_up(ms.quantile(0.9))
    median = round_half_up(ms.median())
    trimmed = ms[(ms >= tenth) & (ms <= ninetieth)]
    return pd.Series(
        {
            "season": green["year"].iloc[0],
            "round": green["round"].iloc[0],
            "green_laps": len(green),
            "median_ms": median,
            "trimmed_mean_ms": round_half_up(trimmed.mean()),
            "interquartile_range_pct": np.floor((upper - lower) * 100.0 / median * 1000 + 0.5) / 1000,
        }
    )


def race_pace(laps: pd.DataFrame) -> pd.DataFrame:
    """The pace of each driver in each race."""
    green = laps[laps["is_green"] & ~laps["is_misfiled"]]
    pace = green.groupby(DRIVER).apply(pace_of).reset_index()
    pace = pace[pace["green_laps"] >= 5]
    most = pace.groupby("raceId")["green_laps"].transform("max")
    pace["is_representative"] = pace["green_laps"] * 2 >= most
    best = pace[pace["is_representative"]].groupby("raceId")["median_ms"].min()
    percent = pace["median_ms"] * 100.0 / pace["raceId"].map(best)
    pace["median_pct_of_best"] = np.floor(percent * 1000 + 0.5) / 1000
    return pace.rename(columns=FINAL_NAMES)


def stint_of(stint: pd.DataFrame) -> pd.Series:
    """A stint: its laps, how it ended, its pace at the start, and how the pace changed."""
    green = stint[stint["is_green"]]
    start_pace = slope = np.nan
    if len(green) >= 3:
        start_pace = round_half_up(green["milliseconds"].head(3).median())
    if len(green) >= 8:
        slope = np.polyfit(green["lap"], green["milliseconds"], 1)[0]
        slope = np.sign(slope) * np.floor(round(round(abs(slope), 6) * 10, 5) + 0.5) / 10
    ended_by = stint["ended_by"].dropna()
    return pd.Series(
        {
            "season": stint["year"].iloc[0],
            "round": stint["round"].iloc[0],
            "first_lap": stint["lap"].min(),
            "last_lap": stint["lap"].max(),
            "laps": len(stint),
            "ended_by": ended_by.iloc[0] if len(ended_by) else None,
            "green_laps": len(green),
            "start_pace_ms": start_pace,
            "slope_ms_per_lap": slope,
            "is_slope_unusual": None if np.isnan(slope) else abs(slope) > 300,
        }
    )


def stints(laps: pd.DataFrame, stops: pd.DataFrame) -> pd.DataFrame:
    """The stints of each driver in each race."""
    laps = laps[laps["is_in_lap"].notna()]
    real = stops[~stops["stop_kind"].isin(["drive-through", "no stop"])]
    real = real.rename(columns={"race_id": "raceId", "driver_id": "driverId", "lap_number": "lap"})
    laps = laps.merge(real, on=["raceId", "driverId", "lap"], how="left")
    kind_before = laps.groupby(DRIVER)["stop_kind"].transform(lambda kind: kind.shift())
    # A race that is stopped on the grid has no pit stops, but tyres may be changed.
    is_stopped = laps["stop_kind"].isna() & laps["is_red_flag"] & kind_before.isna()
    laps["ended_by"] = laps["stop_kind"].mask(is_stopped, "red flag")
    laps["ends"] = laps["ended_by"].notna().astype(int)
    laps["stint_number"] = (
        laps.groupby(DRIVER)["ends"].transform(lambda ends: ends.cumsum().shift(fill_value=0)) + 1
    )
    return laps.groupby([*DRIVER, "stint_number"]).apply(stint_of).reset_index().rename(columns=FINAL_NAMES)


LAP_TIMES = ["race_id", "driver_id", "lap_number", "season", "round", "actual_driver_id", "position"]
LAP_TIMES += ["lap_time_ms", "is_red_flag", "is_red_flag_by_rule", "is_misfiled"]
RACE_LAPS = ["race_id", "driver_id", "lap_number", "season", "round", "position", "positions_gained"]
RACE_LAPS += ["lap_time_ms", "elapsed_ms", "gap_to_leader_ms", "field_median_ms", "lap_class", "is_green"]
RACE_LAPS += ["is_field_slow", "is_safety_car", "is_virtual_safety_car", "is_in_lap", "is_out_lap"]
RACE_LAPS += ["is_red_flag", "is_red_flag_by_rule", "is_misfiled"]


def run(raw: Path, out: Path) -> None:
    """Compute the seven tables and write them."""
    out.mkdir(parents=True, exist_ok=True)
    names_of = careful.names(raw)
    final_names = FINAL_NAMES | {"milliseconds": "lap_time_ms"}
    laps = lap_times(raw)
    named = laps.rename(columns=final_names)[LAP_TIMES]
    careful.write(named, out, "fct_lap_times", names_of)
    races, drivers = careful.races_and_drivers(raw)
    stops, results = careful.small_tables(raw, out, names_of, races, drivers, named)
    laps = race_laps(laps, stops, results)
    laps["is_safety_car"] = laps["is_virtual_safety_car"] = None  # the benchmark has no record of them
    careful.write(laps.rename(columns=final_names)[RACE_LAPS], out, "fct_race_laps", names_of)
    careful.write(race_pace(laps), out, "fct_race_pace", names_of)
    careful.write(stints(laps, stops), out, "fct_stints", names_of)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("raw", metavar="RAW", type=Path)
    parser.add_argument("out", metavar="OUT", type=Path)
    options = parser.parse_args()
    run(options.raw, options.out)
