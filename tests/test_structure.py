"""The recipes of docs/structure.md: what is added as they say works everywhere, without another place."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import REPOSITORY, Editor, built
from tests.handmade import FORMULAS, Handmade, write
from xlbackprop import build as building
from xlbackprop import reference
from xlbackprop.backprop import expression
from xlbackprop.backprop.functions import ACTIVATIONS, LOSSES, Activation, Loss
from xlbackprop.backprop.network import Network
from xlbackprop.check.file import check, verify
from xlbackprop.errors import UnusableInput
from xlbackprop.report.findings import CheckedFile
from xlbackprop.spreadsheet.addresses import place
from xlbackprop.spreadsheet.blocks import Formula
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.cells import Sheets
from xlbackprop.spreadsheet.engines import recalculated
from xlbackprop.workbook import looks, sheets
from xlbackprop.workbook.check_sheet import CheckSheet
from xlbackprop.workbook.data_sheet import DataSheet
from xlbackprop.workbook.layout import WorkbookLayout
from xlbackprop.workbook.network_sheet import NetworkSheet
from xlbackprop.workbook.run import Run
from xlbackprop.workbook.training import TrainingSheet

PAGE = (REPOSITORY / "docs/structure.md").read_text(encoding="utf-8")

SOFTPLUS = Activation("log(1 + exp({z}))", "1/(1 + exp(-{z}))", "softplus")
SOFTPLUS_IN_NUMPY = reference.functions.Activation(
    lambda z: np.logaddexp(0, z), lambda z, a: 1 / (1 + np.exp(-z)), lambda a: 1 + np.abs(a)
)
ARC_TANGENT = Activation("atan({z})", "1/(1 + {z}**2)", "arc tangent")
ARC_TANGENT_IN_NUMPY = reference.functions.Activation(np.arctan, lambda z, a: 1 / (1 + z * z))
# with a number of more digits than :g shows, and a kink
SELU = Activation(
    "max(0, 1.0507009873554805*{z}) + 1.7580993408473766*(exp(0.5*({z} - sign({z})*{z})) - 1)",
    "1.0507009873554805 if {z} > 0 else {a} + 1.7580993408473766",
    "SELU",
    has_kink=True,
)
SELU_IN_NUMPY = reference.functions.Activation(
    lambda z: np.where(z > 0, 1.0507009873554805 * z, 1.7580993408473766 * np.expm1(np.minimum(z, 0))),
    lambda z, a: np.where(z > 0, 1.0507009873554805, a + 1.7580993408473766),
    lambda a: 2 + np.abs(a),
)
QUARTIC = Loss(
    error="0.25*({t} - a_{o})**4",
    sentence="The error of output {n}: a quarter of the fourth power of the distance from its target.",
    derivative=("(a_{o} - {t})**3", "How E_total changes with the output a_{o}: the cube of the distance."),
)
QUARTIC_IN_NUMPY = reference.functions.Loss(
    lambda target, z, a, sums: (0.25 * (target - a) ** 4, (np.abs(target) + np.abs(a)) ** 4),
    derivative=lambda a, target: ((a - target) ** 3, (np.abs(target) + np.abs(a)) ** 3),
)


@pytest.mark.parametrize("package", ["xlbackprop", "mnist_train"])
def test_the_page_names_every_module(package: str) -> None:
    paths = [path.relative_to(REPOSITORY / package) for path in (REPOSITORY / package).rglob("*.py")]
    modules = {path.with_suffix("").as_posix() for path in paths if not path.stem.startswith("__")}
    assert {module for module in modules if f"`{module}`" not in PAGE} == set()


def test_the_page_names_no_module_that_is_not_there() -> None:
    for package in (REPOSITORY / "xlbackprop", REPOSITORY):
        for room in (path.name for path in package.iterdir() if (path / "__init__.py").exists()):
            for module in re.findall(rf"`{room}/(\w+)", PAGE):
                assert (package / room / f"{module}.py").exists() or (package / room / module).is_dir(), module


@pytest.fixture
def activations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three activations more, each by one record on each side, and a function that one of them calls."""
    function = expression.Function(math.atan, np.arctan, "ATAN", "arctan")
    monkeypatch.setitem(expression.FUNCTIONS, "atan", function)
    # made of the functions when the module is imported
    monkeypatch.setitem(expression.PYTHON_FUNCTIONS, "atan", function.evaluate)
    for name, record, in_numpy in (
        ("softplus", SOFTPLUS, SOFTPLUS_IN_NUMPY),
        ("arc tangent", ARC_TANGENT, ARC_TANGENT_IN_NUMPY),
        ("selu", SELU, SELU_IN_NUMPY),
    ):
        monkeypatch.setitem(ACTIVATIONS, name, record)
        monkeypatch.setitem(reference.functions.ACTIVATIONS, name, in_numpy)


@pytest.fixture
def quartic(monkeypatch: pytest.MonkeyPatch) -> None:
    """One loss more, by one record on each side."""
    monkeypatch.setitem(LOSSES, "quartic", QUARTIC)
    monkeypatch.setitem(reference.functions.LOSSES, "quartic", QUARTIC_IN_NUMPY)


def template(folder: Path, functions: str) -> str:
    path = folder / "mine.toml"
    values = "inputs = [0.4, -0.7]\ntargets = [0.3, 0.8]\nbias_values = [0.1, -0.1, 0.2, 0]"
    path.write_text(f'layers = [2, 2, 2]\nbiases = "trained"\n{values}\n{functions}')
    return str(path)


def insist_that_all_is_right(path: Path, built_report: CheckedFile) -> Sheets:
    """See that every judge calls a workbook right, the gradient check in it too."""
    assert built_report.correct
    assert verify(path).correct
    assert check(path).correct
    cells = recalculated(path)
    assert str(cells.value("Derivation", 5, 2)).startswith("Gradient check: all 12 gradients agree")
    assert str(cells.value("Check", 3, 1)).startswith("All ")
    return cells


@pytest.mark.usefixtures("activations")
@pytest.mark.parametrize("name", ["softplus", "arc tangent", "selu"])
def test_an_activation_is_one_record_on_each_side(tmp_path: Path, name: str) -> None:
    made = built(tmp_path, template(tmp_path, f'hidden = "{name}"\noutput = "{name}"'), 0.1, 0.5)
    insist_that_all_is_right(made.path, made.report)


@pytest.mark.usefixtures("activations")
def test_an_activation_that_was_added_is_recognised_in_anybodys_table(tmp_path: Path) -> None:
    def softplus(formula: str) -> str:
        for neuron in ("h1", "h2", "o1", "o2"):
            formula = formula.replace(f"1/(1+EXP(-{{{neuron}}}))", f"LN(1+EXP({{{neuron}}}))")
            formula = formula.replace(f"{{a_{neuron}}}*(1-{{a_{neuron}}})", f"1/(1+EXP(-{{{neuron}}}))")
        return formula

    formulas = {name: softplus(formula) for name, formula in FORMULAS.items()}
    right = check(write(tmp_path / "right.xlsx", Handmade(formulas=formulas)))
    assert right.correct
    assert any("softplus" in note for table in right.tables for note in table.notes)
    slipped = formulas | {"dE_dw3": formulas["dE_dw3"].replace("EXP(-{h2})", "EXP(-{h1})")}
    (table,) = check(write(tmp_path / "wrong.xlsx", Handmade(formulas=slipped))).tables
    assert [finding.quantity for finding in table.findings] == ["dE_dw3"]
    assert "h1" in table.findings[0].slip


@pytest.mark.usefixtures("quartic")
@pytest.mark.parametrize("output", ["sigmoid", "leaky relu"])
def test_a_loss_is_one_record_on_each_side(tmp_path: Path, output: str, editor: type[Editor]) -> None:
    made = built(tmp_path, template(tmp_path, f'output = "{output}"\nloss = "quartic"'), 0.1, 0.5)
    cells = insist_that_all_is_right(made.path, made.report)
    table = made.layout.training
    row, column = place(table.cell("E1", 1))
    target, output_of_1 = table.cell("t1", 1), table.cell("a_o1", 1)
    assert cells.formula("η=0.1", row, column) == f"=0.25*({target}-{output_of_1})^4"

    wrong = editor(made.path).type("η=0.1", table.cell("E1", 1), f"=0.25*({target}-{output_of_1})^3").judge()
    (finding,) = (finding for sheet in wrong.sheets for finding in sheet.findings)
    assert finding.slip == "uses (t1-a_o1)^3; it should be (t1-a_o1)^4"


@pytest.mark.usefixtures("quartic")
def test_a_loss_that_was_added_goes_with_every_output_but_softmax() -> None:
    assert Network.blank((2, 2), output="tanh", loss="quartic").loss == "quartic"
    with pytest.raises(UnusableInput, match="softmax takes the loss cross-entropy, and quartic the output sigmoid"):
        Network.blank((2, 2), output="softmax", loss="quartic")


class FallSheet:
    """How far E_total fell with each learning rate: a sheet as the recipe has it."""

    def __init__(self, book: Book, layout: WorkbookLayout) -> None:
        self.sheet = book.sheet("Fall", "how far E_total fell")
        self._layout = layout

    def fill(self, training: tuple[TrainingSheet, ...]) -> None:
        sheet, last = self.sheet, self._layout.steps
        sheet.put("A1", "How far did the error fall?", looks.TITLE)
        sheet.put("A3", [[one.sheet.name] for one in training], looks.NAME)
        fell = [[Formula(f"{one.cell('E_total', 0)}-{one.cell('E_total', last)}")] for one in training]
        falls = sheet.put("B3", fell, looks.NUMBER, name="falls")
        sheet.put("B2", Formula(f"MAX({falls.place:$})"), looks.TOTAL, name="the largest fall")


class ChecksAndFalls(CheckSheet):
    """The last sheet, and behind it the one that is added: three lines of `our_sheets` in their order."""

    def __init__(self, book: Book, layout: WorkbookLayout) -> None:
        super().__init__(book, layout)
        self._falls = FallSheet(book, layout)

    def fill(
        self, run: Run, network: NetworkSheet, data: DataSheet | None, training: tuple[TrainingSheet, ...]
    ) -> None:
        super().fill(run, network, data, training)
        self._falls.fill(training)


def test_a_sheet_is_listed_and_verified_without_another_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, editor: type[Editor]
) -> None:
    monkeypatch.setattr(sheets, "CheckSheet", ChecksAndFalls)
    made = built(tmp_path)
    assert made.report.correct
    assert [sheet.sheet for sheet in made.report.sheets][-1] == "Fall"
    cells = recalculated(made.path)
    contents = {cells.value("Network", row, 5): cells.value("Network", row, 6) for row in range(12, 20)}
    assert contents["Fall"] == "how far E_total fell"
    assert verify(made.path).correct

    # another formula is a finding, and so is a right number for a formula
    for text, found in (("=MIN(B3:B4)", "=MIN(B3:B4)"), (str(cells.value("Fall", 2, 2)), None)):
        judged = editor(made.path).type("Fall", "B2", text).judge()
        (finding,) = (finding for sheet in judged.sheets for finding in sheet.findings)
        assert (finding.quantity, finding.cell, finding.expected) == ("Fall", "B2", "=MAX($B$3:$B$4)")
        assert finding.found == found or found is None

    with_edit = editor(made.path).type("η=2", "C2", "0.7").save(tmp_path / "edited.xlsx")
    assert verify(with_edit).correct


def test_a_workbook_without_a_sheet_of_ours_is_told_which_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as older:
        older.setattr(building, "__version__", "0.0.1")
        built(tmp_path, "B")
    before = built(tmp_path)
    monkeypatch.setattr(sheets, "CheckSheet", ChecksAndFalls)
    with pytest.raises(UnusableInput, match="its sheet Fall is missing"):
        verify(before.path)
    # one of an older version cannot have it
    judged = verify(tmp_path / "B.xlsx")
    assert judged.correct
    assert "it was made by xlbackprop 0.0.1" in judged.notes[0]
