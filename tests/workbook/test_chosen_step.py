"""The choice of step, learning rate and sample: what there is not is called so, and shows no other."""

import pytest
from openpyxl import load_workbook

from tests.conftest import Editor, Workbook, cell
from xlbackprop.errors import UnusableInput


@pytest.mark.parametrize(
    ("address", "text", "hint"),
    [
        ("B5", "4", "1 to 4, of those of the step"),
        ("B5", "0", "there is no such sample: choose one from 1 to 4"),
        ("B5", "5", "there is no such sample: choose one from 1 to 4"),
        ("B5", "1.5", "there is no such sample: choose one from 1 to 4"),
        ("B5", "first", "there is no such sample: choose one from 1 to 4"),
        ("B5", "", "there is no such sample: choose one from 1 to 4"),
        ("B3", "13", "there is no such step: choose one from 0 to 12"),
    ],
)
def test_what_can_be_chosen_is_said_beside_it(in_batch: Workbook, editor: type[Editor], address, text, hint) -> None:
    sheets = editor(in_batch.path).type("Derivation", address, text).sheets()
    assert cell(sheets, "Derivation", address.replace("B", "C")) == hint
    # what there is not shows no other
    shown = sheets.is_error("Derivation", 12, 8)
    assert shown == hint.startswith("there is no such")


@pytest.mark.parametrize(
    ("address", "text", "sentence"),
    [
        ("B5", "7", "the sheet Derivation is asked for sample 7: choose one from 1 to 4"),
        ("B5", "first", "the sheet Derivation is asked for sample first: choose one from 1 to 4"),
        ("B3", "77", "the sheet Derivation is asked for step 77"),
    ],
)
def test_a_workbook_that_is_asked_for_what_there_is_not_cannot_be_judged(
    in_batch: Workbook, editor: type[Editor], address: str, text: str, sentence: str
) -> None:
    with pytest.raises(UnusableInput, match=sentence):
        editor(in_batch.path).type("Derivation", address, text).judge()


def test_the_last_sample_of_the_last_step_can_be_chosen(in_batch: Workbook, editor: type[Editor]) -> None:
    book = editor(in_batch.path).type("Derivation", "B3", "12").type("Derivation", "B4", "2")
    sheets = book.type("Derivation", "B5", "4").sheets()
    assert cell(sheets, "Derivation", "J5") == 13 * 4
    assert book.judge().correct


def test_a_sample_that_cannot_be_is_not_taken_by_the_cell(in_batch: Workbook) -> None:
    validations = {
        str(one.sqref): (one.type, one.formula1, one.formula2)
        for one in load_workbook(in_batch.path)["Derivation"].data_validations.dataValidation
    }
    assert validations["B5"] == ("whole", "1", "4")
    assert validations["B3"] == ("whole", "0", "12")
