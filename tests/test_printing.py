import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from openpyxl import load_workbook

from tests.conftest import needs_posix
from tests.handmade import Handmade, write
from xlbackprop.printing import shown


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "xlbackprop", *arguments]
    return subprocess.run(command, capture_output=True, cwd=folder, env=os.environ | environment)


def in_shell(command: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Run a shell command in which `xlbackprop` is the command."""
    program = f"xlbackprop() {{ '{sys.executable}' -m xlbackprop \"$@\"; }}; {command}"
    return subprocess.run(["bash", "-c", program], capture_output=True, cwd=folder)


@pytest.fixture(scope="module")
def hostile_workbook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A right workbook, of which the sheet has a name that would clear the screen and turn the writing round."""
    path = write(tmp_path_factory.mktemp("hostile") / "right.xlsx", Handmade(steps=4))
    book = load_workbook(path)
    book.active.title = "a\x9b2J\u202ecorrect\r"
    book.save(path)
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[2J\x07", r"\u001b[2J\u0007"),
        ("\x9b2J", r"\u009b2J"),
        ("a\r\nb\tc", r"a\u000d\u000ab\u0009c"),
        ("gnp.\u202exslx", r"gnp.\u202exslx"),
        ("\u2066x\ufeff\u2028", r"\u2066x\ufeff\u2028"),
        ("\udcff.xlsx", r"\udcff.xlsx"),
    ],
)
def test_what_cannot_be_seen_is_written_as_json_writes_it(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize("text", ["∂E/∂w1 = δ_o1·a_h1", "O'Neil & 🙂 = x", "é ü ñ", "שלום", "می‌خواهم", "C:\\u001b"])
def test_what_can_be_seen_stays_as_it_is(text: str) -> None:
    assert shown(text) == text


@pytest.mark.parametrize("options", [[], ["--csv"], ["--json"]])
def test_nothing_in_a_workbook_is_obeyed_by_the_terminal(hostile_workbook: Path, options: list[str]) -> None:
    result = run(hostile_workbook.parent, "check", "right.xlsx", *options, PYTHONIOENCODING="utf-8")
    assert result.returncode == 0
    printed = result.stdout.decode()
    assert "\\u009b2J\\u202ecorrect" in printed
    assert printed.replace("\n", "").isprintable()
    assert len(printed.splitlines()) == (1 if options == ["--json"] else 2)


@needs_posix
def test_an_error_about_a_strange_name_is_one_harmless_line(tmp_path: Path) -> None:
    result = run(tmp_path, "check", "\x1b[2J\n\udcff.xlsx", PYTHONIOENCODING="utf-8")
    assert result.returncode == 2
    assert result.stderr == rb"Error: \u001b[2J \udcff.xlsx does not exist." + b"\n"


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_no_encoding_makes_a_command_fail(hostile_workbook: Path, encoding: str) -> None:
    folder = hostile_workbook.parent
    result = run(folder, "check", "right.xlsx", PYTHONIOENCODING=encoding)
    assert (result.returncode, result.stderr) == (0, b"")
    assert (rb"\u03b7 0.5" in result.stdout) == (encoding == "cp1252")
    result = run(folder, "check", "right.xlsx", "--json", PYTHONIOENCODING=encoding)
    assert json.loads(result.stdout)["files"][0]["tables"][0]["sheet"] == "a\x9b2J\u202ecorrect\r"


@needs_posix
@pytest.mark.parametrize("command", ["xlbackprop templates", "xlbackprop --help", "xlbackprop"])
@pytest.mark.parametrize(("to", "why"), [(">&-", b"bad file descriptor"), (">/dev/full", b"no space left on device")])
def test_a_result_that_cannot_be_printed_is_an_error(tmp_path: Path, command: str, to: str, why: bytes) -> None:
    result = in_shell(f"{command} {to}", tmp_path)
    assert result.returncode == 2
    assert result.stderr.startswith(b"Error: ")
    assert result.stderr.endswith(why + b".\n")
    assert result.stderr.count(b"\n") == 1


@needs_posix
@pytest.mark.parametrize("to", ["2>&-", "2>/dev/full", "<&- 2>&-"])
@pytest.mark.parametrize(("command", "code"), [("templates", 0), ("check missing.xlsx --json", 2), ("paint", 2)])
def test_nobody_to_hear_of_an_error_changes_no_exit_code(tmp_path: Path, command: str, code: int, to: str) -> None:
    assert in_shell(f"xlbackprop {command} {to}", tmp_path).returncode == code


@needs_posix
def test_a_file_is_not_printed_into_where_the_output_is_closed(tmp_path: Path) -> None:
    assert in_shell("xlbackprop build --lrs 1 --steps 2 -o book.xlsx <&- >&- 2>&-", tmp_path).returncode == 2
    assert in_shell("xlbackprop verify book.xlsx", tmp_path).returncode == 0


@needs_posix
def test_a_reader_that_has_read_enough_is_no_error(tmp_path: Path) -> None:
    result = in_shell("xlbackprop templates | true; exit ${PIPESTATUS[0]}", tmp_path)
    assert (result.returncode, result.stderr) == (141, b"")
