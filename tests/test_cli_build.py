import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.command_line import build, run
from tests.conftest import needs_posix
from xlbackprop.check import following


def test_build_says_what_it_wrote_and_what_was_checked(tmp_path: Path) -> None:
    result = build(tmp_path / "book.xlsx")
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()
    assert first == f"Wrote {tmp_path / 'book.xlsx'}: a 2-2-2 network, 2 learning rates, 6 steps."
    assert second.startswith("IronCalc recalculated 1,624 formula cells, and ")
    assert "NumPy agrees with every one; the largest difference is " in second


def test_build_takes_single_values_and_a_seed(tmp_path: Path) -> None:
    assert build(tmp_path / "a.xlsx", "--set", "w1=0.2", "--set", "t1=0.3").exit_code == 0
    assert build(tmp_path / "b.xlsx", "--template", "deep", "--seed", 4, "--protect").exit_code == 0
    assert run("verify", tmp_path / "b.xlsx").exit_code == 0


def test_the_default_output_is_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("build", "--lrs", 1, "--steps", 2).exit_code == 0
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == ["output", "output/backprop.xlsx"]


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (["--lrs", "0,1"], "Invalid value for '--lrs': 0 is no learning rate, which is above 0; decimals are"),
        (["--set", "w1"], "Invalid value for '--set': w1 is not of the form NAME=NUMBER, as w1=0.2."),
        (["--steps", "0"], "0 steps are no training: give at least 1."),
    ],
)
def test_what_is_wrong_with_an_option_is_told_with_its_name(tmp_path: Path, option: list[str], sentence: str) -> None:
    assert build(tmp_path / "book.xlsx", *option).stderr.startswith(f"Error: {sentence}")


def test_an_existing_workbook_is_replaced_only_with_force(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    path.write_text("precious")
    refused = build(path)
    assert refused.exit_code == 2
    assert refused.stderr == f"Error: {path} exists already: write elsewhere, or replace it with --force.\n"
    assert path.read_text() == "precious"
    assert build(path, "--force").exit_code == 0
    assert run("verify", path).exit_code == 0


def test_a_disagreement_at_build_is_exit_code_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "TOLERANCE", -1.0)
    result = build(tmp_path / "book.xlsx")
    assert result.exit_code == 1
    assert "was not written, because IronCalc and NumPy disagree" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_help_of_build_tells_the_usual_rates_and_steps() -> None:
    said = " ".join(run("build", "--help").stdout.split())
    assert "[default: those of the template, or 0.1,0.2,0.5,0.8,1,2]" in said
    assert "[default: that of the template, or 200]" in said


def test_build_learns_from_the_samples_of_a_file(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_text("\ufeffi1;i2;t1\r\n0,5;1;1\r\n-1;2,5;0\r\n", encoding="utf-8")
    result = run("build", "--template", "or", "--data", data, "--steps", 3, "-o", tmp_path / "book.xlsx")
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()
    assert first.endswith("book.xlsx: a 2-1 network, 2 samples, 3 learning rates, 3 steps.")
    assert "NumPy agrees with every one" in second
    assert run("verify", tmp_path / "book.xlsx").exit_code == 0


def test_a_wrong_value_of_a_file_is_told_with_its_place_and_nothing_is_written(tmp_path: Path) -> None:
    data, book = tmp_path / "data.csv", tmp_path / "book.xlsx"
    data.write_text("i1,i2,t1\n0,1,1\n0,,1\n")
    result = run("build", "--template", "or", "--data", data, "-o", book)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"Error: {data} has no value in row 3, column B (i2).\n"
    assert not book.exists()


def test_many_samples_a_step_count_as_many_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xlbackprop.build.UNCHECKED_FROM_PASSES", 16)
    for steps, checked in ((3, True), (4, False)):
        result = run("build", "--template", "or", "--steps", steps, "-o", tmp_path / f"{steps}.xlsx")
        assert ("NumPy agrees" in result.stdout) == checked
    assert result.stdout.endswith("Not checked, because its steps take 16 samples or more: add --check for that.\n")


@needs_posix
@pytest.mark.parametrize("ending", ["SIGTERM", "SIGINT", "SIGKILL"])
def test_a_killed_build_leaves_no_half_workbook(tmp_path: Path, ending: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "xlbackprop", "build", "--lrs", "1", "--steps", "200000", "-o", "book.xlsx"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    # wait until it is writing
    while not list(tmp_path.glob(".book-*")) and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.Signals[ending])
    _, message = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "Traceback" not in message
    assert not (tmp_path / "book.xlsx").exists()
    if ending != "SIGKILL":
        assert list(tmp_path.iterdir()) == []


def test_a_progress_bar_appears_only_on_a_terminal(tmp_path: Path) -> None:
    assert build(tmp_path / "book.xlsx").stderr == ""


@needs_posix
def test_a_progress_bar_appears_when_a_build_takes_longer_than_a_second(tmp_path: Path) -> None:
    import fcntl
    import struct
    import termios

    terminal, inside = os.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "xlbackprop", "build", "--lrs", "1", "--steps", "30000", "-o", "book.xlsx"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=inside,
    )
    process.wait(timeout=120)
    os.set_blocking(terminal, False)
    assert b"step/s" in os.read(terminal, 100_000)
    assert process.returncode == 0
