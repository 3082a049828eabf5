"""The catalog: one HTML page of dbt that needs no network, with every table and column of a warehouse."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from pitwall.command import ROOT, PlainError, use_colors, wants_events
from pitwall.data_folder import data_folder
from pitwall.warehouse.engines import check_available, warehouse_of

# Options of dbt that the user has set for other projects, and where a build puts what is not finished.
NOT_INHERITED = ("DBT_", "PITWALL_WAREHOUSE", "PITWALL_SCHEMA_SUFFIX", "PITWALL_HISTORY", "PITWALL_SPARK")
# dbt writes the folder of each package and of each compiled file into the page. A page that is published must
# not say where it was made.
ROOT_PATH = re.compile(r'("root_path": ?)"(?:[^"\\]|\\.)*"')


def generate(engine: str, target: Path) -> Path:
    """Run dbt on the engine's last warehouse. Returns the path of the page.

    Args:
        engine: whose warehouse.
        target: the folder for the page and for dbt's manifest.json and catalog.json.

    Raises:
        PlainError: there is no warehouse, or dbt failed.
    """
    check_available(engine)
    data = data_folder()
    warehouse = warehouse_of(engine, data)
    target.mkdir(parents=True, exist_ok=True)
    colors = "--use-colors" if use_colors() else "--no-use-colors"
    command: list[str | Path] = [Path(sys.executable).with_name("dbt"), "--quiet", colors]
    command += ["--log-format", "json"] if wants_events() else []
    # dbt makes the folder of its logs even if it writes none. By default it is in the project.
    command += ["--log-level-file", "none", "--log-path", target / "logs"]
    command += ["docs", "generate", "--static", "--target", warehouse.target]
    command += ["--target-path", target, "--project-dir", ROOT, "--profiles-dir", ROOT]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(NOT_INHERITED)}
    environment = {**inherited, "DO_NOT_TRACK": "1", **warehouse.reading()}
    if Path.cwd() != ROOT:  # else as it is: dbt parses the whole project again if the path differs
        environment["PITWALL_DATA"] = str(data.absolute())
    if code := subprocess.run(command, cwd=ROOT, env=environment).returncode:
        raise PlainError(f"dbt docs generate failed with exit code {code}, for the reason above")
    page = target / "static_index.html"
    text = ROOT_PATH.sub(r'\1""', page.read_text(encoding="utf-8"))
    for folder in (target.absolute(), ROOT):
        text = text.replace(f"{json.dumps(str(folder))[1:-1]}/", "")
    page.write_text(text, encoding="utf-8")
    return page


def manifest_of(page: Path) -> dict[str, Any]:
    """dbt's manifest that was written beside a page."""
    manifest: dict[str, Any] = json.loads((page.parent / "manifest.json").read_text(encoding="utf-8"))
    return manifest
