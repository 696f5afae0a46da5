"""Biases under any names: the right ones are right, and each wrong one is named as its sheet has it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from openpyxl import load_workbook

from tests.biased import DELTAS, one_a_layer, one_each, write_biased
from tests.handmade import FORMULAS, Handmade, write
from tests.mended import mended
from xlbackprop.check.contents import Contents
from xlbackprop.check.file import check
from xlbackprop.check.table import judge_contents
from xlbackprop.report.findings import CheckedTable
from xlbackprop.spreadsheet.ironcalc import opened
from xlbackprop.tables.finding import find_tables

Checked = Callable[..., CheckedTable]

#: What stands above the biases of h1, h2, o1 and o2.
HEADERS = [
    ["b1", "b2", "b3", "b4"],
    ["b11", "b12", "b21", "b22"],
    ["b11", "b12", "b13", "b14"],
    ["b3", "b4", "b5", "b6"],
    ["b0", "b1", "b2", "b3"],
    ["b1", "b2", "b21", "b22"],
    # as the formulas have it, and not the numbers
    ["b3", "b4", "b1", "b2"],
    ["b_h1", "b_h2", "b_o1", "b_o2"],
    ["bh1", "bh2", "bo1", "bo2"],
    ["bias h1", "bias h2", "bias o1", "bias o2"],
    ["bias 1", "bias 2", "bias 3", "bias 4"],
    ["b1_h", "b2_h", "b1_o", "b2_o"],
    ["θ1", "θ2", "θ3", "θ4"],
    # of no known kind: their sums add them as they are
    ["Schwelle A", "Schwelle B", "Schwelle C", "Schwelle D"],
]


def only_table(path: Path) -> CheckedTable:
    (table,) = check(path).tables
    return table


@pytest.fixture
def checked(tmp_path: Path) -> Checked:
    def check_table(formulas: Mapping[str, str], headers: Sequence[str], gradient: str = "∂E/∂{}") -> CheckedTable:
        return only_table(write_biased(tmp_path / "book.xlsx", formulas, headers, gradient))

    return check_table


@pytest.mark.parametrize("trained", [True, False])
@pytest.mark.parametrize("headers", HEADERS, ids=lambda headers: headers[2])
def test_a_bias_of_each_neuron_is_right_under_any_name(checked: Checked, headers: list[str], trained: bool) -> None:
    result = checked(one_each(trained), headers)
    assert (result.verdict, result.findings, result.notes) == ("correct", (), ())
    assert result.largest_error is not None
    assert result.largest_error < 1e-9


@pytest.mark.parametrize(
    ("name", "old", "new", "slip"),
    [
        ("h1", "{w1}*{i1}", "{w1}*{i1}*7", ""),
        ("h1", "+{bias_h1}", "", "lacks the term {}"),
        ("o1", "+{bias_o1}", "-{bias_o1}", "uses w5*a_h1+w6*a_h2-{2}; it should be w5*a_h1+w6*a_h2+{2}"),
        ("h2", "{bias_h2}", "{bias_h1}", "uses {0}; it should be {1}"),
        ("dE_dbias_h1", DELTAS["h1"], DELTAS["h1"] + "*{i1}", "has the factor i1 too much"),
        ("bias_o2", "-{eta}", "+{eta}", "uses {3}+η*∂E/∂{3}; it should be {3}-η*∂E/∂{3}"),
    ],
)
@pytest.mark.parametrize("headers", HEADERS[:6] + HEADERS[7:], ids=lambda headers: headers[2])
def test_a_wrong_formula_with_a_bias_is_named(
    checked: Checked, headers: list[str], name: str, old: str, new: str, slip: str
) -> None:
    formulas = one_each()
    (finding,) = checked(formulas | {name: formulas[name].replace(old, new)}, headers).findings
    assert finding.slip == slip.format(*headers)


def test_a_forgotten_bias_is_the_one_that_no_other_sum_adds(checked: Checked) -> None:
    (finding,) = checked(one_each() | {"h2": FORMULAS["h2"]}, HEADERS[6]).findings
    assert (finding.quantity, finding.slip) == ("h2", "lacks the term b4")


def test_biases_that_no_sum_adds_are_lacking(checked: Checked) -> None:
    result = checked(one_each() | {z: FORMULAS[z] for z in ("h1", "h2", "o1", "o2")}, HEADERS[1])
    assert [(finding.quantity, finding.slip) for finding in result.findings] == [
        (z, f"lacks the term {bias}") for z, bias in zip(("h1", "h2", "o1", "o2"), HEADERS[1], strict=True)
    ]


@pytest.mark.parametrize("headers", [["b1", "b2"], ["b_h", "b_o"], ["bias hidden layer", "bias output layer"]])
@pytest.mark.parametrize("trained", [True, False])
def test_a_bias_of_each_layer_is_right(checked: Checked, headers: list[str], trained: bool) -> None:
    result = checked(one_a_layer(trained), headers)
    assert (result.verdict, result.findings, result.notes) == ("correct", (), ())
    assert result.largest_error is not None
    assert result.largest_error < 1e-9


def test_the_gradient_of_a_shared_bias_is_the_sum_of_the_deltas(tmp_path: Path) -> None:
    for name, neuron in (("dE_dbias_hid", "h1"), ("dE_dbias_out", "o1")):
        path = write_biased(tmp_path / "book.xlsx", one_a_layer() | {name: DELTAS[neuron]}, ["b1", "b2"])
        checked = check(path)
        (finding,) = checked.tables[0].findings
        assert finding.quantity == {"h1": "dE_db1", "o1": "dE_db2"}[neuron]
        assert finding.slip.startswith("lacks the term (")
        assert only_table(mended(checked, tmp_path / "mended.xlsx")).verdict == "correct"


@pytest.mark.parametrize("trained", [True, False])
def test_a_wrong_sum_with_a_shared_bias_is_told_by_the_names_of_the_sheet(checked: Checked, trained: bool) -> None:
    formulas = one_a_layer(trained)
    (forgotten,) = checked(formulas | {"h2": FORMULAS["h2"]}, ["b1", "b2"]).findings
    assert (forgotten.quantity, forgotten.slip) == ("h2", "lacks the term b1")
    (other,) = checked(formulas | {"o2": FORMULAS["o2"] + "+{bias_hid}"}, ["b1", "b2"]).findings
    assert (other.quantity, other.slip) == ("o2", "uses b1; it should be b2")


def test_biases_of_the_hidden_layer_alone(checked: Checked) -> None:
    formulas = {name: formula for name, formula in one_a_layer(False).items() if name != "bias_out"}
    formulas |= {z: FORMULAS[z] for z in ("o1", "o2")}
    assert checked(formulas, ["b1"]).verdict == "correct"
    (finding,) = checked(formulas | {"o2": FORMULAS["o2"].replace("w7", "w6")}, ["b1"]).findings
    assert (finding.slip, "+0" in finding.expected) == ("uses w6; it should be w7", False)


def test_the_gradient_of_a_bias_needs_no_column_where_its_update_takes_the_delta(checked: Checked) -> None:
    formulas = {name: formula for name, formula in one_each().items() if not name.startswith("dE_dbias")}
    formulas |= {f"bias_{z}": f"{{-bias_{z}}}-{{eta}}*" + DELTAS[z].replace("{", "{-") for z in DELTAS}
    headers = HEADERS[0]
    assert checked(formulas, headers).verdict == "correct"
    wrong = checked(formulas | {"bias_o1": formulas["bias_o1"].replace("a_o1", "a_o2")}, headers)
    assert [finding.quantity for finding in wrong.findings] == ["b3"]


def test_a_bias_whose_neuron_is_not_known_leaves_the_table_incomplete(checked: Checked) -> None:
    formulas = one_each() | {"bias_hid": "{-bias_hid}"}
    result = checked(formulas, ["b1", "b2", "b3", "b4", "b5"])
    assert (result.verdict, result.findings) == ("incomplete", ())
    assert result.notes == ("which neuron adds b5 is not understood",)


def test_a_trained_bias_for_all_neurons_is_not_judged_and_said_so(checked: Checked) -> None:
    formulas = {name: formula for name, formula in one_a_layer().items() if not name.endswith("bias_out")}
    formulas |= {z: FORMULAS[z] + "+{bias_hid}" for z in ("o1", "o2")}
    result = checked(formulas | {"dE_dbias_hid": "+".join(DELTAS.values())}, ["b1"])
    assert (result.verdict, result.findings, result.notes) == (
        "incomplete",
        (),
        ("the training of b1 is not judged: that of a bias a neuron, or of a bias a layer, is",),
    )


def test_a_neuron_whose_bias_is_nowhere_leaves_the_table_incomplete(checked: Checked) -> None:
    formulas = {name: formula for name, formula in one_each().items() if "bias_o2" not in name}
    result = checked(formulas | {"o2": FORMULAS["o2"]}, ["b1", "b2", "b3"])
    assert (result.verdict, result.findings, result.notes) == (
        "incomplete",
        (),
        (
            "the training of b1, b2, b3 is not judged: that of a bias a neuron, or of a bias a layer, is",
            "no bias of o2 is found, and the other neurons of the layer have one",
        ),
    )


def test_a_value_that_nobody_knows_makes_no_formula_right(tmp_path: Path) -> None:
    path = write_biased(tmp_path / "book.xlsx", one_each(), HEADERS[0])
    sheets = opened(path)[0]
    (table,) = find_tables(sheets)
    columns = {name: column for name, column in table.columns.items() if name != "b1"}
    unknown = Contents(sheets, replace(table, columns=columns))
    result = judge_contents(unknown)
    assert result.verdict != "correct"
    assert "nothing is known of b1, so what follows from there is not judged" in result.notes


def test_biases_in_cells_with_a_label_in_words_are_told_by_their_cells(tmp_path: Path) -> None:
    formulas = FORMULAS | {z: f"{FORMULAS[z]}+$AJ${1 if z[0] == 'h' else 2}" for z in ("h1", "h2", "o1", "o2")}
    for forgotten, notes in ((None, ()), ("h2", ())):
        shown = formulas | ({forgotten: FORMULAS[forgotten]} if forgotten else {})
        path = write(tmp_path / "book.xlsx", Handmade(formulas=shown))
        book = load_workbook(path)
        for row, (label, number) in enumerate((("Schwelle verdeckt", 0.35), ("Schwelle Ausgabe", 0.6)), start=1):
            book.active.cell(row, 35, label)
            book.active.cell(row, 36, number)
        book.save(path)
        table = only_table(path)
        assert table.notes == ("what stands in AJ1, AJ2 is read as a bias", *notes)
        assert [finding.slip for finding in table.findings] == ["lacks the term AJ1"] * bool(forgotten)
