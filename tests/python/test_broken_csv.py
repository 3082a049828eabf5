"""Broken CSVs and odd paths: none crashes the script or loses a row, and every value is that of its text.

`make test` tries a few hundred, the same in each run; PITWALL_TORTURE=1 thousands, new ones in each run.
"""

import contextlib
import csv
import io
import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from conftest import LONG
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

import csv_to_parquet

TYPES = {
    "id": "integer",
    "code": "string",
    "date": "date",
    "points": "decimal(6,2)",
    "large": "bigint",
}
KEYS = (["id"], ["code", "id"])

NASTY = [
    "",
    "\\N",
    " ",
    "'); drop table laps; --",
    "${HOME}$(id)`id`",
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "../../x",
    "/etc/passwd",
    "{{ env_var('X') }}",
    "%s%n{0}",
    "a\\Nb",
    '"',
    '""',
    "'",
    "\\",
    '\\"',
    "\0",
    "\r",
    "\x1b[2J",
    "\u2028",
    "\u200b\u202e",
    "\ufeff",
    "N/A",
    "null",
    "NaN",
    "Nürburg 🏁",
    "e\u0301",
    "x" * 3000,
]
NUMBERS = [
    *["0", "-0", "00", "+1", " 1", "1 ", "1.", ".5", "1.50", "1.505", "-1.5", "1e3", "1_000", "1,5", "0x1"],
    *[
        "2147483647",
        "2147483648",
        "-2147483648",
        "-2147483649",
        "9999.99",
        "10000",
        "9" * 18,
        "9" * 19,
        "9" * 400,
    ],
    *[
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "\u0661",
        "\uff11",
        "\u22121",
        "inf",
        "nan",
        "--1",
    ],
]
DATES = [
    *[
        "2021-02-28",
        "2021-02-29",
        "2021-2-3",
        "0000-01-01",
        "0999-01-01",
        "9999-12-31",
        "20210228",
        "28/02/2021",
    ],
    *["2021-02-28 00:00", " 2021-02-28", "2021-02-28T00:00Z"],
]


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """A CSV of mostly valid values. Some files have something broken in them."""
    is_wild = draw(st.booleans())
    nasty = st.one_of(st.sampled_from([*NASTY, *NUMBERS, *DATES]), st.text(max_size=6))
    fit = {
        "id": st.integers(-5, 400).map(str),
        "code": st.one_of(
            st.sampled_from(["a", "b c", "ü", "", "x,y", 'say "x"', "two\nlines"]), st.text("ab ", max_size=3)
        ),
        "date": st.one_of(st.just(""), st.dates(date(1000, 1, 1)).map(str)),
        "points": st.decimals(-9999, 9999, places=2).map(str),
        "large": st.one_of(st.just("\\N"), st.integers(-(2**63), 2**63 - 1).map(str)),
    }
    columns = draw(st.permutations(list(TYPES)) if is_wild else st.just(list(TYPES)))
    if is_wild and draw(st.booleans()):
        columns = [*columns, *draw(st.lists(st.sampled_from(["x", "", "Id", "code", "y z"]), max_size=2))]
        columns = columns[draw(st.integers(0, 2)) :]
    odds = draw(st.sampled_from([0, 0, 5, 30]))
    ends = draw(st.sampled_from([["\n"], ["\n"], ["\r\n"], ["\r"], ["\n", "\r\n"], ["\n", "\n\n", "\n \n"]]))
    quoting = draw(st.sampled_from(["well", "well", "all", "never", "badly"]))
    lines = [",".join(columns)]
    for _ in range(draw(st.integers(0, 8))):
        cells = []
        for name in columns:
            is_odd = odds and draw(st.integers(0, 99)) < odds
            cells.append(draw(nasty if is_odd or name not in fit else fit[name]))
        if odds and draw(st.integers(0, 99)) < odds:
            cells = [*cells, *draw(st.lists(nasty, max_size=2))][: draw(st.integers(0, len(cells) + 2))]
        if quoting in ("well", "all"):
            row = io.StringIO()
            style = csv.QUOTE_ALL if quoting == "all" else csv.QUOTE_MINIMAL
            csv.writer(row, quoting=style, lineterminator="").writerow(cells)
            lines.append(row.getvalue())
        elif quoting == "never":
            lines.append(",".join(cells))
        else:
            quotes = [draw(st.sampled_from(['"', "", '""'])) for _ in range(2 * len(cells))]
            lines.append(
                ",".join(f"{quotes[2 * i]}{cell}{quotes[2 * i + 1]}" for i, cell in enumerate(cells))
            )
    text = "".join(line + draw(st.sampled_from(ends)) for line in lines)
    if draw(st.integers(0, 9)) == 0:
        text = text.rstrip("\r\n")
    content = text.encode(draw(st.sampled_from(["utf-8"] * 8 + ["utf-16", "latin-1"])), "replace")
    if draw(st.integers(0, 9)) == 0:
        content = b"\xef\xbb\xbf" + content
    if odds and draw(st.integers(0, 9)) == 0:
        position = draw(st.integers(0, len(content)))
        content = content[:position] + draw(st.binary(min_size=1, max_size=3)) + content[position:]
    return content


def parsed(text: str, declared: str) -> object:
    """Return the value of a text, computed without the script. Raises ValueError if the text is not valid."""
    if declared == "string":
        return None if text in ("", "\\N") else text
    text = re.sub(r"^\s+|\s+$", "", text)
    if text in ("", "\\N"):
        return None
    patterns = {"date": r"[1-9]\d{3}-\d\d-\d\d", "decimal(6,2)": r"[+-]?(\d+\.?\d*|\.\d+)"}
    if not re.fullmatch(patterns.get(declared, r"[+-]?\d+"), text, re.ASCII):
        raise ValueError(text)
    if declared == "date":
        return date.fromisoformat(text)
    bits = {"integer": 31, "bigint": 63}.get(declared)
    value = Decimal(text) if bits is None else int(text)
    fits = abs(value) < 10_000 and value * 100 % 1 == 0 if bits is None else -(2**bits) <= value < 2**bits
    if not fits:
        raise ValueError(text)
    return value


def expected_rows(content: bytes, key: list[str]) -> Iterator[tuple[int, list[object] | None]]:
    """Read each row that is not blank with the csv module: its line and its values, None if it is unfit."""
    reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
    header = [name.strip().lower() for name in next(row for row in reader if row)]
    last, keys = reader.line_num, set()
    for row in reader:
        line, last = last + 1, reader.line_num
        if not row or (len(row) == 1 and not row[0].strip()):
            continue
        fields = dict(zip(header, row, strict=False))
        try:
            values = [parsed(fields.get(name, ""), declared) for name, declared in TYPES.items()]
            key_values = tuple(values[list(TYPES).index(name)] for name in key)
            is_fit = len(row) <= len(header) and key_values not in keys
            is_fit = is_fit and all(fields.get(name, "").strip() not in ("", "\\N") for name in key)
        except ValueError:
            is_fit = False
        if is_fit:
            keys.add(key_values)
        yield line, values if is_fit else None


def attempt(content: bytes, key: list[str], counts: Counter[str]) -> None:
    """Convert the file and compare the output with the input."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "raw").mkdir()
        (folder / "raw" / "laps.csv").write_bytes(content)
        columns = ", ".join(f'{{name: {column}, data_type: "{type_}"}}' for column, type_ in TYPES.items())
        table = f"{{name: laps, config: {{meta: {{primary_key: {key}}}}}, columns: [{columns}]}}"
        (folder / "sources.yml").write_text(f"sources: [{{tables: [{table}]}}]")
        arguments = ["--data", folder / "data", "--schema", folder / "sources.yml", "--max-bad-rows", "1000"]
        out, error = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
            code = csv_to_parquet.main([str(each) for each in (folder / "raw", *arguments)])
        counts[f"exit code {code}"] += 1
        paths = sorted(path.relative_to(folder).parts for path in folder.rglob("*"))
        if code:
            assert code == 2
            assert re.fullmatch(r"csv_to_parquet: .*laps\.csv: [^\n]+\n", error.getvalue())
            assert paths == [("data",), ("data", ".lock"), ("raw",), ("raw", "laps.csv"), ("sources.yml",)]
            return
        assert error.getvalue() == ""
        data = folder / "data"
        (manifest,) = pl.read_parquet(data / "parquet" / "load_manifest.parquet").to_dicts()
        quarantine = data / "quarantine" / "laps.csv"
        set_aside = []
        if quarantine.is_file():
            with quarantine.open(encoding="utf-8", newline="") as file:
                set_aside = [int(row["line"]) for row in csv.DictReader(file)]
        rows = list(expected_rows(content, key))
        table = pl.read_parquet(data / "parquet" / "laps.parquet")
        assert table.columns == list(TYPES)
        assert [list(row) for row in table.iter_rows()] == [values for _, values in rows if values]
        assert set_aside == [line for line, values in rows if not values]
        read, good, bad = (manifest[f"rows_{what}"] for what in ("read", "converted", "quarantined"))
        assert (read, good, bad) == (len(rows), table.height, len(set_aside))
        assert {path[:2] for path in paths if path[0] == "data"} <= {
            ("data",),
            *(("data", name) for name in (".lock", "parquet", "quarantine")),
        }
        counts["rows accepted"] += good
        counts["rows set aside"] += bad


def test_no_row_is_lost_and_no_value_is_changed(
    record_property: Callable[[str, object], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: Counter[str] = Counter()
    careful = csv_to_parquet.convert_carefully

    def counted(*arguments: object) -> object:
        counts["careful conversions"] += 1
        return careful(*arguments)

    monkeypatch.setattr(csv_to_parquet, "convert_carefully", counted)

    @settings(
        max_examples=5000 if LONG else 250,
        derandomize=not LONG,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(files(), st.sampled_from(KEYS))
    @example(b"code,id\n ,1\n", KEYS[1])
    @example(b'id,large\n1,":\r"\n', KEYS[0])
    def holds(content: bytes, key: list[str]) -> None:
        counts["files"] += 1
        attempt(content, key, counts)

    holds()
    summary = ", ".join(f"{counts[name]:,} {name}" for name in sorted(counts))
    record_property("count", f"broken CSVs: {summary}")
    assert (
        min(counts[name] for name in ("exit code 0", "exit code 2", "rows accepted", "rows set aside")) > 20
    )
    assert counts["careful conversions"] < counts["files"]


# Characters that a shell, a pattern, an address, a terminal or an encoding gives a meaning.
ODD = "[]*?{}!^-~.%&#:;,=+@$`'\"\\|<> \n\r\t\x1b\x7f\u00e9\u0301\u2028\u202e\U0001f3c1\udcff\udc80"
NAMES = st.one_of(
    st.text(st.sampled_from(ODD + "ab0"), min_size=1, max_size=12),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0/"), min_size=1, max_size=30),
)


def convert_under(name: str, folder: Path, content: str) -> tuple[int, str, Path]:
    """Convert laps.csv in a folder of this name. Returns exit code, stderr and data folder."""
    raw, data = folder / "from" / name, folder / "to" / name
    raw.mkdir(parents=True)
    (raw / "laps.csv").write_text(content)
    columns = ", ".join(f"{{name: {column}, data_type: integer}}" for column in ("id", "lap"))
    table = f"{{name: laps, config: {{meta: {{primary_key: [id]}}}}, columns: [{columns}]}}"
    (folder / "sources.yml").write_text(f"sources: [{{tables: [{table}]}}]")
    out, error = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PITWALL_DATA", str(data))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
            codes = [csv_to_parquet.main([str(raw), f"--schema={folder / 'sources.yml'}"]) for _ in range(2)]
    assert codes[0] == codes[1]
    # The second run found and read what the first one wrote.
    assert out.getvalue().count("unchanged") == (codes[0] == 0)
    return codes[0], error.getvalue(), data


def test_a_path_may_have_any_character() -> None:
    """A folder whose name is a pattern has neighbours that match it. They must not be read."""
    with tempfile.TemporaryDirectory() as name:
        expected = (
            convert_under("plain", Path(name), "id,lap\n1,1\n")[2] / "parquet/laps.parquet"
        ).read_bytes()

    @settings(
        max_examples=500 if LONG else 20,
        derandomize=not LONG,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(NAMES)
    @example("g[ab]")
    @example("*")
    @example("bad\udcff")
    @example("100%20\n'\"\\\u00e9")
    @example("-rf ~")
    def holds(name: str) -> None:
        assume(name not in (".", "..") and len(os.fsencode(name)) < 256)
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            matching = re.sub(r"[*?]", "x", re.sub(r"\[(.)[^]]*\]", r"\1", name))
            if matching != name:
                (folder / "from" / matching).mkdir(parents=True)
                (folder / "from" / matching / "laps.csv").write_text("id,lap\n2,2\n")
            code, error, data = convert_under(name, folder, "id,lap\n1,1\n")
            is_text = not re.search("[\udc80-\udcff]", name)
            assert code == (0 if is_text else 2)
            if is_text:
                assert error == ""
                assert (data / "parquet" / "laps.parquet").read_bytes() == expected
            else:
                assert re.fullmatch(r"(csv_to_parquet: [^\n]+ is not UTF-8 text[^\n]+\n){2}", error)
                assert not data.exists()

    holds()
