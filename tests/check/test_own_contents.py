"""A table of ours is judged from the cells that its numbers are made of; only changed formulas are tried."""

import numpy as np

from tests.conftest import Editor, Workbook
from xlbackprop.check.around import sheets_as_built
from xlbackprop.check.own_contents import OwnContents, own_contents
from xlbackprop.spreadsheet.cells import Sheets
from xlbackprop.spreadsheet.engines import recalculated
from xlbackprop.tables.own import read_own_workbook


def contents_in(sheets: Sheets) -> list[OwnContents]:
    own = read_own_workbook(sheets)
    return own_contents(sheets, own, sheets_as_built(own))


def wrong(contents: OwnContents) -> dict[str, list[int]]:
    return {name: np.flatnonzero(mask).tolist() for name, mask in contents.wrong.items() if mask.any()}


def test_a_fresh_workbook_has_no_wrong_number_and_nothing_to_try(with_samples: Workbook) -> None:
    for contents in contents_in(recalculated(with_samples.path)):
        assert wrong(contents) == {}
        assert all(group.as_built for groups in contents.tried.groups.values() for group in groups)


def test_samples_stand_behind_the_steps_that_gather_them(in_batch: Workbook) -> None:
    found = contents_in(recalculated(in_batch.path))
    assert [(one.gathers, one.is_part_of_a_step) for one in found] == [(True, False)] * 2 + [(False, True)] * 2
    assert {one.steps for one in found} == {12}
    assert found[0].others is found[2]


def test_only_the_row_of_a_changed_formula_is_not_as_built(in_turn: Workbook, editor: type[Editor]) -> None:
    contents = contents_in(recalculated(in_turn.path))[0]
    cell = contents.table.address("h1", 3)
    built = contents.tried.built_formula("h1", 3)
    changed = contents_in(editor(in_turn.path).type(contents.table.sheet, cell, f"{built}*2").sheets())[0]
    same, other = changed.tried.groups["h1"]
    assert (same.as_built, other.formula.steps, other.right) == (True, (3,), False)
    assert wrong(changed) == {"h1": [3]}
    assert changed.tried.group_of("h1", 2).as_built
    assert not changed.tried.group_of("h1", 3).as_built
