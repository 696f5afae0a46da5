"""Tables are judged: every mistake is found, its cause is named, and nothing else is blamed."""

import random
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from tests import handmade
from tests.handmade import (
    CLASSIC,
    CONSTANTS,
    FORMULAS,
    GRADIENTS,
    SHAPES,
    START_A,
    START_B,
    WEIGHTS,
    Handmade,
    Layout,
    write,
)
from tests.handmade import slips as slips_of
from tests.mended import mended
from xlbackprop.check.file import check
from xlbackprop.report.findings import CheckedTable

Checked = Callable[..., CheckedTable]


@pytest.fixture
def checked(tmp_path: Path) -> Checked:
    def check_table(table: Handmade) -> CheckedTable:
        (found,) = check(write(tmp_path / "book.xlsx", table)).tables
        return found

    return check_table


def causes(table: CheckedTable) -> list[tuple[str, str, str, int]]:
    return [(finding.quantity, finding.kind, finding.cell, finding.rows) for finding in table.findings]


# -- every slip ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMULAS)
def test_the_column_of_a_slip_is_named_and_no_other(checked: Checked, name: str) -> None:
    generator = random.Random(name)
    for _, formula in generator.sample(list(slips_of(name)), 4):
        # the fourth weight set lets no slip come out right by chance
        table = Handmade(
            handmade.random_layout(generator), handmade.START_C, formulas=FORMULAS | {name: formula}, steps=5
        )
        result = checked(table)
        assert result.verdict == "wrong", formula
        assert [finding.quantity for finding in result.findings] == [name], formula


@given(st.integers(0, 10**9))
@settings(max_examples=25)
def test_a_right_table_is_right_in_any_layout_and_shape(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    generator = random.Random(seed)
    layout = handmade.random_layout(generator)
    formulas = {name: generator.choice([FORMULAS[name], *SHAPES[name]]) for name in FORMULAS}
    if layout.order != CLASSIC or layout.gap:
        # a range of cells needs the columns side by side
        formulas |= {name: FORMULAS[name] for name in FORMULAS if ":" in formulas[name]}
    start = {name: round(generator.choice((-1, 1)) * generator.uniform(0.01, 2), 4) for name in START_A}
    table = Handmade(layout, start, rate=generator.choice((0.01, 0.5, 2, 20)), steps=5, formulas=formulas)
    (result,) = check(write(tmp_path_factory.mktemp("right") / "book.xlsx", table)).tables
    assert (result.verdict, result.findings, result.learning_rate) == ("correct", (), table.rate)


def test_what_rounding_does_to_an_expanded_formula_is_no_mistake(checked: Checked) -> None:
    # where the error has almost vanished, t^2-2ta+a^2 has few right digits left
    expanded = "0.5*({t1}^2-2*{t1}*{a_o1}+{a_o1}^2)"
    start = START_A | {"t1": 0.6, "t2": 0.6}
    assert checked(Handmade(start=start, rate=20, steps=200).with_formula("E1", expanded)).verdict == "correct"


def test_the_commonest_slip_is_found_and_told_with_the_right_formula(checked: Checked) -> None:
    wrong = {name: FORMULAS[name].replace("{a_h2}", "{a_h1}") for name in ("dE_dw3", "dE_dw4")}
    result = checked(Handmade(start=START_B, rate=1, formulas=FORMULAS | wrong, steps=67))
    assert causes(result) == [("dE_dw3", "formula", "Z6", 68), ("dE_dw4", "formula", "AA6", 68)]
    assert result.findings[0].slip == "uses a_h1*(1-a_h1); it should be a_h2*(1-a_h2)"
    assert result.findings[0].ranges == ("Z6:Z73",)
    assert result.findings[0].max_abs_error == pytest.approx(9.2e-8, rel=0.01)
    assert result.largest_error is not None
    assert result.largest_error < 6e-8


@pytest.mark.parametrize("name", FORMULAS)
def test_the_expected_formula_makes_the_table_right(tmp_path: Path, name: str) -> None:
    table = Handmade(handmade.random_layout(random.Random(name)), steps=4).with_formula(name, f"-({FORMULAS[name]})")
    path = write(tmp_path / "book.xlsx", table)
    (finding,) = check(path).tables[0].findings
    book = load_workbook(path)
    sheet = book.active
    column = re.match("[A-Z]+", finding.cell)[0]
    first = int(finding.cell.removeprefix(column))
    for row in range(first, first + finding.rows):
        # filled down from the first cell
        sheet[f"{column}{row}"] = re.sub(
            r"(?<![A-Z$])(\$?[A-Z]+)(\d+)", lambda m, row=row: f"{m[1]}{int(m[2]) + row - first}", finding.expected
        )
    book.save(path)
    assert check(path).tables[0].verdict == "correct"


# -- where it is wrong ---------------------------------------------------------------------------


def test_rows_that_break_the_pattern_are_named(checked: Checked) -> None:
    cells = {("o1", step): "={w5}*{a_h1}+{w6}*{a_h1}" for step in (3, 4, 7)}
    (finding,) = checked(Handmade(cells=cells)).findings
    assert (finding.cell, finding.rows, finding.ranges) == ("Q9", 3, ("Q9:Q10", "Q13"))


def test_rows_with_an_equal_formula_of_another_shape_are_noted(checked: Checked) -> None:
    cells = {("o1", step): f"={SHAPES['o1'][0]}" for step in (3, 4)}
    result = checked(Handmade(cells=cells))
    assert (result.verdict, result.notes) == ("correct", ("o1 has another formula in Q9:Q10, though an equal one",))


@pytest.mark.parametrize("step", [1, 2, 5, 8])
def test_one_wrong_cell_is_found(checked: Checked, step: int) -> None:
    result = checked(Handmade(cells={("w6", step): "={-w6}-{eta}*{-dE_dw7}"}))
    assert causes(result) == [("w6", "update", f"N{6 + step}", 1)]


def test_a_frozen_row_is_a_wrong_reference(checked: Checked) -> None:
    cells = {("o1", step): "=M$6*{a_h1}+{w6}*{a_h2}" for step in range(9)}
    (finding,) = checked(Handmade(cells=cells, start=handmade.START_C, rate=2)).findings
    assert (finding.quantity, finding.kind) == ("o1", "reference")
    assert finding.slip == "takes w5 always from row 6, because of the $"


def test_a_learning_rate_that_slides_off_its_cell_is_a_wrong_reference(checked: Checked) -> None:
    result = checked(Handmade(relative_eta=frozenset(WEIGHTS)))
    assert [finding.quantity for finding in result.findings] == list(WEIGHTS)
    assert {finding.kind for finding in result.findings} == {"reference"}
    assert {(finding.rows, finding.slip) for finding in result.findings} == {
        (7, "takes η from a cell that slides down with the rows, for want of the $ in $D$1")
    }
    assert result.findings[0].expected == "=E7-$D$1*X7"


def test_a_learning_rate_that_was_edited_half_way_is_wrong_from_there(checked: Checked) -> None:
    cells = {(w, step): f"={{-{w}}}-0.1*{{-dE_d{w}}}" for w in WEIGHTS for step in range(5, 9)}
    result = checked(Handmade(cells=cells))
    assert [(finding.quantity, finding.kind, finding.rows) for finding in result.findings] == [
        (w, "update", 4) for w in WEIGHTS
    ]


def test_a_column_of_learning_rates_that_changes_is_told_with_the_rows(checked: Checked) -> None:
    cells = {("eta", step): 0.1 for step in range(4, 9)}
    result = checked(Handmade(Layout(eta="column"), cells=cells))
    assert causes(result) == [("eta", "constant", "A10", 5)]
    assert result.notes == ("the learning rate changes to 0.1 in row 10",)


def test_an_update_may_take_the_learning_rate_of_its_own_row(tmp_path: Path) -> None:
    cells = {("eta", step): 0.1 for step in range(4, 9)}
    path = write(tmp_path / "book.xlsx", Handmade(Layout(eta="column"), cells=cells))
    book = load_workbook(path)
    for row in book.active.iter_rows(min_row=7):
        for cell in row:
            if isinstance(cell.value, str):
                cell.value = cell.value.replace(f"-A{cell.row - 1}*", f"-A{cell.row}*")
    book.save(path)
    assert [finding.quantity for finding in check(path).tables[0].findings] == ["eta"]


def test_a_learning_rate_that_changes_beside_another_mistake_is_only_noted(checked: Checked) -> None:
    cells = {("eta", step): 0.1 for step in range(4, 9)}
    result = checked(Handmade(Layout(eta="column"), cells=cells).with_formula("E1", "({t1}-{a_o1})^2"))
    assert [finding.quantity for finding in result.findings] == ["E1"]
    assert result.notes == ("the learning rate changes to 0.1 in row 10",)


def test_a_row_that_goes_on_from_an_earlier_one_is_found(checked: Checked) -> None:
    cells = {(w, 6): f"={{---{w}}}-{{eta}}*{{---dE_d{w}}}" for w in WEIGHTS}
    result = checked(Handmade(cells=cells))
    assert causes(result) == [("w1", "reference", "E12", 1)]
    assert "row 12 goes on from row 9, not from row 11" in result.findings[0].slip


@pytest.mark.parametrize(
    ("formula", "slip"),
    [
        ("{-W}+{eta}*{-dE_dW}", "uses W+η*∂E/∂W; it should be W-η*∂E/∂W"),
        ("{-W}", "lacks the term -η*∂E/∂W"),
        ("{-W}-{-dE_dW}", "lacks the factor η"),
        ("{-W}-$Z$1*{-dE_dW}", "takes η from Z1 instead of $D$1"),
        ("{-W}-0.1*{-dE_dW}", "has the number 0.1 where η belongs"),
        ("{--W}-{eta}*{--dE_dW}", "takes all its numbers from 1 row too high"),
    ],
)
def test_a_mistake_that_all_updates_make_is_found(checked: Checked, formula: str, slip: str) -> None:
    formulas = FORMULAS | {w: formula.replace("W", w) for w in WEIGHTS}
    cells = {(w, 1): f"={{-{w}}}-{{eta}}*{{-dE_d{w}}}" for w in WEIGHTS} if "--" in formula else {}
    result = checked(Handmade(formulas=formulas, cells=cells, start=handmade.START_C))
    assert [finding.quantity for finding in result.findings] == list(WEIGHTS)
    assert [finding.slip for finding in result.findings] == [slip.replace("W", w) for w in WEIGHTS]


def test_one_update_with_another_cell_for_the_learning_rate_is_blamed_alone(checked: Checked) -> None:
    cells = {("w3", step): "={-w3}-$D$2*{-dE_dw3}" for step in range(1, 9)}
    result = checked(Handmade(cells=cells))
    assert [(finding.quantity, finding.slip) for finding in result.findings] == [
        ("w3", "takes η from D2 instead of $D$1")
    ]


@pytest.mark.parametrize(
    ("name", "steps"), [("dE_dw5", range(3, 4)), ("E_total", range(4, 9)), ("h1", range(5, 6)), ("w3", range(8, 9))]
)
def test_empty_cells_among_formulas_are_wrong(checked: Checked, name: str, steps: range) -> None:
    result = checked(Handmade(cells={(name, step): None for step in steps}))
    assert [(finding.quantity, finding.rows) for finding in result.findings] == [(name, len(steps))]
    assert result.findings[0].slip == "is empty where a formula belongs"
    assert result.verdict == "wrong"


def test_gradients_that_the_last_row_does_not_need_may_be_empty(checked: Checked) -> None:
    assert checked(Handmade(cells={(name, 8): None for name in GRADIENTS})).verdict == "correct"


def test_an_input_that_was_filled_down_as_a_series_is_wrong(checked: Checked) -> None:
    cells = {("i1", step): 0.05 + 0.01 * step for step in range(9)}
    assert causes(checked(Handmade(cells=cells))) == [("i1", "constant", "C7", 8)]


# -- numbers instead of formulas -----------------------------------------------------------------


def values_of(path: Path) -> dict[tuple[int, int], float]:
    from xlbackprop.spreadsheet.engines import recalculated

    sheets = recalculated(path)
    return {place: sheets.value("Sheet1", *place) for place in sheets.used_cells["Sheet1"]}


@pytest.mark.parametrize("digits", [None, 10, 6])
def test_pasted_numbers_are_constants_and_right_as_far_as_they_were_rounded(
    tmp_path: Path, checked: Checked, digits: int | None
) -> None:
    numbers = values_of(write(tmp_path / "right.xlsx", Handmade(steps=20)))
    cells = {}
    for n, name in enumerate(CLASSIC, start=1):
        for step in range(21):
            number = numbers[6 + step, n]
            cells[name, step] = number if digits is None else round(number, digits)
    result = checked(Handmade(cells=cells, steps=20))
    assert result.verdict == "constants"
    assert {finding.quantity for finding in result.findings} == set(FORMULAS)


def test_numbers_rounded_to_so_many_digits_are_right_as_well(tmp_path: Path, checked: Checked) -> None:
    numbers = values_of(write(tmp_path / "right.xlsx", Handmade()))
    cells = {
        (name, step): float(f"{numbers[6 + step, n]:.4g}")
        for n, name in enumerate(CLASSIC, start=1)
        for step in range(9)
    }
    assert checked(Handmade(cells=cells)).verdict == "constants"


def test_a_start_weight_that_was_filled_down_is_wrong(checked: Checked) -> None:
    result = checked(Handmade(cells={("w5", step): 0.4 for step in range(9)}))
    assert (result.verdict, [finding.quantity for finding in result.findings]) == ("wrong", ["w5"])


def test_a_pasted_number_that_is_wrong_makes_the_table_wrong(checked: Checked) -> None:
    result = checked(Handmade(cells={("w3", 4): 0.25}))
    assert causes(result) == [("w3", "constant", "G10", 1)]
    assert result.verdict == "wrong"


def test_a_single_pasted_number_that_is_right_is_a_constant(tmp_path: Path, checked: Checked) -> None:
    number = values_of(write(tmp_path / "right.xlsx", Handmade()))[10, 10]
    result = checked(Handmade(cells={("a_h1", 4): number}))
    assert result.verdict == "constants"
    assert causes(result) == [("a_h1", "constant", "J10", 1)]


def test_the_slip_of_a_rounded_table_is_found_all_the_same(tmp_path: Path, checked: Checked) -> None:
    # the handed-out slip: 2.6e-4 of dE_dw3, in a table of which the forward pass was pasted with ten decimals
    numbers = values_of(write(tmp_path / "right.xlsx", Handmade()))
    cells = {
        (name, step): round(numbers[6 + step, CLASSIC.index(name) + 1], 10)
        for name in ("h1", "a_h1", "h2", "a_h2")
        for step in range(9)
    }
    formulas = FORMULAS | {"dE_dw3": FORMULAS["dE_dw3"].replace("{a_h2}", "{a_h1}")}
    result = checked(Handmade(cells=cells, formulas=formulas))
    assert result.verdict == "wrong"
    assert [finding.quantity for finding in result.findings if finding.kind == "formula"] == ["dE_dw3"]


@pytest.mark.parametrize("content", ["hello", "#N/A"])
def test_text_in_a_column_of_formulas_is_found(checked: Checked, content: str) -> None:
    result = checked(Handmade(cells={("h1", 5): content}))
    assert causes(result) == [("h1", "constant", "I11", 1)]
    assert result.verdict == "wrong"


@pytest.mark.parametrize("digits", [15, 8])
@pytest.mark.parametrize(("name", "wrong"), [("dE_dw5", "dE_dw6"), ("h1", "h2"), ("E1", "E2")])
def test_pasted_numbers_of_a_wrong_formula_are_wrong(
    tmp_path: Path, checked: Checked, name: str, wrong: str, digits: int
) -> None:
    numbers = values_of(write(tmp_path / "wrong.xlsx", Handmade(steps=20).with_formula(name, FORMULAS[wrong])))
    column = CLASSIC.index(name) + 1
    cells = {(name, step): round(numbers[6 + step, column], digits) for step in range(21)}
    result = checked(Handmade(cells=cells, steps=20))
    assert (result.verdict, [finding.quantity for finding in result.findings]) == ("wrong", [name])
    assert "not the right one" in result.findings[0].slip


@pytest.mark.parametrize(("off", "verdict"), [(1e-16, "constants"), (1e-14, "wrong")])
def test_a_pasted_error_may_be_off_by_what_a_written_out_square_loses(
    tmp_path: Path, checked: Checked, off: float, verdict: str
) -> None:
    start = START_A | {"t1": 0.606477732, "t2": 0.630480835}
    numbers = values_of(write(tmp_path / "right.xlsx", Handmade(start=start, rate=0)))
    cells = {(name, n): numbers[6 + n, CLASSIC.index(name) + 1] for name in FORMULAS for n in range(9)}
    cells = {key: float(f"{number:.9g}") for key, number in cells.items()}
    cells["E_total", 4] += off
    assert checked(Handmade(cells=cells, start=start, rate=0)).verdict == verdict


@pytest.mark.parametrize(("off", "named"), [(1e-8, True), (1e-5, False)])
def test_a_slip_in_pasted_numbers_is_named_though_its_own_rounding_is_larger(
    tmp_path: Path, checked: Checked, off: float, named: bool
) -> None:
    # ∂E/∂w2 is small and has many decimals, ∂E/∂w8 is large and has few
    wrong = Handmade(rate=10).with_formula("w2", FORMULAS["w2"].replace("dE_dw2", "dE_dw8"))
    numbers = values_of(write(tmp_path / "wrong.xlsx", wrong))
    cells = {(name, n): numbers[6 + n, CLASSIC.index(name) + 1] for name in FORMULAS for n in range(9)}
    cells = {key: float(f"{number:.9g}") for key, number in cells.items()}
    cells["w2", 1] = round(cells["w2", 1] * (1 + off), 10)
    (finding, *_) = [one for one in checked(replace(wrong, cells=cells)).findings if one.quantity == "w2"]
    assert ("as if computed with" in finding.slip) == named


@pytest.mark.parametrize("factor", [1.01, 1.1])
def test_one_wrong_number_among_formulas_is_wrong(tmp_path: Path, checked: Checked, factor: float) -> None:
    number = values_of(write(tmp_path / "right.xlsx", Handmade()))[10, 9]
    result = checked(Handmade(cells={("h1", 4): number * factor}))
    assert (result.verdict, [finding.quantity for finding in result.findings]) == ("wrong", ["h1"])


def test_the_odd_input_of_the_first_row_is_blamed_and_not_the_others(checked: Checked) -> None:
    assert causes(checked(Handmade(cells={("t1", 0): 0.02}))) == [("t1", "constant", "A6", 1)]


def test_a_formula_that_rounds_is_told(checked: Checked) -> None:
    (finding,) = checked(Handmade().with_formula("dE_dw5", f"ROUND({FORMULAS['dE_dw5']},4)")).findings
    assert (finding.quantity, finding.slip) == ("dE_dw5", "is rounded, and so is all that follows from it")


@pytest.mark.parametrize(("part", "verdict"), [(1e-10, "wrong"), (2e-12, "wrong"), (0.5e-12, "constants")])
@pytest.mark.parametrize(("name", "column"), [("h1", 9), ("o2", 19)])
def test_a_pasted_number_with_all_its_digits_is_right_up_to_rounding(
    tmp_path: Path, checked: Checked, name: str, column: int, part: float, verdict: str
) -> None:
    # sums of positive terms, so that the number is itself the scale of what was added up
    number = values_of(write(tmp_path / "right.xlsx", Handmade()))[10, column]
    result = checked(Handmade(cells={(name, 4): number * (1 + part)}))
    assert (result.verdict, [finding.quantity for finding in result.findings]) == (verdict, [name])


@pytest.mark.parametrize(("decimals", "verdict"), [(10, "wrong"), (11, "wrong"), (13, "correct")])
def test_a_right_formula_may_lose_no_more_digits_than_rounding_takes(
    checked: Checked, decimals: int, verdict: str
) -> None:
    # rounded so late that it comes out right on numbers of the size of 1; here h1 is 0.0004
    start = START_A | {"i1": 0.001, "i2": 0.002}
    result = checked(Handmade(start=start).with_formula("h1", f"ROUND({FORMULAS['h1']},{decimals})"))
    assert result.verdict == verdict
    assert [finding.quantity for finding in result.findings] == ["h1"] * (verdict == "wrong")


@pytest.mark.parametrize("name", ["h1", "E1", "E_total", "dE_dw5", "w3"])
def test_a_cell_of_blanks_is_as_empty_as_it_looks(checked: Checked, name: str) -> None:
    result = checked(Handmade(cells={(name, 4): "   "}))
    assert result.verdict == "wrong"
    assert [(one.quantity, one.slip) for one in result.findings] == [(name, "is empty where a formula belongs")]


def test_gradients_that_the_last_row_does_not_need_may_hold_blanks(checked: Checked) -> None:
    result = checked(Handmade(cells={(name, 8): "   " for name in GRADIENTS}))
    assert (result.verdict, result.findings) == ("correct", ())


@pytest.mark.parametrize(
    ("name", "text", "number"), [("t2", "0,99", "=0.99"), ("w3", " 0,25 ", "=0.25"), ("i2", "a tenth", "a number")]
)
def test_a_start_value_that_is_a_text_is_the_cause_of_the_errors(
    tmp_path: Path, name: str, text: str, number: str
) -> None:
    formulas = FORMULAS | {constant: f"{{-{constant}}}" for constant in ("t1", "t2", "i1", "i2")}
    cells: dict[tuple[str, int], str | float | None] = {
        (constant, step): f"={'ABCD'[n]}{step + 5}"
        for n, constant in enumerate(("t1", "t2", "i1", "i2"))
        for step in range(1, 9)
    }
    path = write(tmp_path / "book.xlsx", Handmade(formulas=formulas, cells=cells | {(name, 0): text}))
    result = check(path)
    (finding,) = result.tables[0].findings
    assert (finding.quantity, finding.slip, finding.expected) == (
        name,
        f"holds {text.strip()!r}, which is a text and no number",
        number,
    )
    assert finding.ranges == (finding.cell,)
    if number.startswith("="):
        assert check(mended(result, tmp_path / "mended.xlsx")).tables[0].verdict == "correct"


def test_a_long_text_is_shortened_in_the_sentence(checked: Checked) -> None:
    (finding,) = checked(Handmade(cells={("h1", 5): "word " * 1000})).findings
    assert len(finding.slip) < 120


# -- errors --------------------------------------------------------------------------------------


def test_only_the_first_of_many_errors_is_named(checked: Checked) -> None:
    result = checked(Handmade(cells={("h1", 4): "=1/0"}))
    assert causes(result) == [("h1", "error", "I10", 1)]
    assert result.findings[0].slip == "shows #DIV/0!"


@pytest.mark.parametrize(("content", "what"), [(None, "is empty"), ("0,5", "holds '0,5'")])
def test_a_learning_rate_that_is_no_number_is_the_only_cause(tmp_path: Path, content: str | None, what: str) -> None:
    path = write(tmp_path / "book.xlsx", Handmade())
    book = load_workbook(path)
    book.active["D1"] = content
    book.save(path)
    (finding,) = check(path).tables[0].findings
    assert (finding.quantity, finding.cell) == ("eta", "D1")
    assert finding.slip == f"{what}, and the updates take it from there"


def test_cells_of_a_row_that_only_refer_to_each_other_are_found(checked: Checked) -> None:
    cells = {("a_h1", 4): "=1/(1+EXP(-{h1}))+0*{E_total}"}
    result = checked(Handmade(cells=cells))
    assert result.verdict == "wrong"
    assert result.findings[0].kind == "error"


def test_cells_that_wait_for_each_other_are_found(checked: Checked) -> None:
    result = checked(Handmade(cells={("h1", 4): "=LN({a_h1}/(1-{a_h1}))"}))
    assert result.verdict == "wrong"
    assert {finding.kind for finding in result.findings} == {"error"}
    assert {finding.cell for finding in result.findings} <= {"I10", "J10"}


@pytest.mark.parametrize("back", [2, 3, 4, 6])
def test_a_number_from_a_row_far_above_is_found_with_its_distance(checked: Checked, back: int) -> None:
    cells = {("o1", step): f"={{{'-' * back}w5}}*{{a_h1}}+{{w6}}*{{a_h2}}" for step in range(6, 9)}
    (finding,) = checked(Handmade(cells=cells)).findings
    assert (finding.quantity, finding.kind, finding.rows) == ("o1", "reference", 3)
    assert finding.slip == f"takes w5 from {back} rows too high"


# -- other columns -------------------------------------------------------------------------------

LOCAL = {
    "∂E1/∂a_o1": "{a_o1}-{t1}",
    "∂a_o1/∂o1": "{a_o1}*(1-{a_o1})",
    "∂a_h1/∂h1": "{a_h1}*(1-{a_h1})",
}


def with_local_derivatives(**wrong: str) -> Handmade:
    """A table whose gradients of w5 and w6 use columns of local derivatives."""
    names = {"∂E1/∂a_o1": "dE_da_o1", "∂a_o1/∂o1": "da_o1_do1", "∂a_h1/∂h1": "da_h1_dh1"}
    formulas = FORMULAS | {names[header]: formula for header, formula in LOCAL.items()}
    formulas |= {"dE_dw5": "{dE_da_o1}*{da_o1_do1}*{a_h1}", "dE_dw6": "{dE_da_o1}*{da_o1_do1}*{a_h2}"}
    return Handmade(Layout(order=(*CLASSIC, *names.values()), sign="∂E/∂"), formulas=formulas | wrong)


def test_columns_of_local_derivatives_are_judged_too(checked: Checked) -> None:
    assert checked(with_local_derivatives()).verdict == "correct"


def test_a_wrong_local_derivative_is_blamed_and_not_what_follows_from_it(checked: Checked) -> None:
    result = checked(with_local_derivatives(da_o1_do1="{a_o1}*(1-{a_o2})"))
    assert [finding.quantity for finding in result.findings] == ["da_o1_do1"]
    assert result.findings[0].slip == "uses a_o2; it should be a_o1"


def test_a_wrong_local_derivative_that_nothing_uses_is_blamed_alone(checked: Checked) -> None:
    result = checked(with_local_derivatives(da_h1_dh1="{a_h1}*(1+{a_h1})"))
    assert [finding.quantity for finding in result.findings] == ["da_h1_dh1"]


def test_the_expected_formula_uses_local_derivatives_where_the_wrong_one_does(checked: Checked) -> None:
    (finding,) = checked(with_local_derivatives(dE_dw5="{dE_da_o1}*{da_o1_do1}*{a_h2}")).findings
    assert finding.expected == "=AF6*AG6*J6"


def test_a_table_without_columns_of_its_own_for_h_and_o_is_judged(checked: Checked) -> None:
    order = tuple(name for name in CLASSIC if name not in ("h1", "h2", "o1", "o2", "E1", "E2"))
    formulas = FORMULAS | {f"a_{n}": f"1/(1+EXP(-({FORMULAS[n]})))" for n in ("h1", "h2", "o1", "o2")}
    formulas["E_total"] = SHAPES["E_total"][2]
    assert checked(Handmade(Layout(order=order), formulas=formulas)).verdict == "correct"
    wrong = formulas | {"a_h2": formulas["a_h2"].replace("{w4}", "{w3}")}
    assert [f.quantity for f in checked(Handmade(Layout(order=order), formulas=wrong)).findings] == ["a_h2"]


def test_biases_in_columns_are_part_of_the_network(checked: Checked) -> None:
    order = (*CONSTANTS, "b1", "b2", *(name for name in CLASSIC if name not in CONSTANTS))
    bias = {"h1": "b1", "h2": "b1", "o1": "b2", "o2": "b2"}
    formulas = FORMULAS | {name: f"{FORMULAS[name]}+{{{bias[name]}}}" for name in bias}
    cells = {(b, step): value for b, value in (("b1", 0.35), ("b2", 0.6)) for step in range(9)}
    assert checked(Handmade(Layout(order=order), formulas=formulas, cells=cells)).verdict == "correct"
    wrong = formulas | {"o2": formulas["o2"].replace("b2", "b1")}
    result = checked(Handmade(Layout(order=order), formulas=wrong, cells=cells))
    assert [finding.quantity for finding in result.findings] == ["o2"]


def with_shared_biases(b1: str) -> Handmade:
    """A table in which each layer has one bias and a gradient of it, that of the hidden layer as given."""
    delta = {k: f"({{a_o{k}}}-{{t{k}}})*{{a_o{k}}}*(1-{{a_o{k}}})" for k in (1, 2)}
    formulas = FORMULAS | {name: f"{FORMULAS[name]}+{{b1}}" for name in ("h1", "h2")}
    formulas |= {name: f"{FORMULAS[name]}+{{b2}}" for name in ("o1", "o2")}
    formulas |= {"dE_db1": b1, "dE_db2": f"{delta[1]}+{delta[2]}"}
    cells = {(b, step): value for b, value in (("b1", 0.35), ("b2", 0.6)) for step in range(9)}
    return Handmade(Layout(order=(*CLASSIC, "b1", "b2", "dE_db1", "dE_db2")), formulas=formulas, cells=cells)


@pytest.mark.parametrize("gradient", ["{dE_dw1}/{i1}+{dE_dw3}/{i1}", "0"])
def test_biases_that_layers_share_stay_as_they_are_though_they_have_gradients(checked: Checked, gradient: str) -> None:
    # what the gradient of a shared bias is, no update asks
    result = checked(with_shared_biases(gradient))
    assert (result.verdict, result.findings, result.notes) == ("correct", (), ())


def test_a_slip_in_a_helper_column_is_told_with_its_cell(checked: Checked) -> None:
    order = (*CLASSIC, "new_w3_")
    formulas = FORMULAS | {"new_w3_": "{w3}+{eta}*{dE_dw3}", "w3": "{-new_w3_}"}
    (finding,) = checked(Handmade(Layout(order=order), formulas=formulas)).findings
    assert finding.quantity == "w3"
    assert finding.whole_slip == "uses w3+η*∂E/∂w3; it should be w3-η*∂E/∂w3, by way of AF6"


def test_a_network_with_another_activation_is_noted(checked: Checked) -> None:
    formulas = FORMULAS | {f"a_{n}": f"TANH({{{n}}})" for n in ("h1", "h2", "o1", "o2")}
    formulas |= {g: re.sub(r"\{a_([ho]\d)\}\*\(1-\{a_\1\}\)", r"(1-{a_\1}^2)", FORMULAS[g]) for g in GRADIENTS}
    result = checked(Handmade(formulas=formulas))
    assert (result.verdict, result.notes) == ("correct", ("its neurons have the activation tanh",))


def test_biases_of_the_hidden_layer_alone_are_understood(checked: Checked) -> None:
    order = (*CLASSIC, "b1")
    formulas = FORMULAS | {name: f"{FORMULAS[name]}+{{b1}}" for name in ("h1", "h2")}
    cells = {("b1", step): 0.35 for step in range(9)}
    assert checked(Handmade(Layout(order=order), formulas=formulas, cells=cells)).verdict == "correct"
    everywhere = formulas | {name: f"{FORMULAS[name]}+{{b1}}" for name in ("o1", "o2")}
    assert checked(Handmade(Layout(order=order), formulas=everywhere, cells=cells)).verdict == "correct"


# -- what is not there ---------------------------------------------------------------------------


def test_headers_without_numbers_are_incomplete(checked: Checked) -> None:
    result = checked(Handmade(steps=-1))
    assert (result.verdict, result.first_row, result.steps) == ("incomplete", None, 0)


def test_a_missing_gradient_makes_a_table_incomplete(checked: Checked) -> None:
    order = tuple(name for name in CLASSIC if name != "dE_dw8")
    delta = FORMULAS["dE_dw8"]
    update = {"w8": "{-w8}-{eta}*" + re.sub(r"\{(\w+)\}", r"{-\1}", delta)}
    result = checked(Handmade(Layout(order=order), formulas=FORMULAS | update))
    assert (result.verdict, result.notes, result.missing) == ("incomplete", ("it lacks ∂E/∂w8",), ("dE_dw8",))


def test_a_gradient_column_without_formulas_makes_a_table_incomplete(checked: Checked) -> None:
    cells = {("dE_dw8", step): None for step in range(9)}
    assert checked(Handmade(cells=cells)).verdict == "incomplete"


# -- what comes out right ------------------------------------------------------------------------


def test_a_slip_that_changes_no_number_is_noted_and_not_blamed(checked: Checked) -> None:
    result = checked(Handmade(start=START_B).with_formula("E1", "0.5*({t2}-{a_o1})^2"))
    assert result.verdict == "correct"
    assert result.notes == ("E1 (U7) comes out right here, but uses t2; it should be t1",)


def test_a_learning_rate_typed_into_the_formulas_is_noted(checked: Checked) -> None:
    result = checked(Handmade(Layout(eta="number")))
    assert result.verdict == "correct"
    assert result.notes == ("the learning rate is typed into the formulas: give it a cell, to try others",)
