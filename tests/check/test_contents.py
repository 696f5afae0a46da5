"""Each number of a table is judged from the others as they stand: within rounding, and by what it may follow from."""

from pathlib import Path

import numpy as np
import pytest

from tests.check.reading import contents_of
from tests.handmade import CONSTANTS, FORMULAS, START_B, START_C, WEIGHTS, Handmade, Layout
from xlbackprop.check.contents import Contents
from xlbackprop.reference import TOLERANCE


@pytest.fixture
def contents(tmp_path: Path) -> Contents:
    return contents_of(tmp_path, Handmade(start=START_C, steps=6))


def wrong(contents: Contents) -> dict[str, list[int]]:
    """The steps whose numbers are wrong, by name."""
    return {name: np.flatnonzero(mask).tolist() for name, mask in contents.wrong.items() if mask.any()}


def in_turn(*samples: tuple[float, float]) -> dict[tuple[str, int], str | float | None]:
    """Both inputs of seven rows, in which samples take turns."""
    return {(name, step): samples[step % len(samples)][n] for n, name in enumerate(("i1", "i2")) for step in range(7)}


def test_a_right_table_has_no_wrong_number(contents: Contents) -> None:
    assert wrong(contents) == {}
    assert contents.is_one_run


@pytest.mark.parametrize("name", ["h1", "a_o2", "E_total", "dE_dw3"])
@pytest.mark.parametrize(("share", "found"), [(0.8, []), (1.2, [3])])
def test_a_number_may_be_off_by_rounding_and_no_more(
    tmp_path: Path, contents: Contents, name: str, share: float, found: list[int]
) -> None:
    should = contents.expected[name][0]
    off = share * TOLERANCE * float(should.scale[3])
    again = contents_of(tmp_path, Handmade(start=START_C, steps=6))
    again.numbers[name][3] = should.value[3] + off
    assert wrong(again).get(name, []) == found


def test_how_far_rounding_goes_is_a_matter_of_what_was_added_up(contents: Contents) -> None:
    # 1000 - 1000 may be as far from 0 as 1000 may be off
    for name, number in (("w1", 1e3), ("i1", 1.0), ("w2", -1e3), ("i2", 1.0), ("h1", 1.9e3 * TOLERANCE)):
        contents.numbers[name][:] = number
    assert "h1" not in wrong(contents)


def test_only_the_number_that_is_wrong_is_and_not_what_follows_from_it(tmp_path: Path) -> None:
    contents = contents_of(tmp_path, Handmade(start=START_C, steps=6, cells={("a_h2", 2): 0.9}))
    assert wrong(contents) == {"a_h2": [2]}


def test_a_number_is_missing_where_the_others_are_there_and_only_there(tmp_path: Path) -> None:
    contents = contents_of(tmp_path, Handmade(steps=6, cells={("o1", 2): None}))
    assert wrong(contents) == {"o1": [2]}
    contents = contents_of(tmp_path, Handmade(steps=6, cells={("h1", 2): "a text"}))
    assert list(wrong(contents)) == ["h1"]
    contents = contents_of(tmp_path, Handmade(steps=6, cells={("i1", 2): "a text", ("h1", 2): None}))
    assert "h1" not in wrong(contents)


def test_an_error_is_the_distance_from_the_nearest_of_what_a_number_may_be(contents: Contents) -> None:
    first = contents.expected["h1"][0]
    contents.expected["h1"] = [first, type(first)(first.value + 1.0, first.scale)]
    contents.numbers["h1"][:] = first.value + 0.75
    assert contents.errors("h1", np.array([0, 5])) == pytest.approx([0.25, 0.25])


@pytest.mark.parametrize(("row", "right"), [("above", True), ("own", True), ("first", False)])
def test_where_each_row_has_a_rate_an_update_takes_its_own_or_that_of_the_row_above(
    tmp_path: Path, row: str, right: bool
) -> None:
    rates: dict[tuple[str, int], str | float | None] = {("eta", step): 0.5 - 0.05 * step for step in range(7)}
    contents = contents_of(tmp_path, Handmade(Layout(eta="column"), START_C, steps=6, cells=rates))
    eta, w1, gradient = (contents.numbers[name] for name in ("eta", "w1", "dE_dw1"))
    for step in range(1, 7):
        w1[step] = w1[step - 1] - eta[{"above": step - 1, "own": step, "first": 0}[row]] * gradient[step - 1]
    assert ("w1" not in wrong(contents)) is right


# -- inputs and targets --------------------------------------------------------------------------------


def test_an_input_that_one_row_has_otherwise_is_wrong_there(tmp_path: Path) -> None:
    contents = contents_of(tmp_path, Handmade(steps=6, cells={("i1", 4): 0.7}))
    assert wrong(contents) == {"i1": [4]}
    assert contents.samples_in_turn == 0


@pytest.mark.parametrize(("samples", "count"), [(2, 2), (3, 3), (4, 0)])
def test_samples_take_turns_where_they_come_again_in_half_of_the_table(
    tmp_path: Path, samples: int, count: int
) -> None:
    cells = in_turn(*[(0.1 * n, 0.9 - 0.1 * n) for n in range(samples)])
    contents = contents_of(tmp_path, Handmade(start=START_C, steps=6, cells=cells))
    assert contents.samples_in_turn == count
    assert (wrong(contents) == {}) is bool(count)
    assert not (count and contents.is_one_run)


def rows_sharing(*sizes: int) -> Handmade:
    """Rows of as many samples a step as are given, which share their weights."""
    first = [sum(sizes[:n]) for n in range(len(sizes))]
    count = sum(sizes)
    cells: dict[tuple[str, int], str | float | None] = {("i1", step): 0.1 * (step + 1) for step in range(count)}
    cells |= {(w, step): f"={{-{w}}}" for w in WEIGHTS for step in range(1, count) if step not in first}
    return Handmade(start=START_C, steps=count - 1, cells=cells)


@pytest.mark.parametrize(("sizes", "rows"), [((3, 3, 3), 3), ((2, 2, 2, 1), 2), ((3, 2, 3), 1), ((1, 1, 1, 1), 1)])
def test_rows_share_a_step_where_the_weights_move_after_each_so_many(
    tmp_path: Path, sizes: tuple[int, ...], rows: int
) -> None:
    assert contents_of(tmp_path, rows_sharing(*sizes)).rows_a_step == rows


def test_rows_with_one_sample_share_no_step_even_if_the_weights_stand_still(tmp_path: Path) -> None:
    table = rows_sharing(3, 3, 3)
    cells = {place: content for place, content in table.cells.items() if place[0] not in CONSTANTS}
    assert contents_of(tmp_path, Handmade(start=START_C, steps=8, cells=cells)).rows_a_step == 1


# -- formulas beside numbers ---------------------------------------------------------------------------


@pytest.mark.parametrize(("z", "overflows"), [(-709.0, False), (-710.0, True)])
def test_a_sigmoid_overflows_in_excel_below_its_lowest_input_and_not_above(
    tmp_path: Path, z: float, overflows: bool
) -> None:
    contents = contents_of(tmp_path, Handmade(steps=6, cells={("h1", 3): z}))
    # as Excel has it
    contents.numbers["a_h1"][3] = np.nan if overflows else 0.0
    assert {name: np.flatnonzero(rows).tolist() for name, rows in contents.overflows.items()} == (
        {"a_h1": [3]} if overflows else {}
    )
    assert "a_h1" not in wrong(contents)


def test_a_sigmoid_without_the_function_exp_overflows_nowhere(tmp_path: Path) -> None:
    formulas = FORMULAS | {"a_h1": "(1+TANH({h1}/2))/2"}
    contents = contents_of(tmp_path, Handmade(steps=6, formulas=formulas, cells={("h1", 3): -710.0}))
    assert contents.overflows == {}


def test_a_wrong_formula_comes_out_right_where_what_it_takes_is_the_same(tmp_path: Path) -> None:
    formulas = FORMULAS | {"E1": "0.5*({t2}-{a_o1})^2"}
    (lucky,) = (one := contents_of(tmp_path, Handmade(start=START_B, formulas=formulas))).tried.groups["E1"]
    assert one.comes_out_right(lucky)
    (wrong_one,) = (one := contents_of(tmp_path, Handmade(start=START_C, formulas=formulas))).tried.groups["E1"]
    assert not one.comes_out_right(wrong_one)
    (right,) = (one := contents_of(tmp_path, Handmade(start=START_B))).tried.groups["E1"]
    assert not one.comes_out_right(right)


def test_an_update_looks_wrong_where_nobody_can_tell_the_rate(tmp_path: Path) -> None:
    still = Handmade(Layout(eta="number"), formulas=FORMULAS | {w: f"{{-{w}}}" for w in WEIGHTS})
    contents = contents_of(tmp_path, still)
    assert contents.eta.first is None
    assert contents.looks_wrong("w1", np.array([1]))
    assert not contents.looks_wrong("h1", np.array([1]))
    assert not contents.comes_out_right(contents.tried.groups["w1"][0])
