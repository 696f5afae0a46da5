import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import needs_posix

pytestmark = needs_posix

_START = "import signal, time; from xlbackprop.interruption import end_in_silence, raise_again\n"
_END = "\ntry: print('ready', flush=True); time.sleep(5)\nexcept KeyboardInterrupt: print('raised')"


def interrupted(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """What becomes of a program that is interrupted when it has printed a line; its exit code and what it prints."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    output, error = process.communicate(timeout=60)
    return process.returncode, output, error


@pytest.mark.parametrize(
    ("between", "expected"),
    [
        ("end_in_silence()", (130, "", "")),
        ("end_in_silence(); raise_again()", (0, "raised\n", "")),
        ("raise_again()", (0, "raised\n", "")),
    ],
)
def test_ctrl_c_ends_in_silence_until_it_is_to_be_raised_again(between: str, expected: tuple[int, str, str]) -> None:
    assert interrupted("-c", _START + between + _END) == expected


def test_who_ignores_ctrl_c_goes_on_doing_so() -> None:
    ignored = "signal.signal(signal.SIGINT, signal.SIG_IGN); end_in_silence(); raise_again()"
    ending = "\nprint('ready', flush=True); time.sleep(0.5); print('went on')"
    assert interrupted("-c", _START + ignored + ending) == (0, "went on\n", "")


@pytest.mark.parametrize("program", ["xlbackprop", "mnist_train"])
def test_a_command_that_is_still_imported_ends_in_silence(tmp_path: Path, program: str) -> None:
    # of all that is imported, click comes first
    (tmp_path / "click.py").write_text("import time\nprint('ready', flush=True)\ntime.sleep(60)")
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parent.parent)])
    assert interrupted("-m", program, "--help", PYTHONPATH=path) == (130, "", "")


def test_a_command_that_has_begun_says_so_in_a_line(tmp_path: Path) -> None:
    # a module that the command imports, in a library that catches what it can
    (tmp_path / "tomllib.py").write_text("import time\nprint('ready', flush=True)\ntime.sleep(60)")
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parent.parent)])
    code, output, error = interrupted("-m", "xlbackprop", "templates", PYTHONPATH=path)
    assert (code, output, error) == (130, "", "Error: Interrupted.\n")
