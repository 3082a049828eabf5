"""The data folder: what is Pitwall's in it is marked, and nothing of the user's is deleted."""

from pathlib import Path

import pytest
from conftest import SCRIPTS, must_run, run

from pitwall.command import PlainError
from pitwall.data_folder import REPLACED, check_kept, locked, recover, swap

MARKER = ".pitwall"


@pytest.mark.parametrize("name", REPLACED)
def test_a_folder_with_files_of_the_user_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "diary.txt").write_text("mine")
    with pytest.raises(PlainError, match=f"{name}: exists, and Pitwall would replace it"), locked(tmp_path):
        pass
    assert (tmp_path / name / "diary.txt").read_text() == "mine"
    assert not (tmp_path / MARKER).exists()


def test_a_folder_with_other_files_is_marked_and_they_stay(tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("mine")
    with locked(tmp_path):
        (tmp_path / "parquet").mkdir()
    with locked(tmp_path):  # now it is ours
        assert "parquet" in (tmp_path / MARKER).read_text()
    assert (tmp_path / "diary.txt").read_text() == "mine"


def test_a_folder_of_an_earlier_version_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "parquet").mkdir()
    (tmp_path / "parquet" / "load_manifest.parquet").touch()
    with locked(tmp_path):
        assert (tmp_path / MARKER).is_file()


@pytest.mark.parametrize("name", REPLACED)
@pytest.mark.parametrize("inside", [".", "mine/csv"])
def test_files_of_the_user_in_a_folder_that_is_replaced_are_refused(
    tmp_path: Path, name: str, inside: str
) -> None:
    raw = tmp_path / name / inside
    raw.mkdir(parents=True)
    link = tmp_path / "link"
    link.symlink_to(raw)
    for path in (raw, link):
        with pytest.raises(PlainError, match="which Pitwall replaces"):
            check_kept(path, tmp_path)
    for path in (tmp_path, tmp_path / "raw", tmp_path / f"{name}s"):
        check_kept(path, tmp_path)


@pytest.mark.parametrize(
    "name", ["parquet", "parquet.new", "parquet.old", "quarantine", "quarantine.new", ".tmp"]
)
@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_file_or_a_link_with_the_name_of_a_folder_stops_no_run(
    tmp_path: Path, name: str, kind: str
) -> None:
    """A link is removed, and what it leads to stays."""
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "diary.txt").touch()
    data = tmp_path / "data"
    with locked(data):
        (data / "parquet").mkdir()
        recover(data)
        (data / "parquet").rmdir()
        if kind == "link":
            (data / name).symlink_to(mine)
        else:
            (data / name).touch()
        recover(data)
        (data / "parquet.new").mkdir()
        (data / "quarantine.new").mkdir()
        swap(data)
    assert not (data / name).is_symlink()
    assert (data / name).is_dir() == (name in ("parquet", "quarantine"))
    assert (mine / "diary.txt").exists()


def test_a_conversion_of_quarantined_files_deletes_none(one_season: Path, tmp_path: Path) -> None:
    raw, data = one_season / "raw", tmp_path / "data"
    convert = SCRIPTS / "csv_to_parquet.py"
    must_run(convert, raw, PITWALL_DATA=data)
    (data / "quarantine").joinpath("mine.csv").write_text("mine")
    result = run(convert, data / "quarantine", PITWALL_DATA=data)
    assert result.returncode == 2
    assert result.stdout.count("\n") == 1
    assert "which Pitwall replaces; move it to another folder, for example" in result.stdout
    assert (data / "quarantine" / "mine.csv").is_file()


def test_a_home_as_data_folder_loses_nothing(one_season: Path, tmp_path: Path) -> None:
    for name in (".tmp", "quarantine"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "diary.txt").write_text("mine")
    result = run(SCRIPTS / "csv_to_parquet.py", one_season / "raw", PITWALL_DATA=tmp_path)
    assert result.returncode == 2
    assert result.stdout.count("\n") == 1
    assert "name another folder with PITWALL_DATA" in result.stdout
    assert len(list(tmp_path.rglob("diary.txt"))) == 2
