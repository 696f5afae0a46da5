"""How commands end: in a sentence and with an exit code, whatever the system says."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import needs_posix
from tests.handmade import Handmade, write

pytestmark = needs_posix


def run(folder: Path | None, *arguments: str, **environment: str) -> tuple[int, str, str]:
    """The exit code of a command, and what it prints."""
    command = [sys.executable, "-m", "xlbackprop", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=os.environ | environment)
    return result.returncode, result.stdout, result.stderr


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Path:
    handmade = Handmade(steps=4).with_formula("E1", "({t1}-{a_o1})^2")
    return write(tmp_path_factory.mktemp("wrong") / "wrong.xlsx", handmade)


def test_the_name_of_a_file_need_not_be_a_text(tmp_path: Path, wrong: Path) -> None:
    strange = "\udcff.xlsx"
    (tmp_path / "\udcfe.xlsx").write_bytes(wrong.read_bytes())
    for arguments, code, printed in (
        (["build", "--lrs", "1", "--steps", "2", "-o", strange], 0, r"Wrote \udcff.xlsx: a 2-2-2 network"),
        (["verify", strange], 0, r"\udcff.xlsx: IronCalc recalculated"),
        (["check", "\udcfe.xlsx", "--annotate", "\udcfd.xlsx"], 1, r"Wrote \udcfd.xlsx, with 1 marked."),
        (["check", "\udcfe.xlsx", "--csv"], 1, r"\udcfe.xlsx,Sheet1"),
        (["check", "\udcfe.xlsx", "--json"], 1, r'{"files": [{"file": "\udcfe.xlsx"'),
    ):
        found, output, error = run(tmp_path, *arguments)
        assert (found, printed in output) == (code, True), arguments
        assert error == ("" if code == 0 else "Error: \\udcfe.xlsx is not correct.\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["\udcfd.xlsx", "\udcfe.xlsx", "\udcff.xlsx"]


def test_a_link_that_leads_to_itself_is_no_output(tmp_path: Path, wrong: Path) -> None:
    (tmp_path / "loop.xlsx").symlink_to("loop.xlsx")
    sentence = "Error: loop.xlsx cannot be written: too many levels of symbolic links.\n"
    for arguments in (["build", "-o", "loop.xlsx", "--force"], ["check", str(wrong), "--annotate", "loop.xlsx"]):
        assert run(tmp_path, *arguments) == (2, "", sentence)


def test_a_directory_that_is_gone_is_one_sentence(tmp_path: Path, wrong: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    for command in (f"check '{wrong}'", f"verify '{wrong}'", "build -o book.xlsx", "check wrong.xlsx"):
        gone.mkdir(exist_ok=True)
        program = f"rmdir '{gone}' && '{sys.executable}' -m xlbackprop {command}"
        root = str(Path(__file__).parent.parent)
        result = subprocess.run(
            ["sh", "-c", program], capture_output=True, text=True, cwd=gone, env=os.environ | {"PYTHONPATH": root}
        )
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr.startswith("Error: ")
        assert result.stderr.count("\n") == 1


def test_a_missing_file_is_not_the_marked_copy(tmp_path: Path) -> None:
    (tmp_path / "there.xlsx").touch()
    code, _, error = run(tmp_path, "check", "missing.xlsx", "--annotate", "there.xlsx", "--force")
    assert (code, error) == (2, "Error: missing.xlsx does not exist.\n")


def test_a_folder_for_temporary_files_with_a_long_name_will_do(tmp_path: Path, wrong: Path) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    assert run(tmp_path, "check", str(wrong), "--csv", TMPDIR=str(long))[0] == 1
    assert list(long.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("length", [1, 100])
def test_a_command_that_is_interrupted_with_its_processes_says_one_line_at_most(
    tmp_path: Path, wrong: Path, number: signal.Signals, length: int
) -> None:
    # where its path is long, the processes are started in another way
    temporary = tmp_path / ("x" * length)
    temporary.mkdir()
    command = [sys.executable, "-m", "xlbackprop", "check", *[str(wrong)] * 2]
    environment = os.environ | {"TMPDIR": str(temporary)}
    for seconds in (0, 0.1, 0.2, 0.3):
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment, process_group=0
        )
        # its temporary folder is there when it is about to start others
        while not list(temporary.iterdir()) and process.poll() is None:
            time.sleep(0.01)
        time.sleep(seconds)
        # as a terminal does, to all at once
        os.killpg(process.pid, number)
        _, error = process.communicate(timeout=60)
        if process.returncode != 1:
            assert process.returncode in (130, 143, -number)
            assert error in ("", "Error: Interrupted.\n")
        assert list(temporary.iterdir()) == []
