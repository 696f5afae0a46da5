"""What several test modules share: workbooks to look at, and LibreOffice where it is installed."""

import importlib.util
import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings
from openpyxl import load_workbook

from tests import xor
from xlbackprop import __version__
from xlbackprop.backprop.network import Network
from xlbackprop.build import Recipe, build
from xlbackprop.check.file import judge_own
from xlbackprop.check.following import unlike_written
from xlbackprop.report.findings import CheckedFile
from xlbackprop.spreadsheet.addresses import cell_address, column_number
from xlbackprop.spreadsheet.cells import Sheets
from xlbackprop.spreadsheet.engines import recalculated
from xlbackprop.spreadsheet.ironcalc import load
from xlbackprop.spreadsheet.libreoffice import libreoffice_program
from xlbackprop.spreadsheet.places import Place
from xlbackprop.spreadsheet.xlsx import write
from xlbackprop.workbook.layout import WorkbookLayout
from xlbackprop.workbook.network_sheet import Origin
from xlbackprop.workbook.run import NoRun, Run
from xlbackprop.workbook.sheets import OurSheets, our_sheets

# a shared machine is slow at times, and a failure in continuous integration must be there again
settings.register_profile("default", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("default")

# a shell lets what it runs in the background ignore Ctrl-C, and so would the programs that the tests start
signal.signal(signal.SIGINT, signal.default_int_handler)

REPOSITORY = Path(__file__).parent.parent

_MISSING = [
    name
    for name in ("torch", "torchvision", "safetensors", "matplotlib", "scipy", "PIL")
    if importlib.util.find_spec(name) is None
]
if _MISSING and os.environ.get("XLBACKPROP_REQUIRE_TORCH"):
    raise RuntimeError(f"XLBACKPROP_REQUIRE_TORCH is set, but {', '.join(_MISSING)} cannot be imported")
# the sentence of the tests that are skipped without the trainer's packages; empty where they are installed
WITHOUT_TRAINER = (
    f"{', '.join(_MISSING)} cannot be imported: install what the trainer needs with `make test` or "
    'pip install ".[mnist]"'
    if _MISSING
    else ""
)
# the marks of the tests that some cannot run
needs_posix = pytest.mark.skipif(os.name == "nt", reason="Windows cannot do this: test on Linux, macOS or WSL")
needs_trainer = pytest.mark.skipif(bool(WITHOUT_TRAINER), reason=WITHOUT_TRAINER)


def recipe(template: str = "A", *etas: float, steps: int = 12, **options) -> Recipe:
    """A recipe with few steps, for a workbook that is quick to build."""
    return Recipe(
        template=template,
        etas=etas or (0.5, 2.0),
        steps=steps,
        values=options.get("values", {}),
        seed=options.get("seed"),
        protect=options.get("protect", False),
    )


@dataclass(frozen=True)
class Workbook:
    """A built workbook; nobody may write to it."""

    path: Path
    layout: WorkbookLayout
    report: CheckedFile


def built(folder: Path, template: str = "A", *etas: float, **options) -> Workbook:
    path = folder / f"{template}.xlsx"
    result = build(recipe(template, *etas, **options), path)
    assert result.report is not None
    return Workbook(path, result.layout, result.report)


def written(folder: Path, network: Network, *etas: float, steps: int = 12, protect: bool = False) -> Workbook:
    """The workbook of any network, recalculated and judged as `build` does it."""
    layout, path = WorkbookLayout(network, etas or (0.5, 2.0), steps), folder / "written.xlsx"
    sheets = our_sheets(Run(layout), Origin(__version__, "", ""), protect=protect)
    write(sheets.book, path)
    cells = recalculated(path)
    assert list(unlike_written(cells, sheets)) == []
    return Workbook(path, layout, judge_own(cells, path, "ironcalc", sheets))


@pytest.fixture(scope="session")
def classic(tmp_path_factory: pytest.TempPathFactory) -> Workbook:
    """The classic network with learning rates 0.5 and 2 and twelve steps."""
    return built(tmp_path_factory.mktemp("classic"))


@pytest.fixture(scope="session")
def default(tmp_path_factory: pytest.TempPathFactory) -> Workbook:
    """The workbook of the README's first command."""
    return built(tmp_path_factory.mktemp("default"), "A", 0.1, 0.2, 0.5, 0.8, 1.0, 2.0, steps=200)


@pytest.fixture(scope="session")
def in_batch(tmp_path_factory: pytest.TempPathFactory) -> Workbook:
    """XOR, of which each step takes all four samples, with learning rates 0.5 and 2 and twelve steps."""
    return written(tmp_path_factory.mktemp("batch"), xor.XOR)


@pytest.fixture(scope="session")
def in_mini_batches(tmp_path_factory: pytest.TempPathFactory) -> Workbook:
    """The same with two samples a step, in an order that was drawn, of which the step takes the mean."""
    return written(tmp_path_factory.mktemp("mini-batches"), xor.XOR.with_samples(xor.IN_MINI_BATCHES))


@pytest.fixture(scope="session")
def in_turn(tmp_path_factory: pytest.TempPathFactory) -> Workbook:
    """The same with one sample a step, in an order that was drawn."""
    return written(tmp_path_factory.mktemp("turn"), xor.XOR.with_samples(xor.IN_TURN))


@pytest.fixture(scope="session", params=["in_batch", "in_mini_batches", "in_turn"])
def with_samples(request: pytest.FixtureRequest) -> Workbook:
    """Each of these three."""
    return request.getfixturevalue(request.param)


def fact_cell(path: Path, label: str) -> str:
    """The cell of the first sheet that says what a workbook consists of, by the label left of it: `layers`."""
    sheet = load_workbook(path)["Network"]
    (found,) = (one for row in sheet.iter_rows() for one in row if one.value == label and one.column_letter == "E")
    return f"F{found.row}"


class Editor:
    """A workbook opened in a spreadsheet engine, to type into its cells and see what follows."""

    def __init__(self, path: Path) -> None:
        self._model = load(path)
        self._sheets = [sheet["name"] for sheet in self._model.get_worksheets_properties()]

    def type(self, sheet: str, address: str, text: str) -> "Editor":
        letters = address.replace("$", "").rstrip("0123456789")
        row = int(address.replace("$", "").removeprefix(letters))
        self._model.set_user_input(self._sheets.index(sheet), row, column_number(letters), text)
        return self

    def rename(self, sheet: str, name: str) -> "Editor":
        self._model.rename_sheet(self._sheets.index(sheet), name)
        self._sheets[self._sheets.index(sheet)] = name
        return self

    def sheets(self) -> Sheets:
        self._model.evaluate()
        return Sheets(self._model)

    def save(self, path: Path) -> Path:
        self._model.evaluate()
        self._model.save_to_xlsx(str(path))
        return path

    def judge(self) -> CheckedFile:
        return judge_own(self.sheets(), Path("edited.xlsx"), "ironcalc")


@pytest.fixture
def editor():
    return Editor


@pytest.fixture(scope="session")
def libreoffice() -> str:
    """LibreOffice; without it the test is skipped, or fails where it is required."""
    program = libreoffice_program()
    if program is None:
        if os.environ.get("XLBACKPROP_REQUIRE_LIBREOFFICE"):
            pytest.fail("XLBACKPROP_REQUIRE_LIBREOFFICE is set, but LibreOffice is not installed")
        pytest.skip("soffice is not in the PATH: install LibreOffice Calc")
    return program


def with_zip_field(path: Path, central: int, local: int, value: int) -> Path:
    """A package with two bytes of the headers of all its parts replaced, at these offsets."""
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x01\x02", central), (b"PK\x03\x04", local)):
        at = content.find(signature)
        while at >= 0:
            content[at + offset : at + offset + 2] = value.to_bytes(2, "little")
            at = content.find(signature, at + 4)
    path.write_bytes(content)
    return path


def real_workbook(name: str) -> Path:
    """A workbook that somebody else made; the test is skipped where it is not at hand."""
    path = REPOSITORY.parent / "shared" / "workbooks" / f"{name}.xlsx"
    if not path.exists():
        pytest.skip(
            "the real workbooks are not here: they are their authors', so ask the maintainers for them and put them "
            "in ../shared/workbooks, seen from the checkout"
        )
    return path


def cell(sheets: Sheets, sheet: str, address: str):
    """The value of a cell given by its address."""
    letters = address.replace("$", "").rstrip("0123456789")
    row = int(address.replace("$", "").removeprefix(letters))
    return sheets.value(sheet, row, column_number(letters))


def sheets_of(workbook: Workbook) -> OurSheets:
    """The sheets of a workbook as a value: where everything stands."""
    return our_sheets(NoRun(workbook.layout), Origin("", "", ""))


def where(sheets: OurSheets, cells: Place) -> str:
    """The address of a single cell within its sheet."""
    _, row, column = sheets.book.where(int(cells.ids.flat[0]))
    return cell_address(row, column)


def filled_cells(path: Path, sheet: str, colour: str) -> set[str]:
    """The cells of a sheet that are filled with a colour."""
    rows = load_workbook(path)[sheet].iter_rows()
    return {cell.coordinate for row in rows for cell in row if cell.fill.fgColor.rgb == colour}


def notes_of(path: Path, sheet: str) -> dict[str, str]:
    """The notes of a sheet by their cells."""
    rows = load_workbook(path)[sheet].iter_rows()
    return {cell.coordinate: cell.comment.text for row in rows for cell in row if cell.comment}
