"""Networks that learn from samples, their workbooks, and what NumPy says about any step of them."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from tests.conftest import Editor, where
from xlbackprop import reference
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.samples import Samples
from xlbackprop.reference import Array
from xlbackprop.reference.passes import TrainingStep
from xlbackprop.spreadsheet.cells import Sheets, Value
from xlbackprop.spreadsheet.places import Place
from xlbackprop.spreadsheet.xlsx import write
from xlbackprop.workbook.layout import WorkbookLayout
from xlbackprop.workbook.learned_sheet import LearnedSheet
from xlbackprop.workbook.network_sheet import Origin
from xlbackprop.workbook.run import Run
from xlbackprop.workbook.sheets import OurSheets, our_sheets

ETAS, STEPS = (0.5, 2.0), 6


def network(layers: tuple[int, ...], samples: Samples, seed: int = 1, **functions: str) -> Network:
    """A network with drawn weights that learns from samples."""
    return Network.blank(layers, **({"biases": "trained"} | functions)).with_samples(samples).drawn(seed)


def xor(batch: int = 4, low: float = 0.0) -> Samples:
    corners = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))
    return Samples(corners, tuple((1.0 if a != b else low,) for a, b in corners), batch)


def three_classes() -> Samples:
    corners = ((2.0, 10.0), (2.5, 14.0), (1.0, 4.0), (3.0, 4.5), (1.5, 12.0), (2.2, 3.0))
    classes = (0, 1, 2, 0, 1, 2)
    return Samples(corners, tuple(tuple(float(k == n) for k in range(3)) for n in classes), 3, "mean")


def curve() -> Samples:
    return Samples(tuple((x / 2,) for x in range(-2, 3)), ((0.1,), (-0.6,), (0.0,), (0.7,), (0.2,)), 5, "mean")


@dataclass(frozen=True)
class Learning:
    """A written workbook of a network that learns from samples."""

    network: Network
    path: Path
    built: OurSheets

    @property
    def learned(self) -> LearnedSheet:
        assert self.built.learned is not None
        return self.built.learned

    def edited(self, step: float, eta: float = ETAS[0], **samples: float) -> Sheets:
        """The recalculated workbook with another step, another learning rate, and numbers of samples: `i1_of_2`."""
        editor = Editor(self.path)
        for place, value in ((self.learned.chosen.step, step), (self.learned.chosen.eta, eta)):
            editor.type("Learned", where(self.built, place), repr(value))
        for key, value in samples.items():
            name, _, number = key.partition("_of_")
            assert self.built.data is not None
            editor.type("Data", where(self.built, self.built.data.columns[name][int(number) - 1]), repr(value))
        return editor.sheets()

    def value(self, sheets: Sheets, cell: Place) -> Value:
        sheet, row, column = self.built.book.where(int(cell.ids.flat[0]))
        return sheets.value(sheet.name, row, column)

    def numbers(self, sheets: Sheets, cells: Place) -> Array:
        found = [self.value(sheets, Place(np.asarray(one))) for one in cells.ids.ravel()]
        return np.array(found, dtype=float).reshape(cells.shape)

    def block(self, name: str) -> Place:
        """The cells of a block of the sheet by its name."""
        (found,) = (block for block in self.learned.sheet.blocks if block.name == name)
        return found.place


def written(folder: Path, trained: Network, etas: tuple[float, ...] = ETAS, steps: int = STEPS) -> Learning:
    built = our_sheets(Run(WorkbookLayout(trained, etas, steps)), Origin("x", "a command", "a template"))
    path = folder / "learned.xlsx"
    write(built.book, path)
    return Learning(trained, path, built)


def answers(trained: Network, step: int, eta: float, inputs: Array, targets: Array | None = None) -> TrainingStep:
    """What a network answers to inputs of shape (samples, inputs) at a step, by NumPy."""
    reached = next(islice(reference.train(trained, [eta], step), step, None)).parameters
    given = np.zeros((len(inputs), trained.layers[-1])) if targets is None else targets
    return reference.training_step(trained, reached, inputs, given)


def with_sample(samples: Samples, number: int, inputs: tuple[float, ...], targets: tuple[float, ...]) -> Samples:
    """The same samples with another n-th, counted from 1."""
    changed = [list(samples.inputs), list(samples.targets)]
    changed[0][number - 1], changed[1][number - 1] = inputs, targets
    return Samples(tuple(changed[0]), tuple(changed[1]), samples.batch, samples.reduction, samples.order)
