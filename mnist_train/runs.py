"""A run from its start to its end, in a folder of its own, where it can be taken up again at any time.

After each epoch everything that goes on changing is written to one file, in one rename. A run that is ended in
any way, by `kill -9` too, goes on from there, and ends with the same weights.
"""

import contextlib
import json
import platform
import shlex
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mnist_train import __version__, files, history, models, settings
from mnist_train.data import DataSet, load
from mnist_train.devices import choose_device, device_name, fastest_thread_count
from mnist_train.history import EpochRecord
from mnist_train.processes import Processes
from mnist_train.settings import Settings
from mnist_train.summary import summary
from mnist_train.training import Diverged, Training
from xlbackprop.cnn.networks import network_layers
from xlbackprop.cnn.trained import CHECKPOINT, MODEL, layers_as_json
from xlbackprop.errors import CheckFailed, UnusableInput, reason

CONFIG = "config.toml"
CARD = "model.json"
METRICS = "metrics.csv"
SUMMARY = "summary.txt"
LOG = "train.log"

_MAX_NUMBERED = 100_000
# batch norm knows no deviation of a single image
_LEAST_IMAGES = 2
# beyond this no number of a card makes sense
_MOST = 1e12


class Interrupted(Exception):
    """Ctrl-C ended a run that can be taken up again; the message is one sentence that says how."""


class Watcher:
    """Is told what happens in a run. This one keeps quiet."""

    def line(self, text: str) -> None:
        """Something is worth a line."""

    @contextlib.contextmanager
    def epoch(self, number: int, settings: Settings, steps: int) -> Iterator[Callable[[int, float | None], None]]:
        """An epoch, counted from 1, is under way; gives what to call after steps (see Training.train_epoch)."""
        yield lambda steps, loss: None

    def epoch_ended(self, line: EpochRecord, training: Training) -> None:
        """An epoch was trained and evaluated."""


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        folder: where it lies.
        settings: the effective ones.
        epochs: what was measured.
        step_losses: of all steps.
        training: the network, with its data.
        card: what model.json says.
    """

    folder: Path
    settings: Settings
    epochs: list[EpochRecord]
    step_losses: list[float]
    training: Training
    card: dict[str, Any]

    @property
    def title(self) -> str:
        """The run in a line."""
        return f"{self.card['network']}, {self.card['parameters']:,} parameters, seed {self.card['seed']}"


def new_folder(parent: Path, name: str) -> Path:
    """Create the first folder that is not there of NAME, NAME-2, NAME-3 .."""
    with _file_errors(parent):
        parent.mkdir(parents=True, exist_ok=True)
        for number in range(1, _MAX_NUMBERED):
            folder = parent / (name if number == 1 else f"{name}-{number}")
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
                return folder
    raise UnusableInput(f"{parent} is full of runs: give another folder with --run-dir.")


def empty_folder(folder: Path) -> Path:
    """Create a folder for a run, or take it if it is empty.

    Raises:
        UnusableInput: there is something in it.
    """
    with _file_errors(folder):
        if (folder / CONFIG).exists():
            raise UnusableInput(f"{folder} holds a run: add --resume to go on with it, or give another --run-dir.")
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UnusableInput(f"{folder} is not empty: give another folder with --run-dir.")
    return folder


def is_finished(folder: Path) -> bool:
    """Whether a folder holds a run that came to its end."""
    return (folder / CARD).exists() and not (folder / CHECKPOINT).exists()


def stored_settings(folder: Path) -> Settings:
    """What the run in a folder was told.

    Raises:
        UnusableInput: there is none.
    """
    if not (folder / CONFIG).is_file():
        raise UnusableInput(f"{folder} holds no run to go on with: start one without --resume.")
    changes = settings.read_toml(folder / CONFIG)
    return settings.effective(models.design(str(changes.get("model"))).recipe, changes)


def finished(folder: Path) -> tuple[dict[str, Any], list[EpochRecord]]:
    """The card of a finished run, and what was measured.

    Raises:
        UnusableInput: its files are damaged.
    """
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        epochs = history.from_csv((folder / METRICS).read_text(encoding="utf-8"))
        if not _is_whole(card) or card["epochs"] != len(epochs):
            raise ValueError("the card and the lines do not belong together")
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise UnusableInput(f"The run in {folder} cannot be read: delete the folder to train it again.") from error
    return card, epochs


def _is_whole(card: object) -> bool:
    """Whether a card has what is read from it."""
    if not isinstance(card, dict) or not isinstance(card.get("settings"), dict):
        return False
    numbers = [card.get(name) for name in ("parameters", "epochs", "accuracy", "seconds")]
    # NaN is not above anything
    return all(isinstance(number, int | float) and 0 <= number < _MOST for number in numbers)


def prepared(told: Settings, processes: Processes) -> tuple[Settings, DataSet]:
    """The settings with the device that they lead to, and the images on it.

    Raises:
        UnusableInput: the data or the device cannot be used.
    """
    device = choose_device(told.device)
    # one process downloads for all
    if not processes.writes:
        processes.wait()
    data = load(told.dataset, Path(told.data_dir), limit=told.limit, hold_out=told.hold_out)
    if processes.writes:
        processes.wait()
    if min(told.batch_size, len(data.train)) < _LEAST_IMAGES * processes.count:
        raise UnusableInput(
            f"Each step needs at least {_LEAST_IMAGES} images in each process: train on more, or raise --batch-size."
        )
    return replace(told, device=device.type), data.to(device)


def train(
    told: Settings, data: DataSet, folder: Path, processes: Processes, watcher: Watcher, *, resume: bool = False
) -> Run:
    """Train a network in a folder, from the start or from where a run in it was left.

    Args:
        told: the settings, as `prepared` returned them.
        data: likewise.
        folder: of the run; empty, or with a checkpoint of the same settings.
        processes: those that train together; only the first writes.
        watcher: is told what happens.
        resume: go on from the checkpoint in the folder, if there is one yet.

    Raises:
        UnusableInput: the folder cannot be written, or the checkpoint cannot be read.
        CheckFailed: the loss was not finite.
        Interrupted: by Ctrl-C; the run can be taken up again.
    """
    device = torch.device(told.device)
    if device.type == "cpu":
        told = replace(told, threads=_set_threads(told, data, device, processes))
    training = Training(told, data, device, processes)
    with _file_errors(folder):
        epochs, losses = _restored(training, folder) if resume else ([], [])
        if processes.writes and not epochs:
            files.write_text(folder / CONFIG, settings.to_toml(told))
            files.write_text(folder / SUMMARY, summary(network_layers(told.model)) + "\n")
        watcher.line(_opening(training, device, processes, len(epochs)))
        kept = len(epochs)
        try:
            while kept < told.epochs:
                _train_epoch(training, epochs, losses, watcher)
                if processes.writes:
                    _checkpoint(training, folder, epochs, losses)
                processes.wait()
                kept = len(epochs)
        except Diverged as error:
            raise CheckFailed(
                f"The loss is not finite any more at step {error.step} of {training.steps} in epoch "
                f"{kept + 1}, where the learning rate was {error.lr:.3g}: try a smaller --lr, such as "
                f"{told.lr / 10:.3g}, or a longer --warmup."
            ) from error
        except KeyboardInterrupt as error:
            again = f"the end of epoch {kept}" if kept else "the start"
            raise Interrupted(f"Interrupted in epoch {kept + 1}; {how_to_go_on(folder, again)}") from error
        card = _card(training, epochs, device, processes)
        if processes.writes:
            _write_model(training, folder, card)
        return Run(folder, told, epochs, losses, training, card)


def how_to_go_on(folder: Path, place: str) -> str:
    """The end of a sentence about a run that was left at a place."""
    return f"go on from {place} with python -m mnist_train --run-dir {shlex.quote(str(folder))} --resume"


def finish(run: Run) -> None:
    """Mark a run as finished, when all that belongs to it is written."""
    (run.folder / CHECKPOINT).unlink(missing_ok=True)


def _set_threads(told: Settings, data: DataSet, device: torch.device, processes: Processes) -> int:
    """Set the number of threads to what the settings say, or to what is fastest."""
    if told.threads:
        torch.set_num_threads(told.threads)
        return told.threads
    if processes.count > 1:
        # the processes are the threads
        torch.set_num_threads(1)
        return 1
    return fastest_thread_count(Training(replace(told, compile=False), data, device, processes).trial_step)


def _restored(training: Training, folder: Path) -> tuple[list[EpochRecord], list[float]]:
    """Bring a training to where its checkpoint is; returns what was measured up to there."""
    if not (folder / CHECKPOINT).exists():
        return [], []
    tensors, card = files.load_tensors(folder / CHECKPOINT)
    try:
        _check_unchanged(Settings(**card["settings"]), training.settings, folder)
        losses: Tensor = tensors.pop("step_losses")
        training.restore(tensors)
        return [EpochRecord(**line) for line in card["epochs"]], losses.tolist()
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise UnusableInput(
            f"{folder / CHECKPOINT} does not belong to the settings in {CONFIG}: start anew in another --run-dir."
        ) from error


def _check_unchanged(before: Settings, now: Settings, folder: Path) -> None:
    """Raises UnusableInput if somebody changed the settings of a run that is under way."""
    # the images may lie elsewhere by now
    changed = asdict(before).items() - asdict(replace(now, data_dir=before.data_dir)).items()
    if changed:
        was = ", ".join(f"{name} was {value}" for name, value in sorted(changed))
        raise UnusableInput(
            f"{folder / CONFIG} was changed while the run was under way ({was}): put that back, or start anew with "
            "--config and another --run-dir."
        )


def _train_epoch(training: Training, epochs: list[EpochRecord], losses: list[float], watcher: Watcher) -> None:
    number = len(epochs) + 1
    with watcher.epoch(number, training.settings, training.steps_per_epoch) as progress:
        start = time.perf_counter()
        seen = training.train_epoch(number - 1, progress)
        seconds = time.perf_counter() - start
    rate = training.rate(number * training.steps_per_epoch - 1)
    line = history.record(number, rate, (seen.loss, seen.accuracy), training.evaluated(), seconds)
    losses.extend(seen.losses)
    epochs.append(line)
    watcher.epoch_ended(line, training)


def _checkpoint(training: Training, folder: Path, epochs: list[EpochRecord], losses: list[float]) -> None:
    tensors = training.state() | {"step_losses": torch.tensor(losses)}
    card = {"epochs": [asdict(line) for line in epochs], "settings": asdict(training.settings)}
    files.save_tensors(folder / CHECKPOINT, tensors, card)
    files.write_text(folder / METRICS, history.to_csv(epochs))


def _write_model(training: Training, folder: Path, card: dict[str, Any]) -> None:
    with training.averaged_in_place():
        files.save_tensors(folder / MODEL, training.model.state_dict(), card)
    files.write_json(folder / CARD, card)


def _card(training: Training, epochs: list[EpochRecord], device: torch.device, processes: Processes) -> dict[str, Any]:
    """Everything that somebody who finds the weights wants to know."""
    data, last = training.data, epochs[-1]
    return {
        "network": training.settings.model,
        "layers": layers_as_json(network_layers(training.settings.model)),
        "parameters": models.parameter_count(training.model),
        "averaged_weights": training.average is not None,
        "data": {
            "name": data.name,
            "published_files": data.published,
            "training_images": len(data.train),
            "test_images": len(data.test),
            "test_set": data.test_name,
            "mean": data.normalisation.mean,
            "deviation": data.normalisation.deviation,
            "classes": list(data.classes),
        },
        "accuracy": last.accuracy,
        "loss": last.loss,
        "epochs": len(epochs),
        "epochs_at_target": [line.epoch for line in epochs if line.accuracy >= history.TARGET_ACCURACY],
        "seconds": round(sum(line.seconds for line in epochs), 3),
        "seed": training.settings.seed,
        "device": device_name(device),
        "processes": processes.count,
        "versions": _versions(),
        "settings": asdict(training.settings),
    }


def _versions() -> dict[str, str]:
    import torchvision

    return {
        "mnist_train": __version__,
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
    }


def _opening(training: Training, device: torch.device, processes: Processes, done: int) -> str:
    told = training.settings
    where = device_name(device) + (f", {processes.count} processes" if processes.count > 1 else "")
    again = f", from the end of epoch {done}" if done else ""
    size = f"{models.parameter_count(training.model):,} parameters"
    unpublished = " (not the published files)" if training.data.published is False else ""
    epochs = "1 epoch" if told.epochs == 1 else f"{told.epochs} epochs"
    what = f"{len(training.data.train):,} images of {told.dataset}{unpublished} for {epochs}{again}"
    return f"Training {told.model} ({size}) on {what}, seed {told.seed}; {where}."


@contextlib.contextmanager
def _file_errors(folder: Path) -> Iterator[None]:
    """Turn the disk's objections into one sentence."""
    try:
        yield
    except OSError as error:
        raise UnusableInput(f"{folder} cannot be written: {reason(error)}.") from error
