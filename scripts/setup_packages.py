#!/usr/bin/env python3
"""Put dbt_utils into dbt_packages/: the real package where the hub answers, else the stand-in.

`dbt deps` takes a quarter of a minute to find out that it cannot reach the hub, and dbt then refuses to run.
This finds out in a second, and falls back on dbt_utils_standin/: just the macros that the project uses.
PITWALL_DBT_UTILS=<folder of a clone> puts that clone in place instead.
"""

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

from pitwall.command import ROOT, PlainError, exit_code

STANDIN = ROOT / "dbt_utils_standin"
INSTALLED = ROOT / "dbt_packages" / "dbt_utils"
HUB = os.environ.get("DBT_PACKAGE_HUB_URL") or "https://hub.getdbt.com/"
DBT = Path(sys.executable).with_name("dbt")
PROBE_SECONDS = 1.0
DEPS_SECONDS = 90.0


def hub_answers() -> bool:
    """Whether the hub knows dbt_utils, found out within PROBE_SECONDS whatever the network does.

    In a thread of its own, as no timeout of requests covers a slow name lookup.
    """
    import requests  # slow; what dbt itself asks with: the same proxies, the same certificates

    answers: list[bool] = []

    def ask() -> None:
        try:
            url = f"{HUB}api/v1/dbt-labs/dbt_utils.json"
            with requests.get(url, timeout=PROBE_SECONDS, stream=True) as answer:
                answers.append(answer.ok)
        except requests.RequestException:
            answers.append(False)

    probe = threading.Thread(target=ask, daemon=True)
    probe.start()
    probe.join(PROBE_SECONDS)
    return answers == [True]


def dbt_deps() -> str | None:
    """Run `dbt deps`. Returns None if it worked, else its last words."""
    command = [DBT, "--no-use-colors", "deps", "--project-dir", ROOT, "--profiles-dir", ROOT]
    environment = {**os.environ, "DO_NOT_TRACK": "1"}
    try:
        result = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=DEPS_SECONDS
        )
    except subprocess.TimeoutExpired:
        return f"dbt deps did not end within {DEPS_SECONDS:.0f} seconds"
    if result.returncode == 0:
        return None
    said = (result.stdout + result.stderr).strip() or "it says nothing"
    return f"dbt deps failed: {said.splitlines()[-1].strip()}"


def files(package: Path) -> dict[str, bytes]:
    """What makes a dbt package: its project file and its macros, by path."""
    paths = [package / "dbt_project.yml", *package.glob("macros/**/*.sql")]
    return {path.relative_to(package).as_posix(): path.read_bytes() for path in paths if path.is_file()}


def install(package: Path) -> None:
    """Copy a dbt package into place, unless the same is there already."""
    if files(package) == files(INSTALLED):
        return
    shutil.rmtree(INSTALLED, ignore_errors=True)
    for path in files(package):
        (INSTALLED / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(package / path, INSTALLED / path)


def real_is_installed() -> bool:
    """Whether the real package is in place, and put there after the lock file last changed."""
    project = INSTALLED / "dbt_project.yml"
    if not project.is_file() or "standin" in project.read_text(encoding="utf-8"):
        return False
    return INSTALLED.parent.stat().st_mtime >= (ROOT / "package-lock.yml").stat().st_mtime


def setup() -> None:
    """Bring dbt_packages/ into the state that the machine allows, and say so if it is not the usual one."""
    if clone := os.environ.get("PITWALL_DBT_UTILS"):
        if "dbt_project.yml" not in files(Path(clone)):
            raise PlainError(f"PITWALL_DBT_UTILS: {clone} holds no dbt package")
        install(Path(clone))
        print(f"dbt_utils: the clone in {clone}")
        return
    if real_is_installed():
        return
    problem = dbt_deps() if hub_answers() else "it does not answer"
    if problem:
        install(STANDIN)
        print(
            f"dbt_utils: THE STAND-IN IS IN PLACE, not the package of the hub at {HUB} ({problem}).\n"
            "           Tables and test results come out the same. Once the hub can be reached, the next\n"
            "           `make build` puts the real one in place; so does `dbt deps`.",
            flush=True,
        )
    else:
        print("dbt_utils: the real package, from the hub", flush=True)


if __name__ == "__main__":
    sys.exit(exit_code("setup_packages", setup, INSTALLED))
