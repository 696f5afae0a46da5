"""Checked files as text, as JSON and for a gradebook."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.handmade import FORMULAS, WEIGHTS, Handmade, write
from xlbackprop.check.file import check
from xlbackprop.report.data import CSV_HEADER, as_csv, as_json
from xlbackprop.report.findings import CheckedFile, CheckedTable, Difference, Finding, Kind
from xlbackprop.report.text import agreement, sentence, summary, table_lines


def wrong(folder: Path) -> CheckedFile:
    formulas = FORMULAS | {"dE_dw3": FORMULAS["dE_dw3"].replace("{a_h2}", "{a_h1}")}
    return check(write(folder / "book.xlsx", Handmade(formulas=formulas)))


def test_a_finding_is_a_sentence(tmp_path: Path) -> None:
    (finding,) = wrong(tmp_path).tables[0].findings
    assert sentence(finding).startswith("∂E/∂w3 (Z6:Z14) uses a_h1*(1-a_h1); it should be a_h2*(1-a_h2), off by up to ")


def test_a_finding_comes_with_the_formula_to_paste(tmp_path: Path) -> None:
    lines = list(table_lines(wrong(tmp_path).tables[0]))
    assert lines[2].split() == [
        "expected",
        "=((R6-A6)*R6*(1-R6)*N6+(T6-B6)*T6*(1-T6)*P6)*L6*(1-L6)*C6",
    ]
    assert lines[-1].startswith("E_total is off by up to ")


def test_many_pasted_columns_are_one_sentence(tmp_path: Path) -> None:
    from xlbackprop.spreadsheet.engines import recalculated

    path = write(tmp_path / "right.xlsx", Handmade())
    sheets = recalculated(path)
    cells = {(w, step): sheets.value("Sheet1", 6 + step, 5 + n) for n, w in enumerate(WEIGHTS[:4]) for step in range(9)}
    (table,) = check(write(path, Handmade(cells=cells))).tables
    assert list(table_lines(table)) == ["4 columns hold pasted numbers instead of formulas: w1, w2, w3, w4."]


def test_the_json_document_keeps_its_contract(tmp_path: Path) -> None:
    document = json.loads(json.dumps(as_json([wrong(tmp_path)]), allow_nan=False))
    (file,) = document["files"]
    assert file["file"].endswith("book.xlsx")
    assert file["error"] is None
    (table,) = file["tables"]
    assert {key: table[key] for key in ("sheet", "header_row", "first_row", "last_row", "steps", "learning_rate")} == {
        "sheet": "Sheet1",
        "header_row": 5,
        "first_row": 6,
        "last_row": 14,
        "steps": 8,
        "learning_rate": 0.5,
    }
    assert table["verdict"] == "wrong"
    (finding,) = table["findings"]
    assert {"quantity", "kind", "cell", "rows", "found", "expected", "max_abs_error"} <= finding.keys()
    assert (finding["quantity"], finding["kind"], finding["cell"], finding["rows"]) == ("dE_dw3", "formula", "Z6", 9)


def test_the_gradebook_has_a_line_a_table_and_a_line_for_what_cannot_be_checked(tmp_path: Path) -> None:
    files = [wrong(tmp_path), CheckedFile(Path("bad.xlsx"), error="bad.xlsx is no workbook.")]
    header, first, second = csv.reader(io.StringIO(as_csv(files)))
    assert header == list(CSV_HEADER)
    assert first[1:] == ["Sheet1", "6", "14", "8", "0.5", "wrong", "1", "dE_dw3", "", ""]
    assert (second[0], second[-1]) == ("bad.xlsx", "bad.xlsx is no workbook.")


def test_a_name_in_the_gradebook_is_no_formula(tmp_path: Path) -> None:
    path = write(tmp_path / "book.xlsx", Handmade(steps=2), names=("=1+1",))
    _, row = csv.reader(io.StringIO(as_csv([check(path)])))
    assert row[1] == "'=1+1"


def test_two_columns_with_the_formula_of_each_other_are_told_as_swapped(tmp_path: Path) -> None:
    swapped = FORMULAS | {"dE_dw5": FORMULAS["dE_dw6"], "dE_dw6": FORMULAS["dE_dw5"]}
    (table,) = check(write(tmp_path / "book.xlsx", Handmade(formulas=swapped))).tables
    assert [finding.formula_of for finding in table.findings] == ["dE_dw6", "dE_dw5"]
    told = "∂E/∂w5 (AB6:AB14) and ∂E/∂w6 (AC6:AC14) are swapped, each is the formula of the other, off by up to "
    assert next(table_lines(table)).startswith(told)


def test_columns_with_the_formula_of_a_third_are_not_swapped(tmp_path: Path) -> None:
    alike = FORMULAS | {"dE_dw5": FORMULAS["dE_dw6"], "dE_dw6": FORMULAS["dE_dw7"]}
    (table,) = check(write(tmp_path / "book.xlsx", Handmade(formulas=alike))).tables
    assert not any("swapped" in line for line in table_lines(table))


def test_the_json_document_tells_of_a_slip_as_a_sentence_does() -> None:
    finding = Finding(
        "dE_dw3", Kind.FORMULA, "Z6", 1, "=AF6", "=1", slip="uses w1; it should be w2", by_way_of=("AF6", "AG6")
    )
    whole = "uses w1; it should be w2, by way of AF6, AG6"
    assert sentence(finding) == f"∂E/∂w3 (Z6) {whole}."
    table = CheckedTable("Sheet1", (finding,), header_row=5)
    (told,) = as_json([CheckedFile(Path("book.xlsx"), sheets=(table,))])["files"][0]["tables"][0]["findings"]
    assert told["slip"] == whole
    assert set(told) == {
        "quantity", "kind", "cell", "rows", "found", "expected", "max_abs_error", "ranges", "slip", "mend",
    }  # fmt: skip


def test_a_cell_of_no_quantity_is_named_by_its_address_alone() -> None:
    finding = Finding("E1", Kind.FORMULA, "C3", 1, "=1", "=2", ranges=("C3",), is_around=True)
    assert sentence(finding) == "C3 does not follow from the cells before it."
    table = CheckedTable("E1", (finding, replace(finding, cell="U6", ranges=("U6:U9",), is_around=False)))
    _, row = csv.reader(io.StringIO(as_csv([CheckedFile(Path("book.xlsx"), sheets=(table,))])))
    assert row[CSV_HEADER.index("findings") : CSV_HEADER.index("notes")] == ["2", "C3 E1"]


def test_a_sentence_about_a_file_in_the_gradebook_is_no_formula() -> None:
    _, row = csv.reader(io.StringIO(as_csv([CheckedFile(Path("=1+1.xlsx"), error="=1+1.xlsx is no workbook.")])))
    assert (row[0], row[-1]) == ("'=1+1.xlsx", "'=1+1.xlsx is no workbook.")


def test_the_summary_counts(tmp_path: Path) -> None:
    files = [wrong(tmp_path), CheckedFile(Path("bad.xlsx"), error="bad")]
    assert summary(files) == "2 files, 1 table: 0 correct, 1 wrong, 1 file could not be checked."


@pytest.mark.parametrize(
    ("off", "sentence"),
    [
        (0.0, "IronCalc recalculated 12 formula cells, and NumPy agrees with every digit."),
        (
            3e-16,
            "IronCalc recalculated 12 formula cells, and NumPy agrees with every one; "
            "the largest difference is 3.0e-16, of ∂E/∂a_h1 in η=2!B4.",
        ),
    ],
)
def test_how_far_numpy_agrees_is_said_in_the_notation_of_the_classroom(off: float, sentence: str) -> None:
    difference = Difference("dE_da_h1", "B4", off, off)
    table = CheckedTable("η=2", (), cells=12, header_row=3, first_row=4, last_row=6, differences=(difference,))
    assert agreement(CheckedFile(Path("a.xlsx"), sheets=(table,)), "IronCalc") == sentence
