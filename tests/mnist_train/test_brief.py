import pytest

from mnist_train import brief
from mnist_train.brief import checklist, items
from mnist_train.history import EpochRecord
from xlbackprop.cnn.layers import AveragePool, BatchNorm, Dropout, Flatten, GlobalAveragePool, Layers, Linear, MaxPool

FEW: Layers = (Linear(1, 1),)


def epochs(*accuracies: float, averaged: float | None = None) -> list[EpochRecord]:
    return [
        EpochRecord(number, 0.1, 0.5, 90.0, 0.1, accuracy, averaged and 0.1, averaged, 1.0)
        for number, accuracy in enumerate(accuracies, 1)
    ]


def told(layers: Layers, lines: list[EpochRecord], data_set: str = "mnist") -> list[str]:
    return checklist(items(layers, lines, data_set)).splitlines()


def test_a_run_that_meets_the_brief() -> None:
    layers = (BatchNorm(3), MaxPool(2), AveragePool(2), GlobalAveragePool(), Dropout(0.5), BatchNorm(2))
    assert told((*layers, Linear(1997, 10)), epochs(99.0, 99.41, 99.3, 99.4)) == [
        "[x] parameters < 20,000     19,990",
        "[x] epochs < 20             4",
        "[x] last epoch >= 99.40%    99.40%",
        "[x] epochs that reached it  2, 4",
        "[x] batch norm              2 layers",
        "[x] dropout                 1 layer",
        "[x] pooling                 3 layers",
    ]


def test_a_run_that_does_not() -> None:
    assert told((Flatten(), Linear(199, 100)), epochs(*[99.39] * 20)) == [
        "[ ] parameters < 20,000     20,000",
        "[ ] epochs < 20             20",
        "[ ] last epoch >= 99.40%    99.39%",
        "[ ] epochs that reached it  none",
        "[ ] batch norm              0 layers",
        "[ ] dropout                 0 layers",
        "[ ] pooling                 0 layers",
    ]


def test_it_looks_at_the_last_epoch_not_at_the_best() -> None:
    lines = told(FEW, epochs(99.5, 99.39))
    assert "[ ] last epoch >= 99.40%    99.39%" in lines
    assert "[x] epochs that reached it  1" in lines


def test_it_goes_by_the_averaged_weights() -> None:
    assert "[ ] last epoch >= 99.40%    99.20%" in told(FEW, epochs(99.5, averaged=99.2))


@pytest.mark.parametrize("data_set", ["printed", "fashion-mnist"])
def test_images_that_it_is_not_meant_for_are_not_measured_by_its_accuracy(data_set: str) -> None:
    lines = told(FEW, epochs(100.0), data_set)
    assert len(lines) == 5
    assert not [line for line in lines if "99.40" in line or "reached" in line]
    assert brief.DATA_SET == "mnist"
