"""The files for containers and timers: they pass the checks of their tools, and name settings that exist."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import DBT, ROOT, SCRIPTS, TESTS, must_run, run

BIN = Path(sys.executable).parent
EXAMPLE = ROOT / ".env.example"
COMPOSE = ROOT / "compose.yaml"
SYSTEMD = ROOT / "deploy" / "systemd"
CRON = ROOT / "deploy" / "pitwall.cron"
# Variables that the code reads, and that no one sets in .env.
NOT_IN_ENV = {
    "of one build, set by build.py": {
        "PITWALL_WAREHOUSE",
        "PITWALL_SEASONS",
        "PITWALL_RACES",
        "PITWALL_HISTORY",
        "PITWALL_SCHEMA_SUFFIX",
    },
    "set by the Dockerfile": {"PITWALL_DATA", "PITWALL_ADDRESS", "PITWALL_DBT_UTILS"},
    "set by compose.yaml": {"PGHOST", "PGPORT"},
    "set by another command": {
        "PITWALL_TARGET",
        "PITWALL_ENGINE",
        "PITWALL_CLOCK",
        "PITWALL_CAUSE",
        "PITWALL_MANIFEST",
    },
    "a folder that a web server shows, which no container shares": {"PITWALL_PUBLISH_TO"},
    "of the benchmark and the tests": {"PITWALL_REAL_DATA"},
    "of engines that have no image": {
        "SPARK_CONF_DIR",
        "SPARK_REMOTE",
        "REDSHIFT_DATABASE",
        "REDSHIFT_HOST",
        "REDSHIFT_METHOD",
        "REDSHIFT_PASSWORD",
        "REDSHIFT_PORT",
        "REDSHIFT_USER",
    },
    "another way to say PGHOST": {"PGHOSTADDR"},
}
READ = re.compile(r"(?:environ(?:\.get)?[(\[]|getenv\(|env_var\()\s*['\"](\w+)['\"]")
OF_A_DAG = re.compile(r"\bsetting\(\s*\"(\w+)\"")
OURS = re.compile(r"(PITWALL_|PG|AWS_|SPARK_|REDSHIFT_)")
BOUND = re.compile(r"""(?:\.bind\(\(|HTTPServer\(\(|"--host", |"--server.address", )([^,\]]+)""")
BUILD_SETTINGS = {"RAW", "ALSO", "FULL", "UNIT_TESTS", "MAX_BAD_ROWS"}  # the Makefile reads them


def example() -> dict[str, str]:
    """The settings of .env.example, with their values. All are commented out."""
    return dict(re.findall(r"(?m)^#?(\w+)=(.*)$", EXAMPLE.read_text(encoding="utf-8")))


def services() -> dict[str, Any]:
    """The services of compose.yaml."""
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    return found


def of_compose() -> dict[str, str]:
    """The settings that compose.yaml takes from .env, with their defaults."""
    text = COMPOSE.read_text(encoding="utf-8")
    found = dict(re.findall(r"(?<!\$)\$\{(\w+):-([^}]*)\}", text))
    for service in services().values():
        found |= {name: "" for name, value in service.get("environment", {}).items() if value is None}
    return found


def read_by_code() -> set[str]:
    """The variables of ours, and of the servers that we use, that some code of the project reads."""
    found = set()
    for folder in ("scripts", "dags", "dashboard", "macros", "models"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".py", ".sql", ".yml"):
                text = path.read_text(encoding="utf-8")
                found |= set(READ.findall(text)) | {f"PITWALL_{name}" for name in OF_A_DAG.findall(text)}
    found |= set(READ.findall((ROOT / "profiles.yml").read_text(encoding="utf-8")))
    return {name for name in found if OURS.match(name)}


# The settings


def test_every_setting_of_compose_is_in_the_example() -> None:
    assert set(example()) == set(of_compose())


def test_the_example_shows_the_defaults() -> None:
    of_code = {
        "FULL": "0",
        "UNIT_TESTS": "changed",
        "MAX_BAD_ROWS": "0",
        "PITWALL_FETCH_TIMEOUT": "1800",
        "PITWALL_SOURCE": "archive",
        "PITWALL_RETRY_SECONDS": "60",
    }
    assert example() == of_compose() | of_code
    dag = (ROOT / "dags" / "pitwall_after_race.py").read_text(encoding="utf-8")
    assert 'setting("SOURCE", "archive")' in dag
    assert 'setting("RETRY_SECONDS", "60")' in dag
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "\nMAX_BAD_ROWS = 0\n" in makefile
    assert "\nUNIT_TESTS = changed\n" in makefile
    assert 'environ.get("PITWALL_FETCH_TIMEOUT") or "1800"' in (
        SCRIPTS / "pitwall" / "raw" / "fetch.py"
    ).read_text(encoding="utf-8")


def test_the_example_sets_nothing() -> None:
    """So that a copy of it changes nothing."""
    assert not re.findall(r"(?m)^[^#\n].*$", EXAMPLE.read_text(encoding="utf-8"))


def test_every_setting_that_the_code_reads_is_in_the_example() -> None:
    excepted = set[str]().union(*NOT_IN_ENV.values())
    assert read_by_code() - set(example()) == excepted
    assert not excepted & set(example())


def test_every_setting_of_the_example_is_read_by_something() -> None:
    """By our code, by make, or by a server or client that we use."""
    by_others = {name for name in example() if name.startswith(("AWS_", "AIRFLOW_CONN_"))}
    of_compose_alone = set(re.findall(r"\$\{(\w+):-", COMPOSE.read_text(encoding="utf-8")))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(re.search(rf"(?:\$\$|value |origin ){name}\b", makefile) for name in BUILD_SETTINGS)
    known = read_by_code() | BUILD_SETTINGS | by_others | of_compose_alone
    assert set(example()) <= known


def test_dbt_reads_the_same_settings_as_make(tmp_path: Path) -> None:
    """dbt would load .env by itself, and no other program of the project does."""
    (tmp_path / ".env").write_text("PITWALL_LAKE=s3://of-compose\n")
    (tmp_path / "probe.mk").write_text("probe:\n\t@env\n")
    printed = must_run("make", "-f", ROOT / "Makefile", "-f", tmp_path / "probe.mk", "probe", cwd=tmp_path)
    [setting] = re.findall(r"(?m)^PYTHON_DOTENV_DISABLED=(.*)$", printed)
    program = "import os, dotenv; dotenv.load_dotenv('.env'); print(os.environ.get('PITWALL_LAKE'))"
    python = DBT.with_name("python")
    assert must_run(python, "-c", program, cwd=tmp_path, PYTHON_DOTENV_DISABLED="") == "s3://of-compose\n"
    assert must_run(python, "-c", program, cwd=tmp_path, PYTHON_DOTENV_DISABLED=setting) == "None\n"


# The images


def test_the_dockerfile_is_clean() -> None:
    must_run(BIN / "hadolint", ROOT / "Dockerfile")


def test_compose_matches_its_schema() -> None:
    must_run(BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE)


def test_lint_checks_both() -> None:
    [recipe] = re.findall(r"(?ms)^lint: (.+?)^\w", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert "bin/hadolint Dockerfile" in recipe
    assert "vendor.compose-spec compose.yaml" in recipe


def test_every_container_is_locked_down() -> None:
    for name, service in services().items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service, name
        assert service["profiles"], name
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), name
        for volume in service["volumes"]:
            assert re.match(r"\w+:/", volume), f"{name}: {volume} is no named volume"


def test_every_server_has_a_health_check_and_waits_for_what_it_needs() -> None:
    conditions = {"service_healthy", "service_completed_successfully"}
    for name, service in services().items():
        assert ("ports" in service) == ("healthcheck" in service), name
        for other, how in service.get("depends_on", {}).items():
            assert how["condition"] in conditions, name
            assert (how["condition"] == "service_healthy") == ("healthcheck" in services()[other]), name
            # Otherwise compose refuses the profile.
            assert set(service["profiles"]) <= set(services()[other]["profiles"]), name


def test_the_profiles_are_those_that_make_builds() -> None:
    profiles = {profile for service in services().values() for profile in service["profiles"]}
    [listed] = re.findall(r"(?m)^images: PROFILES = (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert set(listed.split()) == profiles
    page = (ROOT / "docs" / "containers.md").read_text(encoding="utf-8")
    assert set(re.findall(r"(?m)^\| `(\w+)` \|", page)) >= profiles


def test_every_extra_of_an_image_has_a_lock_file() -> None:
    extras = [service["build"]["args"]["EXTRAS"] for service in services().values() if "build" in service]
    names = {name for extra in extras if not extra.startswith("$") for name in extra.split()}
    assert names
    assert all((ROOT / "requirements" / f"{name}.txt").is_file() for name in names)


def test_the_images_contain_what_git_has(tmp_path: Path) -> None:
    """Each name in .dockerignore is in git. All else is left out, so no secret is sent to the builder."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    tracked = must_run("git", "ls-files").splitlines()
    for rule in rules[1:]:
        if rule.startswith("!"):
            assert any(name == rule[1:] or name.startswith(f"{rule[1:]}/") for name in tracked), rule


def test_make_says_which_programs_an_image_test_lacks(tmp_path: Path) -> None:
    (tmp_path / "probe.mk").write_text("image-programs: override IMAGE_PROGRAMS = sh no-such-program\n")
    result = run("make", "-f", ROOT / "Makefile", "-f", tmp_path / "probe.mk", "image-programs", cwd=tmp_path)
    assert result.returncode == 2
    assert "images-test: not installed: no-such-program" in result.stdout
    assert "(on Debian: apt install no-such-program" in result.stdout


def test_the_page_has_the_bound_that_the_images_are_held_to() -> None:
    tests = (TESTS / "test_images.py").read_text(encoding="utf-8")
    [bound] = re.findall(r"(?m)^MAX_BYTES = ([\d_]+)$", tests)
    page = " ".join((ROOT / "docs" / "containers.md").read_text(encoding="utf-8").split())
    assert f"is smaller than {int(bound) // 10**6} MB" in page


# Where a server listens


@pytest.mark.parametrize(
    ("named", "expected"), [("", "127.0.0.1"), ("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "0.0.0.0")]
)
def test_a_server_listens_on_this_machine_unless_it_is_in_a_container(
    named: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pitwall.address import address

    monkeypatch.setenv("PITWALL_ADDRESS", named)
    assert address() == expected


def test_a_server_listens_on_no_other_address(monkeypatch: pytest.MonkeyPatch) -> None:
    from pitwall.address import address
    from pitwall.command import PlainError

    monkeypatch.setenv("PITWALL_ADDRESS", "example.org")
    with pytest.raises(PlainError, match=r"PITWALL_ADDRESS=example\.org: set 127\.0\.0\.1"):
        address()


def test_every_server_asks_where_to_listen() -> None:
    """Each socket is bound to `address()`. The address that is printed is the loopback address."""
    for path in SCRIPTS.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "benchmark" not in path.parts and path.name not in ("address.py", "needs.py"):
            assert "127.0.0.1" not in text.replace("http://127.0.0.1", ""), path.name
            assert set(BOUND.findall(text)) <= {"address()"}, path.name


# Health


def test_the_health_check_asks_the_warehouse(simulated_warehouse: Path, tmp_path: Path) -> None:
    script = SCRIPTS / "check_health.py"
    assert re.fullmatch(r"\d+ races\n", must_run(script, PITWALL_DATA=simulated_warehouse.parent))
    result = run(script, PITWALL_DATA=tmp_path)
    assert result.returncode == 2
    assert result.stdout == (
        f"check_health: {tmp_path}/warehouse.duckdb: there is no warehouse yet; run `make build` first\n"
    )


def test_the_health_check_asks_the_server(simulated_warehouse: Path) -> None:
    url = "http://127.0.0.1:9/ping"
    result = run(SCRIPTS / "check_health.py", "--url", url, PITWALL_DATA=simulated_warehouse.parent)
    assert result.returncode == 2
    assert result.stdout.splitlines()[-1].startswith(f"check_health: {url}: ")
    alone = run(SCRIPTS / "check_health.py", "--no-warehouse", "--url", url, PITWALL_DATA="/nowhere")
    assert alone.stdout.startswith(f"check_health: {url}: ")


def test_a_server_with_an_unhealthy_part_is_not_healthy(tmp_path: Path) -> None:
    """Airflow answers with 200 whatever has ended."""
    (tmp_path / "well").write_text('{"scheduler": {"status": "healthy"}}')
    (tmp_path / "ill").write_text('{"scheduler": {"status": "unhealthy"}}')
    for name, code in (("well", 0), ("ill", 2)):
        url = (tmp_path / name).as_uri()
        assert run(SCRIPTS / "check_health.py", "--no-warehouse", "--url", url).returncode == code


def test_an_empty_warehouse_is_not_healthy(tmp_path: Path) -> None:
    import duckdb

    with duckdb.connect(tmp_path / "warehouse.duckdb") as connection:
        connection.execute("create schema marts; create table marts.dim_races (race_id integer)")
    result = run(SCRIPTS / "check_health.py", PITWALL_DATA=tmp_path)
    assert result.returncode == 2
    assert "marts.dim_races has no rows" in result.stdout


# Timers


def verify(*units: Path) -> str:
    """What systemd says of the units. It exits with 0 also if it ignores a line that it does not know."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze: install the package systemd")
    command = ["systemd-analyze", "verify", "--man=no", *units]
    result = subprocess.run(command, capture_output=True, text=True)
    return result.stdout + result.stderr


def test_systemd_has_nothing_to_say_of_the_units() -> None:
    assert verify(SYSTEMD / "pitwall.service", SYSTEMD / "pitwall.timer") == ""


def test_a_misspelt_line_of_a_unit_is_found(tmp_path: Path) -> None:
    for unit in ("pitwall.service", "pitwall.timer"):
        shutil.copy(SYSTEMD / unit, tmp_path)
    service = tmp_path / "pitwall.service"
    service.write_text(service.read_text().replace("StateDirectory=", "StateFolder="))
    assert "StateFolder" in verify(service, tmp_path / "pitwall.timer")


def test_the_timer_and_cron_run_the_same_commands() -> None:
    service = (SYSTEMD / "pitwall.service").read_text(encoding="utf-8")
    commands = re.findall(r"(?m)^ExecStart=/usr/bin/(.+)$", service)
    assert [command.split()[:2] for command in commands] == [["make", "data"], ["make", "build"]]
    [line] = re.findall(r"(?m)^0 6 \* \* 1,2  pitwall  (.+)$", CRON.read_text(encoding="utf-8"))
    assert line == " && ".join(["cd /opt/pitwall", *commands])
    assert "WorkingDirectory=/opt/pitwall\n" in service
    for text in (service, CRON.read_text(encoding="utf-8")):
        assert "PITWALL_DATA=/var/lib/pitwall\n" in text
