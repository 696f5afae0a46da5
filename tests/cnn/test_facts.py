"""What a workbook says about itself, and what is read back."""

import pytest

from tests.cnn.small import SMALL, SmallWorkbook
from tests.conftest import Editor
from xlbackprop import __version__
from xlbackprop.cnn.facts import is_cnn_workbook, read_facts
from xlbackprop.errors import UnusableInput
from xlbackprop.spreadsheet.cells import Sheets
from xlbackprop.spreadsheet.engines import recalculated


def test_layers_images_and_version_are_read_back(small: SmallWorkbook) -> None:
    sheets = recalculated(small.path)
    assert is_cnn_workbook(sheets)
    found = read_facts(sheets)
    assert (found.version, found.layers, found.digits) == (__version__, SMALL, 3)


def test_libreoffice_keeps_them(small: SmallWorkbook, libreoffice: str) -> None:
    assert read_facts(recalculated(small.path, "libreoffice")).layers == SMALL


def test_a_workbook_of_a_training_is_another_one(classic) -> None:
    assert not is_cnn_workbook(recalculated(classic.path))


def edited(small: SmallWorkbook, label: str, text: str) -> Sheets:
    sheets = recalculated(small.path)
    (place,) = [place for place, value in sheets.values("Check").items() if value == label]
    return Editor(small.path).type("Check", f"B{place[0]}", text).sheets()


@pytest.mark.parametrize(
    ("label", "text", "sentence"),
    [
        ("layers", "[", "does not say which network it holds"),
        ("layers", "[" * 5_000, "does not say which network it holds"),
        ("layers", "[]", "lists layers that cannot be: its layers are no list"),
        ("layers", '[{"kind":"Flatten"}]', "its last layer does not give 10 numbers"),
        ("layers", '[{"kind":"Linear","inputs":5,"outputs":10}]', "cannot take numbers in the shape"),
        ("images to choose from", "some", "does not say which network it holds"),
    ],
)
def test_damaged_facts_are_a_sentence(small: SmallWorkbook, label: str, text: str, sentence: str) -> None:
    with pytest.raises(UnusableInput, match=sentence):
        read_facts(edited(small, label, text))
