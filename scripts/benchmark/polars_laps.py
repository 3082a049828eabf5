"""Make the two lap tables from the raw CSVs with Polars alone: the floor of what is possible.

Reads the CSVs of folder RAW and seeds of the project, and writes OUT/fct_lap_times.parquet and
OUT/fct_race_laps.parquet with the same rows, columns and values as the warehouse. It is lazy, and
the first table streams from CSV to Parquet. The laps are sorted once. After that each window is a
comparison with the row before, and needs no groups.
"""

import argparse
from pathlib import Path

import polars as pl

SEEDS = Path(__file__).resolve().parents[2] / "seeds"
RED_FLAG_MS = 600_000
NO_STOP_PERCENT = 20
DRIVER = ["race_id", "driver_id"]
LAP = ["race_id", "lap_number"]
CLASSES = pl.Enum(["red flag", "not counted", "first", "in", "out", "unknown", "slow", "green"])


def read(raw: Path, table: str, **columns: str) -> pl.LazyFrame:
    """Columns of a raw table, by their new names."""
    rows = pl.scan_csv(raw / f"{table}.csv", glob=False, infer_schema=False, null_values=["\\N", ""])
    return rows.select(pl.col(old).alias(new) for new, old in columns.items())


def integers(rows: pl.LazyFrame, *texts: str) -> pl.LazyFrame:
    """All columns as integers, except some texts."""
    return rows.with_columns(pl.exclude(*texts).cast(pl.Int32) if texts else pl.all().cast(pl.Int32))


def to_ms(text: pl.Expr) -> pl.Expr:
    """Milliseconds of `27.452`, `1:27.452` or `1:34:50.616`."""
    parts = text.str.extract_groups(r"^(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?)$")
    hours, minutes, seconds = (parts.struct.field(str(number)).cast(pl.Float64) for number in (1, 2, 3))
    ms = hours.fill_null(0) * 3_600_000 + minutes.fill_null(0) * 60_000 + seconds * 1000
    return ms.round().cast(pl.Int32)


def whole(number: pl.Expr) -> pl.Expr:
    """A number rounded to an integer, with halves away from zero."""
    return (number.round(3) + 0.5).floor().cast(pl.Int32)


def with_ms(rows: pl.LazyFrame) -> pl.LazyFrame:
    """`lap_time_ms`, filled from the text `time` if it is missing. Only texts of such rows are parsed."""
    gaps = rows.filter(pl.col("lap_time_ms").is_null()).with_columns(lap_time_ms=to_ms(pl.col("time")))
    return pl.concat([rows.filter(pl.col("lap_time_ms").is_not_null()), gaps]).drop("time")


def races_and_drivers(raw: Path) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """The ids of races and drivers, and what seeds name them by."""
    races = integers(read(raw, "races", race_id="raceId", season="year", round="round"))
    drivers = integers(read(raw, "drivers", driver_id="driverId", driver_ref="driverRef"), "driver_ref")
    return races, drivers


def seed_rows(name: str, races: pl.LazyFrame, drivers: pl.LazyFrame) -> pl.LazyFrame:
    """A seed with a row for each driver in a race, and the ids of both."""
    seed = pl.scan_csv(SEEDS / f"{name}.csv", glob=False)
    seed = seed.with_columns(pl.col("season", "round").cast(pl.Int32))
    return seed.join(races, on=["season", "round"]).join(drivers, on="driver_ref")


def lap_times(raw: Path) -> pl.LazyFrame:
    """fct_lap_times."""
    columns = {"race_id": "raceId", "driver_id": "driverId", "lap_number": "lap", "position": "position"}
    laps = integers(read(raw, "lap_times", **columns, lap_time_ms="milliseconds", time="time"), "time")
    laps = with_ms(laps)
    races, drivers = races_and_drivers(raw)
    actual = drivers.rename({"driver_id": "actual", "driver_ref": "actual_driver_ref"})
    misfiled = seed_rows("misfiled_laps", races, drivers).join(actual, on="actual_driver_ref")
    misfiled = misfiled.select(*DRIVER, "actual")
    return (
        laps.join(races, on="race_id")
        .join(misfiled, on=DRIVER, how="left")
        .select(
            "race_id",
            "driver_id",
            "lap_number",
            "season",
            "round",
            actual_driver_id=pl.coalesce("actual", "driver_id"),
            position="position",
            lap_time_ms="lap_time_ms",
            is_red_flag=pl.col("lap_time_ms") > RED_FLAG_MS,
            is_red_flag_by_rule=pl.col("lap_time_ms") > RED_FLAG_MS,
            is_misfiled=pl.col("actual").is_not_null(),
        )
    )


def entries(raw: Path) -> pl.LazyFrame:
    """The best result of each driver in each race: its laps, and its place on the grid."""
    columns = {"race_id": "raceId", "driver_id": "driverId", "grid": "grid", "laps": "laps"}
    order = {"place": "positionOrder", "result_id": "resultId", "text": "positionText"}
    results = integers(read(raw, "results", **columns, **order), "text")
    classified = pl.col("text").cast(pl.Int32, strict=False)
    best_first = results.sort(
        classified, "laps", "place", "result_id", descending=[False, True, False, False], nulls_last=True
    )
    best = best_first.unique(DRIVER, keep="first", maintain_order=True)
    pit_lane = seed_rows("start_exceptions", *races_and_drivers(raw)).filter(pl.col("start") == "pit lane")
    best = best.join(pit_lane.select(*DRIVER, "start"), on=DRIVER, how="left")
    has_slot = (pl.col("grid") > 0) & pl.col("start").is_null()
    return best.select(*DRIVER, "laps", grid_position=pl.when(has_slot).then("grid"))


def in_laps_of(stops: pl.LazyFrame, laps: pl.LazyFrame) -> pl.LazyFrame:
    """The laps that ended in the pit lane. A stop whose lap and next lap lost no time is none."""
    ms = pl.col("lap_time_ms")
    laps = laps.filter(~pl.col("is_red_flag")).join(stops, on="race_id", how="semi")
    laps = laps.select(*DRIVER, "lap_number", "lap_time_ms").collect().lazy()
    at = stops.select(*DRIVER, "lap_number")
    after = at.with_columns(pl.col("lap_number") + 1)
    flying = laps.filter(pl.col("lap_number") > 1).join(
        pl.concat([at, after]), on=[*DRIVER, "lap_number"], how="anti"
    )
    field = flying.group_by(LAP).agg(field_ms=whole(ms.median())).collect().lazy()
    usual = (
        flying.join(field, on=LAP)
        .group_by(DRIVER)
        .agg(usual_ms=whole(ms.median()), part=whole((ms * 1_000_000.0 / pl.col("field_ms")).median()))
    )
    timed = stops.rename({"lap_time_ms": "duration_ms"}).with_row_index("stop")
    both = pl.concat([timed, timed.with_columns(pl.col("lap_number") + 1)])
    both = both.join(laps, on=[*DRIVER, "lap_number"]).join(field, on=LAP).join(usual, on=DRIVER)
    lost = both.group_by("stop").agg(
        pl.len().alias("laps"),
        pl.first("duration_ms"),
        to_usual=ms.sum() - 2 * pl.first("usual_ms"),
        to_field=whole(ms.sum() - pl.col("field_ms").sum() / 1_000_000.0 * pl.first("part")),
    )
    is_none = pl.max_horizontal("to_usual", "to_field") * 100 < pl.col("duration_ms") * NO_STOP_PERCENT
    none = lost.filter((pl.col("laps") == 2) & is_none)
    # A stop above ten minutes is a red flag.
    none = none.filter(pl.col("duration_ms") <= RED_FLAG_MS)
    return timed.join(none, on="stop", how="anti").select(*DRIVER, "lap_number").unique().collect().lazy()


def race_laps(laps: pl.LazyFrame, raw: Path) -> pl.LazyFrame:
    """fct_race_laps."""
    results = entries(raw).collect().lazy()
    lengths = results.group_by("race_id").agg(race_laps=pl.max("laps"))
    laps = laps.drop("driver_id").rename({"actual_driver_id": "driver_id"})
    columns = {"race_id": "raceId", "driver_id": "driverId", "lap_number": "lap"}
    stops = integers(read(raw, "pit_stops", **columns, lap_time_ms="milliseconds", time="duration"), "time")
    stops = with_ms(stops).collect().lazy()
    in_laps = in_laps_of(stops, laps)
    laps = laps.join(in_laps.with_columns(is_in_lap=True), on=[*DRIVER, "lap_number"], how="left")
    laps = laps.join(stops.select("race_id").unique().with_columns(has_stops=True), on="race_id", how="left")
    laps = laps.join(lengths, on="race_id", how="left").sort(*DRIVER, "lap_number")

    # In sorted laps, the row before is the lap before, unless a driver's laps begin.
    laps = laps.with_columns(
        pl.col("is_in_lap", "has_stops").fill_null(False),
        begins=(pl.col("race_id") != pl.col("race_id").shift(fill_value=-1))
        | (pl.col("driver_id") != pl.col("driver_id").shift(fill_value=-1)),
        total=pl.col("lap_time_ms").cast(pl.Int64).cum_sum(),
        row=pl.int_range(pl.len(), dtype=pl.Int32),
    )
    same = ~pl.col("begins")
    start = pl.when("begins").then(pl.col("total") - pl.col("lap_time_ms")).forward_fill()
    first_row = pl.when("begins").then("row").forward_fill()
    laps = laps.with_columns(
        is_out_lap=same & pl.col("is_in_lap").shift(fill_value=False),
        position_before=pl.when(same).then(pl.col("position").shift()),
        elapsed_ms=pl.when(pl.col("row") - first_row + 1 == pl.col("lap_number")).then(
            (pl.col("total") - start).cast(pl.Int32)
        ),
    ).drop("begins", "total", "row")
    laps = laps.collect().lazy()

    # The laps from which the speed of the field is computed.
    number, ms = pl.col("lap_number"), pl.col("lap_time_ms")
    is_slow_or_odd = pl.col("is_red_flag") | pl.col("is_in_lap") | pl.col("is_out_lap")
    flying = laps.filter((number > 1) & (number <= pl.col("race_laps")) & ~is_slow_or_odd)
    flying = flying.select(*DRIVER, "lap_number", "lap_time_ms")
    field = flying.group_by(LAP).agg(field_median_ms=whole(ms.median())).collect().lazy()
    median = pl.col("field_median_ms")
    references = (
        field.group_by("race_id")
        .agg(reference=whole(median.quantile(0.25, "linear")), laps=pl.len())
        .filter(pl.col("laps") >= 10)
        .drop("laps")
    )
    field = field.join(references, on="race_id")
    field = field.select(
        *LAP,
        "field_median_ms",
        is_field_slow=median * 100 >= pl.col("reference") * 106,
    )
    field = field.collect().lazy()
    usual = (
        flying.join(field.filter(~pl.col("is_field_slow")), on=LAP)
        .group_by(DRIVER)
        .agg(usual=whole((ms * 1_000_000.0 / median).median()))
    )
    leaders = laps.group_by(LAP).agg(leader_ms=pl.min("elapsed_ms"))
    is_driver_slow = ms * 1_000_000.0 / median >= pl.col("usual") * 105 / 100
    lap_class = (
        pl.when("is_red_flag").then(pl.lit("red flag"))
        .when(number > pl.col("race_laps")).then(pl.lit("not counted"))
        .when(number == 1).then(pl.lit("first"))
        .when("is_in_lap").then(pl.lit("in"))
        .when("is_out_lap").then(pl.lit("out"))
        .when(median.is_null()).then(pl.lit("unknown"))
        .when(pl.col("is_field_slow") | is_driver_slow).then(pl.lit("slow"))
        .otherwise(pl.lit("green"))
        .cast(CLASSES)
    )  # fmt: skip
    before = pl.when(number == 1).then("grid_position").otherwise("position_before")
    return (
        laps.join(leaders.join(field, on=LAP, how="left"), on=LAP)
        .join(usual, on=DRIVER, how="left")
        .join(results.drop("laps"), on=DRIVER, how="left")
        .with_columns(lap_class=lap_class)
        .select(
            *("race_id", "driver_id", "lap_number", "season", "round", "position"),
            (before - pl.col("position")).alias("positions_gained"),
            "lap_time_ms",
            "elapsed_ms",
            (pl.col("elapsed_ms") - pl.col("leader_ms")).alias("gap_to_leader_ms"),
            "field_median_ms",
            "lap_class",
            (pl.col("lap_class") == "green").alias("is_green"),
            "is_field_slow",
            # The benchmark has no record of safety cars.
            *[pl.lit(None, pl.Boolean).alias(name) for name in ("is_safety_car", "is_virtual_safety_car")],
            *[pl.when("has_stops").then(name).alias(name) for name in ("is_in_lap", "is_out_lap")],
            "is_red_flag",
            pl.col("is_red_flag").alias("is_red_flag_by_rule"),
            "is_misfiled",
        )
    )


def run(raw: Path, out: Path) -> None:
    """Compute the two tables and write them."""
    out.mkdir(parents=True, exist_ok=True)
    lap_times(raw).sink_parquet(out / "fct_lap_times.parquet", compression="zstd", compression_level=1)
    written = pl.scan_parquet(out / "fct_lap_times.parquet", glob=False)
    laps = race_laps(written, raw)
    laps.sink_parquet(out / "fct_race_laps.parquet", compression="zstd", compression_level=1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("raw", metavar="RAW", type=Path)
    parser.add_argument("out", metavar="OUT", type=Path)
    options = parser.parse_args()
    run(options.raw, options.out)
