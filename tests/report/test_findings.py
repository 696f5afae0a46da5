"""The one rule of the verdict."""

from pathlib import Path

import pytest

from xlbackprop.report.findings import CheckedFile, CheckedTable, Finding, Kind, Verdict


def finding(kind: Kind, slip: str = "") -> Finding:
    return Finding("h1", kind, "J6", 1, "1", "=A1", None, ("J6",), slip)


RIGHT_CONSTANT, WRONG_CONSTANT = finding(Kind.CONSTANT), finding(Kind.CONSTANT, "is not the right one")


@pytest.mark.parametrize(
    ("findings", "incomplete", "verdict"),
    [
        ((), False, Verdict.CORRECT),
        ((), True, Verdict.INCOMPLETE),
        ((RIGHT_CONSTANT,), False, Verdict.CONSTANTS),
        ((RIGHT_CONSTANT,), True, Verdict.INCOMPLETE),
        ((RIGHT_CONSTANT, WRONG_CONSTANT), False, Verdict.WRONG),
        ((finding(Kind.FORMULA),), True, Verdict.WRONG),
    ],
)
def test_a_table_is_wrong_unless_all_that_is_found_are_right_constants(findings, incomplete, verdict) -> None:
    assert CheckedTable("Sheet1", findings, incomplete=incomplete).verdict is verdict


def test_a_file_is_correct_when_its_tables_and_all_around_them_are() -> None:
    table, around = CheckedTable("η=2", header_row=12), CheckedTable("Check")
    assert CheckedFile(Path("book.xlsx"), sheets=(table, around)).correct
    assert not CheckedFile(Path("book.xlsx"), sheets=(around,)).correct
    # a trained network has no table
    assert CheckedFile(Path("book.xlsx"), sheets=(CheckedTable("Network", cells=5),)).correct
    wrong = CheckedTable("Check", (finding(Kind.FORMULA),))
    assert not CheckedFile(Path("book.xlsx"), sheets=(table, wrong)).correct
