"""The formulas of a table are tried in groups: with what is drawn, and then with the constants of the sheet."""

from pathlib import Path

import numpy as np
import pytest
from openpyxl import load_workbook

from tests.check.reading import contents_in, contents_of
from tests.handmade import CONSTANTS, FORMULAS, START_C, WEIGHTS, Handmade, Layout, write
from xlbackprop.check.trial import TriedFormula
from xlbackprop.check.tried import Group, TriedFormulas, usual
from xlbackprop.spreadsheet.cells import Cell
from xlbackprop.spreadsheet.formulas import FilledFormula

RIGHT, WRONG, UNTRIED = (TriedFormula(results, (1.0,), ()) for results in ((1.0,), (2.0,), ()))


def tried_in(folder: Path, table: Handmade) -> TriedFormulas:
    return contents_of(folder, table).tried


def group(first: TriedFormula | None, second: TriedFormula | None = None, **what: bool) -> Group:
    return Group("h1", FilledFormula("=A1", 1, (0,)), first, second, **what)


@pytest.mark.parametrize(
    ("first", "second", "right"),
    [
        (RIGHT, None, True),
        (WRONG, RIGHT, True),
        (WRONG, WRONG, False),
        (UNTRIED, None, None),
        (UNTRIED, RIGHT, True),
        (None, None, None),
    ],
)
def test_a_formula_is_right_where_either_trial_says_so(
    first: TriedFormula | None, second: TriedFormula | None, right: bool | None
) -> None:
    assert group(first, second).right is right


def test_a_formula_as_it_was_built_is_right_untried_and_one_that_was_changed_is_wrong() -> None:
    assert group(None, as_built=True).right is True
    assert group(None, changed=True).right is False


def test_a_formula_is_tried_once_for_all_rows_that_it_fills(tmp_path: Path) -> None:
    groups = tried_in(tmp_path, Handmade(steps=4, cells={("h1", 2): "={w1}*{i1}"})).groups
    assert [(one.formula.steps, one.formula.row, one.right) for one in groups["h1"]] == [
        ((0, 1, 3, 4), 7, True),
        ((2,), 8, False),
    ]


def test_a_start_value_is_no_update_and_is_not_tried(tmp_path: Path) -> None:
    groups = tried_in(tmp_path, Handmade(steps=4)).groups
    assert [one.formula.steps for one in groups["w1"]] == [(1, 2, 3, 4)]


def test_a_step_that_goes_on_from_another_one_is_not_tried_as_an_update(tmp_path: Path) -> None:
    cells = {(w, 3): f"={{--{w}}}-{{eta}}*{{--dE_d{w}}}" for w in WEIGHTS}
    groups = tried_in(tmp_path, Handmade(steps=8, cells=cells)).groups
    assert [one.formula.steps for one in groups["w1"]] == [(1, 2, 4, 5, 6, 7, 8)]


def test_a_number_typed_for_an_input_is_right_for_the_input_of_this_sheet_alone(tmp_path: Path) -> None:
    table = Handmade(steps=4, formulas=FORMULAS | {"h1": "{w1}*0.05+{w2}*{i2}"})
    tried = tried_in(tmp_path, table)
    (one,) = tried.groups["h1"]
    assert one.tried is not None
    assert one.tried_with_constants is not None
    assert (one.tried.right, one.tried_with_constants.right, one.right) == (False, True, True)
    # what is right at once needs no second trial
    assert tried.groups["h2"][0].tried_with_constants is None
    assert tried.group_of("h1", 2).right is True


def test_a_number_has_no_trial(tmp_path: Path) -> None:
    tried = tried_in(tmp_path, Handmade(steps=4, cells={("h1", 2): 0.4}))
    assert [one.right for one in tried.groups["h1"]] == [True, None]
    assert tried.group_of("h1", 2).tried is None


def with_inputs(folder: Path, *texts: str) -> Path:
    """A table whose inputs i1 are these formulas, in turn, of what stands beside it."""
    path = write(folder / "book.xlsx", Handmade(steps=4))
    book = load_workbook(path)
    book.create_sheet("Parameters")["B2"] = 0.05
    book.active["AZ1"] = 0.05
    for n in range(5):
        book.active.cell(6 + n, 3).value = texts[n % len(texts)]
    book.save(path)
    return path


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=$AZ$1", Cell("Sheet1", 1, 52)),
        ("=Parameters!B2", Cell("Parameters", 2, 2)),
        ("=$AZ$1*2", None),
        ("=SUM($AZ$1)", None),
        ("=C7", None),
    ],
)
def test_a_cell_beside_the_table_holds_an_input_where_the_whole_formula_is_that_cell(
    tmp_path: Path, text: str, cell: Cell | None
) -> None:
    contents = contents_in(with_inputs(tmp_path, text))
    inside = contents.table.cells.values()
    beside = {one: name for one, name in contents.tried.parameters.items() if one not in inside}
    assert beside == ({cell: "i1"} if cell else {})


def test_cells_with_a_label_are_parameters_and_that_of_the_rate_is_none_of_them(tmp_path: Path) -> None:
    order = tuple(name for name in Layout().order if name not in CONSTANTS)
    tried = tried_in(tmp_path, Handmade(Layout(order=order, constants="labels", header_row=14)))
    assert sorted(tried.parameters.values()) == sorted(CONSTANTS)


@pytest.mark.parametrize(("place", "typed"), [("number", {"eta": 0.5}), ("cell", {}), ("column", {})])
def test_a_rate_is_typed_where_it_has_no_cell(tmp_path: Path, place: str, typed: dict[str, float]) -> None:
    assert tried_in(tmp_path, Handmade(Layout(eta=place))).typed_eta == pytest.approx(typed)


def test_the_constants_of_a_sheet_are_what_most_rows_hold_and_the_rate(tmp_path: Path) -> None:
    cells: dict[tuple[str, int], str | float | None] = {("i1", 2): 0.7, ("t1", 0): "?"}
    contents = contents_of(tmp_path, Handmade(start=START_C, rate=0.25, steps=4, cells=cells))
    # where no number stands, none is constant
    contents.numbers["t2"][:] = np.nan
    assert contents.tried.sheet_constants == {"i1": 0.05, "i2": 0.1, "t1": 0.01, "eta": 0.25}


def test_of_numbers_that_stand_equally_often_the_first_is_usual() -> None:
    assert usual(np.array([3.0, 1.0, 1.0, 3.0, 2.0])) == 3.0
    assert usual(np.array([3.0, 1.0, 1.0])) == 1.0
    assert np.isnan(usual(np.array([np.nan, np.nan])))
