"""The dashboard in a real browser: no error on any page, no request that leaves the machine.

PITWALL_SCREENSHOTS names a folder for pictures of every page, wide and narrow, light and dark.
"""

import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import Any
from urllib.parse import urlsplit

import pytest
from conftest import ROOT, SCRIPTS, environment_of

pytestmark = pytest.mark.extra
for package in ("altair", "playwright", "streamlit"):
    pytest.importorskip(package, reason="no dashboard or no browser: `make dashboard browser-extra`")
CHROMIUM = which("chromium") or which("chromium-browser") or which("google-chrome")
if not CHROMIUM:
    pytest.skip("no browser: install the package chromium", allow_module_level=True)

from dashboard_app import page_names  # noqa: E402
from playwright.sync_api import Page, sync_playwright  # noqa: E402

PAGES = page_names()
# In a page: what a reader would trip over.
PROBLEMS = (ROOT / "tests" / "python" / "page_problems.js").read_text(encoding="utf-8")
# What is behind the switches of a page.
BEHIND = [
    "?table=constructors&measure=gap+to+the+leader",
    "race?race_view=Pace",
    "race?race_view=Pace&green=true",
    "race?race_view=Stops",
    "drivers?driver_view=Head+to+head",
    "drivers?driver_view=Head+to+head&driver_races=All",
    "constructors?team_view=Reliability",
    "constructors?team_view=Reliability&causes_by=Season&causes_of=All+constructors",
    "circuits?circuit_view=Compare+circuits",
    "circuits?circuit_view=Compare+circuits&circuits_by=Attrition",
    "trust?trust_view=Source",
    "trust?trust_view=Freshness",
    "trust?trust_view=Builds",
]
# Streamlit's page asks for these below its own address first, and then where they are.
ASKED_TWICE = re.compile(r"/\w+/_stcore/(?:health|host-config)$")
# Each finding has its chart, its table or the line that says why there is none.
DRAWN = """
() => {
    const findings = [...document.querySelectorAll('[class*="st-key-finding_"]')];
    return findings.length > 0 && findings.every(each => each.querySelector('canvas, [data-testid=stAlert]'));
}
"""
DONE = '[data-testid="stApp"][data-test-script-state="notRunning"]'


@pytest.fixture(scope="module")
def server(simulated_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a dashboard on a simulated warehouse, started by its command."""
    log = tmp_path_factory.mktemp("dashboard") / "log"
    environment = environment_of({"PITWALL_DATA": simulated_warehouse.parent})
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, SCRIPTS / "dashboard.py", "--port", "0"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        deadline = time.monotonic() + 60
        while not (found := re.search(r"URL: (http://127\.0\.0\.1:\d+)", log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        address = found[1]
        with urllib.request.urlopen(f"{address}/_stcore/health") as response:
            assert response.status == 200
        yield address
    finally:
        process.terminate()
        code = process.wait(20)
    assert code in (0, -15), log.read_text()
    assert "Traceback" not in log.read_text()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser that finds no other machine."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"],
        )
        yield started
        started.close()


def open_page(browser: Any, address: str, width: int, scheme: str) -> tuple[Page, list[str], list[str]]:
    """Open an address and wait until all charts are drawn. Returns the page, its errors and its requests."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    errors: list[str] = []
    requests: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.on("websocket", lambda socket: requests.append(socket.url))
    page.on(
        "console",
        lambda message: (
            errors.append(f"{message.text} {message.location.get('url')}")
            if message.type == "error" and not ASKED_TWICE.search(message.location.get("url") or "")
            else None
        ),
    )
    page.goto(address)
    page.wait_for_selector('[data-testid="stHeading"]', timeout=60_000)
    page.wait_for_selector(DONE, timeout=60_000)
    page.wait_for_function(DRAWN, timeout=60_000)
    return page, errors, requests


@pytest.mark.parametrize(
    ("width", "scheme"), [pytest.param(1440, "light", marks=pytest.mark.slow), (390, "dark")]
)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_without_error_and_asks_nobody_else(
    name: str, width: int, scheme: str, server: str, browser: Any
) -> None:
    address = f"{server}/{'' if name == PAGES[0] else name}"
    page, errors, requests = open_page(browser, address, width, scheme)
    assert errors == []
    assert len(requests) > 5
    elsewhere = [
        url
        for url in requests
        if urlsplit(url).hostname != "127.0.0.1" and not url.startswith(("data:", "blob:"))
    ]
    assert elsewhere == []
    assert page.evaluate(PROBLEMS) == []
    if folder := os.environ.get("PITWALL_SCREENSHOTS"):
        height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
        page.set_viewport_size({"width": width, "height": min(height + 80, 12_000)})
        page.wait_for_timeout(1500)
        page.screenshot(path=Path(folder) / f"{name}_{width}_{scheme}.png")
    page.close()


def test_the_first_page_has_an_address_too(server: str, browser: Any) -> None:
    page, errors, _ = open_page(browser, f"{server}/{PAGES[0]}?season=2023", 1440, "light")
    assert errors == []
    assert "Page not found" not in page.inner_text("body")
    assert "2023: " in page.inner_text('[data-testid="stHeading"] >> nth=1')
    page.close()


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(1440, "dark"), (390, "light")])
@pytest.mark.parametrize("address", BEHIND)
def test_what_is_behind_a_switch_can_be_read(
    address: str, width: int, scheme: str, server: str, browser: Any
) -> None:
    page, errors, _ = open_page(browser, f"{server}/{address}", width, scheme)
    assert page.evaluate(PROBLEMS) + errors == []
    page.close()


def test_a_choice_is_in_the_address(server: str, browser: Any) -> None:
    page, errors, _ = open_page(browser, f"{server}/?season=2023&table=constructors", 1440, "light")
    assert "2023: " in page.inner_text('[data-testid="stHeading"] >> nth=1')
    page.get_by_role("combobox", name=re.compile("Show")).click()
    page.get_by_role("option", name="gap to the leader").click()
    page.wait_for_function("location.search.includes('measure=gap')", timeout=20_000)
    assert "season=2023" in page.url
    assert "table=constructors" in page.url
    assert errors == []
    page.close()
