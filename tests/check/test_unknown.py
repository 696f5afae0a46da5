"""Activations and errors that are of no known kind are not judged, and one neuron that has another one is wrong."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.handmade import FORMULAS, GRADIENTS, START_C, WEIGHTS, Handmade, Layout, write
from xlbackprop.check.file import check
from xlbackprop.report.findings import CheckedTable

Checked = Callable[[Mapping[str, str]], CheckedTable]
SUMS = ("h1", "h2", "o1", "o2")


@pytest.fixture
def checked(tmp_path: Path) -> Checked:
    def check_table(formulas: Mapping[str, str]) -> CheckedTable:
        table = Handmade(Layout(), START_C, formulas=FORMULAS | dict(formulas))
        (found,) = check(write(tmp_path / "book.xlsx", table)).tables
        return found

    return check_table


def with_slope(activation: str, slope: str, sums: tuple[str, ...] = SUMS) -> dict[str, str]:
    """A network with another activation, with its slope in the gradients."""
    formulas = {f"a_{z}": activation.replace("Z", f"{{{z}}}") for z in sums}
    for name in GRADIENTS:
        formulas[name] = FORMULAS[name]
        for z in sums:
            own = slope.replace("Z", f"{{{z}}}").replace("A", f"{{a_{z}}}")
            formulas[name] = formulas[name].replace(f"{{a_{z}}}*(1-{{a_{z}}})", own)
    return formulas


BIPOLAR = with_slope("(1-EXP(-Z))/(1+EXP(-Z))", "0.5*(1-A^2)")
SOFTPLUS = with_slope("LN(1+EXP(Z))", "1/(1+EXP(-Z))", ("h1", "h2"))
ABSOLUTE = {f"E{k}": f"ABS({{t{k}}}-{{a_o{k}}})" for k in (1, 2)} | {
    name: FORMULAS[name].replace("({a_o1}-{t1})", "SIGN({a_o1}-{t1})").replace("({a_o2}-{t2})", "SIGN({a_o2}-{t2})")
    for name in GRADIENTS
}


@pytest.mark.parametrize(
    ("formulas", "note"),
    [
        (BIPOLAR, "the activation of h1, h2, o1 and o2, =(1-EXP(-I6))/(1+EXP(-I6)) in J6, is none that is known here"),
        (SOFTPLUS, "the activation of h1 and h2, =LN(1+EXP(I6)) in J6, is none that is known here"),
        (ABSOLUTE, "the error =ABS(A6-R6) in U6 is none that is known here"),
    ],
)
def test_what_all_neurons_have_is_not_judged(checked: Checked, formulas: dict[str, str], note: str) -> None:
    result = checked(formulas)
    assert (result.verdict, result.findings, len(result.notes)) == ("incomplete", (), 1)
    assert result.notes[0].startswith(note)


@pytest.mark.parametrize("formulas", [BIPOLAR, SOFTPLUS, ABSOLUTE])
def test_a_slip_in_what_can_be_judged_is_found(checked: Checked, formulas: dict[str, str]) -> None:
    (finding,) = checked(formulas | {"o1": FORMULAS["o1"].replace("w6", "w7")}).findings
    assert (finding.quantity, finding.slip) == ("o1", "uses w7; it should be w6")


def test_gradients_behind_a_known_activation_are_judged(checked: Checked) -> None:
    (finding,) = checked(SOFTPLUS | {"dE_dw6": FORMULAS["dE_dw5"]}).findings
    assert (finding.quantity, finding.slip) == ("dE_dw6", "is the formula of ∂E/∂w5")


def test_a_function_that_one_neuron_has_is_wrong(checked: Checked) -> None:
    assert [finding.quantity for finding in checked({"a_h1": "LN(1+EXP({h1}))"}).findings] == ["a_h1"]
    assert [finding.quantity for finding in checked({"E2": "ABS({t2}-{a_o2})"}).findings] == ["E2"]


def test_a_slip_that_all_neurons_have_is_wrong(checked: Checked) -> None:
    result = checked({f"a_{z}": f"1/(1+EXP({{{z}}}))" for z in SUMS})
    assert [finding.quantity for finding in result.findings] == [f"a_{z}" for z in SUMS]


def test_a_short_e_is_named(checked: Checked) -> None:
    result = checked({f"a_{z}": f"1/(1+2.71828^(-{{{z}}}))" for z in SUMS})
    assert [finding.quantity for finding in result.findings] == [f"a_{z}" for z in SUMS]
    assert {finding.slip for finding in result.findings} == {
        "uses 2.71828 for e, which has more digits; it should be EXP"
    }


def _row_by_row() -> dict[str, str]:
    """A table whose rows go forward with the weights of the row above, and update them in their own."""
    later = {name: re.sub(r"\{(w\d)\}", r"{-\1}", formula) for name, formula in FORMULAS.items() if name[0] != "w"}
    return later | {w: f"{{-{w}}}-{{eta}}*{{dE_d{w}}}" for w in WEIGHTS}


def _without_the_first_row(formulas: Mapping[str, str]) -> Handmade:
    cells: dict[tuple[str, int], str | float | None] = dict.fromkeys((name, 0) for name in FORMULAS if name[0] != "w")
    return Handmade(Layout(), START_C, formulas=formulas, cells=cells)


def test_rows_that_go_forward_with_the_weights_of_the_row_above_are_not_judged(tmp_path: Path) -> None:
    (table,) = check(write(tmp_path / "book.xlsx", _without_the_first_row(_row_by_row()))).tables
    assert (table.verdict, table.findings, len(table.notes)) == ("incomplete", (), 1)
    assert table.notes[0].startswith("each row goes forward with the weights of the row above")


def test_a_weight_that_is_updated_too_early_is_wrong_there(tmp_path: Path) -> None:
    formulas = _row_by_row()
    formulas["dE_dw2"] = formulas["dE_dw2"].replace("{-w5}", "{w5}")
    (table,) = check(write(tmp_path / "book.xlsx", _without_the_first_row(formulas))).tables
    (finding,) = table.findings
    assert (finding.quantity, finding.kind, finding.mend) == ("dE_dw2", "reference", None)
    assert finding.slip == "takes w5 from another row than the weights of the other formulas, the one above"
