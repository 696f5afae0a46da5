"""A table knows its cells: what stands in a row of a step, and where it stands."""

from xlbackprop.backprop.network import Network
from xlbackprop.spreadsheet.cells import Cell
from xlbackprop.tables.table import Table

#: With a row between its steps that holds none.
TABLE = Table("Sheet1", 5, (6, 7, 9), {"w1": 2}, {}, Network.blank((1, 1)))


def test_a_table_holds_the_cells_of_its_rows_in_whatever_column() -> None:
    assert [TABLE.holds(Cell("Sheet1", row, 2)) for row in range(5, 11)] == [False, True, True, False, True, False]
    assert TABLE.holds(Cell("Sheet1", 6, 99))


def test_a_table_holds_no_cell_of_another_sheet() -> None:
    assert not TABLE.holds(Cell("Sheet2", 6, 2))
