"""A table that starts otherwise than the others of its file is told: few values as slips, else with a note."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.handmade import START_A, WEIGHTS, Handmade, write
from xlbackprop.check.file import check
from xlbackprop.report.findings import CheckedTable

SLIP = "starts with another value than in the other tables of the file"
NOTE = "it starts with other values than most tables of the file"


def checked(folder: Path, *starts: Mapping[str, float]) -> tuple[CheckedTable, ...]:
    """Tables with these start values, each with a learning rate of its own."""
    tables = [Handmade(start=start, rate=0.1 * (n + 1), steps=4) for n, start in enumerate(starts)]
    return check(write(folder / "book.xlsx", *tables)).tables


def with_others(*names: str) -> dict[str, float]:
    return START_A | {name: START_A[name] + 0.01 for name in names}


@pytest.mark.parametrize("count", [1, 3])
def test_up_to_three_weights_with_another_start_are_slips(tmp_path: Path, count: int) -> None:
    *_, last = checked(tmp_path, START_A, START_A, with_others(*WEIGHTS[:count]))
    assert [(one.quantity, one.slip) for one in last.findings] == [(name, SLIP) for name in WEIGHTS[:count]]
    assert NOTE not in last.notes


@pytest.mark.parametrize("names", [WEIGHTS[:4], ("i1", "i2"), ("t1", "t2")])
def test_more_weights_or_all_inputs_or_targets_are_another_experiment(tmp_path: Path, names: tuple[str, ...]) -> None:
    *_, last = checked(tmp_path, START_A, START_A, with_others(*names))
    assert last.findings == ()
    assert NOTE in last.notes


def test_what_two_tables_of_three_share_is_usual_and_what_two_of_four_share_is_not(tmp_path: Path) -> None:
    *_, last = checked(tmp_path, START_A, START_A, with_others("w1"))
    assert len(last.findings) == 1
    found = checked(tmp_path, START_A, START_A, with_others("w1"), with_others("w2"))
    assert [table.findings for table in found] == [()] * 4


def test_of_two_tables_neither_is_the_exception(tmp_path: Path) -> None:
    assert [table.findings for table in checked(tmp_path, START_A, with_others("w1"))] == [(), ()]
