"""The folder of a run: made, held while a process works in it, and what lies in it read; without torch."""

import contextlib
import csv
import io
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mnist_train import designs, history, settings
from mnist_train.files import UNFINISHED
from mnist_train.history import EpochRecord
from mnist_train.settings import Settings
from xlbackprop.cnn.trained import CHECKPOINT
from xlbackprop.errors import UnusableInput, reason

try:
    import fcntl
except ImportError:
    # on Windows nobody keeps two processes apart
    fcntl = None  # type: ignore[assignment]

CONFIG = "config.toml"
CARD = "model.json"
METRICS = "metrics.csv"
STEPS = "steps.csv"
SUMMARY = "summary.txt"
LOG = "train.log"
#: The folder in that of a run in which its teacher was trained, a run as well.
TEACHER = "teacher"

_MAX_NUMBERED = 100_000
# beyond this no number of a card makes sense
_MOST = 1e12
_STEP_HEADER = ["step", "loss"]


def new_folder(parent: Path, name: str) -> Path:
    """Create the first folder that is not there of NAME, NAME-2, NAME-3 .."""
    with file_errors(parent):
        parent.mkdir(parents=True, exist_ok=True)
        for number in range(1, _MAX_NUMBERED):
            folder = parent / (name if number == 1 else f"{name}-{number}")
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
                return folder
    raise UnusableInput(f"{parent} is full of runs: give another folder with --run-dir.")


@contextlib.contextmanager
def started(folder: Path) -> Iterator[None]:
    """Hold a folder for a new run within the block; it is created, and is gone again if nothing came to be in it.

    A file that was half-written when its process was killed is nothing to keep, and is removed.

    Raises:
        UnusableInput: there is something in it, or another process works in it.
    """
    with file_errors(folder):
        if not folder.exists():
            folder.mkdir(parents=True)
    with held(folder):
        try:
            with file_errors(folder):
                _clear(folder)
            yield
        finally:
            with contextlib.suppress(OSError):
                folder.rmdir()


def _clear(folder: Path) -> None:
    """Remove what a killed process left.

    Raises:
        UnusableInput: there is something else.
    """
    check_free(folder)
    for path in folder.iterdir():
        path.unlink(missing_ok=True)


def check_free(folder: Path) -> None:
    """See whether a new run may begin in a folder, which is there.

    Raises:
        UnusableInput: there is something in it that a killed process has not left half-written.
    """
    if holds_run(folder):
        raise UnusableInput(f"{folder} holds a run: add --resume to go on with it, or give another --run-dir.")
    if not all(path.name.startswith(UNFINISHED) for path in folder.iterdir()):
        raise UnusableInput(f"{folder} is not empty: give another folder with --run-dir.")


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder within the block. However the process ends, the lock ends with it.

    Raises:
        UnusableInput: another process works in it.
    """
    if fcntl is None:
        yield
        return
    with file_errors(folder):
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UnusableInput(
                f"Another process is training in {folder}: wait for its end, or give another folder with --run-dir."
            ) from None
        except OSError:
            # a file system without locks
            pass
        yield
    finally:
        os.close(lock)


def holds_run(folder: Path) -> bool:
    """Whether there is a run in a folder, finished or not."""
    return (folder / CONFIG).exists()


def is_finished(folder: Path) -> bool:
    """Whether a folder holds a run that came to its end."""
    return (folder / CARD).exists() and not (folder / CHECKPOINT).exists()


def stored_settings(folder: Path) -> Settings:
    """What the run in a folder was told.

    Raises:
        UnusableInput: there is none, or its settings are not all there.
    """
    if not (folder / CONFIG).is_file():
        raise UnusableInput(f"{folder} holds no run: give the folder of one, with its {CONFIG}.")
    stored = settings.read_toml(folder / CONFIG)
    if "model" not in stored:
        raise UnusableInput(f"{folder / CONFIG} does not name a network: delete {folder}, and start the run anew.")
    return settings.effective(designs.design(str(stored["model"])).recipe, stored)


def finished(folder: Path) -> tuple[dict[str, Any], list[EpochRecord]]:
    """The card of a finished run, and what was measured.

    Raises:
        UnusableInput: its files are damaged.
    """
    with _damage(folder, CARD):
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        if not _is_whole(card):
            raise ValueError("something is missing")
    with _damage(folder, METRICS):
        epochs = history.from_csv((folder / METRICS).read_text(encoding="utf-8"))
    if card["epochs"] != len(epochs):
        raise UnusableInput(
            f"{folder / METRICS} does not have the {card['epochs']} epochs of {CARD}: {_again(folder)}."
        )
    return card, epochs


@contextlib.contextmanager
def _damage(folder: Path, name: str) -> Iterator[None]:
    """Turn what is wrong with a file of a finished run into one sentence that names it."""
    try:
        yield
    except OSError as error:
        raise UnusableInput(f"{folder / name} cannot be read, {reason(error)}: {_again(folder)}.") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise UnusableInput(f"{folder / name} is damaged: {_again(folder)}.") from error


def _again(folder: Path) -> str:
    return f"delete {folder} to train the run again"


def _is_whole(card: object) -> bool:
    """Whether a card has what is read from it."""
    if not isinstance(card, dict) or not isinstance(card.get("settings"), dict):
        return False
    numbers = [card.get(name) for name in ("parameters", "epochs", "accuracy", "seconds")]
    # NaN is not above anything
    return all(isinstance(number, int | float) and 0 <= number < _MOST for number in numbers)


def losses_to_csv(losses: Sequence[float]) -> str:
    """The text of steps.csv: the mean loss of each step, counted from 1."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_STEP_HEADER)
    writer.writerows((number, f"{loss:.9g}") for number, loss in enumerate(losses, 1))
    return text.getvalue()


def step_losses(folder: Path) -> list[float]:
    """The losses of all steps of a run; none of a run of an earlier version, which did not keep them.

    Raises:
        UnusableInput: the file is damaged.
    """
    path = folder / STEPS
    if not path.exists():
        return []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = list(csv.reader(file))
        if lines[:1] != [_STEP_HEADER]:
            raise ValueError("the header is another")
        return [float(loss) for _, loss in lines[1:]]
    except (OSError, ValueError, csv.Error) as error:
        raise UnusableInput(f"{path} cannot be read: delete it, and the curves are drawn without it.") from error


@contextlib.contextmanager
def file_errors(folder: Path) -> Iterator[None]:
    """Turn the disk's objections into one sentence."""
    try:
        yield
    except OSError as error:
        raise UnusableInput(f"{folder} cannot be written: {reason(error)}.") from error
