"""LibreOffice is ended with all that it started; what it computes is tested in test_cells."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import Workbook, needs_posix
from xlbackprop.errors import UnusableInput
from xlbackprop.spreadsheet import libreoffice

pytestmark = needs_posix


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is searched for LibreOffice first, and has one that starts another process and never ends."""
    script = tmp_path / "bin" / "soffice"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nsleep 1000 &\necho "$! $TMPDIR" > {tmp_path}/unready\n'
                      f"mv {tmp_path}/unready {tmp_path}/started\nwait\n")  # fmt: skip
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(script.parent), prepend=os.pathsep)
    (tmp_path / "temporary").mkdir()
    return tmp_path


def started(office: Path) -> tuple[int, Path]:
    """The number of the process that LibreOffice started, and where its temporary files go."""
    end = time.monotonic() + 60
    while not (office / "started").exists():
        assert time.monotonic() < end
        time.sleep(0.02)
    number, folder = (office / "started").read_text().split()
    return int(number), Path(folder)


def is_running(number: int) -> bool:
    """Whether a process is more than an entry that nobody has asked about."""
    status = subprocess.run(["ps", "-o", "stat=", "-p", str(number)], capture_output=True, text=True).stdout.strip()
    return status not in ("", "Z")


def has_ended(number: int) -> bool:
    end = time.monotonic() + 10
    while is_running(number) and time.monotonic() < end:
        time.sleep(0.05)
    return not is_running(number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_an_interrupted_command_leaves_nothing_of_it(office: Path, classic: Workbook, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "xlbackprop", "verify", str(classic.path), "--engine", "libreoffice"]
    environment = os.environ | {"TMPDIR": str(office / "temporary")}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    child, folder = started(office)
    assert is_running(child)
    assert office / "temporary" in folder.parents
    process.send_signal(number)
    _, error = process.communicate(timeout=60)
    assert process.returncode == (130 if number == signal.SIGINT else 128 + number)
    assert error == ("Error: Interrupted.\n" if number == signal.SIGINT else "")
    assert has_ended(child)
    assert list((office / "temporary").iterdir()) == []


def test_where_it_takes_too_long_nothing_of_it_is_left(
    office: Path, classic: Workbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libreoffice, "_SECONDS", 0.5)
    with pytest.raises(UnusableInput, match=r"LibreOffice did not finish with .* within 0\.5 seconds\."):
        libreoffice.recalculated(classic.path)
    child, folder = started(office)
    assert has_ended(child)
    assert not folder.exists()
