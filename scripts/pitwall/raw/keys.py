"""Whether the primary key of a converted table is unique, in bounded memory."""

from pathlib import Path

import polars as pl

KEYS_AT_ONCE = 2_000_000  # how many keys are compared at a time, which bounds memory
LINE = "__line"  # ordinal of a record in its file, from 0


def keys_are_unique(parquet: Path, key: list[str]) -> bool:
    """Whether no key occurs twice. Also False if Polars panics, or if finding out takes too much memory."""
    try:
        return _keys_are_unique(parquet, key)
    except pl.exceptions.PanicException:
        return False


def _keys_are_unique(parquet: Path, key: list[str]) -> bool:
    """Whether no key occurs twice. Also False if finding out would take too much memory.

    The keys are compared a block at a time. Then the rows are compared whose first key column, a race, occurs
    in several blocks. Hashes stand for keys, because equal keys have equal hashes.
    """
    *group, last = key
    keys = pl.scan_parquet(parquet, glob=False).select(key)
    rows = keys.select(pl.len()).collect().item()
    is_unique = pl.struct(key).hash().n_unique() == pl.len()
    firsts = pl.Series(dtype=keys.collect_schema()[key[0]])
    # Usually the last column only rises within a group, lap after lap of a driver, and no group comes again.
    is_same_group = [pl.col(name).eq(pl.col(name).shift()) for name in group]
    rises = pl.all_horizontal(*is_same_group, pl.col(last).gt(pl.col(last).shift())).fill_null(False)
    for start in range(0, rows, KEYS_AT_ONCE):
        block = keys.slice(start, KEYS_AT_ONCE).collect()
        openers = block.filter(~rises) if group else block
        # rechunk() makes a copy, because the result of unique() keeps the memory of the whole block.
        firsts = firsts.append(openers[key[0]].unique()).rechunk()
        if 2 * openers.height < block.height:
            again = openers.filter(pl.struct(group).hash().is_duplicated())
            block = block.filter(pl.col(key[0]).is_in(again[key[0]].unique().implode()))
        if len(firsts) > 2 * KEYS_AT_ONCE or not block.select(is_unique).item():
            return False
    in_several_blocks = pl.col(key[0]).is_in(firsts.filter(firsts.is_duplicated()).implode())
    block = keys.filter(in_several_blocks).head(KEYS_AT_ONCE).collect(engine="streaming")
    return block.height < KEYS_AT_ONCE and bool(block.select(is_unique).item())


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
