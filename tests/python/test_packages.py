"""dbt_utils: setup_packages.py installs it, and the stand-in has the macros that the project uses."""

import hashlib
import io
import json
import os
import re
import shutil
import socket
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from conftest import ROOT, SCRIPTS, must_run, no_engines, run, run_dbt

import setup_packages

STANDIN = ROOT / "dbt_utils_standin"
PROVIDED = set(
    re.findall(
        r"{% (?:macro|test) (\w+)\(", "".join(path.read_text() for path in (STANDIN / "macros").glob("*.sql"))
    )
)

# Installation


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A dbt project with the files that setup_packages.py needs, and without dbt_packages/."""
    root = tmp_path / "project"
    (root / "scripts" / "pitwall").mkdir(parents=True)
    for name in ("setup_packages.py", "pitwall/__init__.py", "pitwall/command.py"):
        shutil.copy(SCRIPTS / name, root / "scripts" / name)
    for name in ("packages.yml", "package-lock.yml"):
        shutil.copy(ROOT / name, root)
    shutil.copytree(STANDIN, root / STANDIN.name)
    (root / "dbt_project.yml").write_text(
        "name: probe\nprofile: probe\nflags: {send_anonymous_usage_stats: false}\n"
    )
    return root


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[str]:
    """The address of a package hub that has one minimal version of dbt_utils."""
    folder = tmp_path / "hub"
    (folder / "api" / "v1" / "dbt-labs").mkdir(parents=True)
    with ThreadingHTTPServer(("127.0.0.1", 0), lambda *args: QuietHandler(*args, directory=folder)) as server:
        address = f"http://127.0.0.1:{server.server_port}/"
        version = yaml.safe_load((ROOT / "package-lock.yml").read_text())["packages"][0]["version"]
        release = {
            "id": f"dbt-labs/dbt_utils/{version}",
            "name": "dbt_utils",
            "version": version,
            "packages": [],
            "require_dbt_version": [],
            "downloads": {"tarball": f"{address}dbt_utils.tar.gz", "format": "tgz", "sha1": ""},
        }
        listing = {"name": "dbt_utils", "namespace": "dbt-labs", "versions": {version: release}}
        (folder / "api" / "v1" / "dbt-labs" / "dbt_utils.json").write_text(json.dumps(listing))
        (folder / "api" / "v1" / "index.json").write_text('["dbt-labs/dbt_utils"]')
        with tarfile.open(folder / "dbt_utils.tar.gz", "w:gz") as archive:
            for name, text in {
                "dbt_project.yml": "name: dbt_utils\nversion: 0.1.0\n",
                "macros/from_the_hub.sql": "{% macro from_the_hub() %}{% endmacro %}",
            }.items():
                member = tarfile.TarInfo(f"dbt_utils-{version}/{name}")
                member.size = len(text)
                archive.addfile(member, io.BytesIO(text.encode()))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield address
        server.shutdown()
        thread.join()


@pytest.fixture
def silent_hub() -> Iterator[str]:
    """The address of a server that accepts a connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


@pytest.fixture
def closed_hub() -> str:
    """An address on which no server listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}/"


@pytest.fixture
def failing_dbt(fake_dbt: Callable[[str], Path]) -> Path:
    """A dbt that fails, and writes the file `called` in the project."""
    return fake_dbt(
        "def cli():\n    open('called', 'w').close()\n    print('no room\\non the disk')\n    return 1\n"
    )


def setup(project: Path, hub: str, **environment: str | Path) -> tuple[int, str]:
    """Run the script from outside the project. Returns its exit code and what it printed."""
    script = project / "scripts" / "setup_packages.py"
    result = run(script, cwd=project.parent, DBT_PACKAGE_HUB_URL=hub, **environment)
    return result.returncode, result.stdout


def installed(project: Path) -> dict[str, bytes]:
    """The files of the installed dbt_utils, by path."""
    return setup_packages.package_files(project / "dbt_packages" / "dbt_utils")


def test_the_real_package_is_installed_if_the_hub_answers(project: Path, hub: str, closed_hub: str) -> None:
    lock = (project / "package-lock.yml").read_bytes()
    assert setup(project, hub) == (0, "dbt_utils: the real package, from the hub\n")
    assert "macros/from_the_hub.sql" in installed(project)
    assert (project / "package-lock.yml").read_bytes() == lock, "the lock file fits packages.yml"
    # A second run needs no hub and prints nothing. If the lock file has changed, the script installs again.
    assert setup(project, closed_hub) == (0, "")
    assert "macros/from_the_hub.sql" in installed(project)
    later = (project / "dbt_packages").stat().st_mtime + 10
    os.utime(project / "package-lock.yml", (later, later))
    assert "THE STAND-IN" in setup(project, closed_hub)[1]


@pytest.mark.parametrize("network", ["closed_hub", "silent_hub"])
def test_the_stand_in_is_installed_if_the_hub_does_not_answer(
    project: Path, network: str, failing_dbt: Path, request: pytest.FixtureRequest
) -> None:
    code, output = setup(project, request.getfixturevalue(network), PYTHONPATH=failing_dbt)
    assert code == 0
    assert "THE STAND-IN IS IN PLACE" in output
    assert "it does not answer" in output
    assert "`make build`" in output
    assert installed(project) == setup_packages.package_files(STANDIN)
    assert not (project / "called").exists(), "dbt deps was not tried, because it would wait for a long time"
    assert setup(project, request.getfixturevalue(network)) == (0, ""), "each make target runs the script"


def test_a_name_lookup_has_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    lookup_may_end = threading.Event()

    def stuck(*_: Any, **__: Any) -> None:
        lookup_may_end.wait()
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", stuck)
    assert not setup_packages.hub_answers(), "although the lookup has not ended"
    lookup_may_end.set()


def test_the_real_package_replaces_the_stand_in(project: Path, hub: str, closed_hub: str) -> None:
    setup(project, closed_hub)
    assert setup(project, hub) == (0, "dbt_utils: the real package, from the hub\n")
    assert set(installed(project)) == {"dbt_project.yml", "macros/from_the_hub.sql"}


def test_an_old_stand_in_is_replaced(project: Path, closed_hub: str) -> None:
    setup(project, closed_hub)
    (project / STANDIN.name / "macros" / "one_more.sql").write_text("{% macro one_more() %}{% endmacro %}")
    setup(project, closed_hub)
    assert "macros/one_more.sql" in installed(project)


def test_the_stand_in_is_installed_if_dbt_deps_fails_and_the_reason_is_printed(
    project: Path, hub: str, failing_dbt: Path
) -> None:
    code, output = setup(project, hub, PYTHONPATH=failing_dbt)
    assert code == 0
    assert (project / "called").exists()
    assert "THE STAND-IN IS IN PLACE" in output
    assert "(dbt deps failed: on the disk)" in output
    assert installed(project) == setup_packages.package_files(STANDIN)


def test_dbt_deps_has_a_time_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sleeper = tmp_path / "dbt"
    sleeper.write_text("#!/bin/sh\nexec sleep 60\n")
    sleeper.chmod(0o755)
    monkeypatch.setattr(setup_packages, "DBT", sleeper)
    monkeypatch.setattr(setup_packages, "ROOT", tmp_path)
    monkeypatch.setattr(setup_packages, "DEPS_SECONDS", 0.2)
    assert setup_packages.dbt_deps() == "dbt deps did not end within 0 seconds"


def test_a_local_clone_can_be_installed(project: Path, tmp_path: Path, closed_hub: str) -> None:
    clone = tmp_path / "clone"
    (clone / "macros" / "sql").mkdir(parents=True)
    (clone / "dbt_project.yml").write_text("name: dbt_utils\nversion: 0.1.0\n")
    (clone / "macros" / "sql" / "star.sql").write_text("{% macro star() %}{% endmacro %}")
    assert setup(project, closed_hub, PITWALL_DBT_UTILS=clone)[0] == 0
    assert set(installed(project)) == {"dbt_project.yml", "macros/sql/star.sql"}
    code, output = setup(project, closed_hub, PITWALL_DBT_UTILS=tmp_path / "nowhere")
    assert (code, output.count("\n")) == (2, 1)
    assert "holds no dbt package" in output


def test_the_hub_is_the_one_that_dbt_uses() -> None:
    code = "import setup_packages, dbt.clients.registry as dbt_s; "
    code += "print(setup_packages.HUB == dbt_s.DEFAULT_REGISTRY_BASE_URL)"
    for address in ("", "http://127.0.0.1:9/"):
        output = must_run(sys.executable, "-c", code, PYTHONPATH=SCRIPTS, DBT_PACKAGE_HUB_URL=address)
        assert output == "True\n"


# The stand-in has the macros that the project uses, and no others


def uses(text: str) -> list[str]:
    """Every mention of dbt_utils: the macro's name for a plain call such as dbt_utils.star, else the text."""
    return [
        name or f"dbt_utils{rest}"
        for name, rest in re.findall(r"\bdbt_utils\b(?:\.(\w+))?(?=(.{0,20}))", text)
    ]


def test_the_stand_in_has_every_macro_that_the_project_uses() -> None:
    """A mention that is not a plain call fails too: it could be dbt_utils['star']."""
    folders = ("models", "seeds", "snapshots", "macros", "tests", "analyses")
    paths = [
        path
        for folder in folders
        for suffix in ("sql", "yml", "yaml")
        for path in ROOT.glob(f"{folder}/**/*.{suffix}")
    ]
    assert paths
    unknown = {
        f"{path.relative_to(ROOT)}: {use}"
        for path in paths
        for use in uses(path.read_text(encoding="utf-8"))
        if use not in PROVIDED
    }
    assert not unknown, "dbt_utils_standin/ lacks these (add them there, or do not use them)"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{{ dbt_utils.star(x) }}{{ dbt_utils.pivot(y) }}", ["star", "pivot"]),
        ("- dbt_utils.accepted_range:", ["accepted_range"]),
        ("{{ dbt_utils['star'](x) }}", ["dbt_utils['star'](x) }}"]),
        ("{{ dbt_utils .star(x) }}", ["dbt_utils .star(x) }}"]),
        ("{{ adapter.dispatch('star', 'dbt_utils')() }}", ["dbt_utils')() }}"]),
        ("my_dbt_utils.star", []),
    ],
)
def test_every_mention_of_dbt_utils_is_found(text: str, found: list[str]) -> None:
    assert uses(text) == found


def test_the_project_uses_every_macro_of_the_stand_in(simulated_warehouse: Path) -> None:
    manifest = json.loads((simulated_warehouse.parent / ".build" / "target" / "manifest.json").read_text())
    ours = [
        node
        for group in ("nodes", "macros")
        for node in manifest[group].values()
        if node["package_name"] == "pitwall"
    ]
    called = {name for node in ours for name in node["depends_on"].get("macros", [])}
    used = {
        name.split(".")[2].removeprefix("test_") for name in called if name.startswith("macro.dbt_utils.")
    }
    assert PROVIDED - used == set()


# The stand-in's macros do what the documentation of dbt_utils says

ENTRIES = """
select * from (values
    (1, 'a', 10, 'x'), (2, 'a', 10, 'x'), (3, null, null, 'y'), (4, null, null, ''), (5, 'b', 20, null)
) as entries(id, team, points, "Group")
"""
MODELS = {
    "entries": ENTRIES,
    "keys": "".join(
        [
            "select id, {{ dbt_utils.generate_surrogate_key(['id']) }} as of_one,",
            " {{ dbt_utils.generate_surrogate_key(['id', 'team', 'points', '\"Group\"']) }} as of_many,",
            " {{ dbt_utils.generate_surrogate_key(['id + 1', \"date '2021-12-12'\", 'true']) }} as computed",
            f" from ({ENTRIES})",
        ]
    ),
}
EXPRESSION = "expression_is_true"
# The test, its column (None: on the model), its arguments, and the number of failures that it must report.
CASES: list[tuple[str, str | None, dict[str, Any], int]] = [
    (EXPRESSION, None, {"expression": "id < points"}, 0),
    (EXPRESSION, None, {"expression": "id > 4 or points = 10"}, 0),
    (EXPRESSION, None, {"expression": "id > 1 and points is not null"}, 3),
    (EXPRESSION, "points", {"expression": ">= 20"}, 2),
    (EXPRESSION, "team", {"expression": "is not null"}, 2),
]


@pytest.fixture(scope="module", params=["stand-in", "real"])
def outcome(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The failures of each case, and the rows of `keys`, with the stand-in or with the real package."""
    package = STANDIN
    if request.param == "real":
        if "PITWALL_DBT_UTILS" not in os.environ:
            pytest.skip("PITWALL_DBT_UTILS names no clone of the real dbt_utils to compare with")
        package = Path(os.environ["PITWALL_DBT_UTILS"])
    root = tmp_path_factory.mktemp("project")
    shutil.copytree(package / "macros", root / "dbt_packages" / "dbt_utils" / "macros")
    shutil.copy(package / "dbt_project.yml", root / "dbt_packages" / "dbt_utils")
    shutil.copy(ROOT / "packages.yml", root)
    (root / "models").mkdir()
    for name, sql in MODELS.items():
        (root / "models" / f"{name}.sql").write_text(sql)
    on_table: list[dict[str, Any]] = []
    on_column: dict[str, list[dict[str, Any]]] = {}
    for number, (test, column, arguments, _) in enumerate(CASES):
        entry = {f"dbt_utils.{test}": {"name": f"case_{number}", "arguments": arguments}}
        (on_column.setdefault(column, []) if column else on_table).append(entry)
    columns = [{"name": name, "data_tests": tests} for name, tests in on_column.items()]
    model = {"name": "entries", "data_tests": on_table, "columns": columns}
    (root / "models" / "models.yml").write_text(yaml.safe_dump({"models": [model]}))
    flags = {"send_anonymous_usage_stats": False, "warn_error_options": {"error": "all"}}
    (root / "dbt_project.yml").write_text(
        yaml.safe_dump({"name": "probe", "profile": "probe", "flags": flags})
    )
    target = {"type": "duckdb", "path": str(root / "probe.duckdb"), "threads": 1}
    (root / "profiles.yml").write_text(
        yaml.safe_dump({"probe": {"target": "dev", "outputs": {"dev": target}}})
    )
    output = run_dbt("build", cwd=root).stdout
    results = root / "target" / "run_results.json"
    assert results.exists(), output
    failures = {
        result["unique_id"].split(".")[2]: result["failures"]
        for result in json.loads(results.read_text())["results"]
        if result["unique_id"].startswith("test.")
    }
    with duckdb.connect(root / "probe.duckdb", read_only=True) as connection:
        keys = connection.execute("select of_one, of_many, computed from keys order by id").fetchall()
    return {
        "expected": [(*case[:3], case[3]) for case in CASES],
        "found": [(*case[:3], failures[f"case_{number}"]) for number, case in enumerate(CASES)],
        "keys": keys,
    }


def test_generic_tests_report_the_expected_failures(outcome: dict[str, Any]) -> None:
    assert outcome["found"] == outcome["expected"]


def test_surrogate_keys_are_md5_of_the_joined_values(outcome: dict[str, Any]) -> None:
    null = "_dbt_utils_surrogate_key_null_"
    expected = [
        ("1", "1-a-10-x", "2-2021-12-12-true"),
        ("2", "2-a-10-x", "3-2021-12-12-true"),
        ("3", f"3-{null}-{null}-y", "4-2021-12-12-true"),
        ("4", f"4-{null}-{null}-", "5-2021-12-12-true"),
        ("5", f"5-b-20-{null}", "6-2021-12-12-true"),
    ]
    assert outcome["keys"] == [
        tuple(hashlib.md5(text.encode()).hexdigest() for text in row) for row in expected
    ]


# The packages that the default build does not need

ENGINE_PACKAGES = ["dbt.adapters.postgres", "dbt.adapters.spark", "pyspark", "psycopg2", "pyarrow", "s3fs"]


@pytest.mark.parametrize("package", ENGINE_PACKAGES)
def test_the_shared_warehouses_are_built_without_the_packages_of_other_engines(package: str) -> None:
    """In their environment these packages cannot be imported, even if they are installed."""
    result = run(sys.executable, "-c", f"import {package}", **no_engines())
    assert result.returncode == 1
    assert f"No module named '{package}'" in result.stdout


def test_duckdb_polars_and_dbt_are_not_hidden() -> None:
    must_run(sys.executable, "-c", "import dbt.adapters.duckdb, duckdb, polars", **no_engines())
