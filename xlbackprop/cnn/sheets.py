"""The workbook of a trained network as a value: the list of its sheets, and how they come together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xlbackprop import __version__
from xlbackprop.cnn import reference
from xlbackprop.cnn.check_sheet import CheckSheet, group
from xlbackprop.cnn.digit_sheet import DigitSheet
from xlbackprop.cnn.digits import Digit, normalised
from xlbackprop.cnn.digits_sheet import DigitsSheet
from xlbackprop.cnn.explained_sheet import ExplainedSheet
from xlbackprop.cnn.facts import Facts, facts
from xlbackprop.cnn.flow import flow_back
from xlbackprop.cnn.gradients_sheet import GradientsSheet
from xlbackprop.cnn.layers import tensor_shapes
from xlbackprop.cnn.network_sheet import NetworkSheet
from xlbackprop.cnn.networks import CLASSES, IMAGE
from xlbackprop.cnn.step_sheet import StepSheet
from xlbackprop.cnn.trained import TrainedNetwork
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.places import Place


@dataclass(frozen=True)
class CnnSheets:
    """The sheets of a trained network, in their order."""

    book: Book
    digit: DigitSheet
    network: NetworkSheet
    explained: ExplainedSheet
    check: CheckSheet
    listed: DigitsSheet
    gradients: GradientsSheet | None = None
    step: StepSheet | None = None


def cnn_sheets(
    network: TrainedNetwork,
    digits: Sequence[Digit],
    command: str = "",
    *,
    backward: bool = False,
    protect: bool = False,
) -> CnnSheets:
    """All sheets of the workbook of a trained network.

    First each reserves the places that others refer to, then each is filled.

    Args:
        network: what is written.
        digits: the images that can be chosen.
        command: what the workbook says about how it was made.
        backward: with the gradients of all maps and weights.
        protect: lock every cell but the input cells, without a password.

    Raises:
        UnusableInput: a layer cannot be written.
    """
    book = Book(
        {
            "title": f"The convolutional network {network.name}",
            "subject": "Every number of a trained network that reads digits, as a live formula",
            "author": f"xlbackprop {__version__}",
            "keywords": "convolutional neural network, MNIST, feature maps",
            "comments": command,
        },
        locked=protect,
    )
    digit = DigitSheet(book, network, digits, backward=backward)
    shown = NetworkSheet(book, network, backward=backward)
    gradients = GradientsSheet(book, shown) if backward else None
    sheets = CnnSheets(
        book,
        digit=digit,
        network=shown,
        gradients=gradients,
        step=StepSheet(book, shown, gradients) if gradients else None,
        explained=ExplainedSheet(book),
        check=CheckSheet(book),
        listed=DigitsSheet(book, network, digits, labelled=backward),
    )
    image = normalised(network, sheets.digit.image)
    outputs = reference.forward(network.layers, network.tensors, image)
    sheets.digit.fill(sheets.network, sheets.listed, sheets.gradients)
    sheets.network.fill(sheets.digit.pixels, image, outputs)
    if sheets.gradients and sheets.step and digit.saliency:
        seed = np.array(book.values(digit.saliency.seed), dtype=float)
        stages = [one.stage for one in sheets.network.stages]
        flow = flow_back(network, stages, image, outputs, seed)
        sheets.gradients.fill(digit.saliency.seed, digit.saliency.caption, flow)
        sheets.step.fill(digit.reading, digit.saliency)
    sheets.explained.fill(sheets.network, sheets.digit.answer)
    last = sheets.network.stages[-1].stage.numbers[-1]
    sheets.check.fill(
        network.classes,
        (sheets.network.logits, outputs[last].ravel()),
        sheets.digit.answer,
        dict(_inputs(sheets, sheets.digit.image.astype(float))),
        facts(network, len(digits), command, backward=backward),
    )
    return sheets


def _inputs(sheets: CnnSheets, image: NDArray[np.float64]) -> Iterator[tuple[str, tuple[Place, NDArray[np.float64]]]]:
    """What may be edited and decides the logits, in groups by name."""
    yield "image", (sheets.digit.pixels, image)
    for block in sheets.network.weight_blocks:
        yield block.name, group(block)


def sheets_as_built(made: Facts) -> CnnSheets:
    """The sheets with the formulas of a workbook; weights, images and values are none of theirs."""
    tensors = tuple({name: np.ones(shape) for name, shape in tensor_shapes(layer).items()} for layer in made.layers)
    blank = Digit(0, 0, 0, "", np.zeros(IMAGE[1:], dtype=np.uint8))
    classes = tuple(map(str, range(CLASSES)))
    network = TrainedNetwork(made.layers, tensors, 0.0, 1.0, classes, {"network": ""}, Path())
    return cnn_sheets(network, [blank] * made.digits, backward=made.backward)
