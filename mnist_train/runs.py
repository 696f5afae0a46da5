"""A run from its start to its end, in a folder of its own, where it can be taken up again at any time.

After each epoch everything that goes on changing is written to one file, in one rename. A run that is ended in
any way, by `kill -9` too, goes on from there, and ends with the same weights.
"""

import contextlib
import shlex
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mnist_train import files, folders, history, models, settings
from mnist_train.card import card
from mnist_train.course import Course
from mnist_train.data import DataSet, load
from mnist_train.designs import DESIGNS, design
from mnist_train.devices import choose_device, device_name, fastest_thread_count, keep_memory, make_deterministic
from mnist_train.evaluation import logits
from mnist_train.folders import CARD, CONFIG, METRICS, STEPS, SUMMARY, TEACHER, file_errors
from mnist_train.history import EpochRecord
from mnist_train.processes import Processes
from mnist_train.settings import Recipe, Settings, name_on_command_line
from mnist_train.summary import summary
from mnist_train.trained import Trained, load_trained
from mnist_train.training import Diverged, Training
from xlbackprop.cnn.networks import network_layers
from xlbackprop.cnn.trained import CHECKPOINT, MODEL
from xlbackprop.errors import CheckFailed, UnusableInput

_GRAPH = "The GPU does each step as one graph."
_NO_GRAPH = "The GPU does each step operation by operation, as it cannot be recorded as a graph here."
# what a teacher that is trained first takes over from the run
_SHARED = {option.name for option in fields(Settings)} - {option.name for option in fields(Recipe)}
_SHARED -= {"model", "tensorboard"}
# batch norm knows no deviation of a single image
_LEAST_IMAGES = 2


#: Within its block an epoch is told of; it gives what to call after steps (see Training.train_epoch).
Bar = contextlib.AbstractContextManager[Callable[[int, float | None], None]]


class Interrupted(Exception):
    """Ctrl-C ended a run that can be taken up again; the message is one sentence that says how."""


class Watcher:
    """Is told what happens in a run. This one keeps quiet."""

    def line(self, text: str) -> None:
        """Something is worth a line."""

    def epoch(self, number: int, settings: Settings, steps: int) -> Bar:
        """An epoch, counted from 1, is under way."""
        return contextlib.nullcontext(lambda steps, loss: None)

    def epoch_ended(self, line: EpochRecord, training: Training) -> None:
        """An epoch was trained and evaluated."""


class _TeacherWatcher(Watcher):
    """Tells of a teacher's training how far it is, and not what is measured: that is not the run's."""

    def __init__(self, of_run: Watcher) -> None:
        self._of_run = of_run

    def line(self, text: str) -> None:
        """Tell it as of the run."""
        self._of_run.line(text)

    def epoch(self, number: int, settings: Settings, steps: int) -> Bar:
        """Tell it as of the run."""
        return self._of_run.epoch(number, settings, steps)


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        folder: where it lies.
        settings: the effective ones.
        epochs: what was measured.
        step_losses: of all steps; none of a run of an earlier version that was read back.
        model: with the weights that model.safetensors has.
        data: what it was trained and evaluated on.
        card: what model.json says.
        test_outputs: (count, 10), the logits of the test images.
    """

    folder: Path
    settings: Settings
    epochs: list[EpochRecord]
    step_losses: list[float]
    model: nn.Module
    data: DataSet
    card: dict[str, Any]
    test_outputs: Tensor

    @property
    def steps(self) -> list[list[float]]:
        """The losses of all steps, epoch by epoch; nothing where they are not all known."""
        course = Course(self.settings, len(self.data.train))
        if len(self.step_losses) != course.steps:
            return []
        return [[self.step_losses[number] for number in course.numbers(epoch)] for epoch in range(len(self.epochs))]

    @property
    def title(self) -> str:
        """The run in a line."""
        return f"{self.card['network']}, {self.card['parameters']:,} parameters, seed {self.card['seed']}"


def check(told: Settings) -> None:
    """See whether settings go together, and with the teacher that they name, before anything is read or written.

    Raises:
        UnusableInput: they do not.
    """
    if told.small_steps and not models.takes_small_images(models.build(told.model)):
        flag = name_on_command_line("small_steps")
        raise UnusableInput(f"{told.model} takes images of 28x28 pixels only: leave out {flag}, or give it as 0.")
    if told.teacher and told.small_steps == 1:
        raise UnusableInput(
            f"{name_on_command_line('small_steps')} 1 leaves nothing to {name_on_command_line('teacher')}, which knows "
            "nothing of small images: give less of the one, or leave out the other."
        )
    if told.teacher and told.teacher not in DESIGNS:
        _given_teacher(told, torch.device("cpu"))


def prepared(told: Settings, processes: Processes) -> tuple[Settings, DataSet]:
    """The settings with the device that they lead to, and the images on it.

    Raises:
        UnusableInput: as for `check`, or the data or the device cannot be used.
    """
    check(told)
    device = choose_device(told.device)
    if told.deterministic:
        make_deterministic()
    # one process downloads for all
    if not processes.writes:
        processes.wait()
    data = load(told.dataset, told.data_dir, limit=told.limit, hold_out=told.hold_out)
    if processes.writes:
        processes.wait()
    _check_batches(told, len(data.train), processes)
    return replace(told, device=device.type), data.to(device)


def _check_batches(told: Settings, images: int, processes: Processes) -> None:
    """Raises UnusableInput if a process would get too few of the training images in a step."""
    needed = _LEAST_IMAGES * processes.count
    if min(told.batch_size, images) >= needed:
        return
    if images >= needed:
        advice = f"raise {name_on_command_line('batch_size')}"
    elif images == told.limit:
        advice = f"raise {name_on_command_line('limit')}"
    elif told.hold_out:
        advice = f"hold out fewer with {name_on_command_line('hold_out')}"
    else:
        advice = "start fewer processes" if processes.count > 1 else "train on another data set"
    raise UnusableInput(f"Each step needs at least {_LEAST_IMAGES} images in each process: {advice}.")


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
        UnusableInput: the teacher cannot be used, the folder cannot be written, or the checkpoint cannot be read.
        CheckFailed: the loss was not finite.
        Interrupted: by Ctrl-C; the run can be taken up again.
    """
    device = torch.device(told.device)
    if device.type == "cpu":
        keep_memory()
        told = replace(told, threads=_set_threads(told, data, device, processes))
    # before anything is written: a run that cannot begin leaves nothing
    teacher = _given_teacher(told, device) if told.teacher and told.teacher not in DESIGNS else None
    with file_errors(folder):
        if processes.writes:
            # of a run that goes on, too: the device and the folder of the images may be others by now
            files.write_text(folder / CONFIG, settings.to_toml(told))
            files.write_text(folder / SUMMARY, summary(network_layers(told.model)) + "\n")
        if told.teacher in DESIGNS:
            teacher = _own_teacher(told, data, folder, processes, watcher)
        training = Training(told, data, device, processes, teacher.model if teacher else None)
        epochs, losses = _restored(training, folder) if resume else ([], [])
        watcher.line(_opening(training, device, processes, len(epochs)))
        kept = len(epochs)
        try:
            if kept < told.epochs:
                training.warm_up()
                if training.is_graph_possible:
                    watcher.line(_GRAPH if training.is_graph else _NO_GRAPH)
            while kept < told.epochs:
                _train_epoch(training, epochs, losses, watcher)
                if processes.writes:
                    _checkpoint(training, folder, epochs, losses)
                processes.wait()
                kept = len(epochs)
        except Diverged as error:
            raise CheckFailed(
                f"The loss is not finite any more at step {error.step} of {training.course.steps} in epoch "
                f"{kept + 1}, where the learning rate was {error.lr:.3g}: try a smaller --lr, such as "
                f"{told.lr / 10:.3g}, or a longer --warmup."
            ) from error
        except KeyboardInterrupt as error:
            again = f"the end of epoch {kept}" if kept else "the start"
            raise Interrupted(f"Interrupted in epoch {kept + 1}; {how_to_go_on(folder, again)}") from error
        outputs = training.test_outputs()
        training.take_average()
        told_of_it = card(training, epochs, device, processes.count, teacher)
        if processes.writes:
            files.save_tensors(folder / MODEL, training.model.state_dict(), told_of_it)
            files.write_text(folder / STEPS, folders.losses_to_csv(losses))
            files.write_json(folder / CARD, told_of_it)
        return Run(folder, told, epochs, losses, training.model, data, told_of_it, outputs)


def read_back(folder: Path, *, data_dir: str | None = None, device: str = "cpu") -> Run:
    """A finished run from its folder, as `train` returned it.

    Args:
        folder: of the run.
        data_dir: where its images lie, if elsewhere by now.
        device: where the network shall compute.

    Raises:
        UnusableInput: there is no finished run, a file of it is damaged, or its images are not there.
    """
    told = folders.stored_settings(folder)
    if not folders.is_finished(folder):
        raise UnusableInput(f"The run in {folder} is not finished: go on with it first.")
    description, epochs = folders.finished(folder)
    place = choose_device(device)
    told = told if data_dir is None else replace(told, data_dir=data_dir)
    data = load(told.dataset, told.data_dir, limit=told.limit, hold_out=told.hold_out).to(place)
    model = load_trained(folder, place).model
    outputs = logits(model, data.test.pixels, data.normalisation)
    return Run(folder, told, epochs, folders.step_losses(folder), model, data, description, outputs)


def how_to_go_on(folder: Path, place: str = "") -> str:
    """The end of a sentence about a run that was left, at a place if that is known."""
    where = f" from {place}" if place else ""
    return f"go on{where} with python -m mnist_train --run-dir {shlex.quote(str(folder))} --resume"


def finish(run: Run) -> None:
    """Mark a run as finished, when all that belongs to it is written."""
    (run.folder / CHECKPOINT).unlink(missing_ok=True)


def _own_teacher(told: Settings, data: DataSet, folder: Path, processes: Processes, watcher: Watcher) -> Trained:
    """The teacher that is trained first, in a folder of the run.

    Raises:
        UnusableInput, CheckFailed, Interrupted: as for `train`.
    """
    own = folder / TEACHER
    if not folders.is_finished(own):
        of_teacher = settings.effective(
            design(told.teacher).recipe, {"model": told.teacher}, {name: getattr(told, name) for name in _SHARED}
        )
        own.mkdir(exist_ok=True)
        try:
            run = train(of_teacher, data, own, processes, _TeacherWatcher(watcher), resume=True)
        except Interrupted as error:
            raise Interrupted(f"Interrupted in the training of the teacher; {how_to_go_on(folder)}") from error
        if processes.writes:
            finish(run)
        processes.wait()
    teacher = load_trained(own, torch.device(told.device))
    watcher.line(f"The teacher, {told.teacher}, is at {teacher.card['accuracy']:.2f}% at its last epoch.")
    return teacher


def _given_teacher(told: Settings, device: torch.device) -> Trained:
    """The teacher of a finished run.

    Raises:
        UnusableInput: there is none, it learned from other images, or it knows those that are held out.
    """
    flag = name_on_command_line("teacher")
    if not Path(told.teacher).exists():
        raise UnusableInput(f"{flag} {told.teacher} is neither a network nor the folder of a finished run.")
    teacher = load_trained(Path(told.teacher), device)
    if teacher.data_set != told.dataset:
        raise UnusableInput(
            f"The teacher in {told.teacher} was trained on {teacher.data_set}, and this run is on {told.dataset}: "
            f"give another one with {flag}."
        )
    if teacher.held_out < told.hold_out:
        raise UnusableInput(
            f"The teacher in {told.teacher} knows some of the {told.hold_out} images that this run holds out, as it "
            f"held out {teacher.held_out}: give {flag} one that was trained with {name_on_command_line('hold_out')} "
            f"{told.hold_out} or more."
        )
    return teacher


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
    tensors, kept = files.load_tensors(folder / CHECKPOINT)
    try:
        _check_unchanged(Settings(**kept["settings"]), training.settings, folder)
        losses: Tensor = tensors.pop("step_losses")
        training.restore(tensors)
        return [EpochRecord(**line) for line in kept["epochs"]], losses.tolist()
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise UnusableInput(
            f"{folder / CHECKPOINT} does not belong to the settings in {CONFIG}: start anew in another --run-dir."
        ) from error


def _check_unchanged(before: Settings, now: Settings, folder: Path) -> None:
    """Raises UnusableInput if somebody changed the settings of a run that is under way."""
    # the images may lie elsewhere by now, and the device may be another, with as many threads as are best there
    now = replace(now, data_dir=before.data_dir)
    if now.device != before.device:
        now = replace(now, device=before.device, threads=before.threads)
    changed = asdict(before).items() - asdict(now).items()
    if changed:
        was = ", ".join(f"{name} was {value}" for name, value in sorted(changed))
        raise UnusableInput(
            f"{folder / CONFIG} was changed while the run was under way ({was}): put that back, or start anew with "
            "--config and another --run-dir."
        )


def _train_epoch(training: Training, epochs: list[EpochRecord], losses: list[float], watcher: Watcher) -> None:
    number = len(epochs) + 1
    course = training.course
    with watcher.epoch(number, training.settings, course.steps_of(number - 1)) as progress:
        start = time.perf_counter()
        seen = training.train_epoch(number - 1, progress)
        seconds = time.perf_counter() - start
    rate = course.rate(course.numbers(number - 1)[-1])
    line = history.record(number, rate, (seen.loss, seen.accuracy), training.evaluated(), seconds)
    losses.extend(seen.losses)
    epochs.append(line)
    watcher.epoch_ended(line, training)


def _checkpoint(training: Training, folder: Path, epochs: list[EpochRecord], losses: list[float]) -> None:
    tensors = training.state() | {"step_losses": torch.tensor(losses)}
    known = {"epochs": [asdict(line) for line in epochs], "settings": asdict(training.settings)}
    files.save_tensors(folder / CHECKPOINT, tensors, known)
    files.write_text(folder / METRICS, history.to_csv(epochs))


def _opening(training: Training, device: torch.device, processes: Processes, done: int) -> str:
    told = training.settings
    where = device_name(device) + (f", {processes.count} processes" if processes.count > 1 else "")
    again = f", from the end of epoch {done}" if done else ""
    size = f"{models.parameter_count(training.model):,} parameters"
    unpublished = " (not the published files)" if training.data.published is False else ""
    epochs = "1 epoch" if told.epochs == 1 else f"{told.epochs} epochs"
    what = f"{len(training.data.train):,} images of {told.dataset}{unpublished} for {epochs}{again}"
    return f"Training {told.model} ({size}) on {what}, seed {told.seed}; {where}."
