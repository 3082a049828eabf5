"""The container images: built and run as compose.yaml says, with podman instead of Docker.

`make images-test` runs this. A user gets the base image from a registry. Here debootstrap makes one of the
same packages, under the same name.
PITWALL_IMAGES=folder keeps the images in a folder, so that the next run builds only what has changed.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import tarfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, must_run

pytestmark = pytest.mark.images

BASE = "docker.io/library/debian:trixie-slim"
SUITE = "trixie"
# What the slim image of Debian lacks.
NOT_SLIM = ("doc", "info", "locale", "man")
PROJECT = "pitwall-images-test"
MAX_BYTES = 600_000_000
SECRET = b"correct-horse-battery-staple"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
COMPOSE = ROOT / ".venv" / "bin" / "podman-compose"
# For a machine without systemd, and for one with it.
CONTAINERS_CONF = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""

Podman = Callable[..., str]


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder for images, containers and settings of podman. Nothing of the user's podman is touched."""
    named = os.environ["PITWALL_IMAGES"]
    folder = tmp_path_factory.mktemp("images") if named == "1" else Path(named).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tmp").mkdir(exist_ok=True)
    (folder / "containers.conf").write_text(CONTAINERS_CONF)
    places = f'graphroot = "{folder}/graph"\nrunroot = "{folder}/run"\n'
    (folder / "storage.conf").write_text(f'[storage]\ndriver = "overlay"\n{places}')
    yield folder
    if named == "1":
        subprocess.run(["podman", "rm", "--all", "--force"], env=settings(folder), capture_output=True)
        subprocess.run(["podman", "rmi", "--all", "--force"], env=settings(folder), capture_output=True)
        subprocess.run(["umount", folder / "graph" / "overlay"], capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


def settings(store: Path) -> dict[str, str]:
    """The environment of podman: its folders, and no setting of the user for compose.yaml."""
    names = re.findall(r"^#(\w+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE)
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in names and not name.startswith(("PITWALL_", "COMPOSE_"))
    }
    return inherited | {
        "CONTAINERS_CONF": f"{store}/containers.conf",
        "CONTAINERS_STORAGE_CONF": f"{store}/storage.conf",
        "BUILDAH_ISOLATION": "chroot",
        "TMPDIR": f"{store}/tmp",
        "BUILD_CA": f"{store}/ca.pem",
        "BUILD_PIP_CONF": f"{store}/pip.conf",
        "DASHBOARD_PORT": str(PORT),
    }


def free_port() -> int:
    """A port of this machine that no program uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


PORT = free_port()


@pytest.fixture(scope="session")
def podman(store: Path) -> Podman:
    """Runs podman. Returns its output."""

    def call(*arguments: str | Path) -> str:
        result = subprocess.run(
            ["podman", *arguments],
            env=settings(store),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, f"podman {arguments}: {result.stdout}{result.stderr}"
        return result.stdout

    return call


@pytest.fixture(scope="session")
def base(store: Path, podman: Podman) -> str:
    """The base image, under the name that the Dockerfile has."""
    if not podman("images", "--quiet", BASE):
        root = store / "base"
        shutil.rmtree(root, ignore_errors=True)
        packages = ["--variant=minbase", "--include=ca-certificates"]
        must_run("debootstrap", *packages, SUITE, str(root))
        for name in NOT_SLIM:
            for path in (root / "usr" / "share" / name).iterdir():
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        must_run("sh", "-c", f"rm -rf {root}/var/lib/apt/lists/* {root}/var/cache/apt/*")
        must_run("tar", "-C", str(root), "-cf", str(store / "base.tar"), ".")
        podman("import", store / "base.tar", BASE)
        shutil.rmtree(root)
        (store / "base.tar").unlink()
    return BASE


@pytest.fixture(scope="session")
def checkout(store: Path) -> Path:
    """A copy of the project as git has it, with secrets beside it that no image may contain."""
    folder = store / "checkout"
    shutil.rmtree(folder, ignore_errors=True)
    for name in must_run("git", "ls-files", "--cached", "--others", "--exclude-standard").splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / "data").mkdir(exist_ok=True)
    for name in (".env", ".pypirc", "data/secret.csv", "docs/key.pem"):
        (folder / name).write_bytes(b"PGPASSWORD=" + SECRET + b"\n")
    index = os.environ.get("PIP_INDEX_URL")
    pip = f"[global]\nindex-url = {index}\n" if index else "[global]\n"
    (store / "pip.conf").write_bytes(pip.encode() + b"# " + SECRET + b"\n")
    trusted = CERTIFICATES.read_bytes() if CERTIFICATES.is_file() else b""
    (store / "ca.pem").write_bytes(trusted + b"# " + SECRET + b"\n" if trusted else b"")
    return folder


@pytest.fixture(scope="session")
def compose(store: Path, checkout: Path) -> Podman:
    """Runs podman-compose in the checkout. Returns its output."""

    def call(*arguments: str) -> str:
        result = subprocess.run(
            [COMPOSE, "--project-name", PROJECT, "--profile", "dashboard", *arguments],
            cwd=checkout,
            env=settings(store),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert result.returncode == 0, f"podman-compose {arguments}: {result.stdout[-3000:]}"
        return result.stdout

    return call


@pytest.fixture(scope="session")
def images(base: str, compose: Podman) -> list[str]:
    """The images of the profile `dashboard`."""
    compose("build")
    return ["pitwall-warehouse", "pitwall-dashboard"]


@pytest.fixture(scope="session")
def running(images: list[str], compose: Podman, podman: Podman) -> Iterator[str]:
    """`podman-compose --profile dashboard up` on new volumes. The name of the dashboard's container."""
    compose("down", "--volumes")
    compose("up", "--detach", "--no-build")
    name = f"{PROJECT}_dashboard_1"
    yield name
    compose("down", "--volumes")


def inspect(podman: Podman, kind: str, name: str) -> dict[str, Any]:
    """What podman knows of an image or a container."""
    found: dict[str, Any] = json.loads(podman(kind, "inspect", name))[0]
    return found


def test_the_image_of_the_warehouse_is_small(images: list[str], podman: Podman) -> None:
    assert inspect(podman, "image", "pitwall-warehouse")["Size"] < MAX_BYTES


def test_no_image_has_a_secret(images: list[str], podman: Podman, store: Path) -> None:
    """Not in a file of any layer, also one that a later layer deletes, and not in the settings."""
    for image in images:
        saved = store / "saved"
        shutil.rmtree(saved, ignore_errors=True)
        podman("save", "--format", "docker-dir", "--output", saved, image)
        files = 0
        for blob in saved.iterdir():
            if not tarfile.is_tarfile(blob):
                assert SECRET not in blob.read_bytes(), f"{image}: {blob.name}"
                continue
            with tarfile.open(blob) as layer:
                for member in layer:
                    name = f"{image}: {member.name}"
                    assert not re.search(
                        r"^(pitwall/(\.env|\.git|\.pypirc|data/.+)|run/secrets/.+)$", member.name
                    ), name
                    if member.isfile() and (content := layer.extractfile(member)):
                        assert SECRET not in content.read(), name
                        files += 1
        assert files > 10_000
        shutil.rmtree(saved)


def test_no_image_runs_as_root(images: list[str], podman: Podman) -> None:
    for image in images:
        config = inspect(podman, "image", image)["Config"]
        user, _, group = config["User"].partition(":")
        assert int(user) > 0
        assert int(group) > 0
        assert not config.get("Volumes"), (
            f"{image}: a volume in the image hides the folder that a user mounts"
        )
        who = podman(
            "run", "--rm", image, "sh", "-c", "id -u; touch /pitwall/x 2> /dev/null || echo not writable"
        )
        assert who.split("\n")[:2] == [user, "not writable"]


def test_the_bytecode_is_compiled(images: list[str], podman: Podman) -> None:
    """dbt starts twice as fast."""
    program = """
import importlib.util, pathlib, struct, sys
packages = next(pathlib.Path(sys.prefix).glob("lib/*/site-packages"))
paths = [path for name in ("dbt", "polars") for path in (packages / name).rglob("*.py")]
for path in [*paths, *pathlib.Path("/pitwall/scripts/pitwall").rglob("*.py")]:
    if "tests" in path.parts:
        continue  # never imported
    header = pathlib.Path(importlib.util.cache_from_source(path)).read_bytes()[:16]
    assert struct.unpack("<4sIII", header)[2] == int(path.stat().st_mtime), path
print(len(paths) > 300)
"""
    assert podman("run", "--rm", "pitwall-warehouse", "python", "-c", program) == "True\n"


def test_the_dashboard_comes_up_on_a_fresh_machine(running: str, podman: Podman) -> None:
    """The championship is simulated and built, then the dashboard shows it."""
    built = f"{PROJECT}_warehouse_1"
    assert inspect(podman, "container", built)["State"]["ExitCode"] == 0
    assert "The data: simulated seasons" in podman("logs", built)
    assert healthy(podman, running), podman("logs", running)
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/_stcore/health", timeout=10) as answer:
        assert answer.read() == b"ok"
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/", timeout=10) as answer:
        assert b"<title>" in answer.read()


def healthy(podman: Podman, container: str) -> bool:
    """Whether the health check of a container passes within a minute. Only systemd would run it."""
    for _ in range(30):
        try:
            podman("healthcheck", "run", container)
        except AssertionError:
            time.sleep(2)
        else:
            return True
    return False


def test_a_container_can_do_no_more_than_it_must(running: str, podman: Podman) -> None:
    for name in (running, f"{PROJECT}_warehouse_1"):
        found = inspect(podman, "container", name)
        assert found["HostConfig"]["ReadonlyRootfs"], name
        assert not found["EffectiveCaps"], name
        assert not found["BoundingCaps"], name
        assert "no-new-privileges" in "".join(found["HostConfig"]["SecurityOpt"]), name
        # No socket of Docker, and no folder of the host.
        assert [(each["Type"], each["Destination"]) for each in found["Mounts"]] == [("volume", "/data")], (
            name
        )
        published = found["HostConfig"]["PortBindings"] or {}
        hosts = {port["HostIp"] for ports in published.values() for port in ports}
        assert hosts <= {"127.0.0.1"}, name
    assert not inspect(podman, "container", running)["Mounts"][0]["RW"]


def test_the_port_is_open_on_this_machine_only(running: str) -> None:
    """Not on the other addresses of this machine."""
    listening = subprocess.run(["ss", "-Hltn"], capture_output=True, text=True).stdout
    assert re.findall(rf"(\S+):{PORT}\s", listening) == ["127.0.0.1"]


def test_the_health_check_fails_without_a_warehouse(running: str, podman: Podman) -> None:
    command = inspect(podman, "container", running)["Config"]["Healthcheck"]["Test"][1:]
    podman("exec", running, *command)
    with pytest.raises(AssertionError, match="there is no warehouse yet"):
        podman("exec", "--env", "PITWALL_DATA=/tmp", running, *command)
    elsewhere = [part.replace(":8501/", ":8502/") for part in command]
    with pytest.raises(AssertionError, match="Connection refused"):
        podman("exec", running, *elsewhere)


def test_the_warehouse_builds_again_without_a_network(running: str, podman: Podman) -> None:
    """Also the readers of the last one are not disturbed."""
    strict = ["--init", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "all", "--network", "none"]
    output = podman(
        "run",
        "--rm",
        *strict,
        "--volume",
        f"{PROJECT}_data:/data",
        "pitwall-warehouse",
        "make",
        "build",
        "FULL=1",
    )
    assert "The warehouse is ready: /data/warehouse.duckdb" in output
    assert healthy(podman, running)
    counted = podman(
        "run",
        "--rm",
        *strict,
        "--volume",
        f"{PROJECT}_data:/data:ro",
        "pitwall-warehouse",
        "sh",
        "-c",
        "echo 'select count(*) > 100 as enough from marts.dim_races;' | make shell",
    )
    assert "true" in counted.lower()


def test_a_stopped_dashboard_ends_at_once(
    running: str, podman: Podman, record_property: Callable[[str, object], None]
) -> None:
    """The last test: it stops the dashboard."""
    podman("stop", "--time", "30", running)
    assert inspect(podman, "container", running)["State"]["ExitCode"] != 137
    sizes = {
        name: inspect(podman, "image", name)["Size"] // 10**6
        for name in ("pitwall-warehouse", "pitwall-dashboard")
    }
    built = ", ".join(f"{name} ({size:,} MB)" for name, size in sizes.items())
    record_property(
        "count",
        f"Built and run with {podman('--version').strip()} and podman-compose: {built}. "
        "Not run: Docker, the base image of the registry, the profiles airflow, ml, postgres and site.",
    )
