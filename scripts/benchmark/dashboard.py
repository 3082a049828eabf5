#!/usr/bin/env python3
"""Measure the dashboard on the last warehouse: its slowest query, how soon it paints, how smooth hovering is.

It starts the dashboard on a free port, opens every view of every page in a headless browser, and prints a
row for each. A revisit is a later visit in the same browser.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

# Python looks for packages in the folder of the script, not in the one above.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pitwall.command import ROOT, Parser, PlainError, exit_code, require
from pitwall.data_folder import data_folder

require("duckdb", "polars", "altair", "streamlit", "playwright", installed_by="make bench-dashboard")

VISITS = 5
SECONDS_TO_HOVER = 3
SECONDS_TO_START = 60
# What docs promise: seconds for a revisit, frames a second, seconds for a query.
PAINT, FRAMES, QUERY = 1.5, 30, 0.1
# Each finding has its chart, its table or the line that says why there is none. A page without any says why.
DRAWN = """
() => {
    const findings = [...document.querySelectorAll('[class*="st-key-finding_"]')];
    return document.querySelector('[data-testid=stApp][data-test-script-state=notRunning]')
        && (findings.length > 0 || document.querySelector('[data-testid=stAlert]'))
        && findings.every(each => each.querySelector('canvas, [data-testid=stAlert]'));
}
"""
# The views of a page, as the parameter that opens each; none for the first, which opens by itself.
VIEWS = """
() => [...document.querySelectorAll('[class*="st-key-"][class*="_view"]')].flatMap(each => {
    const key = each.className.match(/st-key-(\\w+_view)/)[1];
    return [...each.querySelectorAll('button')].slice(1).map(view => ({[key]: view.innerText}));
})
"""
COUNT_FRAMES = """
() => {
    window.frames_seen = 0;
    const step = () => { window.frames_seen += 1; requestAnimationFrame(step); };
    step();
}
"""
# Opens each page in this process, where the time of every query can be taken.
TIME_QUERIES = """
import sys, time
sys.path.insert(0, sys.argv[1])
import duckdb, warehouse  # a server imports DuckDB once
from streamlit.testing.v1 import AppTest
original, slowest = warehouse.duckdb_frame, (0.0, "")
def timed(sql):
    global slowest
    started = time.perf_counter()
    frame = original(sql)
    slowest = max(slowest, (time.perf_counter() - started, sql.splitlines()[0]))
    return frame
warehouse.duckdb_frame = timed
app = AppTest.from_file(sys.argv[1] + "/app.py", default_timeout=120)
if sys.argv[2]:
    app.switch_page("views/" + sys.argv[2] + ".py")
for key, view in zip(sys.argv[3::2], sys.argv[4::2]):
    app.query_params[key] = view
app.run()
print("seconds", slowest[0])
"""


@contextmanager
def started(data: Path) -> Iterator[str]:
    """Run the dashboard; gives its address."""
    command = [sys.executable, str(ROOT / "scripts" / "dashboard.py"), "--port", "0", "--engine", "duckdb"]
    with tempfile.TemporaryFile("w+") as log:
        environment = os.environ | {"PITWALL_DATA": str(data)}
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + SECONDS_TO_START
            while True:
                log.seek(0)
                said = log.read()
                if found := re.search(r"URL: (\S+)", said):
                    break
                if process.poll() is not None or time.monotonic() > deadline:
                    raise PlainError(f"the dashboard does not start: {said.strip()}")
                time.sleep(0.1)
            yield found[1]
        finally:
            process.terminate()
            process.wait()


def paint(page: Any, address: str) -> float:
    """Seconds from a visit until all charts are drawn."""
    began = time.perf_counter()
    page.goto(address)
    page.wait_for_function(DRAWN, timeout=120_000, polling=20)
    took = time.perf_counter() - began
    if errors := page.locator("[data-testid=stException]").all_inner_texts():
        raise PlainError(f"{address}: {errors[0].splitlines()[0]}")
    return took


def hover(page: Any) -> float:
    """Frames a second while the pointer moves over the chart with the most lines; 0 without a chart."""
    chart = page.locator("[data-testid=stVegaLiteChart] canvas").first
    if not chart.count():
        return 0.0
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    page.evaluate(COUNT_FRAMES)
    before, began, step = page.evaluate("window.frames_seen"), time.perf_counter(), 0
    while time.perf_counter() - began < SECONDS_TO_HOVER:
        share = step % 100 / 100
        page.mouse.move(
            box["x"] + box["width"] * (0.1 + 0.8 * share), box["y"] + box["height"] * (0.2 + 0.6 * share)
        )
        step += 1
    return float((page.evaluate("window.frames_seen") - before) / (time.perf_counter() - began))


def slowest_query(data: Path, path: str, view: dict[str, str]) -> float:
    """Seconds of the slowest query of a view of a page, with opening the warehouse."""
    command = [sys.executable, "-c", TIME_QUERIES, str(ROOT / "dashboard"), path, *chain(*view.items())]
    environment = os.environ | {"PITWALL_DATA": str(data), "PITWALL_ENGINE": "duckdb"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    found = re.search(r"^seconds (\S+)", result.stdout, re.MULTILINE)
    if not found:
        raise PlainError(f"{path}: {result.stderr.strip().splitlines()[-1]}")
    return float(found[1])


def measure(browser_path: str) -> None:
    """Print a row for each page, and whether it keeps what is promised."""
    # Of an extra: the result of mypy must not depend on whether it is installed.
    from playwright.sync_api import sync_playwright  # type: ignore[import-not-found,unused-ignore]

    data = data_folder().absolute()
    with started(data) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        paint(page, address)
        links = page.evaluate("[...document.querySelectorAll('a[href]')].map(each => each.pathname)")
        paths = dict.fromkeys(link.strip("/") for link in links)
        print(f"{'page':<28} {'first, s':>9} {'revisit, s':>11} {'frames/s':>9} {'slowest query, s':>17}")
        missed = []
        for path in paths:
            paint(page, f"{address}/{path}")
            for view in [{}, *page.evaluate(VIEWS)]:
                opened = f"{address}/{path}?{urlencode(view)}"
                first, *again = [paint(page, opened) for _ in range(VISITS)]
                frames, query = hover(page), slowest_query(data, path, view)
                name = ": ".join([path or "(start page)", *view.values()])
                revisit = sorted(again)[len(again) // 2]
                print(f"{name:<28} {first:>9.2f} {revisit:>11.2f} {frames:>9.0f} {query:>17.3f}", flush=True)
                if revisit > PAINT or 0 < frames < FRAMES or query > QUERY:
                    missed.append(name)
        browser.close()
    print(f"Promised: a revisit in {PAINT} s, {FRAMES} frames/s, a query in {QUERY} s.", end=" ")
    print(f"Missed by: {', '.join(missed)}." if missed else "All keep it.")


def main() -> int:
    """The command line. Returns the exit code: 0 done, 2 failed with one line on stderr."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()

    def action() -> None:
        browser = next(
            filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
        )
        if not browser:
            raise PlainError("no browser: install the package chromium")
        measure(browser)

    return exit_code("dashboard", action, ROOT / "dashboard")


if __name__ == "__main__":
    sys.exit(main())
