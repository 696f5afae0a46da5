"""What else is worth saying of a table: of what it lacks a few names, and of stored numbers which are stale."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.check.reading import contents_of
from tests.handmade import START_C, Handmade
from xlbackprop.check.contents import Contents
from xlbackprop.check.notes import stored_notes, table_notes
from xlbackprop.spreadsheet.ironcalc import Stored


@pytest.mark.parametrize(
    ("count", "note"),
    [
        (10, "it lacks x1, x2, x3, x4, x5, x6, x7, x8, x9, x10"),
        (11, "it lacks x1, x2, x3, x4, x5, x6, x7, x8, x9, x10 and 1 more columns"),
    ],
)
def test_a_sentence_lists_up_to_ten_columns(tmp_path: Path, count: int, note: str) -> None:
    contents = contents_of(tmp_path, Handmade(steps=4))
    lacking = replace(contents.table, missing=tuple(f"x{n}" for n in range(1, count + 1)))
    assert note in list(table_notes(Contents(contents.sheets, lacking)))


@pytest.mark.parametrize(("off", "told"), [(0.8e-8, 0), (1.2e-8, 1)])
def test_a_stored_number_is_stale_where_it_is_off_by_more_than_the_digits_that_are_stored(
    tmp_path: Path, off: float, told: int
) -> None:
    contents = contents_of(tmp_path, Handmade(start=START_C, steps=4))
    table, values = contents.table, dict(contents.sheets.values("Sheet1"))
    place = (table.rows[2], table.columns["E_total"])
    values[place] = float(contents.numbers["E_total"][2]) * (1 + off)
    stored = Stored({"Sheet1": values}, frozenset(), frozenset())
    assert len(list(stored_notes(contents.sheets, stored, table))) == told
