"""The formulas of a table are read by column, with those that are the same one, and from which row each goes on."""

from pathlib import Path

import pytest
from openpyxl import load_workbook

from tests.check.reading import contents_in, contents_of
from tests.handmade import FORMULAS, WEIGHTS, Handmade, write
from xlbackprop.check.formulas import Formulas, is_of_google

OF_GOOGLE = '=IFERROR(__xludf.DUMMYFUNCTION("ARRAYFORMULA(1)"),0.1)'


def formulas_of(folder: Path, table: Handmade) -> Formulas:
    return contents_of(folder, table).formulas


def going_on(*steps: int, weights: tuple[str, ...] = WEIGHTS) -> Handmade:
    """A table of ten rows in which weights go on from two rows above at some steps."""
    cells = {(w, step): f"={{--{w}}}-{{eta}}*{{--dE_d{w}}}" for w in weights for step in steps}
    return Handmade(steps=9, cells=cells)


def test_a_cell_without_a_formula_has_none(tmp_path: Path) -> None:
    formulas = formulas_of(tmp_path, Handmade(steps=3, cells={("h1", 2): 0.4}))
    assert formulas.texts["h1"] == ["=E6*C6+F6*D6", "=E7*C7+F7*D7", None, "=E9*C9+F9*D9"]
    assert formulas.texts["i1"] == [None] * 4


def test_a_formula_that_is_filled_down_is_one_and_another_one_apart(tmp_path: Path) -> None:
    formulas = formulas_of(tmp_path, Handmade(steps=4, cells={("h1", 2): "={w1}*{i1}"}))
    assert [(one.text, one.row, one.steps) for one in formulas.filled["h1"]] == [
        ("=E6*C6+F6*D6", 6, (0, 1, 3, 4)),
        ("=E8*C8", 8, (2,)),
    ]


def test_a_formula_that_only_google_sheets_knows_is_none_and_told_by_its_cell(tmp_path: Path) -> None:
    path = write(tmp_path / "book.xlsx", Handmade(steps=3))
    book = load_workbook(path)
    # beside the table, and above it, nobody asks for one
    book.active["I7"] = book.active["AZ7"] = book.active["I2"] = OF_GOOGLE
    book.save(path)
    formulas = contents_in(path).formulas
    assert formulas.of_google == {(7, 9)}
    assert [text is None for text in formulas.texts["h1"]] == [False, True, False, False]


@pytest.mark.parametrize("text", ["=__xludf.DUMMYFUNCTION(1)", "=__XLUDF.DUMMYFUNCTION(1)"])
def test_what_google_sheets_leaves_is_known_in_either_spelling(text: str) -> None:
    assert is_of_google(text)
    assert not is_of_google("=SUM(A1)")


def test_steps_that_follow_each_other_jump_nowhere(tmp_path: Path) -> None:
    assert formulas_of(tmp_path, Handmade()).jumps == {}


def test_a_step_whose_weights_all_go_on_from_another_one_jumps(tmp_path: Path) -> None:
    formulas = formulas_of(tmp_path, going_on(4))
    assert formulas.jumps == {4: 2}
    assert formulas.jump(4) == "row 10 goes on from row 8, not from row 9"


def test_a_single_weight_that_goes_on_from_another_step_is_a_slip_and_no_jump(tmp_path: Path) -> None:
    assert formulas_of(tmp_path, going_on(4, weights=WEIGHTS[:-1])).jumps == {}


def test_a_weight_that_takes_its_gradient_from_another_row_than_itself_is_no_jump(tmp_path: Path) -> None:
    cells = {(w, 4): f"={{---{w}}}-{{eta}}*{{--dE_d{w}}}" for w in WEIGHTS}
    assert formulas_of(tmp_path, Handmade(steps=9, cells=cells)).jumps == {}


@pytest.mark.parametrize(("steps", "count"), [((2, 4, 5, 6, 8), 5), ((2, 4, 5, 6, 8, 9), 0)])
def test_up_to_half_of_the_steps_may_jump_and_more_are_a_way_of_their_own(
    tmp_path: Path, steps: tuple[int, ...], count: int
) -> None:
    assert len(formulas_of(tmp_path, going_on(*steps)).jumps) == count


def test_a_step_may_go_on_from_a_row_that_comes_later(tmp_path: Path) -> None:
    path = write(tmp_path / "book.xlsx", Handmade(steps=9, formulas=FORMULAS))
    book = load_workbook(path)
    columns = contents_in(path).table.columns
    for w in WEIGHTS:
        cell = book.active.cell(9, columns[w])
        cell.value = cell.value.replace("8", "14")
    book.save(path)
    assert contents_in(path).formulas.jumps == {3: -5}
