"""A comparison told: as a table for a README, as a picture, and as files in its folder."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mnist_train import files
from mnist_train.comparison import LAST_EPOCHS, Difference, Row, differences

TABLE = "comparison.md"
NUMBERS = "comparison.json"
PICTURE = "comparison.png"

_HEADERS = (
    *("network", "parameters", "epochs", "runs", "mean %", "95 % interval", "deviation", "minimum %"),
    *(f"last {LAST_EPOCHS} epochs %", "seconds"),
)
_DIFFERENCES = ("network", "mean difference", "95 % interval", "")


def to_markdown(rows: Sequence[Row]) -> str:
    """The comparison as tables: the networks, and each beside the first one."""

    def cells(row: Row) -> list[str]:
        deviation = "" if row.deviation is None else f"{row.deviation:.3f}"
        percents = f"{row.mean:.2f}", _interval(row.mean, row.margin), deviation, f"{row.minimum:.2f}"
        sizes = f"{row.parameters:,}", str(row.epochs), str(row.runs)
        return [row.network, *sizes, *percents, f"{row.last_epochs:.2f}", f"{row.seconds:.1f}"]

    text = _table(_HEADERS, list(map(cells, rows)))
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
    return [one.network, f"{one.mean:+.3f}", _interval(one.mean, one.margin, "+.3f"), verdict]


def _interval(mean: float, margin: float | None, form: str = ".2f") -> str:
    return "" if margin is None else f"{mean - margin:{form}} to {mean + margin:{form}}"


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
    """A point a run, and the mean of each network with its 95 % interval."""
    from matplotlib.figure import Figure

    from mnist_train.plots import save

    figure = Figure(figsize=(8, 1.4 + 0.5 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for place, row in enumerate(rows):
        axes.plot(row.accuracies, [place] * row.runs, "o", color="0.6", ms=5, alpha=0.7)
        axes.errorbar(row.mean, place, xerr=row.margin or None, fmt="D", color="tab:red", ms=6, capsize=5)
    axes.set_yticks(range(len(rows)), [f"{row.network}\n{row.parameters:,} parameters" for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set(xlabel="accuracy at the last epoch, %", title="Each run, and the means with their 95 % intervals")
    axes.grid(axis="x", alpha=0.25)
    save(figure, path)
