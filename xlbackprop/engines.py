"""Recalculation of a workbook by a real spreadsheet engine.

What stands in a file as the value of a formula was put there by whoever wrote it, and proves
nothing. An engine here always computes every cell anew; IronCalc does so as it loads.
"""

import math
import re
import shutil
import subprocess
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import ironcalc
from openpyxl import load_workbook

from xlbackprop.addresses import column_number
from xlbackprop.errors import UnusableInput
from xlbackprop.files import check_package

Value = float | str | bool | None

#: Every engine, by the name that the commands take.
ENGINES = {"ironcalc": "IronCalc", "libreoffice": "LibreOffice"}

_ADDRESS = re.compile(r"(?:'(?P<quoted>(?:[^']|'')+)'|(?P<plain>[^'!]+))!\$?(?P<column>[A-Z]{1,3})\$?(?P<row>\d+)")

#: Functions that the engine computes as Excel does, errors included.
KNOWN_FUNCTIONS = frozenset(
    ("ABS", "AVERAGE", "EXP", "IF", "IFERROR", "INDEX", "LN", "LOG", "LOG10", "MAX", "MIN", "PI", "POWER",
     "PRODUCT", "ROUND", "SIGN", "SQRT", "SUM", "SUMPRODUCT", "SUMSQ", "TANH")
)  # fmt: skip
_CALL = re.compile(r"([A-Z][A-Z0-9_.]*)\(")
_POW = re.compile(r"(?<![A-Z0-9_.])POW\(")
_UNKNOWN_CALL = re.compile(r"(?<![A-Za-z0-9_.])([a-z][a-z0-9_.]*)\(")

_LIBREOFFICE_SECONDS = 600

_ABSOLUTE_TARGET = b'Target="/xl/'

# Without this LibreOffice shows the values that stand in an .xlsx, even wrong ones.
_ALWAYS_RECALCULATE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load">
<prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop></item>
</oor:items>
"""


@dataclass(frozen=True)
class Cell:
    """A cell of a workbook; row and column count from 1."""

    sheet: str
    row: int
    column: int


@dataclass(frozen=True)
class DefinedName:
    """A name that a workbook defines: `eta` for `'η=0.1'!$C$3`; without a sheet it holds everywhere."""

    name: str
    sheet: str | None
    refers_to: str


def as_number(value: Value) -> float:
    """A cell's value if it is a number, else NaN."""
    if type(value) is float:
        return value
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else float("nan")


class Sheets:
    """The cells of a workbook. Rows and columns count from 1; sheets go by their names."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._values_read: dict[str, dict[tuple[int, int], Value]] = {}
        self._formulas: dict[str, dict[tuple[int, int], str]] = {}
        properties = model.get_worksheets_properties()
        self._index = {sheet["name"]: n for n, sheet in enumerate(properties)}
        self._visible = [sheet["name"] for sheet in properties if sheet["state"] == "visible"]

    @cached_property
    def names(self) -> list[str]:
        return list(self._index)

    @property
    def visible(self) -> list[str]:
        """The sheets that are not hidden."""
        return self._visible

    def value(self, sheet: str, row: int, column: int) -> Value:
        """What a cell shows: a number, a text (an error such as `#NUM!` among them), or None if it is empty."""
        return self._model.get_cell_value(self._index[sheet], row, column)

    def formula(self, sheet: str, row: int, column: int) -> str | None:
        """The formula of a cell with its `=`, or None where a constant stands."""
        return self._model.get_cell_formula(self._index[sheet], row, column)

    def is_error(self, sheet: str, row: int, column: int) -> bool:
        """Whether a cell shows an error value."""
        return self._model.get_cell_type(self._index[sheet], row, column) == ironcalc.CellType.ErrorValue

    def formulas(self, sheet: str) -> Mapping[tuple[int, int], str]:
        """The formulas of a sheet as they were when first asked for, by row and column."""
        if sheet not in self._formulas:
            index, formula = self._index[sheet], self._model.get_cell_formula
            texts = ((place, formula(index, *place)) for place in self.used_cells[sheet])
            # the engine writes the functions that it knows in capitals, and only those
            self._formulas[sheet] = {
                place: text if text.isupper() else _UNKNOWN_CALL.sub(lambda match: match[0].upper(), text)
                for place, text in texts
                if text
            }
        return self._formulas[sheet]

    @cached_property
    def used_cells(self) -> dict[str, list[tuple[int, int]]]:
        """Row and column of every cell that is not empty, by sheet."""
        by_index: list[dict[tuple[int, int], Value]] = [{} for _ in self._index]
        value_of = self._model.get_cell_value
        for sheet, row, column in self._model.get_all_cells():
            # a cell may have a style and nothing else
            if (value := value_of(sheet, row, column)) is not None:
                by_index[sheet][row, column] = value
        # they are asked for next
        self._values_read = dict(zip(self._index, by_index, strict=True))
        return {sheet: list(values) for sheet, values in self._values_read.items()}

    def recalculate(self) -> None:
        """Compute every cell anew."""
        self._model.evaluate()
        self._values_read.clear()

    def values(self, sheet: str) -> Mapping[tuple[int, int], Value]:
        """The values of a sheet as they were when first asked for, by row and column."""
        places = self.used_cells[sheet]
        if sheet not in self._values_read:
            index, value = self._index[sheet], self._model.get_cell_value
            self._values_read[sheet] = {place: value(index, *place) for place in places}
        return self._values_read[sheet]

    def named_cell(self, name: str, sheet: str | None) -> Cell | None:
        """The single cell that a defined name stands for, on a sheet or everywhere; None if it is none."""
        for scope in (sheet, None):
            if target := self._named_cells.get((name.casefold(), scope)):
                return target
        return None

    @cached_property
    def _named_cells(self) -> dict[tuple[str, str | None], Cell]:
        found = {}
        for entry in self.defined_names:
            match = _ADDRESS.fullmatch(entry.refers_to)
            target = (match["quoted"].replace("''", "'") if match["quoted"] else match["plain"]) if match else ""
            if match and target in self._index:
                cell = Cell(target, int(match["row"]), column_number(match["column"]))
                found[entry.name.casefold(), entry.sheet] = cell
        return found

    @cached_property
    def defined_names(self) -> list[DefinedName]:
        names = self.names
        return [
            DefinedName(
                entry["name"],
                None if entry["scope"] is None else names[entry["scope"]],
                entry["formula"].removeprefix("="),
            )
            for entry in self._model.get_defined_name_list()
        ]


class _SavedSheets(Sheets):
    """The cells of a workbook with the values that stand in another file, as its engine left them there."""

    def __init__(self, model: Any, saved: Path) -> None:
        super().__init__(model)
        book = load_workbook(saved, read_only=True, data_only=True)
        try:
            self._values = {
                sheet.title: {
                    (cell.row, cell.column): cell for row in sheet.iter_rows() for cell in row if cell.value is not None
                }
                for sheet in book.worksheets
            }
        finally:
            book.close()

    def value(self, sheet: str, row: int, column: int) -> Value:
        cell = self._values[sheet].get((row, column))
        return None if cell is None else cell.value

    def values(self, sheet: str) -> Mapping[tuple[int, int], Value]:
        return {place: cell.value for place, cell in self._values[sheet].items()}

    def is_error(self, sheet: str, row: int, column: int) -> bool:
        cell = self._values[sheet].get((row, column))
        return cell is not None and cell.data_type == "e"


def recalculated(path: Path, engine: str = "ironcalc") -> Sheets:
    """The workbook with every cell computed anew.

    Args:
        path: an .xlsx file; it is not changed.
        engine: one of `ENGINES`.

    Raises:
        UnusableInput: the file is no workbook, the engine is not installed, or it fails.
    """
    if engine == "libreoffice":
        return _recalculated_by_libreoffice(path)
    model = _load(path)
    model.evaluate()
    return Sheets(model)


@dataclass(frozen=True)
class Stored:
    """What stood in a file before it was recalculated.

    Attributes:
        values: the value of each cell that is not empty, by sheet, then by row and column.
        kept: the cells whose value was kept, because the engine has no answer of its own for their formula.
    """

    values: Mapping[str, Mapping[tuple[int, int], Value]]
    kept: frozenset[Cell]


def opened(path: Path) -> tuple[Sheets, Stored]:
    """The workbook with every `computable` formula computed anew by IronCalc, and what stood in the file before.

    Raises:
        UnusableInput: the file is no workbook, or IronCalc cannot load it.
    """
    model = _load(path)
    sheets = Sheets(model)
    values = {sheet: sheets.values(sheet) for sheet in sheets.names}
    for index, sheet in enumerate(sheets.names):
        for (row, column), text in sheets.formulas(sheet).items():
            if (computed := computable(text)) != text:
                model.update_cell_with_formula(index, row, column, computed)
    sheets.recalculate()
    kept: set[Cell] = set()
    while waiting := set(_unanswered(sheets, values)) - kept:
        for cell in waiting:
            number = as_number(values[cell.sheet][cell.row, cell.column])
            model.update_cell_with_number(sheets.names.index(cell.sheet), cell.row, cell.column, number)
        kept |= waiting
        sheets.recalculate()
    return sheets, Stored(values, frozenset(kept))


def _unanswered(sheets: Sheets, stored: Mapping[str, Mapping[tuple[int, int], Value]]) -> Iterator[Cell]:
    """Cells that show an error although the file has a number, by a function about which the engine may be wrong."""
    for sheet in sheets.names:
        formulas = sheets.formulas(sheet)
        for place, value in sheets.values(sheet).items():
            if isinstance(value, str) and value.startswith("#") and value != "#CIRC!" and place in formulas:
                number = as_number(stored[sheet].get(place))
                if not math.isnan(number) and not calls_only_known(formulas[place]):
                    yield Cell(sheet, *place)


def calls_only_known(formula: str) -> bool:
    """Whether a formula calls only functions about which the engine has proved itself."""
    return KNOWN_FUNCTIONS.issuperset(_CALL.findall(formula))


def computable(formula: str) -> str:
    """The formula with POWER for POW, which only some online spreadsheets know."""
    return _POW.sub("POWER(", formula) if "POW(" in formula else formula


def libreoffice_program() -> str | None:
    """The path of LibreOffice, or None where it is not installed."""
    return shutil.which("soffice") or shutil.which("libreoffice")


def _load(path: Path) -> Any:
    check_package(path)
    try:
        return _load_package(path)
    except UnusableInput:
        # IronCalc 0.9 does not find the notes of a sheet where they are named from the root of the
        # package, as openpyxl writes them
        with tempfile.TemporaryDirectory(prefix="xlbackprop-") as folder:
            copy = Path(folder) / "workbook.xlsx"
            if not _copy_with_relative_targets(path, copy):
                raise
            return _load_package(copy, path)


def _load_package(path: Path, named: Path | None = None) -> Any:
    try:
        return ironcalc.load_from_xlsx(str(path), "en", "UTC", "en")
    except Exception as error:
        reason = f" ({error})"
    except BaseException as error:
        # the engine is written in Rust; where it gives up, it raises something that is no Exception
        if type(error).__name__ != "PanicException":
            raise
        reason = ""
    raise UnusableInput(f"{named or path} is damaged: the spreadsheet engine cannot load it{reason}.")


def _copy_with_relative_targets(path: Path, copy: Path) -> bool:
    """Copy a workbook, with its sheets' relationships relative; False if they are already."""
    changed = False
    try:
        with zipfile.ZipFile(path) as source, zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED) as target:
            for part in source.namelist():
                content = source.read(part)
                if part.startswith("xl/worksheets/_rels/") and _ABSOLUTE_TARGET in content:
                    content = content.replace(_ABSOLUTE_TARGET, b'Target="../')
                    changed = True
                target.writestr(part, content)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError):
        return False
    return changed


def _recalculated_by_libreoffice(path: Path) -> Sheets:
    check_package(path)
    program = libreoffice_program()
    if program is None:
        raise UnusableInput("LibreOffice is not installed: install LibreOffice Calc, or use --engine ironcalc.")
    with tempfile.TemporaryDirectory(prefix="xlbackprop-") as folder:
        profile, output = Path(folder) / "profile", Path(folder) / "out"
        (profile / "user").mkdir(parents=True)
        (profile / "user" / "registrymodifications.xcu").write_text(_ALWAYS_RECALCULATE, encoding="utf-8")
        # the copy gets a plain name, so that no file name is taken for an option
        source = Path(folder) / "workbook.xlsx"
        shutil.copyfile(path, source)
        command = [
            program,
            f"-env:UserInstallation={profile.as_uri()}",
            "--headless",
            "--norestore",
            "--convert-to",
            "xlsx",
            "--outdir",
            str(output),
            str(source),
        ]
        try:
            subprocess.run(command, capture_output=True, timeout=_LIBREOFFICE_SECONDS, check=True)
            # IronCalc gives the formulas and names, but the values are those that LibreOffice saved
            return _SavedSheets(_load(path), output / source.name)
        except subprocess.TimeoutExpired:
            raise UnusableInput(
                f"LibreOffice did not finish with {path} within {_LIBREOFFICE_SECONDS} seconds."
            ) from None
        except (subprocess.CalledProcessError, FileNotFoundError):
            raise UnusableInput(f"LibreOffice could not recalculate {path}.") from None
