"""Polars expressions for the text of a CSV: the value that it stands for, and whether it is valid."""

import polars as pl

from pitwall.raw.schema import Column, Table

# A panic, which is an error inside Polars, is no Exception. A damaged Parquet file can cause one.
POLARS_ERRORS = (pl.exceptions.PolarsError, pl.exceptions.PanicException)
NULLS = ["", "\\N"]
US_DATE = r"^([0-9]{1,2})/([0-9]{1,2})/([0-9]{2})$"  # month, day, year
# Two digits from this year on are of the last century: the championship began in it.
FIRST_YEAR = 50
TOO_LONG, REPEATED = -1, -2  # problems of a whole row; any other problem is the index of a declared column


def typed_value(column: Column, text: pl.Expr) -> pl.Expr:
    """The value that a text stands for, exactly, or NULL. A string is kept as it is."""
    if column.is_text:
        return pl.when(~text.is_in(NULLS)).then(text)
    text = text.str.strip_chars()
    if column.dtype == pl.Date and column.date_format == "m/d/yy":
        month, day, year = (text.str.extract(US_DATE, group) for group in (1, 2, 3))
        century = (
            pl.when(year.cast(pl.Int32, strict=False) >= FIRST_YEAR)
            .then(pl.lit("19"))
            .otherwise(pl.lit("20"))
        )
        return pl.concat_str(century, year, pl.lit("-"), month, pl.lit("-"), day).str.to_date(
            "%Y-%m-%d", strict=False
        )
    if column.dtype == pl.Date:
        is_date = text.str.contains(r"^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}$")
        return pl.when(is_date).then(text.str.to_date("%Y-%m-%d", strict=False))
    if isinstance(column.dtype, pl.Decimal):
        # The cast would cut surplus digits without a warning. Only zeros may be cut.
        scale = column.dtype.scale
        without_whole = rf"|\.[0-9]{{1,{scale}}}0*" if scale else ""
        is_exact = text.str.contains(rf"^[+-]?([0-9]+(\.[0-9]{{0,{scale}}}0*)?{without_whole})$")
        return pl.when(is_exact).then(text.cast(column.dtype, strict=False))
    return text.cast(column.dtype, strict=False)


def is_blank(text: pl.Expr) -> pl.Expr:
    r"""Whether a text is NULL in the sense of the CSV: empty, spaces or `\N`."""
    return text.str.strip_chars().is_in(NULLS)


def has_outer_spaces(text: pl.Expr) -> pl.Expr:
    """Whether a text has spaces around it and is not blank."""
    stripped = text.str.strip_chars()
    return text.ne(stripped) & stripped.ne("")


def count_characters(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """The sum of the characters of all values: texts, or integers as they are usually written."""
    if not dtype.is_integer():
        return value.str.len_chars().cast(pl.Int64).sum()
    most_digits = 19 if dtype == pl.Int64 else 10
    more_digits = [value.abs().ge(10**power).sum().cast(pl.Int64) for power in range(1, most_digits)]
    return total([*more_digits, value.count().cast(pl.Int64), value.lt(0).sum()])


def total(expressions: list[pl.Expr]) -> pl.Expr:
    """The sum of expressions, 0 if there are none."""
    # A chain of additions takes time that grows with the square of its length.
    return pl.sum_horizontal(expressions) if expressions else pl.lit(0)


def first_problem(
    table: Table, texts: dict[str, pl.Expr], values: dict[str, pl.Expr], too_long: pl.Expr
) -> pl.Expr:
    """The first problem of a record: TOO_LONG, the index of the column whose value is not valid, or NULL."""
    checks = [pl.when(too_long).then(TOO_LONG)]
    for index, column in enumerate(table.columns):
        if column.name in texts:
            blank, null = is_blank(texts[column.name]), values[column.name].is_null()
            is_bad = null | blank if column.name in table.key else null & ~blank
            checks.append(pl.when(is_bad).then(index))
    return pl.coalesce(checks).cast(pl.Int16)
