"""Other conventions than the classroom's are as right as it, if they are kept to; a slip in them is told in them."""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from openpyxl.utils import get_column_letter

from tests.conventions import CONVENTIONS, CROSS_ENTROPY, WITHOUT_HALF, gradients, renumbered
from tests.handmade import CLASSIC, FORMULAS, GRADIENTS, START_C, WEIGHTS, Handmade, Layout, write
from xlbackprop.check.file import check
from xlbackprop.report.findings import CheckedTable

Checked = Callable[..., CheckedTable]


@pytest.fixture
def checked(tmp_path: Path) -> Checked:
    def check_table(formulas: Mapping[str, str], sign: str = "∂E/∂", order: tuple[str, ...] = CLASSIC) -> CheckedTable:
        table = Handmade(Layout(order, sign=sign), START_C, formulas=FORMULAS | dict(formulas))
        (found,) = check(write(tmp_path / "book.xlsx", table)).tables
        return found

    return check_table


@pytest.mark.parametrize("note", CONVENTIONS)
def test_a_convention_that_is_kept_to_is_right_and_noted(checked: Checked, note: str) -> None:
    result = checked(CONVENTIONS[note])
    assert (result.verdict, result.notes, result.learning_rate) == ("correct", (note,), 0.5)


@pytest.mark.parametrize("note", CONVENTIONS)
@pytest.mark.parametrize("name", ["E_total", "dE_dw3", "w6", "h2"])
def test_a_slip_in_a_convention_is_found_alone_and_told_in_it(checked: Checked, note: str, name: str) -> None:
    formulas = FORMULAS | CONVENTIONS[note]
    one, other = {"E_total": ("E1", "E2"), "dE_dw3": ("a_h2", "a_h1"), "w6": ("w6", "w5"), "h2": ("i2", "i1")}[name]
    result = checked(formulas | {name: formulas[name].replace(f"{{{one}}}", f"{{{other}}}").replace("-w6", "-w5")})
    assert ([finding.quantity for finding in result.findings], result.notes) == ([name], (note,))
    assert result.findings[0].slip


def test_gradients_of_the_squared_error_are_wrong_where_the_error_is_the_cross_entropy(checked: Checked) -> None:
    result = checked({name: CROSS_ENTROPY[name] for name in ("E1", "E2")})
    assert [finding.quantity for finding in result.findings] == [*GRADIENTS[4:], *GRADIENTS[:4]]
    assert {finding.slip for finding in result.findings} == {
        "follows from the squared error, and the error here is the binary cross-entropy"
    }


def test_gradients_of_the_cross_entropy_are_wrong_where_the_error_is_a_square(checked: Checked) -> None:
    result = checked({name: CROSS_ENTROPY[name] for name in GRADIENTS})
    assert [finding.quantity for finding in result.findings] == [*GRADIENTS[4:], *GRADIENTS[:4]]
    assert {finding.slip for finding in result.findings} == {
        "lacks the factor a_o1*(1-a_o1)",
        "lacks the factor a_o2*(1-a_o2)",
        "follows from the binary cross-entropy, and the error here is the squared error",
    }


def test_an_error_of_cross_entropy_that_is_wrong_in_one_output_is_found_there(checked: Checked) -> None:
    result = checked(CROSS_ENTROPY | {"E2": CROSS_ENTROPY["E2"].replace("{t2}", "{t1}")})
    assert [finding.quantity for finding in result.findings] == ["E2"]
    assert result.findings[0].slip.startswith("uses t1*LN(a_o2)")


def test_the_way_by_the_derivatives_of_an_output_is_right_with_cross_entropy_too(checked: Checked) -> None:
    by_way = {"dE_da_o1": "({a_o1}-{t1})/({a_o1}*(1-{a_o1}))", "da_o1_do1": "{a_o1}*(1-{a_o1})"}
    order = (*CLASSIC, *by_way)
    formulas = FORMULAS | CROSS_ENTROPY | by_way | {"dE_dw5": "{dE_da_o1}*{da_o1_do1}*{a_h1}"}
    result = checked(formulas, order=order)
    assert (result.verdict, result.notes) == ("correct", tuple(n for n, f in CONVENTIONS.items() if f is CROSS_ENTROPY))
    wrong = checked(formulas | {"dE_dw5": "{dE_da_o1}*{da_o1_do1}*{a_h2}"}, order=order)
    assert [finding.quantity for finding in wrong.findings] == ["dE_dw5"]


def test_changes_of_weights_are_read_from_their_numbers(checked: Checked) -> None:
    for note in CONVENTIONS:
        if "columns" in note:
            assert checked(CONVENTIONS[note], sign="Δ").verdict == "correct"
    # and what is headed so may be the gradient
    assert checked({}, sign="Δ").verdict == "correct"


def test_gradients_of_the_wrong_sign_are_no_convention_where_the_updates_take_them_off(checked: Checked) -> None:
    result = checked(gradients("-(G)"))
    assert {finding.slip for finding in result.findings} == {"has the wrong sign"}
    assert [finding.quantity for finding in result.findings] == [*GRADIENTS[4:], *GRADIENTS[:4]]


#: The columns of the delta rule: δ of the outputs, and of the hidden neurons.
DELTAS = {f"delta_o{k}": f"({{t{k}}}-{{a_o{k}}})*{{a_o{k}}}*(1-{{a_o{k}}})" for k in (1, 2)} | {
    f"delta_h{j}": f"({{delta_o1}}*{{w{4 + j}}}+{{delta_o2}}*{{w{6 + j}}})*{{a_h{j}}}*(1-{{a_h{j}}})" for j in (1, 2)
}
WITH_DELTAS = (*CLASSIC[:23], *DELTAS, *GRADIENTS)
DELTA_RULE = {
    "dE_dw1": "{delta_h1}*{i1}",
    "dE_dw2": "{delta_h1}*{i2}",
    "dE_dw3": "{delta_h2}*{i1}",
    "dE_dw4": "{delta_h2}*{i2}",
    "dE_dw5": "{delta_o1}*{a_h1}",
    "dE_dw6": "{delta_o1}*{a_h2}",
    "dE_dw7": "{delta_o2}*{a_h1}",
    "dE_dw8": "{delta_o2}*{a_h2}",
}


def _delta_rule(pattern: str, update: str) -> dict[str, str]:
    of_weights = {w: update.replace("W", f"{{-{w}}}").replace("G", f"{{-dE_d{w}}}") for w in WEIGHTS}
    return DELTAS | {name: pattern.replace("G", text) for name, text in DELTA_RULE.items()} | of_weights


@pytest.mark.parametrize(
    ("pattern", "update", "sign", "note"),
    [
        ("-G", "W-{eta}*G", "∂E/∂", ""),
        ("G", "W+{eta}*G", "∂E/∂", "its gradients have the other sign, as what is added to the weights and "),
        ("{eta}*G", "W+G", "Δ", "its columns hold the changes of the weights, -η ∂E/∂w and "),
    ],
)
def test_the_delta_rule_is_right_and_noted(checked: Checked, pattern: str, update: str, sign: str, note: str) -> None:
    formulas = _delta_rule(pattern, update)
    result = checked(formulas, sign=sign, order=WITH_DELTAS)
    assert (result.verdict, result.notes) == ("correct", (f"{note}its δ is -∂E/∂o, as in the delta rule",))
    slip = {"delta_h2": DELTAS["delta_h2"].replace("(1-{a_h2})", "(1-{a_h1})")}
    (finding,) = checked(formulas | slip, sign=sign, order=WITH_DELTAS).findings
    assert (finding.quantity, finding.slip) == ("delta_h2", "uses a_h1; it should be a_h2")


def test_a_delta_of_the_other_sign_is_wrong_where_the_updates_go_uphill_by_it(checked: Checked) -> None:
    result = checked(_delta_rule("G", "W-{eta}*G"), order=WITH_DELTAS)
    assert {finding.slip for finding in result.findings} == {"has the wrong sign"}
    assert [finding.quantity for finding in result.findings] == ["delta_o1", "delta_o2"]


def test_a_delta_of_the_other_sign_is_wrong_in_one_output_alone(checked: Checked) -> None:
    result = checked(_delta_rule("-G", "W-{eta}*G") | {"delta_o1": f"-({DELTAS['delta_o1']})"}, order=WITH_DELTAS)
    assert [finding.quantity for finding in result.findings] == ["delta_o1"]


def test_an_error_without_its_half_is_wrong_where_the_gradients_have_it(checked: Checked) -> None:
    assert [finding.quantity for finding in checked(WITHOUT_HALF).findings] == ["E1", "E2"]


def test_another_numbering_is_read_from_the_formulas_of_the_forward_pass(checked: Checked) -> None:
    result = checked(renumbered(FORMULAS))
    assert (result.verdict, result.findings) == ("correct", ())
    assert result.notes == (
        "it numbers the weights in a way of its own, h1 = w1*i1 + w3*i2, o1 = w5*a_h1 + w7*a_h2, and is judged by that",
    )


def test_a_slip_in_another_numbering_is_told_by_its_own_names(checked: Checked) -> None:
    formulas = renumbered(FORMULAS | {"dE_dw2": FORMULAS["dE_dw2"].replace("{w7}", "{w6}")})
    (finding,) = checked(formulas).findings
    assert (finding.quantity, finding.slip) == ("dE_dw3", "uses w7; it should be w6")


def test_swapped_weights_are_no_numbering_where_the_gradients_do_not_follow(checked: Checked) -> None:
    swapped = {"o1": FORMULAS["o1"].replace("w6", "w7"), "o2": FORMULAS["o2"].replace("w7", "w6")}
    assert [finding.quantity for finding in checked(swapped).findings] == ["o1", "o2"]


def test_a_bias_that_is_labelled_in_words_is_read(tmp_path: Path) -> None:
    from openpyxl import load_workbook

    formulas = FORMULAS | {z: f"{FORMULAS[z]}+$AJ${1 if z[0] == 'h' else 2}" for z in ("h1", "h2", "o1", "o2")}
    formulas |= {"dE_dw6": "{dE_dw5}"}
    path = write(tmp_path / "book.xlsx", Handmade(formulas=formulas))
    book = load_workbook(path)
    for row, (label, number) in enumerate((("Bias of the hidden layer", 0.35), ("Bias of the outputs", 0.6)), start=1):
        book.active.cell(row, 35, label)
        book.active.cell(row, 36, number)
    book.save(path)
    (table,) = check(path).tables
    assert ([finding.quantity for finding in table.findings], table.notes[0]) == (
        ["dE_dw6"],
        "what stands in AJ1, AJ2 is read as a bias",
    )


def test_an_output_that_is_passed_on_is_linear(checked: Checked) -> None:
    formulas = {name: re.sub(r"\*\{(a_o\d)\}\*\(1-\{\1\}\)", "", FORMULAS[name]) for name in GRADIENTS}
    result = checked(formulas | {"a_o1": "{o1}", "a_o2": "{o2}"})
    assert (result.verdict, result.notes) == ("correct", ("its neurons have the activation linear",))


def test_formulas_that_round_throughout_are_right_as_far_as_that_goes(checked: Checked) -> None:
    rounded = {name: f"ROUND({formula},5)" for name, formula in FORMULAS.items()}
    result = checked(rounded)
    assert (result.verdict, result.notes[0]) == (
        "correct",
        "its formulas round to 5 decimals, and it is judged as far as that goes",
    )
    wrong = rounded | {"dE_dw6": f"ROUND({FORMULAS['dE_dw5']},5)"}
    assert [finding.quantity for finding in checked(wrong).findings] == ["dE_dw6"]


def test_samples_that_take_turns_are_right_and_noted(tmp_path: Path) -> None:
    samples = [{"i1": 0.0, "i2": 0.0, "t1": 0.1}, {"i1": 1.0, "i2": 0.0, "t1": 0.9}, {"i1": 0.0, "i2": 1.0, "t1": 0.9}]
    cells = {(name, step): number for step in range(9) for name, number in samples[step % 3].items()}
    (table,) = check(write(tmp_path / "book.xlsx", Handmade(start=START_C, cells=cells))).tables
    assert (table.verdict, table.notes) == ("correct", ("3 samples take turns, one a row",))
    # one that is out of turn is a slip
    odd = cells | {("i1", 5): 0.5}
    (table,) = check(write(tmp_path / "book.xlsx", Handmade(start=START_C, cells=odd))).tables
    assert table.verdict == "wrong"


_XOR = [(0.0, 0.0, 0.1), (0.0, 1.0, 0.9), (1.0, 0.0, 0.9), (1.0, 1.0, 0.1)]


def _with_samples(path: Path, order: Sequence[int], other: Mapping[tuple[str, int], float]) -> CheckedTable:
    cells: dict[tuple[str, int], str | float | None] = {
        (name, step): number
        for step, sample in enumerate(order)
        for name, number in zip(("i1", "i2", "t1"), _XOR[sample], strict=True)
    }
    (table,) = check(write(path, Handmade(start=START_C, cells=cells | dict(other), steps=len(order) - 1))).tables
    return table


def test_one_sample_that_is_mistyped_in_one_of_its_turns_is_wrong_alone(tmp_path: Path) -> None:
    (finding,) = _with_samples(tmp_path / "book.xlsx", [0, 1, 2, 3] * 5, {("t1", 9): 0.1}).findings
    assert (finding.quantity, finding.ranges, finding.expected) == ("t1", ("A15",), "=$A$7")
    assert finding.slip == "is not what its sample has in its other turns"


def test_samples_in_an_order_that_is_drawn_are_right(tmp_path: Path) -> None:
    order = random.Random(3).choices(range(4), k=30)
    table = _with_samples(tmp_path / "book.xlsx", order, {})
    assert (table.verdict, table.notes) == ("correct", ("4 samples take turns, one a row",))


def test_a_target_that_is_another_one_from_some_row_on_is_no_sample(tmp_path: Path) -> None:
    cells: dict[tuple[str, int], str | float | None] = {("t2", step): 0.9 for step in range(5, 21)}
    (table,) = check(write(tmp_path / "book.xlsx", Handmade(cells=cells, steps=20))).tables
    assert [finding.quantity for finding in table.findings] == ["t2"]


@pytest.mark.parametrize("repeated", [False, True])
def test_several_samples_a_step_are_not_judged_and_said_so(tmp_path: Path, repeated: bool) -> None:
    cells: dict[tuple[str, int], str | float | None] = {}
    for step in range(9):
        row = 6 + step
        cells |= {("i1", step): float(step % 3), ("t1", step): 0.1 + 0.4 * (step % 3)}
        for w in WEIGHTS if step else ():
            column, gradient = (get_column_letter(CLASSIC.index(name) + 1) for name in (w, f"dE_d{w}"))
            cells[w, step] = f"={column}{row - 1}" if repeated else None
            if step % 3 == 0:
                cells[w, step] = f"={column}{row - 3}-0.5*SUM({gradient}{row - 3}:{gradient}{row - 1})"
    (table,) = check(write(tmp_path / "book.xlsx", Handmade(start=START_C, cells=cells))).tables
    assert (table.verdict, table.findings) == ("incomplete", ())
    assert table.notes == (
        "3 rows share the weights of each step, as with 3 samples a step: a table of a row a step is judged, "
        "this one is not",
    )


def test_a_learning_rate_that_falls_from_row_to_row_is_a_schedule(tmp_path: Path) -> None:
    cells = {("eta", step): 0.5 * 0.9**step for step in range(9)}
    (table,) = check(write(tmp_path / "book.xlsx", Handmade(Layout(eta="column"), cells=cells))).tables
    assert (table.verdict, table.notes) == (
        "correct",
        ("the learning rate changes from step to step, from 0.5 to 0.215234",),
    )


SOFTMAX = (
    {f"a_o{k}": f"EXP({{o{k}}})/(EXP({{o1}})+EXP({{o2}}))" for k in (1, 2)}
    | {f"E{k}": f"-{{t{k}}}*LN({{a_o{k}}})" for k in (1, 2)}
    | {name: CROSS_ENTROPY[name] for name in GRADIENTS}
)


@pytest.mark.parametrize("targets", [{}, {"t1": 0.0, "t2": 1.0}])
@pytest.mark.parametrize("error", ["E1", "E_total"])
def test_softmax_with_cross_entropy_is_right_and_a_slip_in_it_is_found(
    tmp_path: Path, targets: dict[str, float], error: str
) -> None:
    formulas = FORMULAS | SOFTMAX
    order = CLASSIC
    if error == "E_total":
        order = tuple(name for name in CLASSIC if name not in ("E1", "E2"))
        formulas |= {"E_total": f"{SOFTMAX['E1']}+({SOFTMAX['E2']})"}

    def checked_with(name: str, formula: str) -> CheckedTable:
        table = Handmade(Layout(order), START_C | targets, formulas=formulas | {name: formula})
        (found,) = check(write(tmp_path / "book.xlsx", table)).tables
        return found

    right = checked_with("o1", FORMULAS["o1"])
    assert (right.verdict, right.notes) == ("correct", ("its neurons have the activation softmax",))
    (finding,) = checked_with("dE_dw6", SOFTMAX["dE_dw5"]).findings
    assert (finding.quantity, finding.slip) == ("dE_dw6", "is the formula of ∂E/∂w5")
    (finding,) = checked_with("a_o2", "EXP({o2})/(EXP({o1})+EXP({o1}))").findings
    assert finding.quantity == "a_o2"
