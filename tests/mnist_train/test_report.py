import io
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from mnist_train import designs, runs
from mnist_train.data import DataSet
from mnist_train.folders import LOG
from mnist_train.history import EpochRecord
from mnist_train.processes import Processes
from mnist_train.report import Reporter, epochs_bar
from mnist_train.runs import Run
from mnist_train.settings import effective


def trained(data: DataSet, folder: Path, *, tensorboard: bool = False, **changes: object) -> Run:
    values = {"model": "nano", "batch_size": 20, "epochs": 2, "threads": 1, "device": "cpu", **changes}
    told = effective(designs.design("nano").recipe, values)
    return runs.train(told, data, folder, Processes(), Reporter(folder, tensorboard=tensorboard))


def record(epoch: int = 3, accuracy: float = 99.48, averaged: float | None = None, loss: float = 0.0189) -> EpochRecord:
    return EpochRecord(
        epoch=epoch,
        learning_rate=0.01,
        train_loss=0.12345,
        train_accuracy=96.789,
        test_loss=loss,
        test_accuracy=accuracy,
        averaged_test_loss=None if averaged is None else 0.0171,
        averaged_test_accuracy=averaged,
        seconds=5.07,
    )


def told_by(reporter: Reporter, line: EpochRecord, count: int = 10_000, name: str = "Test set") -> None:
    training = SimpleNamespace(
        data=SimpleNamespace(test=range(count), test_name=name), settings=SimpleNamespace(epochs=20)
    )
    reporter.epoch_ended(line, training)


def test_an_epoch_has_the_line_of_the_usual_mnist_examples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told_by(Reporter(tmp_path), record())
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 3/20: average loss 0.1235, accuracy 96.79% while training, 5.1 s",
        "Test set: Average loss: 0.0189, Accuracy: 9948/10000 (99.48%)",
    ]


def test_averaged_weights_stand_for_the_run_and_the_plain_ones_before_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told_by(Reporter(tmp_path), record(accuracy=99.0, averaged=99.5, loss=0.03), count=200, name="Held-out set")
    assert capsys.readouterr().out.splitlines()[1:] == [
        "Without averaging the weights: Average loss: 0.0300, Accuracy: 198/200 (99.00%)",
        "Held-out set: Average loss: 0.0171, Accuracy: 199/200 (99.50%)",
    ]


@pytest.mark.parametrize("correct", [0, 1, 58_329, 59_999, 60_000])
def test_the_count_of_right_images_is_exact(correct: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # as it comes back from metrics.csv
    accuracy = float(f"{100 * correct / 60_000:.9g}")
    told_by(Reporter(tmp_path), record(accuracy=accuracy), count=60_000)
    assert f" Accuracy: {correct}/60000 " in capsys.readouterr().out


def test_a_run_prints_and_logs_the_same_lines(
    data: DataSet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = trained(data, tmp_path)
    out, err = capsys.readouterr()
    assert (tmp_path / LOG).read_text(encoding="utf-8") == out
    assert err == ""
    opening, *lines = out.splitlines()
    assert re.fullmatch(
        r"Training nano \(\d,\d{3} parameters\) on 500 images of mnist.* for 2 epochs, seed 1; CPU, 1 of \d+ cores\.",
        opening,
    )
    result = r"Average loss: \d+\.\d{4}, Accuracy: \d+/200 \(\d+\.\d\d%\)"
    patterns = [
        pattern
        for number in (1, 2)
        for pattern in (
            rf"Epoch {number}/2: average loss \d+\.\d{{4}}, accuracy \d+\.\d\d% while training, \d+\.\d s",
            f"Without averaging the weights: {result}",
            f"Test set: {result}",
        )
    ]
    assert len(lines) == len(patterns)
    assert all(re.fullmatch(pattern, line) for pattern, line in zip(patterns, lines, strict=True))
    last = run.epochs[-1]
    assert lines[-1] == (
        f"Test set: Average loss: {last.averaged_test_loss:.4f}, "
        f"Accuracy: {round(2 * last.averaged_test_accuracy)}/200 ({last.averaged_test_accuracy:.2f}%)"
    )
    # TensorBoard's files only when asked
    assert not list(tmp_path.glob("events*"))


def test_the_log_is_appended_to(tmp_path: Path) -> None:
    for text in ("first", "η\nthird"):
        Reporter(tmp_path).line(text)
    assert (tmp_path / LOG).read_text(encoding="utf-8") == "first\nη\nthird\n"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_has_a_bar_an_epoch_that_goes_away(
    data: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    trained(data, tmp_path)
    shown = terminal.getvalue()
    assert "Epoch 1/2:" in shown
    assert "Epoch 2/2:" in shown
    assert "/25 [" in shown
    assert shown.endswith("\r")
    assert "\n" not in shown
    assert "\r" not in capsys.readouterr().out


def test_a_bar_counts_steps_and_shows_a_loss_where_it_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Reporter(tmp_path).epoch(7, effective(designs.design("nano").recipe, {"epochs": 9}), 40) as progress:
        progress(30, 0.98765)
        progress(5, None)
    # a bar is drawn ten times a second at most
    assert "Epoch 7/9:   0%|" in terminal.getvalue()
    assert "0/40 [" in terminal.getvalue()


def test_a_bar_of_epochs_leaves_whole_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with epochs_bar(3) as (done, line):
        done()
        line("nano, seed 1")
    assert "1/3 [" in terminal.getvalue()
    assert "nano, seed 1\n" in terminal.getvalue()


def test_without_a_terminal_there_are_lines_and_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with epochs_bar(3) as (done, line):
        done()
        line("nano, seed 1")
    assert capsys.readouterr().err == "nano, seed 1\n"
