import io
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from torch import nn

from mnist_train import models, report, runs
from mnist_train.data import DataSet
from mnist_train.history import EpochRecord
from mnist_train.processes import Processes
from mnist_train.report import Reporter, checklist, registry
from mnist_train.runs import LOG, Run
from mnist_train.settings import Recipe, effective
from xlbackprop.cnn import networks
from xlbackprop.cnn.layers import Linear


def trained(data: DataSet, folder: Path, *, tensorboard: bool = False, **changes: object) -> Run:
    values = {"model": "nano", "batch_size": 20, "epochs": 2, "threads": 1, "device": "cpu", **changes}
    told = effective(models.design("nano").recipe, values)
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
    with Reporter(tmp_path).epoch(7, effective(models.design("nano").recipe, {"epochs": 9}), 40) as progress:
        progress(30, 0.98765)
        progress(5, None)
    # a bar is drawn ten times a second at most
    assert "Epoch 7/9:   0%|" in terminal.getvalue()
    assert "0/40 [" in terminal.getvalue()


def finished(model: nn.Module, *accuracies: float) -> Run:
    epochs = [record(number, accuracy) for number, accuracy in enumerate(accuracies, start=1)]
    return Run(Path(), None, epochs, [], SimpleNamespace(model=model), {})  # type: ignore[arg-type]


def test_the_checklist_of_a_run_that_meets_the_brief() -> None:
    layers = (nn.BatchNorm2d(3), nn.MaxPool2d(2), nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(1))
    model = nn.Sequential(nn.Sequential(*layers), nn.Dropout(), nn.BatchNorm2d(2), nn.Linear(1997, 10))
    assert checklist(finished(model, 99.0, 99.41, 99.3, 99.4)).splitlines() == [
        "[x] parameters < 20,000     19,990",
        "[x] epochs < 20             4",
        "[x] last epoch >= 99.40%    99.40%",
        "[x] epochs that reached it  2, 4",
        "[x] batch norm              2 layers",
        "[x] dropout                 1 layer",
        "[x] pooling                 3 layers",
    ]


def test_the_checklist_of_a_run_that_does_not() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(199, 100))
    assert checklist(finished(model, *[99.39] * 20)).splitlines() == [
        "[ ] parameters < 20,000     20,000",
        "[ ] epochs < 20             20",
        "[ ] last epoch >= 99.40%    99.39%",
        "[ ] epochs that reached it  none",
        "[ ] batch norm              0 layers",
        "[ ] dropout                 0 layers",
        "[ ] pooling                 0 layers",
    ]


def test_the_checklist_looks_at_the_last_epoch_not_at_the_best() -> None:
    lines = checklist(finished(models.build("nano"), 99.5, 99.39)).splitlines()
    assert "[ ] last epoch >= 99.40%    99.39%" in lines
    assert "[x] epochs that reached it  1" in lines


def test_the_checklist_goes_by_the_averaged_weights() -> None:
    run = finished(models.build("nano"), 99.5)
    run.epochs[0] = record(1, 99.5, averaged=99.2)
    assert "[ ] last epoch >= 99.40%    99.20%" in checklist(run)


def test_the_registry_has_every_network_with_its_size_and_recipe() -> None:
    lines = registry().splitlines()
    assert [line.split()[0] for line in lines[::2]] == list(models.DESIGNS)
    for (name, design), first, second in zip(models.DESIGNS.items(), lines[::2], lines[1::2], strict=True):
        count = sum(parameter.numel() for parameter in models.build(name).parameters())
        assert re.fullmatch(rf"{name} +{count:,} parameters  {re.escape(design.sentence)}", first)
        assert f" {design.recipe.epochs} epochs of batches of {design.recipe.batch_size}, " in second
        # the recipes stand below the sentences
        assert second.index(str(design.recipe.epochs)) == first.index(design.sentence)


def test_a_recipe_names_what_is_not_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = Recipe(epochs=19, batch_size=256, lr=0.1)
    other = Recipe(epochs=6, optimizer="muon", lr=0.03, schedule="linear", warmup=0.2, augment="8,8,1", ema=0.998)
    recipes = {"usual": usual, "other": other}
    designs = {name: models.Design("A sentence.", recipe) for name, recipe in recipes.items()}
    monkeypatch.setattr(models, "DESIGNS", designs)
    monkeypatch.setattr(networks, "NETWORKS", dict.fromkeys(recipes, (Linear(11, 100),)))
    assert [line.strip() for line in registry().splitlines()] == [
        "usual         1,200 parameters  A sentence.",
        "19 epochs of batches of 256, sgd 0.1",
        "other         1,200 parameters  A sentence.",
        "6 epochs of batches of 128, muon 0.03, linear decay, warm-up 20%, augmentation 8,8,1, averaged weights 0.998",
    ]


def test_tensorboard_has_the_numbers_of_every_epoch(data: DataSet, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed: EXTRAS=dev,mnist,tensorboard make test")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = trained(data, tmp_path, tensorboard=True)
    (events,) = tmp_path.glob("events.out.tfevents.*")
    accumulator = EventAccumulator(str(events))
    accumulator.Reload()
    columns = {
        "loss/training": "train_loss",
        "loss/test": "test_loss",
        "loss/test_averaged": "averaged_test_loss",
        "accuracy/training": "train_accuracy",
        "accuracy/test": "test_accuracy",
        "accuracy/test_averaged": "averaged_test_accuracy",
        "learning_rate": "learning_rate",
    }
    assert set(accumulator.Tags()["scalars"]) == set(columns)
    for tag, column in columns.items():
        found = [(event.step, event.value) for event in accumulator.Scalars(tag)]
        assert found == [(line.epoch, pytest.approx(getattr(line, column), rel=1e-6)) for line in run.epochs]


def test_tensorboard_has_no_curve_of_averages_that_there_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[tuple[str, float, int]] = []
    writer = SimpleNamespace(add_scalar=lambda *scalar: written.append(scalar), flush=lambda: None)
    monkeypatch.setattr(report, "_tensorboard_writer", lambda folder: writer)
    told_by(Reporter(tmp_path, tensorboard=True), record())
    assert ("accuracy/test", 99.48, 3) in written
    assert not [name for name, _, _ in written if "averaged" in name]
