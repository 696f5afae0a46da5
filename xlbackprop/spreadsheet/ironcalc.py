"""IronCalc: loads a workbook, computes it anew, and tries formulas on the side."""

import contextlib
import math
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import ironcalc

from xlbackprop.errors import UnusableInput, reason
from xlbackprop.files import temporary_folder
from xlbackprop.spreadsheet.cells import CIRCULAR, Cell, DefinedName, Sheets, Value, as_number
from xlbackprop.spreadsheet.copying import copy_for_engine
from xlbackprop.spreadsheet.package import check_package

#: Functions that the engine computes as Excel does, errors included.
KNOWN_FUNCTIONS = frozenset(
    ("ABS", "AVERAGE", "EXP", "IF", "IFERROR", "INDEX", "LN", "LOG", "LOG10", "MAX", "MIN", "NA", "PI",
     "POWER", "PRODUCT", "ROUND", "SIGN", "SQRT", "SUM", "SUMPRODUCT", "SUMSQ", "TANH")
)  # fmt: skip
_CALL = re.compile(r"([A-Z][A-Z0-9_.]*)\(")
_POW_CALLED = "POW("
_POW = re.compile(r"(?<![A-Z0-9_.])POW\(")

# formulas on the side stand far to the right of every table
_SIDE_COLUMN = 15_000


def recalculated(path: Path) -> Sheets:
    """The workbook with every cell computed anew.

    Raises:
        UnusableInput: the file is no workbook, or IronCalc cannot load it.
    """
    model = load(path)
    model.evaluate()
    return Sheets(model)


@dataclass(frozen=True)
class Stored:
    """What stood in a file before it was recalculated.

    Attributes:
        values: the value of each cell that is not empty, by sheet, then by row and column.
        kept: the cells whose value was kept, because the engine has no answer of its own for their formula.
        rewritten: the cells whose formula was made `computable`.
    """

    values: Mapping[str, Mapping[tuple[int, int], Value]]
    kept: frozenset[Cell]
    rewritten: frozenset[Cell]


def opened(path: Path) -> tuple[Sheets, Stored]:
    """The workbook with every `computable` formula computed anew by IronCalc, and what stood in the file before.

    Raises:
        UnusableInput: the file is no workbook, or IronCalc cannot load it.
    """
    model = load(path)
    sheets = Sheets(model)
    values = {sheet: sheets.values(sheet) for sheet in sheets.names}
    rewritten: set[Cell] = set()
    for index, sheet in enumerate(sheets.names):
        for place, text in sheets.formulas(sheet).items():
            if _POW_CALLED in text and (computed := computable(text)) != text:
                model.update_cell_with_formula(index, *place, computed)
                rewritten.add(Cell(sheet, *place))
    sheets.recalculate()
    kept: set[Cell] = set()
    while waiting := set(_unanswered(sheets, values)) - kept:
        for cell in waiting:
            number = as_number(values[cell.sheet][cell.row, cell.column])
            model.update_cell_with_number(sheets.names.index(cell.sheet), cell.row, cell.column, number)
        kept |= waiting
        sheets.recalculate()
    return sheets, Stored(values, frozenset(kept), frozenset(rewritten))


def _unanswered(sheets: Sheets, stored: Mapping[str, Mapping[tuple[int, int], Value]]) -> Iterator[Cell]:
    """Cells that show an error although the file has a number, by a function about which the engine may be wrong."""
    for sheet in sheets.names:
        formulas = sheets.formulas(sheet)
        for place, value in sheets.values(sheet).items():
            if isinstance(value, str) and value.startswith("#") and value != CIRCULAR and place in formulas:
                number = as_number(stored[sheet].get(place))
                if not math.isnan(number) and not calls_only_known(formulas[place]):
                    yield Cell(sheet, *place)


# a workbook of hundreds of sheets takes its time to make, and each of them may hold something to spell
_BLANKS: "WeakKeyDictionary[Sheets, Any]" = WeakKeyDictionary()


def spelled(sheets: Sheets, sheet: str, formulas: Sequence[tuple[int, int, str]]) -> list[str]:
    """Formulas as the engine writes them.

    Args:
        sheets: the workbook whose sheets and names they refer to.
        sheet: the sheet that they stand on.
        formulas: row, column and text of each.
    """
    if not formulas:
        return []
    if sheets not in _BLANKS:
        _BLANKS[sheets] = _empty(sheets.names, sheets.defined_names)
    model, index = _BLANKS[sheets], sheets.names.index(sheet)
    for row, column, text in formulas:
        model.update_cell_with_formula(index, row, column, text)
    return [model.get_cell_formula(index, row, column) for row, column, _ in formulas]


def calls_only_known(formula: str) -> bool:
    """Whether a formula calls only functions about which the engine has proved itself."""
    return KNOWN_FUNCTIONS.issuperset(_CALL.findall(formula))


def computable(formula: str) -> str:
    """The formula with POWER for POW, which only some online spreadsheets know."""
    return _POW.sub("POWER(", formula) if _POW_CALLED in formula else formula


def computed_on_the_side(
    formulas: Sequence[str],
    sheet: str,
    row: int,
    contents: Mapping[Cell, float | str],
    names: Iterable[DefinedName] = (),
) -> list[float]:
    """What formulas give in a workbook in which only some cells hold something; NaN for what is no number.

    Args:
        formulas: each with its `=`.
        sheet, row: where they stand, far to the right of everything.
        contents: numbers and formulas, by cell.
        names: the defined names that the formulas use.
    """
    sheets = list(dict.fromkeys([sheet, *(cell.sheet for cell in contents)]))
    model, index = _empty(sheets, names), {name: n for n, name in enumerate(sheets)}
    for cell, content in contents.items():
        where = (index[cell.sheet], cell.row, cell.column)
        if isinstance(content, str):
            model.update_cell_with_formula(*where, computable(content))
        else:
            model.update_cell_with_number(*where, content)
    for n, text in enumerate(formulas):
        model.update_cell_with_formula(0, row, _SIDE_COLUMN + n, computable(text))
    model.evaluate()
    return [as_number(model.get_cell_value(0, row, _SIDE_COLUMN + n)) for n in range(len(formulas))]


def _empty(sheets: Sequence[str], names: Iterable[DefinedName]) -> Any:
    """A workbook of these sheets with nothing in them, and the defined names that hold on one of them or everywhere."""
    model: Any = ironcalc.create("empty", "en", "UTC", "en")
    model.rename_sheet(0, sheets[0])
    for sheet in sheets[1:]:
        model.add_sheet(sheet)
    for entry in names:
        if entry.sheet is None or entry.sheet in sheets:
            scope = sheets.index(entry.sheet) if entry.sheet else None
            # one that refers to nothing, as in what Gnumeric saves, is no help to any formula
            with contextlib.suppress(ironcalc.WorkbookError):
                model.new_defined_name(entry.name, scope, entry.refers_to)
    return model


def load(path: Path) -> Any:
    """The engine's model of a workbook.

    Raises:
        UnusableInput: the file is no workbook, or IronCalc cannot load it.
    """
    check_package(path)
    with temporary_folder() as folder:
        copy = folder / "workbook.xlsx"
        # it takes most of its time to read formulas one by one
        for share in (True, False):
            if copy_for_engine(path, copy, share=share):
                with contextlib.suppress(UnusableInput):
                    return _load_package(copy, path)
        # the engine knows best what is wrong, but not every name of a file
        shutil.copyfile(path, copy)
        return _load_package(copy, path)


def _load_package(package: Path, path: Path) -> Any:
    try:
        return ironcalc.load_from_xlsx(str(package), "en", "UTC", "en")
    except Exception as error:
        why = f" ({reason(error)})"
    except BaseException as error:
        # the engine is written in Rust; where it gives up, it raises something that is no Exception
        if type(error).__name__ != "PanicException":
            raise
        why = ""
    raise UnusableInput(f"{path} is damaged: the spreadsheet engine cannot load it{why}.")
