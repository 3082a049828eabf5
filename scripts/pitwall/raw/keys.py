"""Whether the primary key of a converted table is unique, in bounded memory."""

from pathlib import Path

import polars as pl

KEYS_AT_ONCE = 2_000_000  # how many keys are compared at a time, which bounds memory
MULTIPLIER = 1_000_003_000_007  # odd; so large that the groups of different races hardly ever mix
LINE = "__line"  # ordinal of a record in its file, from 0


def keys_are_unique(parquet: Path, key: list[str]) -> bool:
    """Whether no key occurs twice. Also False if Polars panics, or if finding out takes too much memory."""
    try:
        return _keys_are_unique(parquet, key)
    except pl.exceptions.PanicException:
        return False


def _keys_are_unique(parquet: Path, key: list[str]) -> bool:
    """Whether no key occurs twice. Also False if finding out would take too much memory.

    Keys are compared as bits: a group has the keys that differ only in the last six bits of their last
    column, and its rows must be as many as its different bits. A group of two races by accident can only
    make the result False.

    One block of rows is compared at a time. Then the rows are compared whose part, a race, occurs in several
    blocks.
    """
    scan = pl.scan_parquet(parquet, glob=False)
    *numbers, last = [_number(name, dtype) for name, dtype in scan.select(key).collect_schema().items()]
    part, *others = [*numbers, last // 64]
    group = part
    for other in others:
        group = group * MULTIPLIER + other
    rows = scan.select(part.alias("part"), group.alias("group"), (last & 63).alias("bit"))
    parts = pl.Series(dtype=pl.Int64)
    for start in range(0, scan.select(pl.len()).collect().item(), KEYS_AT_ONCE):
        block = rows.slice(start, KEYS_AT_ONCE).collect()
        # rechunk() makes a copy, because the result of unique() keeps the memory of the whole block.
        parts = parts.append(block["part"].unique()).rechunk()
        if len(parts) > 2 * KEYS_AT_ONCE or not _bits_are_unique(block):
            return False
    in_several_blocks = parts.filter(parts.is_duplicated())
    if in_several_blocks.is_empty():
        return True
    among = rows.filter(pl.col("part").is_in(in_several_blocks.implode()))
    block = among.head(KEYS_AT_ONCE).collect(engine="streaming")
    return block.height < KEYS_AT_ONCE and _bits_are_unique(block)


def _number(name: str, dtype: pl.DataType) -> pl.Expr:
    """A whole number for each value of a column, the same for the same values."""
    column = pl.col(name)
    return column.cast(pl.Int64) if dtype.is_integer() else column.hash().reinterpret(signed=True)


def _bits_are_unique(rows: pl.DataFrame) -> bool:
    """Whether no bit occurs twice in a group."""
    bits = pl.lit(pl.Series([1 << bit for bit in range(64)], dtype=pl.UInt64)).gather("bit")
    groups = rows.lazy().select("group", bits.alias("bits")).group_by("group")
    counts = groups.agg(pl.len(), pl.col("bits").bitwise_or().bitwise_count_ones().alias("different"))
    return bool(counts.select((pl.col("len") == pl.col("different")).all()).collect().item())


def repeated_rows(parquet: Path, key: list[str], rows: pl.LazyFrame) -> pl.DataFrame:
    """The rows whose key an earlier row has, in the order of LINE. Compares a slice of the keys at a time.

    Args:
        parquet: the converted table, with the same keys as `rows`.
        rows: LINE and the key columns.
    """
    if keys_are_unique(parquet, key):
        return rows.head(0).collect()
    keys = pl.scan_parquet(parquet, glob=False).select(key)
    slices = keys.select(pl.len()).collect().item() // KEYS_AT_ONCE + 1
    found = []
    for part in range(slices):
        group = keys.filter(pl.struct(key).hash() % slices == part).group_by(key).len()
        found.append(group.filter(pl.col("len") > 1).select(key).collect(engine="streaming"))
    repeated = pl.concat(found)
    if repeated.is_empty():
        return rows.head(0).collect()
    shared = rows.join(repeated.lazy(), on=key, how="semi").collect(engine="streaming").sort(LINE)
    return shared.filter(~pl.struct(key).is_first_distinct())
