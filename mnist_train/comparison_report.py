"""A comparison told: as a table for a README, as a picture, and as files in its folder."""

import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mnist_train import files
from mnist_train.comparison import LAST_EPOCHS, Difference, Row, differences

TABLE = "comparison.md"
NUMBERS = "comparison.json"
PICTURE = "comparison.png"

_LETTERS_A_LINE = 90
_HEADERS = (
    *("network", "parameters", "epochs", "runs", "mean %", "95 % interval", "deviation", "minimum %"),
    *(f"last {LAST_EPOCHS} epochs %", "seconds"),
)
_DIFFERENCES = ("network", "mean difference", "95 % interval", "")


def to_markdown(rows: Sequence[Row]) -> str:
    """The comparison as tables, below what was measured: the networks, and each beside the first one."""

    def cells(row: Row) -> list[str]:
        deviation = "" if row.deviation is None else f"{row.deviation:.3f}"
        percents = f"{row.mean:.2f}", _interval(row), deviation, f"{row.minimum:.2f}"
        sizes = f"{row.parameters:,}", str(row.epochs), str(row.runs)
        return [row.network, *sizes, *percents, f"{row.last_epochs:.2f}", f"{row.seconds:.1f}"]

    text = "\n\n".join([*_measured(rows, with_seconds=True), _table(_HEADERS, list(map(cells, rows)))])
    if len(rows) > 1:
        headers = (f"beside {rows[0].network}", *_DIFFERENCES[1:])
        text += "\n\n" + _table(headers, [_difference_cells(one) for one in differences(rows)])
    return text


def _difference_cells(one: Difference) -> list[str]:
    if one.margin is None:
        verdict = "one run tells nothing"
    elif one.is_certain:
        verdict = "better" if one.mean > 0 else "worse"
    else:
        verdict = "may be chance"
    interval = "" if one.margin is None else f"{one.mean - one.margin:+.3f} to {one.mean + one.margin:+.3f}"
    return [one.network, f"{one.mean:+.3f}", interval, verdict]


def _measured(rows: Sequence[Row], *, with_seconds: bool) -> list[str]:
    """Sentences about what the numbers are: once where they are the same of all networks, else of each."""
    sentences = [_images_and_seeds(row) for row in rows]
    if len(set(sentences)) == 1:
        del sentences[1:]
    else:
        sentences = [f"{row.network}: {sentence}" for row, sentence in zip(rows, sentences, strict=True)]
    for row in rows:
        if row.teacher:
            seconds = "" if row.teacher_seconds is None else f" of {row.teacher_seconds:.1f} s"
            training = f", whose training{seconds} is not in the seconds" if with_seconds else ""
            sentences.append(f"{row.network} has the teacher {row.teacher}{training}.")
    return sentences


def _images_and_seeds(row: Row) -> str:
    images = f"{row.hold_out:,} training images of {row.dataset} that were held out"
    parts = [f"Accuracy on {images if row.hold_out else f'the test images of {row.dataset}'}"]
    if row.limit:
        parts.append(f"trained on the first {row.limit:,} {'of the others' if row.hold_out else 'training images'}")
    first, last = row.seeds[0], row.seeds[-1]
    parts.append(f"seeds {first} to {last}" if last > first else f"seed {first}")
    return "; ".join(parts) + "."


def _bounds(row: Row) -> tuple[float, float] | None:
    """The 95 % interval of a mean, within what is possible."""
    return None if row.margin is None else (max(row.mean - row.margin, 0.0), min(row.mean + row.margin, 100.0))


def _interval(row: Row) -> str:
    return f"{bounds[0]:.2f} to {bounds[1]:.2f}" if (bounds := _bounds(row)) else ""


def _table(headers: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    ruler = ["---"] + ["---:"] * (len(headers) - 1)
    return "\n".join("| " + " | ".join(line) + " |" for line in (headers, ruler, *lines))


def as_json(rows: Sequence[Row]) -> dict[str, Any]:
    """The comparison for programs."""
    return {"rows": [asdict(row) for row in rows], "differences": [asdict(one) for one in differences(rows)]}


def write(folder: Path, rows: Sequence[Row]) -> None:
    """Table, numbers and picture, into the folder of the comparison."""
    files.write_text(folder / TABLE, to_markdown(rows) + "\n")
    files.write_json(folder / NUMBERS, as_json(rows))
    draw(folder / PICTURE, rows)


def draw(path: Path, rows: Sequence[Row]) -> None:
    """A point a run, and the mean of each network with its 95 % interval, below what was measured."""
    from matplotlib.figure import Figure

    from mnist_train.plots import save

    title = ["Each run, and the means with their 95 % intervals"]
    for sentence in _measured(rows, with_seconds=False):
        title += textwrap.wrap(sentence, _LETTERS_A_LINE)
    figure = Figure(figsize=(8, 1.2 + 0.2 * len(title) + 0.5 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for place, row in enumerate(rows):
        axes.plot(row.accuracies, [place] * row.runs, "o", color="0.6", ms=5, alpha=0.7)
        bounds = _bounds(row)
        reach = [[row.mean - bounds[0]], [bounds[1] - row.mean]] if bounds and row.margin else None
        axes.errorbar(row.mean, place, xerr=reach, fmt="D", color="tab:red", ms=6, capsize=5)
    axes.set_yticks(range(len(rows)), [f"{row.network}\n{row.parameters:,} parameters" for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel("accuracy at the last epoch, %")
    # the path of a teacher may hold the signs of a formula
    axes.set_title("\n".join(title), fontsize=10, parse_math=False)
    axes.grid(axis="x", alpha=0.25)
    save(figure, path)
