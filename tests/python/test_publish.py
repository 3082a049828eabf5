"""scripts/publish.py replaces what a web server shows as a whole."""

from pathlib import Path

import pytest
from conftest import SCRIPTS, run

# pitwall.release imports packages of the extra.
pytest.importorskip("frictionless")
pytestmark = pytest.mark.extra


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with two releases."""
    for version in ("2025-03-02", "2025-03-09"):
        release(tmp_path / "data", version)
    return tmp_path / "data"


def release(data: Path, version: str) -> None:
    folder = data / "releases" / version
    folder.mkdir(parents=True)
    (folder / "dim_seasons.parquet").write_text(version)


def publish(data: Path, public: Path) -> tuple[int, str]:
    result = run(SCRIPTS / "publish.py", public, PITWALL_DATA=data)
    return result.returncode, result.stdout


def test_the_newest_release_replaces_the_last_one(data: Path, tmp_path: Path) -> None:
    public = tmp_path / "www" / "f1"
    assert publish(data, public) == (0, f"Release 2025-03-09 is published: {public}\n")
    assert (public / "dim_seasons.parquet").read_text() == "2025-03-09"
    assert publish(data, public)[0] == 0
    release(data, "2025-03-09-2")
    assert publish(data, public)[0] == 0
    assert (public / "dim_seasons.parquet").read_text() == "2025-03-09-2"
    assert sorted(path.name for path in public.parent.iterdir()) == ["f1", "f1.2025-03-09-2"]


def test_a_reader_finds_the_folder_at_every_moment(data: Path, tmp_path: Path) -> None:
    """The name is changed by a rename: it is never gone."""
    public = tmp_path / "f1"
    publish(data, public)
    before = public.lstat().st_ino
    release(data, "2025-03-16")
    publish(data, public)
    assert public.is_symlink()
    assert public.lstat().st_ino != before


def test_a_folder_of_the_user_is_kept(data: Path, tmp_path: Path) -> None:
    public = tmp_path / "mine"
    public.mkdir()
    (public / "file").touch()
    code, said = publish(data, public)
    assert (code, said) == (
        2,
        f"publish: {public}: exists, and is not the link that this makes; name another folder\n",
    )
    assert (public / "file").exists()


def test_without_a_release_it_says_what_to_do(tmp_path: Path) -> None:
    code, said = publish(tmp_path / "data", tmp_path / "public")
    assert (code, said.count("\n")) == (2, 1)
    assert "there is no release yet; run `make release` first" in said
    assert not (tmp_path / "public").exists()
