"""The verdict about the gradients is green exactly when all of them agree three ways."""

from pathlib import Path

import pytest
from openpyxl import load_workbook

from tests import one_sample
from tests.conftest import Editor, Workbook, built, cell, sheets_of, where
from xlbackprop.spreadsheet import addressing
from xlbackprop.spreadsheet.cells import Sheets
from xlbackprop.spreadsheet.engines import recalculated
from xlbackprop.workbook import looks
from xlbackprop.workbook.gradient_comparison import LEAST_EPSILON, MOST_EPSILON
from xlbackprop.workbook.network_sheet import network_layout

ALL_AGREE = "Gradient check: all 8 gradients agree: chain rule, central difference, training."
ALL_OPEN = "Gradient check: 8 of 8 gradients cannot be compared: see the amber cells below."


def differing(count: int) -> str:
    return f"Gradient check: {count} of 8 gradients do not agree: see the red cells below."


def verdict(sheets: Sheets) -> str:
    return str(cell(sheets, "Derivation", "B5"))


def words(sheets: Sheets, workbook: Workbook) -> dict[str, str]:
    """What is said of each gradient."""
    places = sheets_of(workbook)
    return {name: cell(sheets, "Derivation", where(places, at)) for name, at in places.derivation.verdicts.items()}


@pytest.mark.parametrize("template", one_sample.TEMPLATES)
def test_all_gradients_agree_at_any_step_and_after_an_edit(tmp_path: Path, template: str) -> None:
    made = built(tmp_path, template)
    count = len(made.layout.network.trained_names)
    book = Editor(made.path)
    for edit in ({}, {"w1": "-0.61", "i1": "0.33", "t1": "0.2"}):
        for name, text in edit.items():
            book.type("Network", network_layout(made.layout.network).cell(name), text)
        sheets = book.type("Derivation", "B3", "5").sheets()
        assert verdict(sheets).startswith(f"Gradient check: all {count} gradients agree")


@pytest.mark.parametrize(
    ("sheet", "address", "text"),
    [
        ("Gradient check", "B3", "0"),
        ("Gradient check", "B3", "small"),
        ("Network", "w1", "=1/0"),
        ("Network", "w1", "a text"),
        ("Derivation", "B3", "500"),
    ],
)
def test_gradients_that_are_errors_do_not_agree(classic: Workbook, editor, sheet: str, address: str, text: str) -> None:
    address = network_layout(classic.layout.network).cell(address) if address == "w1" else address
    sheets = editor(classic.path).type(sheet, address, text).sheets()
    assert verdict(sheets) == ALL_OPEN
    assert set(words(sheets, classic).values()) == {"cannot be compared"}


def test_a_sigmoid_that_leaves_what_libreoffice_can_hold_agrees_with_nothing(
    classic: Workbook, editor, tmp_path: Path, libreoffice: str
) -> None:
    edited = (
        editor(classic.path)
        .type("Network", network_layout(classic.layout.network).cell("w1"), "-1e5")
        .save(tmp_path / "edited.xlsx")
    )
    assert verdict(recalculated(edited, "libreoffice")) == ALL_OPEN


@pytest.mark.parametrize(
    ("epsilon", "expected"),
    [
        (LEAST_EPSILON, ALL_AGREE),
        (LEAST_EPSILON * 0.99, ALL_OPEN),
        (MOST_EPSILON, ALL_AGREE),
        (MOST_EPSILON * 1.01, ALL_OPEN),
        (-0.0001, ALL_OPEN),
    ],
)
def test_a_nudge_that_is_too_small_or_too_large_compares_nothing(classic, editor, epsilon, expected) -> None:
    assert verdict(editor(classic.path).type("Gradient check", "B3", repr(epsilon)).sheets()) == expected


def test_the_slip_of_the_class_file_in_the_derivation_is_found(classic: Workbook, editor: type[Editor]) -> None:
    places = sheets_of(classic)
    at = {name: where(places, place) for name, place in places.derivation.values.items()}
    wrong = f"={at['dE_da_h2']}*{at['da_h1_dh1']}"
    sheets = editor(classic.path).type("Derivation", at["delta_h2"], wrong).sheets()
    assert verdict(sheets) == differing(2)
    assert [name for name, said in words(sheets, classic).items() if said == "differs"] == ["w3", "w4"]


@pytest.mark.parametrize("rate", [0, 1])
def test_a_wrong_gradient_in_the_training_is_found_on_the_sheet_that_is_shown(classic, editor, rate: int) -> None:
    places, sheet = sheets_of(classic), ("η=0.5", "η=2")[0]
    training = places.training[0]
    source, delta = (where(places, training.cell(name, 0)) for name in ("i1", "delta_h1"))
    book = editor(classic.path).type(sheet, where(places, training.cell("dE_dw3", 0)), f"={delta}*{source}")
    book.type("Network", network_layout(classic.layout.network).cell("w1"), "0.33").type(
        "Derivation", "B4", ("0.5", "2")[rate]
    )
    assert verdict(book.sheets()) == (differing(1) if rate == 0 else ALL_AGREE)


@pytest.mark.parametrize(("part", "expected"), [(1e-12, ALL_AGREE), (1e-6, differing(1))])
def test_the_training_must_have_the_very_number_of_the_chain_rule(classic, editor, part: float, expected: str) -> None:
    places = sheets_of(classic)
    at = where(places, places.training[0].cell("dE_dw5", 0))
    right = cell(editor(classic.path).sheets(), "η=0.5", at)
    assert verdict(editor(classic.path).type("η=0.5", at, repr(right * (1 + part))).sheets()) == expected


@pytest.mark.parametrize(("part", "expected"), [(3e-6, "agrees"), (3e-5, "differs")])
def test_a_central_difference_may_be_off_by_what_it_truncates(classic, editor, part: float, expected: str) -> None:
    places = sheets_of(classic)
    gradients = [where(places, places.derivation.values["dE_dw5"]), where(places, places.training[0].cell("dE_dw5", 0))]
    right = cell(editor(classic.path).sheets(), "Derivation", gradients[0])
    book = editor(classic.path)
    for sheet, at in zip(("Derivation", "η=0.5"), gradients, strict=True):
        book.type(sheet, at, repr(right * (1 + part)))
    assert words(book.sheets(), classic)["w5"] == expected


@pytest.mark.parametrize(("size", "expected"), [("1", "agrees"), ("1e-7", "too small to compare"), ("0", "agrees")])
def test_a_gradient_that_drowns_in_rounding_says_nothing(classic, editor, size: str, expected: str) -> None:
    # with so small an input the gradients of its weights are far below what a central difference can tell
    sheets = editor(classic.path).type("Network", network_layout(classic.layout.network).cell("i1"), size).sheets()
    assert words(sheets, classic)["w1"] == expected


def test_relu_has_no_derivative_at_its_kink(tmp_path: Path) -> None:
    made = built(tmp_path, "softmax", values={"w1": 0.0, "w2": 0.0, "b1": 0.0})
    sheets = Editor(made.path).sheets()
    assert words(sheets, made)["b1"] == "at a kink"
    assert "gradients cannot be compared" in verdict(sheets)
    assert made.report.correct


def test_the_words_stand_nowhere_as_a_fixed_text(classic: Workbook) -> None:
    for sheet in load_workbook(classic.path):
        for row in sheet.iter_rows():
            assert not [one.coordinate for one in row if "all 8 gradients agree" in str(one.value)]


def test_words_and_colours_follow_from_the_same_two_numbers(classic: Workbook) -> None:
    sheet = sheets_of(classic).derivation.sheet
    book = load_workbook(classic.path)["Derivation"]
    assert book["B5"].fill.start_color.rgb == "FF" + looks.AMBER_FILL.removeprefix("#")
    rules = {
        rule.dxf.fill.bgColor.rgb: rule.formula
        for cells in book.conditional_formatting
        if str(cells.sqref) == "B5:E5"
        for rule in cells.rules
    }
    assert rules == {"FFF8C9C9": ["$J$6>0"], "FFDDF2DF": ["$J$5=8"]}
    verdict = next(block for block in sheet.blocks if block.name == "verdict").contents[0][0]
    written = addressing.written(verdict, sheet)
    assert written.startswith("IF($J$6>0,")
    assert ",IF($J$5=8," in written


@pytest.mark.parametrize(
    ("template", "eta", "values", "step"),
    [
        # near the minimum a central difference is coarse beside the gradient, and with large inputs everywhere
        ("one case", 5.0, {"t1": 0.5}, "13"),
        ("A", 2.0, {"t1": 0.6, "t2": 0.62}, "120"),
        ("A", 2.0, {"i1": 100.0}, "80"),
        ("A", 2.0, {"i1": 20.0}, "17"),
    ],
)
def test_right_gradients_are_never_called_wrong(tmp_path: Path, template: str, eta: float, values, step: str) -> None:
    template = one_sample.one_case(tmp_path) if template == "one case" else template
    made = built(tmp_path, template, eta, steps=120, values=values)
    sheets = Editor(made.path).type("Derivation", "B3", step).sheets()
    assert "differs" not in words(sheets, made).values()


def test_no_such_step_shows_no_numbers(classic: Workbook, editor: type[Editor]) -> None:
    for step in ("-1", "3.5", "13", "two"):
        sheets = editor(classic.path).type("Derivation", "B3", step).sheets()
        assert verdict(sheets) == ALL_OPEN
        assert cell(sheets, "Network", "H11") == f"Step {step} of η=0.5: E_total = an error"


def test_more_learning_rates_than_libreoffice_chooses_from_are_shown(tmp_path: Path, libreoffice: str) -> None:
    made = built(tmp_path, "A", *(n / 10 for n in range(1, 32)), steps=3)
    book = Editor(made.path).type("Derivation", "B3", "3").type("Derivation", "B4", "3.1")
    sheets = recalculated(book.save(tmp_path / "chosen.xlsx"), "libreoffice")
    places = sheets_of(made)
    shown = cell(sheets, "Derivation", where(places, places.derivation.values["w5"]))
    assert shown == cell(sheets, "η=3.1", where(places, places.training[30].cell("w5", 3)))
    assert verdict(sheets) == ALL_AGREE
