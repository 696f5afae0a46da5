"""Workbooks that train by an optimizer, and formulas of it to put into them."""

import re
from pathlib import Path

from tests.conftest import Editor, Workbook, sheets_of, where
from xlbackprop.backprop.expression import cell_formula
from xlbackprop.backprop.optimizers import BEFORE
from xlbackprop.build import Recipe, build
from xlbackprop.spreadsheet import addressing

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
#: E_total of the classic network at steps 1, 10, 100 and 200, from torch 2.14.1 in double precision
IN_TORCH = {
    ("momentum", 0.5): (0.23549537787349, 0.0585327383871576, 0.000616691658757662, 0.000344540797156572),
    ("nesterov", 0.5): (0.229238934234004, 0.0511416635424111, 0.00075094792939109, 0.000397994336707095),
    ("adagrad", 0.1): (0.220077941793744, 0.144374029274897, 0.0290483033295391, 0.0128651851625503),
    ("rmsprop", 0.01): (0.220077972653691, 0.143627006407638, 0.0234772955396496, 0.00747998662794217),
    ("adam", 0.1): (0.2200779448517, 0.0740265476322041, 0.000322325791504828, 9.66854786738761e-05),
    ("adamw", 0.1): (0.220058829064339, 0.0742880761694728, 0.000562892911486571, 0.000300705643499574),
}


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

    text = addressing.written(cell_formula(expression, address), sheet.sheet)
    return where(sheets, sheet.cell(name, step)), f"={text}"


def planted(book: Workbook, name: str, expression: str, steps: range, training: int = 0) -> Editor:
    """The workbook with an expression in the rows of some steps of a column."""
    editor = Editor(book.path)
    for step in steps:
        cell, text = formula(book, name, expression, step, training)
        editor.type(book.layout.training_sheets[training], cell, text)
    return editor
