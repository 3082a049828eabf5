#!/usr/bin/env python3
"""Install dbt_utils in dbt_packages/: the real package if dbt's package hub answers, else the stand-in.

`dbt deps` needs 15 seconds to find out that it cannot reach the hub, and dbt then refuses to run. This
command needs one second, and falls back on dbt_utils_standin/, which has only the macros that the project
uses. PITWALL_DBT_UTILS=<folder of a clone> installs that clone instead.
"""

import argparse
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

from pitwall.command import ROOT, Parser, PlainError, exit_code, require

STANDIN = ROOT / "dbt_utils_standin"
INSTALLED = ROOT / "dbt_packages" / "dbt_utils"
HUB = os.environ.get("DBT_PACKAGE_HUB_URL") or "https://hub.getdbt.com/"
DBT = Path(sys.executable).with_name("dbt")
PROBE_SECONDS = 1.0
DEPS_SECONDS = 90.0


def hub_answers() -> bool:
    """Whether the hub knows dbt_utils. Takes at most PROBE_SECONDS.

    It asks in a thread, because no timeout of requests covers a slow name lookup.
    """
    import requests  # slow to import. dbt asks with it too, so proxies and certificates are the same

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
    """Run `dbt deps`. Returns None if it worked, else why it failed."""
    folders: list[str | Path] = ["--project-dir", ROOT, "--profiles-dir", ROOT]
    command = [DBT, "--no-use-colors", "deps", *folders]
    environment = {**os.environ, "DO_NOT_TRACK": "1"}
    try:
        result = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=DEPS_SECONDS
        )
    except subprocess.TimeoutExpired:
        return f"dbt deps did not end within {DEPS_SECONDS:.0f} seconds"
    if result.returncode == 0:
        return None
    output = (result.stdout + result.stderr).strip() or "no output"
    return f"dbt deps failed: {output.splitlines()[-1].strip()}"


def package_files(package: Path) -> dict[str, bytes]:
    """The files of a dbt package that count, by path: its project file and its macros."""
    paths = [package / "dbt_project.yml", *package.glob("macros/**/*.sql")]
    return {path.relative_to(package).as_posix(): path.read_bytes() for path in paths if path.is_file()}


def install(package: Path) -> bool:
    """Copy a dbt package to INSTALLED. Returns False if the same was there already."""
    if package_files(package) == package_files(INSTALLED):
        return False
    shutil.rmtree(INSTALLED, ignore_errors=True)
    for path in package_files(package):
        (INSTALLED / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(package / path, INSTALLED / path)
    return True


def is_real_installed() -> bool:
    """Whether the real package is installed, and the lock file has not changed since."""
    project = INSTALLED / "dbt_project.yml"
    if not project.is_file() or "standin" in project.read_text(encoding="utf-8"):
        return False
    return INSTALLED.parent.stat().st_mtime >= (ROOT / "package-lock.yml").stat().st_mtime


def setup() -> None:
    """Install what this machine can get, and print what it is unless it was there already."""
    if clone := os.environ.get("PITWALL_DBT_UTILS"):
        if "dbt_project.yml" not in package_files(Path(clone)):
            raise PlainError(f"PITWALL_DBT_UTILS: {clone} holds no dbt package; name the folder of a clone")
        if install(Path(clone)):
            print(f"dbt_utils: the clone in {clone}")
        return
    if is_real_installed():
        return
    problem = dbt_deps() if hub_answers() else "it does not answer"
    if not problem:
        print("dbt_utils: the real package, from the hub", flush=True)
    elif install(STANDIN):
        print(
            f"dbt_utils: THE STAND-IN IS IN PLACE, not the package of the hub at {HUB} ({problem}).\n"
            "           Tables and test results are the same. When the hub can be reached, the next\n"
            "           `make build` installs the real package; so does `.venv/bin/dbt deps`.",
            flush=True,
        )


def main() -> int:
    """The command line. Returns the exit code: 0 done, 2 failed with one line on stderr."""
    Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    require("dbt", "requests")
    return exit_code("setup_packages", setup, INSTALLED)


if __name__ == "__main__":
    sys.exit(main())
