"""Workbooks that train by an optimizer, and formulas of it to put into them."""

import re
from pathlib import Path

from tests.conftest import Editor, Workbook, sheets_of, where
from xlbackprop.backprop.expression import cell_formula
from xlbackprop.backprop.optimizers import BEFORE
from xlbackprop.build import Recipe, build

#: XOR, all four samples in a step or one in each.
SAMPLES = """
layers = [2, 2, 1]
biases = "trained"
weights = [0.5, -0.3, -0.4, 0.6, 0.7, -0.5]
bias_values = [0.1, -0.2, 0.1]
batch = {batch}
samples = [
    {{inputs = [0, 0], targets = [0]}},
    {{inputs = [0, 1], targets = [1]}},
    {{inputs = [1, 0], targets = [1]}},
    {{inputs = [1, 1], targets = [0]}},
]
"""
#: How a training may show what it learns from, and the value of `batch`.
SHOWN = {"one sample": "", "a batch": '"all"', "in turn": "1"}


def built(folder: Path, optimizers: str, shown: str = "one sample", *etas: float, steps: int = 8, **given) -> Workbook:
    """A workbook that trains by optimizers.

    Args:
        folder: where it goes.
        optimizers: as `--optimizer` takes them.
        shown: one of `SHOWN`.
        etas: the learning rates.
        steps: number of updates.
        given: hyperparameters, `schedule`, `protect` and `template`.
    """
    template = given.pop("template", "A")
    if SHOWN[shown]:
        (folder / "samples.toml").write_text(SAMPLES.format(batch=SHOWN[shown]))
        template = str(folder / "samples.toml")
    options = {key: given.pop(key) for key in ("schedule", "protect") if key in given}
    path = folder / "book.xlsx"
    recipe = Recipe(etas or (0.1,), steps, template, optimizers=optimizers, hyperparameters=given, **options)
    result = build(recipe, path)
    assert result.report is not None
    return Workbook(path, result.layout, result.report)


def formula(book: Workbook, name: str, expression: str, step: int, training: int = 0) -> tuple[str, str]:
    """The cell of a state or weight at a step, and an expression as its formula there.

    Args:
        book: the workbook.
        name: a state, or a weight or bias for its update.
        expression: over the names of the row that it follows from, `before_` standing for those of the row above.
        step: in whose row it stands.
        training: which of the training sheets.
    """
    sheets = sheets_of(book)
    sheet = sheets.training[training]
    own = step - (name in book.layout.networks[training].trained_names)
    if own == 0:
        expression = re.sub(rf"\b{BEFORE}\w+", "0", expression)
    cells = {"eta": sheet.eta, **sheet.hyperparameters}

    def address(of: str) -> str:
        if of == "steps":
            return str(book.layout.steps)
        row = own - of.startswith(BEFORE)
        return f"{cells[of]:$}" if of in cells else f"{sheet.cell(of.removeprefix(BEFORE), row)}"

    text = sheets.book.written(cell_formula(expression, address), sheet.sheet)
    return where(sheets, sheet.cell(name, step)), f"={text}"


def planted(book: Workbook, name: str, expression: str, steps: range, training: int = 0) -> Editor:
    """The workbook with an expression in the rows of some steps of a column."""
    editor = Editor(book.path)
    for step in steps:
        cell, text = formula(book, name, expression, step, training)
        editor.type(book.layout.training_sheets[training], cell, text)
    return editor
