"""What a trained network makes of pictures that are not from any data set."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mnist_train.evaluation import logits
from mnist_train.handwriting import read_digit
from mnist_train.plots import save
from mnist_train.trained import Trained
from xlbackprop.errors import UnusableInput, reason

_TOP = 3
_ENDINGS = (".png", ".jpg", ".pdf", ".svg")
# of one picture; further ones are predicted, but not drawn
_MAX_DRAWN = 40


@dataclass(frozen=True)
class Prediction:
    """A picture and what it is taken for.

    Attributes:
        file: where the picture lies.
        picture: in grey, (height, width).
        seen: what the network was given, (28, 28).
        top: the likeliest classes with their probabilities, the likeliest first.
    """

    file: Path
    picture: NDArray[np.uint8]
    seen: NDArray[np.uint8]
    top: tuple[tuple[str, float], ...]

    def __str__(self) -> str:
        return f"{self.file}: " + ", ".join(f"{name} ({100 * probability:.1f}%)" for name, probability in self.top)

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        top = [{"class": name, "probability": probability} for name, probability in self.top]
        return {"file": str(self.file), "top": top}


def check_picture(path: Path, inputs: Iterable[Path]) -> None:
    """See whether a picture may be written to a path.

    Args:
        path: of the picture.
        inputs: the files that are to be predicted.

    Raises:
        UnusableInput: it has no ending of a picture, there is no place for it, or it would replace an input.
    """
    if path.suffix.lower() not in _ENDINGS:
        raise UnusableInput(f"{path} is no name for a picture: end it in {' or '.join(_ENDINGS)}.")
    if path.is_dir():
        raise UnusableInput(f"{path} is a directory: give the name of a file.")
    if not path.parent.is_dir():
        raise UnusableInput(f"{path} cannot be written, since {path.parent} is no directory.")
    if any(_is_same(file, path) for file in inputs):
        raise UnusableInput(
            f"{path} is one of the pictures to predict: give the picture of what the network saw another name with "
            "--picture."
        )


def _is_same(file: Path, other: Path) -> bool:
    try:
        return file.samefile(other)
    except OSError:
        # one of them is not there, or has no possible name
        return False


def predict(trained: Trained, files: Iterable[Path]) -> tuple[list[Prediction], list[str]]:
    """The likeliest classes of each picture, and a sentence for each that cannot be used."""
    pictures, failures = [], []
    for file in files:
        try:
            pictures.append((file, *read_digit(file)))
        except UnusableInput as error:
            failures.append(str(error))
    if not pictures:
        return [], failures
    device = next(trained.model.parameters()).device
    pixels = torch.from_numpy(np.stack([seen for _, _, seen in pictures])).unsqueeze(1).to(device)
    values, indices = logits(trained.model, pixels, trained.normalisation).softmax(dim=1).topk(_TOP)
    tops = [
        tuple((trained.classes[index], value) for index, value in zip(of_indices, of_values, strict=True))
        for of_indices, of_values in zip(indices.tolist(), values.tolist(), strict=True)
    ]
    return [Prediction(*found, top) for found, top in zip(pictures, tops, strict=True)], failures


def draw(path: Path, predictions: Sequence[Prediction]) -> None:
    """A row a picture: as it is, as the network saw it, and what it took it for.

    Raises:
        UnusableInput: the picture cannot be written.
    """
    shown = predictions[:_MAX_DRAWN]
    figure = Figure(figsize=(7, 1.9 * len(shown)), layout="constrained")
    rows = figure.subplots(len(shown), 3, squeeze=False, width_ratios=(1, 1, 1.6))
    for guess, (original, seen, bars) in zip(shown, rows, strict=True):
        original.imshow(guess.picture, cmap="gray", vmin=0, vmax=255)
        # a name need not be Unicode, and may hold the signs of a formula
        name = guess.file.name.encode(errors="replace").decode()
        original.set_title(name, fontsize=8, parse_math=False)
        seen.imshow(guess.seen, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        seen.set_title("seen by the network", fontsize=8)
        for axes in (original, seen):
            axes.set_axis_off()
        names, values = zip(*guess.top, strict=True)
        places = range(len(names))
        bars.barh(places, values, color=["tab:red", *["0.7"] * (len(names) - 1)])
        bars.set_yticks(places, names, parse_math=False)
        bars.invert_yaxis()
        bars.set_xlim(0, 1.18)
        bars.set_xticks([])
        bars.spines[["top", "right", "bottom"]].set_visible(False)
        for place, value in zip(places, values, strict=True):
            bars.text(value + 0.02, place, f"{100 * value:.1f}%", va="center", fontsize=8)
    try:
        save(figure, path)
    except OSError as error:
        raise UnusableInput(f"{path} cannot be written: {reason(error)}; give another place with --picture.") from error
