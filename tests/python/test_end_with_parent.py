"""A command ends with the one that started it if it is asked to, and goes on otherwise."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import SCRIPTS

from pitwall.command import SECONDS_BETWEEN_LOOKS

# Starts the command in its argument, and ends at once, as a task that is killed.
PARENT = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
sys.stdin.read(1)
os._exit(1)
"""
COMMAND = """
import sys, time
sys.path.insert(0, {scripts!r})
from pathlib import Path
from pitwall.command import exit_code

def work():
    Path({started!r}).touch()
    latest = time.monotonic() + 30
    while not Path({end!r}).exists() and time.monotonic() < latest:
        time.sleep(0.02)
    Path({ended!r}).touch()

sys.exit(exit_code("test", work, Path()))
"""


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for yet does not."""
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout
    return bool(listed.strip()) and not listed.startswith("Z")


@pytest.mark.parametrize(("setting", "goes_on"), [("1", False), ("", True)])
def test_a_command_ends_with_its_parent_if_it_is_asked_to(
    tmp_path: Path, setting: str, goes_on: bool
) -> None:
    files = {name: tmp_path / name for name in ("started", "end", "ended")}
    command = COMMAND.format(scripts=str(SCRIPTS), **{name: str(file) for name, file in files.items()})
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, command],
        env={**os.environ, "PITWALL_END_WITH_PARENT": setting},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout
    child = int(parent.stdout.readline())
    deadline = time.monotonic() + 20
    while not files["started"].exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    parent.communicate("x")
    if goes_on:
        time.sleep(2 * SECONDS_BETWEEN_LOOKS)
        files["end"].touch()
    while is_alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(child)
    assert files["ended"].exists() == goes_on
