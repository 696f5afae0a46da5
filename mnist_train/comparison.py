"""Networks compared: each trained several times, with what its last epochs reached."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mnist_train import runs
from mnist_train.data import DataSet
from mnist_train.processes import Processes
from mnist_train.settings import Settings, name_on_command_line
from xlbackprop.errors import UnusableInput

# of the last epochs, as many as the courses ask to be held
LAST_EPOCHS = 5

_HEADERS = (
    *("network", "parameters", "epochs", "runs", "mean %", "deviation", "minimum %"),
    *(f"last {LAST_EPOCHS} epochs %", "seconds"),
)
# what may change between a run and a comparison that takes it in
_NO_MATTER = ("data_dir", "threads", "device")


@dataclass(frozen=True)
class Row:
    """A network in the comparison.

    Attributes:
        network: its name.
        parameters: how many it has.
        epochs: of each run.
        runs: how many there were, with seeds 1, 2, 3 ..
        mean: of the accuracies at the last epoch, in per cent.
        deviation: their standard deviation, None of one run.
        minimum: the lowest of them.
        last_epochs: the mean over the last epochs of all runs, or over all where there are fewer.
        seconds: mean training time of a run.
        accuracies: at the last epoch, seed by seed.
    """

    network: str
    parameters: int
    epochs: int
    runs: int
    mean: float
    deviation: float | None
    minimum: float
    last_epochs: float
    seconds: float
    accuracies: list[float]


def compare(settings: Sequence[Settings], seeds: int, folder: Path, announce: Callable[[str], None]) -> Iterable[Row]:
    """Train each network with each seed, or read what an earlier comparison in the folder has trained.

    Args:
        settings: one a network; their seeds are replaced.
        seeds: how many runs each.
        folder: where the runs lie, each in NETWORK/SEED.
        announce: is told of each run when it is done.

    Raises:
        UnusableInput: as `runs.prepared` and `runs.train`, or the folder holds a run of other settings.
    """
    data: DataSet | None = None
    for told in settings:
        cards: list[dict[str, Any]] = []
        last: list[float] = []
        for seed in range(1, seeds + 1):
            place, wanted = folder / told.model / str(seed), replace(told, seed=seed)
            if not runs.is_finished(place):
                if data is None:
                    _, data = runs.prepared(wanted, Processes())
                _train(wanted, data, place)
            card, epochs = runs.finished(place)
            _raise_if_other(wanted, card["settings"], place)
            reached = f"{card['accuracy']:.2f}% at the last epoch"
            announce(f"{told.model}, seed {seed}: {reached}, {card['seconds']:.1f} s of training")
            cards.append(card)
            last.extend(line.accuracy for line in epochs[-LAST_EPOCHS:])
        yield _row(told.model, cards, last)


def _train(wanted: Settings, data: DataSet, place: Path) -> None:
    resume = (place / runs.CONFIG).exists()
    if resume:
        stored = runs.stored_settings(place)
        _raise_if_other(wanted, asdict(stored), place)
        wanted = replace(wanted, threads=stored.threads)
    else:
        runs.empty_folder(place)
    told = replace(wanted, device=str(data.train.labels.device.type))
    runs.finish(runs.train(told, data, place, Processes(), runs.Watcher(), resume=resume))


def _raise_if_other(wanted: Settings, stored: dict[str, Any], place: Path) -> None:
    for name, value in asdict(wanted).items():
        if name not in _NO_MATTER and stored.get(name) != value:
            raise UnusableInput(
                f"{place} holds a run with {name_on_command_line(name)} {stored.get(name)}, not {value}: give another "
                "folder with --run-dir."
            )


def _row(network: str, cards: list[dict[str, Any]], last: list[float]) -> Row:
    accuracies = [card["accuracy"] for card in cards]
    return Row(
        network=network,
        parameters=cards[0]["parameters"],
        epochs=cards[0]["epochs"],
        runs=len(cards),
        mean=statistics.mean(accuracies),
        deviation=statistics.stdev(accuracies) if len(accuracies) > 1 else None,
        minimum=min(accuracies),
        last_epochs=statistics.mean(last),
        seconds=statistics.mean(card["seconds"] for card in cards),
        accuracies=accuracies,
    )


def to_markdown(rows: Sequence[Row]) -> str:
    """The comparison as a table for a README."""

    def cells(row: Row) -> list[str]:
        deviation = "" if row.deviation is None else f"{row.deviation:.3f}"
        percents = f"{row.mean:.2f}", deviation, f"{row.minimum:.2f}", f"{row.last_epochs:.2f}"
        return [row.network, f"{row.parameters:,}", str(row.epochs), str(row.runs), *percents, f"{row.seconds:.1f}"]

    lines = [list(_HEADERS), ["---"] + ["---:"] * (len(_HEADERS) - 1), *map(cells, rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
