"""What a workbook shows that trains by an optimizer, and how it follows its yellow cells."""

import dataclasses
from pathlib import Path

import pytest
from openpyxl import load_workbook

from tests.conftest import Editor, Workbook, sheets_of, where
from tests.optimized import IN_TORCH, built
from xlbackprop import reference
from xlbackprop.backprop.optimizers import KINDS, Optimizer
from xlbackprop.check.file import verify
from xlbackprop.errors import UnusableInput
from xlbackprop.spreadsheet.cells import Sheets
from xlbackprop.spreadsheet.engines import recalculated
from xlbackprop.spreadsheet.places import Place
from xlbackprop.tables.own import read_own_workbook

COMPARED = "sgd@0.5,momentum@0.1,adam@0.2"


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Workbook:
    """Three optimizers, each with a rate of its own."""
    return built(tmp_path_factory.mktemp("compared"), COMPARED, steps=6)


def shown(sheets: Sheets, book: Workbook, place: Place):
    """What a cell of a workbook shows."""
    sheet, row, column = sheets_of(book).book.where(int(place.ids.flat[0]))
    return sheets.value(sheet.name, row, column)


def test_the_cells_reach_what_torch_has_after_200_steps(tmp_path: Path) -> None:
    book = built(tmp_path, ",".join(f"{name}@{eta}" for name, eta in IN_TORCH), steps=200)
    sheets = recalculated(book.path)
    for training, errors in zip(sheets_of(book).training, IN_TORCH.values(), strict=True):
        found = [shown(sheets, book, training.cell("E_total", step)) for step in (1, 10, 100, 200)]
        assert found == pytest.approx(errors, rel=1e-12), training.sheet.name


CHANGED = {
    "momentum": 0.5,
    "dampening": 0.2,
    "weight_decay": 0.07,
    "beta_1": 0.8,
    "beta_2": 0.95,
    "eps": 0.001,
    "alpha": 0.9,
    "step_size": 3,
    "gamma": 0.7,
    "warm_up": 5,
}


@pytest.mark.parametrize(
    ("name", "schedule", "shown_samples"),
    [
        ("sgd", "step:2,0.5", "one sample"),
        ("momentum", "constant", "a batch"),
        ("momentum", "constant", "in turn"),
        ("nesterov", "exponential:0.9", "one sample"),
        ("adagrad", "constant", "in turn"),
        ("rmsprop", "linear:4", "a batch"),
        ("adam", "cosine", "one sample"),
        ("adam", "constant", "a batch"),
        ("adamw", "step:2,0.5", "in turn"),
    ],
)
def test_every_yellow_cell_is_followed_as_numpy_does(
    tmp_path: Path, name: str, schedule: str, shown_samples: str
) -> None:
    book = built(tmp_path, name, shown_samples, steps=6, schedule=schedule)
    (training,) = sheets_of(book).training
    network = book.layout.networks[0]
    sheet, before = training.sheet.name, errors_of(recalculated(book.path), book)
    for key in ("eta", *network.optimizer.values):
        cell = training.eta if key == "eta" else training.hyperparameters[key]
        value = 0.3 if key == "eta" else CHANGED[key]
        editor = Editor(book.path).type(sheet, where(sheets_of(book), cell), repr(value))
        sheets = editor.sheets()
        own = read_own_workbook(sheets)
        if key != "eta":
            assert own.tables[0].network.optimizer.values[key] == value
        # the start values are those of the workbook as it was built
        edited = dataclasses.replace(network, optimizer=own.tables[0].network.optimizer)
        found = errors_of(sheets, book)
        assert found != before, key
        by_numpy = reference.run(edited, [0.3 if key == "eta" else 0.1], 6)["E_total"][:, 0]
        assert found == pytest.approx(list(by_numpy), rel=1e-11), key
        report = editor.judge()
        assert report.correct, key
        assert "were changed" in " ".join(str(sheets.value("Check", row, 1)) for row in range(1, 8)), key


def errors_of(sheets: Sheets, book: Workbook) -> list[float]:
    (training,) = sheets_of(book).training
    return [shown(sheets, book, training.cell("E_total", step)) for step in range(book.layout.steps + 1)]


def test_hyperparameters_have_names_in_the_scope_of_their_sheet(compared: Workbook) -> None:
    book = load_workbook(compared.path)
    names = {sheet.title: set(sheet.defined_names) for sheet in book}
    assert names["sgd η=0.5"] == {"eta", "Print_Titles"} & names["sgd η=0.5"] | {"eta"}
    assert {"eta", "momentum", "dampening", "weight_decay", "optimizer"} <= names["momentum η=0.1"]
    assert {"eta", "beta_1", "beta_2", "eps", "weight_decay"} <= names["adam η=0.2"]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("beta_1", "1", "on the sheet η=0.1, beta_1 = 1 is out of range"),
        ("eps", "-1", "on the sheet η=0.1, eps = -1 is out of range"),
        ("beta_2", "much", "beta_2 on the sheet η=0.1, row 2, is not a number"),
    ],
)
def test_a_hyperparameter_that_cannot_be_is_said(tmp_path: Path, name: str, value: str, sentence: str) -> None:
    book = built(tmp_path, "adam", steps=2)
    cell = where(sheets_of(book), sheets_of(book).training[0].hyperparameters[name])
    Editor(book.path).type("η=0.1", cell, value).save(tmp_path / "edited.xlsx")
    with pytest.raises(UnusableInput, match=sentence):
        verify(tmp_path / "edited.xlsx")


@pytest.mark.parametrize("name", KINDS)
def test_libreoffice_agrees(tmp_path: Path, libreoffice: str, name: str) -> None:
    book = built(tmp_path, name, "a batch", steps=4, schedule="cosine")
    assert verify(book.path, "libreoffice").correct


@pytest.mark.parametrize("step", [0, 1, 6])
@pytest.mark.parametrize("chosen", [0, 1, 2])
def test_the_derivation_shows_the_optimizer_of_the_chosen_training(compared: Workbook, step: int, chosen: int) -> None:
    derivation, name = sheets_of(compared).derivation, compared.layout.training_sheets[chosen]
    choice, at = (where(sheets_of(compared), cell) for cell in (derivation.chosen.eta, derivation.chosen.step))
    editor = (
        Editor(compared.path).type("Derivation", choice, name.replace("η=", "η = ")).type("Derivation", at, str(step))
    )
    sheets = editor.sheets()
    assert editor.judge().correct
    training = sheets_of(compared).training[chosen]
    for optimizer, key, column in (
        ("momentum", "momentum v_w1", "v_w1"),
        ("adam", "adam m_hat_w5", "m_hat_w5"),
        ("adam", "adam v_w5", "v_w5"),
    ):
        found = shown(sheets, compared, derivation.values[key])
        if compared.layout.networks[chosen].optimizer.name == optimizer:
            assert found == pytest.approx(shown(sheets, compared, training.cell(column, step)), rel=1e-12)
        else:
            assert found == "–"
    new = f"{compared.layout.networks[chosen].optimizer.name} new w1"
    if step < 6:
        follows = shown(sheets, compared, training.cell("w1", step + 1))
        assert shown(sheets, compared, derivation.values[new]) == pytest.approx(follows, rel=1e-12)


def test_the_comparison_names_the_best_training(compared: Workbook) -> None:
    sheets = recalculated(compared.path)
    ends = {one.sheet.name: shown(sheets, compared, one.cell("E_total", 6)) for one in sheets_of(compared).training}
    best = min(ends, key=lambda name: ends[name]).replace("η=", "η = ")
    assert sheets.value("Comparison", 1, 1) == "Which optimizer is best?"
    assert sheets.value("Comparison", 2, 1) == f"After 6 steps {best} has the smallest error."
    names = [sheets.value("Comparison", 22, column) for column in (3, 4, 5)]
    assert names == ["sgd η = 0.5", "momentum η = 0.1", "adam η = 0.2"]


def test_the_names_of_trainings_have_two_lines_above_the_comparison(compared: Workbook) -> None:
    assert load_workbook(compared.path)["Comparison"].row_dimensions[22].height == 30


def test_a_protected_workbook_locks_all_but_the_yellow_cells(tmp_path: Path) -> None:
    book = built(tmp_path, "adam", steps=2, protect=True)
    (training,) = sheets_of(book).training
    sheet = load_workbook(book.path)["η=0.1"]
    assert sheet.protection.sheet
    open_cells = {cell.coordinate for row in sheet.iter_rows() for cell in row if not cell.protection.locked}
    wanted = [training.eta, *training.hyperparameters.values()]
    assert open_cells == {where(sheets_of(book), cell) for cell in wanted}


def test_a_template_names_its_optimizers(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'layers = [1, 1]\ninputs = [1]\ntargets = [1]\nlrs = [0.1]\nsteps = 2\noptimizer = "sgd,adam@0.01"\n'
        'betas = [0.8, 0.99]\neps = 1e-6\nweight_decay = 0.001\nschedule = "exponential:0.9"\n'
    )
    from xlbackprop.build import Recipe, build

    layout = build(Recipe(template=str(path)), tmp_path / "a.xlsx").layout
    schedule = ("gamma", 0.9)
    adam = (("beta_1", 0.8), ("beta_2", 0.99), ("eps", 1e-6), ("weight_decay", 0.001), schedule)
    sgd = Optimizer("sgd", (("weight_decay", 0.001), schedule), "exponential")
    assert layout.optimizers == (sgd, Optimizer("adam", adam, "exponential"))
    assert layout.etas == (0.1, 0.01)
    # an option replaces the key
    layout = build(Recipe(template=str(path), optimizers="momentum"), tmp_path / "b.xlsx").layout
    assert [one.name for one in layout.optimizers] == ["momentum"]


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ('optimizer = "adamx"', "mine.toml: adamx is no optimizer"),
        ("optimizer = 3", "mine.toml: optimizer must be a text in quotes"),
        ('optimizer = "adam"\nbetas = [0.9]', "mine.toml: betas must be two numbers"),
        ("momentum = 0.9", "mine.toml: sgd has no momentum"),
        ('optimizer = "momentum"\nmomentum = "much"', "mine.toml: momentum holds 'much' where a number belongs"),
        ('optimizer = "adam"\nbetas = [0.9, 1]', "mine.toml: beta_2 = 1 is out of range"),
        ('schedule = "warm"', "mine.toml: warm is no schedule"),
        ("schedule = 1", "mine.toml: schedule must be a text in quotes"),
        ('optimiser = "adam"', "mine.toml: the key optimiser is not known; did you mean optimizer?"),
    ],
)
def test_a_template_with_an_unusable_optimizer_is_said(tmp_path: Path, key: str, sentence: str) -> None:
    from xlbackprop.backprop.templates import read_template

    path = tmp_path / "mine.toml"
    path.write_text(f"layers = [1, 1]\ninputs = [1]\ntargets = [1]\n{key}\n")
    with pytest.raises(UnusableInput) as raised:
        read_template(str(path)).choice.trainings([0.1])
    assert sentence in str(raised.value)
