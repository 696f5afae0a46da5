import shlex
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from mnist_train import designs, readme
from mnist_train.data import DataSet
from mnist_train.history import EpochRecord
from mnist_train.options import effective_settings
from mnist_train.runs import Run
from mnist_train.settings import Settings, effective


def told(model: str = "nano", **changes: object) -> Settings:
    return effective(designs.design(model).recipe, {"model": model, **changes})


def finished(data: DataSet, settings: Settings, accuracies: list[float], averaged: bool = True) -> Run:
    lines = [
        EpochRecord(
            *(number, 0.1, 0.51234, 90.123, 0.3, 95.0),
            *((0.0456, accuracy) if averaged else (None, None)),
            seconds=1.26,
        )
        for number, accuracy in enumerate(accuracies, 1)
    ]
    card = {
        "parameters": 2939,
        "seconds": 12.34,
        "device": "CPU, 1 of 2 cores",
        "averaged_weights": averaged,
        "versions": {"torch": "2.14", "python": "3.12", "platform": "Linux"},
    }
    return Run(Path("run"), settings, lines, [], nn.Sequential(), data, card, torch.zeros(len(data.test), 10))


def test_it_says_what_was_asked_for_and_what_came_of_it(data: DataSet) -> None:
    text = readme.text(finished(data, told(seed=7), [98.0, 99.41]))
    assert text.startswith(
        "# nano on mnist\n\n**99.41 %** of the 200 images of the test set after epoch 2, the last one;"
    )
    assert "- [x] parameters < 20,000: 2,939\n" in text
    assert "- [x] last epoch >= 99.40%: 99.41%\n" in text
    assert "- [ ] dropout: 0 layers\n" in text
    assert "\npython -m mnist_train --model nano --seed 7\n" in text
    assert "| conv 5x5 | 8 x 24 x 24 | 200 | 5 x 5 | 1 |" in text
    assert "| 2 | 0.5123 | 90.12 | 0.0456 | 99.41 | 1.3 |" in text
    assert "| loss in training | accuracy in training % | loss on the test set | accuracy on the test set % |" in text
    assert "Loss and accuracy on the test set are those of the averaged weights." in text
    for name in ("curves", "misclassified", "confusion", "augmented", "filters"):
        assert f"]({name}.png)" in text
    assert text.endswith(")\n")
    assert "None" not in text


def test_a_run_of_several_processes_is_repeated_by_as_many(data: DataSet) -> None:
    alone = finished(data, told(), [98.0])
    together = replace(alone, card=alone.card | {"processes": 2})
    text = readme.text(together)
    assert "\ntorchrun --standalone --nproc-per-node=2 -m mnist_train --model nano --seed 1\n" in text
    assert "12.3 s of training on CPU, 1 of 2 cores, 2 processes.\n" in text
    # an earlier version did not count them
    for card in (alone.card, alone.card | {"processes": 1}):
        text = readme.text(replace(alone, card=card))
        assert "\npython -m mnist_train --model nano --seed 1\n" in text
        assert "processes" not in text


def test_the_seconds_of_a_teacher_are_told_beside_those_of_the_run(data: DataSet) -> None:
    alone = finished(data, told(), [98.0])
    assert "12.3 s of training on CPU, 1 of 2 cores.\n" in readme.text(alone)
    taught = replace(alone, card=alone.card | {"teacher": {"network": "tiny", "seconds": 33.33}})
    assert "12.3 s of training on CPU, 1 of 2 cores, after the 33.3 s of its teacher, tiny.\n" in readme.text(taught)


def test_other_images_are_not_measured_by_the_brief(data: DataSet) -> None:
    text = readme.text(finished(replace(data, name="printed"), told(dataset="printed"), [99.0], averaged=False))
    assert text.startswith("# nano on printed\n")
    assert "99.40" not in text
    assert "averaged weights" not in text


def test_held_out_images_are_not_called_a_test(data: DataSet) -> None:
    text = readme.text(finished(replace(data, test_name="Held-out set"), told(hold_out=200), [99.0]))
    assert "images of the held-out set after epoch 1" in text
    assert "| loss on the held-out set | accuracy on the held-out set % |" in text
    assert "Loss and accuracy on the held-out set are those of the averaged weights." in text
    assert "test" not in text


def test_of_very_many_epochs_the_last_ones_are_shown(data: DataSet) -> None:
    text = readme.text(finished(data, told(), [99.0] * 100))
    assert "| 100 |" in text
    assert "| 61 |" in text
    assert "| 60 |" not in text


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"epochs": 3, "lr": 0.05, "augment": "none", "hold_out": 5000, "threads": 2},
        {"compile": True, "tensorboard": True, "deterministic": True, "precision": "bf16"},
        {"data_dir": "mine with spaces", "device": "cpu", "dataset": "kmnist"},
    ],
)
def test_the_command_trains_the_same_again(changes: dict[str, object]) -> None:
    settings = told("tiny", seed=3, **changes)
    words = shlex.split(readme.command(settings))
    assert words[:3] == ["python", "-m", "mnist_train"]
    values: dict[str, object] = {}
    kinds = {name: type(value) for name, value in vars(settings).items()}
    rest = iter(words[3:])
    for flag in rest:
        name = flag.removeprefix("--").replace("-", "_")
        values[name] = True if kinds[name] is bool else kinds[name](next(rest))
    # where the images lie and what computes is another matter on another machine
    assert effective_settings(values, None) == replace(settings, data_dir="", device="auto")
