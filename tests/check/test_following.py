"""Values around the tables: what follows from others, and what was written."""

from pathlib import Path

import pytest

from tests.conftest import Editor, Workbook, built
from xlbackprop.check.following import same_value, unlike_written
from xlbackprop.workbook.network_sheet import Origin
from xlbackprop.workbook.run import Run
from xlbackprop.workbook.sheets import our_sheets


@pytest.mark.parametrize(
    ("found", "should", "same"),
    [
        # up to 1 the absolute difference counts, and beyond that the relative one
        (0.5 + 0.9e-9, 0.5, True),
        (0.5 + 1.1e-9, 0.5, False),
        (2.0 + 1.9e-9, 2.0, True),
        (2.0 + 2.1e-9, 2.0, False),
        (2.0 - 2.1e-9, 2.0, False),
        # a number inside a text may be shown with few digits
        ("η = 0.5004", "η = 0.5", True),
        ("η = 0.5006", "η = 0.5", False),
        ("eta = 0.5", "η = 0.5", False),
        # a text where a number belongs, and the reverse
        ("all equal", 0.5, False),
        (0.5, "all equal", False),
        (None, 0.5, False),
        (None, "η = 0.5", False),
    ],
)
def test_a_recalculated_value_may_differ_by_what_rounding_adds_up_to(found, should, same: bool) -> None:
    assert same_value(found, should) is same


def test_values_are_compared_with_the_written_ones(classic: Workbook, editor: type[Editor]) -> None:
    book, sheets = editor(classic.path), our_sheets(Run(classic.layout), Origin("", "", ""))
    assert list(unlike_written(book.sheets(), sheets)) == []
    edited = book.type("Check", "L9", "=42").sheets()
    # the cell, and the verdict that counts it
    assert [finding.cell for _, finding in unlike_written(edited, sheets)] == ["L9", "A3"]


def test_a_difference_of_large_errors_may_amplify_their_rounding(tmp_path: Path) -> None:
    # E_total is some hundred thousand here, and its central differences have lost nine digits
    made = built(tmp_path, "softmax", 0.1, steps=5, values={"i1": -5000.0, "w1": 1.0, "w2": 123456.789})
    assert made.report.correct
