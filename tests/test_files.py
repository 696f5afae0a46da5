import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.conftest import needs_posix
from xlbackprop.errors import UnusableInput
from xlbackprop.files import temporary_folder, written_whole


def left_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "book.xlsx"
    with written_whole(target, force=False) as unfinished:
        unfinished.write_text("half")
        assert not target.exists()
        unfinished.write_text("whole")
    assert target.read_text() == "whole"
    assert left_in(tmp_path) == {"book.xlsx"}


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), written_whole(tmp_path / "book.xlsx", force=False) as unfinished:
        unfinished.write_text("half")
        raise ZeroDivisionError
    assert left_in(tmp_path) == set()


def test_a_failure_leaves_the_old_file_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "book.xlsx"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), written_whole(target, force=True) as unfinished:
        unfinished.write_text("half")
        raise ZeroDivisionError
    assert target.read_text() == "old"


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    target = tmp_path / "book.xlsx"
    with pytest.raises(UnusableInput, match=r"book.xlsx could not be written: no space left on device\."):
        with written_whole(target, force=False):
            raise OSError(28, "No space left on device")
    assert left_in(tmp_path) == set()


def test_an_existing_file_is_replaced_only_when_asked(tmp_path: Path) -> None:
    target = tmp_path / "book.xlsx"
    target.write_text("old")
    with pytest.raises(UnusableInput, match="exists already: write elsewhere, or replace it"):
        with written_whole(target, force=False):
            pytest.fail("it must not get this far")
    assert target.read_text() == "old"
    with written_whole(target, force=True) as unfinished:
        unfinished.write_text("new")
    assert target.read_text() == "new"


def test_a_file_that_came_up_in_the_meantime_is_not_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "book.xlsx"
    with pytest.raises(UnusableInput, match="exists already"), written_whole(target, force=False) as unfinished:
        unfinished.write_text("ours")
        target.write_text("theirs")
    assert target.read_text() == "theirs"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("book.xls", "does not end in .xlsx"),
        ("book", "does not end in .xlsx"),
        ("folder.xlsx", "is a directory"),
        ("missing/book.xlsx", "missing does not exist: create it first"),
        ("file/book.xlsx", "file is not a directory"),
        pytest.param("null.xlsx", "is not a regular file", marks=needs_posix),
        pytest.param("loop.xlsx", "too many levels of symbolic links", marks=needs_posix),
        (f"{'x' * 300}.xlsx", "file name too long"),
    ],
)
def test_an_unusable_path_is_refused(tmp_path: Path, name: str, sentence: str) -> None:
    (tmp_path / "folder.xlsx").mkdir()
    (tmp_path / "file").touch()
    if name == "null.xlsx":
        os.mkfifo(tmp_path / name)
    if name == "loop.xlsx":
        (tmp_path / name).symlink_to(name)
    with pytest.raises(UnusableInput, match=sentence), written_whole(tmp_path / name, force=True):
        pytest.fail("it must not get this far")


def test_a_directory_without_permission_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # what the system answers to anybody but root
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(UnusableInput, match="permission denied"), written_whole(tmp_path / "book.xlsx", force=False):
        pytest.fail("it must not get this far")


def test_a_folder_is_created_when_asked_and_only_for_a_file(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), written_whole(tmp_path / "new/a.xlsx", force=False, create_folder=True):
        raise ZeroDivisionError
    assert left_in(tmp_path) == set()
    with written_whole(tmp_path / "new/a.xlsx", force=False, create_folder=True) as unfinished:
        unfinished.write_text("whole")
    assert (tmp_path / "new/a.xlsx").read_text() == "whole"


def test_a_folder_that_cannot_be_created_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "output").touch()
    with pytest.raises(UnusableInput, match="output is not a directory"):
        with written_whole(tmp_path / "output/a.xlsx", force=False, create_folder=True):
            pytest.fail("it must not get this far")


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.xlsx").write_text("old")
    (tmp_path / "link.xlsx").symlink_to(tmp_path / "real.xlsx")
    with written_whole(tmp_path / "link.xlsx", force=True) as unfinished:
        unfinished.write_text("new")
    assert (tmp_path / "link.xlsx").is_symlink()
    assert (tmp_path / "real.xlsx").read_text() == "new"


_WORKS = "import sys, time; from pathlib import Path; from xlbackprop.files import temporary_folder, written_whole\n"


def left_behind(code: str, folder: Path) -> None:
    """Run a program that keeps a folder, and kill it when it has one."""
    child = working(code, folder)
    child.kill()
    child.communicate()


def working(code: str, folder: Path) -> subprocess.Popen[str]:
    """A program that keeps a folder, when it has it."""
    program = f"{_WORKS}with {code} as place:\n    print(place, flush=True); time.sleep(100)"
    environment = os.environ | {"TMPDIR": str(folder)}
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment)
    assert child.stdout is not None
    assert child.stdout.readline().startswith(str(folder))
    return child


@needs_posix
def test_what_a_killed_process_left_is_removed_by_the_next_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left_behind("temporary_folder()", tmp_path)
    left_behind(f"written_whole(Path({str(tmp_path / 'a.xlsx')!r}), force=False)", tmp_path)
    assert len(left_in(tmp_path)) == 2
    with temporary_folder(), written_whole(tmp_path / "a.xlsx", force=False) as unfinished:
        assert len(left_in(tmp_path)) == 2
        unfinished.write_text("whole")
    assert left_in(tmp_path) == {"a.xlsx"}


@needs_posix
def test_the_folder_of_a_living_process_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    # nobody else gave it such a name
    (tmp_path / "xlbackprop-homework").mkdir()
    (tmp_path / "xlbackprop-0123456789abcdef").write_text("a file")
    child = working("temporary_folder()", tmp_path)
    before = left_in(tmp_path)
    with temporary_folder() as first, temporary_folder() as second:
        assert left_in(tmp_path) == before | {first.name, second.name}
    assert left_in(tmp_path) == before
    child.kill()
    child.communicate()


@needs_posix
def test_a_folder_that_was_removed_before_it_was_held_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    mkdir, made = Path.mkdir, []

    def mkdir_and_lose(path: Path, mode: int = 0o777) -> None:
        mkdir(path, mode)
        made.append(path)
        if len(made) == 1:
            path.rmdir()

    monkeypatch.setattr(Path, "mkdir", mkdir_and_lose)
    with temporary_folder() as folder:
        assert folder.is_dir()
    assert len(made) == 2


def test_a_place_for_temporary_files_that_is_none_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(UnusableInput, match=r"missing cannot be used \(no such file or directory\): make room there"):
        with temporary_folder():
            pytest.fail("it must not get this far")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(UnusableInput, match=r"cannot be used \(no space left on device\): make room there, or set"):
        with temporary_folder():
            raise OSError(28, "No space left on device")
    assert left_in(tmp_path) == set()
