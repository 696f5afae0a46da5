"""Addresses of cells and of what lies between two of them."""

import pytest

from xlbackprop.spreadsheet.addresses import cells_between


@pytest.mark.parametrize(
    ("area", "cells"),
    [("Q9", ["Q9"]), ("Q9:Q10", ["Q9", "Q10"]), ("Z1:AA2", ["Z1", "AA1", "Z2", "AA2"]), ("$B$2:$B$2", ["B2"])],
)
def test_a_range_has_its_cells_row_by_row(area: str, cells: list[str]) -> None:
    assert list(cells_between(area)) == cells
