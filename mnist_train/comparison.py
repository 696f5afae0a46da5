"""Networks compared: each trained with the same seeds, and what can be said of them from so many runs."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from scipy.special import stdtrit

from mnist_train import folders, runs
from mnist_train.data import DataSet
from mnist_train.processes import Processes
from mnist_train.runs import Watcher
from mnist_train.settings import Settings, name_on_command_line
from mnist_train.training import Training
from xlbackprop.errors import UnusableInput

# of the last epochs, as many as the courses ask to be held
LAST_EPOCHS = 5
# of the intervals: where the mean of very many runs lies
CONFIDENCE = 0.95

# what may change between a run and a comparison that takes it in
_NO_MATTER = ("data_dir", "threads", "device")


@dataclass(frozen=True)
class Row:
    """A network in the comparison.

    Attributes:
        network: its name.
        parameters: how many it has.
        epochs: of each run.
        runs: how many there were.
        mean: of the accuracies at the last epoch, in per cent.
        margin: half of the 95 % interval of that mean, None of one run.
        deviation: the standard deviation of the accuracies, None of one run.
        minimum: the lowest of them.
        last_epochs: the mean over the last epochs of all runs, or over all where there are fewer.
        seconds: mean training time of a run.
        seeds: of the runs.
        accuracies: at the last epoch, seed by seed.
        dataset, hold_out, limit, teacher: the settings that say what was measured.
        teacher_seconds: mean training time of the teacher, which is not in `seconds`; None where it is not known.
    """

    network: str
    parameters: int
    epochs: int
    runs: int
    mean: float
    margin: float | None
    deviation: float | None
    minimum: float
    last_epochs: float
    seconds: float
    seeds: list[int]
    accuracies: list[float]
    dataset: str = "mnist"
    hold_out: int = 0
    limit: int = 0
    teacher: str = ""
    teacher_seconds: float | None = None


@dataclass(frozen=True)
class Difference:
    """How much better a network is than the first one, seed by seed, in points of a per cent.

    Attributes:
        network: its name.
        than: the name of the first one.
        mean: of the differences.
        margin: half of the 95 % interval of that mean, None of one run.
    """

    network: str
    than: str
    mean: float
    margin: float | None

    @property
    def is_certain(self) -> bool:
        """Whether 0 is outside the interval."""
        return self.margin is not None and abs(self.mean) > self.margin


class _Epochs(Watcher):
    """Counts the epochs of a run."""

    def __init__(self, done: Callable[[], None]) -> None:
        self._done = done

    def epoch_ended(self, line: object, training: Training) -> None:
        self._done()


def epochs_to_train(settings: Sequence[Settings], seeds: Sequence[int], folder: Path) -> int:
    """How many epochs a comparison has to train at most: those of the runs that are not finished."""
    return sum(
        told.epochs
        for told, seed in product(settings, seeds)
        if not folders.is_finished(_place(folder, told.model, seed))
    )


def compare(
    settings: Sequence[Settings],
    seeds: Sequence[int],
    folder: Path,
    announce: Callable[[str], None],
    epoch_done: Callable[[], None] = lambda: None,
) -> list[Row]:
    """Train each network with each seed, or read what an earlier comparison in the folder has trained.

    Args:
        settings: one a network; their seeds are replaced.
        seeds: of the runs of each network.
        folder: where the runs lie, each in NETWORK/SEED.
        announce: is told of each run when it is done, and how long the rest may take.
        epoch_done: is called after each epoch that was trained.

    Raises:
        UnusableInput: as `runs.prepared` and `runs.train`, or the folder holds a run of other settings, or anything
            else; that is known before anything is trained.
    """
    _check_places(settings, seeds, folder)
    data: DataSet | None = None
    left = _Left(epochs_to_train(settings, seeds, folder))

    def one_done() -> None:
        left.one_done()
        epoch_done()

    rows = []
    for told in settings:
        cards: list[dict[str, Any]] = []
        last: list[float] = []
        for seed in seeds:
            place, wanted = _place(folder, told.model, seed), replace(told, seed=seed)
            if not folders.is_finished(place):
                if data is None:
                    _, data = runs.prepared(wanted, Processes())
                _train(wanted, data, place, _Epochs(one_done))
            card, epochs = folders.finished(place)
            reached = f"{card['accuracy']:.2f}% at the last epoch"
            announce(f"{told.model}, seed {seed}: {reached}, {card['seconds']:.1f} s of training{left}")
            cards.append(card)
            last.extend(line.accuracy for line in epochs[-LAST_EPOCHS:])
        rows.append(_row(told, list(seeds), cards, last))
    return rows


class _Left:
    """How long the rest of the epochs may take, by those so far."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._done = 0
        self._start = time.monotonic()

    def one_done(self) -> None:
        self._done += 1

    def __str__(self) -> str:
        left = self._epochs - self._done
        if not self._done or left <= 0:
            return ""
        seconds = left * (time.monotonic() - self._start) / self._done
        minutes, hours = seconds / 60, seconds / 3600
        about = f"{seconds:.0f} s" if minutes < 2 else f"{minutes:.0f} min" if hours < 2 else f"{hours:.1f} h"
        return f"; about {about} left"


def _place(folder: Path, network: str, seed: int) -> Path:
    return folder / network / str(seed)


def _train(wanted: Settings, data: DataSet, place: Path, watcher: Watcher) -> None:
    resume = folders.holds_run(place)
    with folders.held(place) if resume else folders.started(place):
        if resume:
            wanted = replace(wanted, threads=folders.stored_settings(place).threads)
        told = replace(wanted, device=str(data.train.labels.device.type))
        runs.finish(runs.train(told, data, place, Processes(), watcher, resume=resume))


def _check_places(settings: Sequence[Settings], seeds: Sequence[int], folder: Path) -> None:
    """Raises UnusableInput if a run of a comparison can neither be read, nor go on, nor begin where it belongs."""
    if folders.holds_run(folder):
        raise UnusableInput(
            f"{folder} holds a single run, not those of a comparison: give another folder with --run-dir."
        )
    for told in settings:
        missing = False
        for seed in seeds:
            place, wanted = _place(folder, told.model, seed), replace(told, seed=seed)
            if folders.is_finished(place):
                _raise_if_other(wanted, folders.finished(place)[0]["settings"], place)
                continue
            missing = True
            if folders.holds_run(place):
                _raise_if_other(wanted, asdict(folders.stored_settings(place)), place)
            elif place.exists():
                with folders.file_errors(place):
                    folders.check_free(place)
        if missing:
            runs.check(told)


def _raise_if_other(wanted: Settings, stored: dict[str, Any], place: Path) -> None:
    # what an earlier version did not store was as it is by default
    stored = asdict(Settings(epochs=1, lr=1.0)) | stored
    for name, value in asdict(wanted).items():
        if name not in _NO_MATTER and stored.get(name) != value:
            raise UnusableInput(
                f"{place} holds a run with {name_on_command_line(name)} {stored.get(name)}, not {value}: give another "
                "folder with --run-dir."
            )


def _row(told: Settings, seeds: list[int], cards: list[dict[str, Any]], last: list[float]) -> Row:
    accuracies = [card["accuracy"] for card in cards]
    told_of_teachers = [(card.get("teacher") or {}).get("seconds") for card in cards]
    of_teachers = [seconds for seconds in told_of_teachers if isinstance(seconds, int | float)]
    return Row(
        network=told.model,
        parameters=cards[0]["parameters"],
        epochs=cards[0]["epochs"],
        runs=len(cards),
        mean=statistics.mean(accuracies),
        margin=margin(accuracies),
        deviation=statistics.stdev(accuracies) if len(accuracies) > 1 else None,
        minimum=min(accuracies),
        last_epochs=statistics.mean(last),
        seconds=statistics.mean(card["seconds"] for card in cards),
        seeds=seeds,
        accuracies=accuracies,
        dataset=told.dataset,
        hold_out=told.hold_out,
        limit=told.limit,
        teacher=told.teacher,
        teacher_seconds=statistics.mean(of_teachers) if len(of_teachers) == len(cards) else None,
    )


def margin(values: Sequence[float]) -> float | None:
    """Half of the 95 % interval of the mean of some values, by Student's t; None of one value."""
    if len(values) < 2:
        return None
    quantile = float(stdtrit(len(values) - 1, (1 + CONFIDENCE) / 2))
    return quantile * statistics.stdev(values) / len(values) ** 0.5


def differences(rows: Sequence[Row]) -> Iterator[Difference]:
    """Each network beside the first one, by pairs of runs with the same seed."""
    first, *others = rows
    for row in others:
        values = [value - other for value, other in zip(row.accuracies, first.accuracies, strict=True)]
        yield Difference(row.network, first.network, statistics.mean(values), margin(values))
