"""Nothing is replaced that was not meant, and nothing has its name before it is whole."""

from pathlib import Path
from typing import Any

import pytest

from ecom.errors import DataError
from ecom.serving.bulk.target import Target

PLAN: dict[str, Any] = {
    "package": "0",
    "files": {},
    "parts": {"part-00000-01234567.parquet": {}},
}


def test_a_file_that_fails_has_no_name_and_leaves_the_old_one(tmp_path: Path) -> None:
    target = Target(str(tmp_path / "out.csv"), folder=False)
    target.begin(PLAN, overwrite=False)
    (tmp_path / "out.csv").write_text("old")

    def write_half() -> None:
        with target.renamed(target.path) as opened:
            opened.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()

    assert (tmp_path / "out.csv").read_text() == "old"


def test_what_another_run_wrote_is_replaced_only_if_asked(tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("old")
    target = Target(str(tmp_path / "out.csv"), folder=False)

    with pytest.raises(DataError, match="is there already"):
        target.begin(PLAN, overwrite=False)

    assert target.begin(PLAN, overwrite=True)
    assert (tmp_path / "out.csv").read_text() == "old"  # until the new one is whole


def test_a_folder_of_other_files_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "a.txt").write_text("dear")
    target = Target(str(tmp_path / "letters"), folder=True)

    for overwrite in (False, True):
        with pytest.raises(DataError, match="is not of this command"):
            target.begin(PLAN, overwrite=overwrite)

    assert [path.name for path in (tmp_path / "letters").iterdir()] == ["a.txt"]


def test_a_file_does_not_become_a_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")

    with pytest.raises(DataError, match="is no folder"):
        Target(str(tmp_path / "out"), folder=True).begin(PLAN, overwrite=True)


def test_a_name_must_tell_the_kind(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"must end in \.csv, \.parquet, \.pq"):
        Target(str(tmp_path / "out.txt"), folder=False)


def test_a_note_that_was_cut_off_counts_as_none(tmp_path: Path) -> None:
    target = Target(str(tmp_path / "out"), folder=True)
    target.begin(PLAN, overwrite=False)
    (name,) = PLAN["parts"]
    Path(target.part(name)).write_bytes(b"part")
    assert not target.has(name)
    Path(target.note(name)).write_text('{"rows":')
    assert not target.has(name)

    target.write_json(target.note(name), {"rows": 1})

    assert target.has(name)


@pytest.mark.parametrize(
    "name", ["out.csv.manifest.json", "out.csv.bad_rows.csv", ".out.csv.scoring"]
)
def test_what_only_looks_like_a_job_s_is_not_touched(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{}")

    for overwrite in (False, True):
        with pytest.raises(DataError, match="is not of this command"):
            Target(str(tmp_path / "out.csv"), folder=False).begin(PLAN, overwrite=overwrite)

    assert (tmp_path / name).read_text() == "{}"


def test_a_folder_with_a_foreign_work_folder_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "out" / "_work").mkdir(parents=True)
    (tmp_path / "out" / "_work" / "mine").write_text("mine")

    with pytest.raises(DataError, match="is not of this command"):
        Target(str(tmp_path / "out"), folder=True).begin(PLAN, overwrite=True)

    assert (tmp_path / "out" / "_work" / "mine").exists()


@pytest.mark.parametrize("ours", [False, True])
def test_an_empty_work_folder_is_in_nobody_s_way(tmp_path: Path, *, ours: bool) -> None:
    target = Target(str(tmp_path / "out"), folder=True)
    if ours:
        target.begin(PLAN, overwrite=False)
        target.write_json(target.manifest, {"plan": PLAN})
        target.remove(target.work)
    Path(target.work).mkdir(parents=True)

    assert target.begin(PLAN | {"package": "1"}, overwrite=True)
