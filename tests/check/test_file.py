"""Whole workbooks: several tables, what the file itself says, and real ones."""

import json
import subprocess
from pathlib import Path

import pytest
from openpyxl import load_workbook

from tests.conftest import Workbook, real_workbook
from tests.handmade import FORMULAS, START_A, WEIGHTS, Handmade, Layout, write
from xlbackprop.check.file import check
from xlbackprop.report.data import as_json
from xlbackprop.report.findings import CheckedFile


@pytest.fixture
def saved(tmp_path: Path, libreoffice: str):
    """Gives a workbook the stored values that LibreOffice computes."""

    def save(path: Path) -> Path:
        folder = tmp_path / "saved"
        profile = (tmp_path / "profile").as_uri()
        options = [f"-env:UserInstallation={profile}", "--headless", "--convert-to", "xlsx", "--outdir", folder]
        subprocess.run([libreoffice, *options, path], check=True, capture_output=True)
        return folder / path.name

    return save


def test_each_table_of_a_workbook_is_judged(tmp_path: Path) -> None:
    rates = (0.1, 0.5, 2.0)
    tables = [Handmade(rate=rate, steps=4) for rate in rates]
    tables[1] = tables[1].with_formula("w2", "{-w2}+{eta}*{-dE_dw2}")
    path = write(tmp_path / "book.xlsx", *tables, names=("LR 0.1", "LR 0.5", "LR 2"))
    found = check(path)
    assert [(table.sheet, table.learning_rate, table.verdict) for table in found.tables] == [
        ("LR 0.1", 0.1, "correct"),
        ("LR 0.5", 0.5, "wrong"),
        ("LR 2", 2.0, "correct"),
    ]
    assert not found.correct


def test_a_start_weight_that_one_table_has_otherwise_is_named(tmp_path: Path) -> None:
    tables = [Handmade(rate=rate, steps=3) for rate in (0.1, 0.2, 0.5)]
    tables[2] = Handmade(rate=0.5, steps=3, start=START_A | {"w3": 0.26})
    found = check(write(tmp_path / "book.xlsx", *tables))
    assert [table.verdict for table in found.tables] == ["correct", "correct", "wrong"]
    (finding,) = found.tables[2].findings
    assert (finding.quantity, finding.kind, finding.found, finding.expected) == ("w3", "constant", "0.26", "0.25")


@pytest.mark.parametrize("name", ["t2", "i1"])
def test_a_target_or_input_that_one_table_has_otherwise_is_named(tmp_path: Path, name: str) -> None:
    tables = [Handmade(rate=rate, steps=3) for rate in (0.1, 0.2, 0.5)]
    tables[2] = Handmade(rate=0.5, steps=3, start=START_A | {name: 0.7})
    found = check(write(tmp_path / "book.xlsx", *tables)).tables[2]
    assert [(finding.quantity, finding.found) for finding in found.findings] == [(name, "0.7")]


def test_two_tables_with_one_learning_rate_and_a_sheet_that_says_another_are_noted(tmp_path: Path) -> None:
    tables = [Handmade(rate=rate, steps=3) for rate in (0.1, 0.1)]
    found = check(write(tmp_path / "book.xlsx", *tables, names=("LR_0.1", "LR_0.5")))
    assert found.notes == (
        "LR_0.1 and LR_0.5 train with the same learning rate, 0.1",
        "the sheet LR_0.5 trains with the learning rate 0.1",
    )


def test_tables_that_all_take_the_learning_rate_of_the_first_are_wrong(tmp_path: Path) -> None:
    rates = (0.1, 0.2, 0.5)
    formulas = FORMULAS | {w: f"{{-{w}}}-'LR 0.1'!$D$1*{{-dE_d{w}}}" for w in WEIGHTS}
    names = tuple(f"LR {rate}" for rate in rates)
    path = write(tmp_path / "book.xlsx", *(Handmade(rate=rate, formulas=formulas) for rate in rates), names=names)
    first, second, third = check(path).tables
    assert first.verdict == "correct"
    assert {finding.slip for table in (second, third) for finding in table.findings} == {
        "takes η from 'LR 0.1'!D1 instead of $D$1"
    }


def test_tables_that_start_otherwise_altogether_are_right(tmp_path: Path) -> None:
    other = START_A | dict.fromkeys(WEIGHTS, 0.3)
    tables = [Handmade(rate=rate, steps=3) for rate in (0.1, 0.2)]
    assert check(write(tmp_path / "book.xlsx", *tables, Handmade(start=other, steps=3))).correct


def test_pow_is_right_but_not_in_excel(tmp_path: Path) -> None:
    formulas = FORMULAS | {"E1": "POW({a_o1}-{t1},2)/2"}
    (table,) = check(write(tmp_path / "book.xlsx", Handmade(formulas=formulas))).tables
    assert table.verdict == "correct"
    assert table.notes == (
        "U6 calls POW, which Excel and LibreOffice show as #NAME?: use POWER or ^; it was judged as POWER",
    )


def test_a_wrong_formula_with_pow_is_wrong(tmp_path: Path) -> None:
    formulas = FORMULAS | {"E1": "POW({a_o1}-{t2},2)/2"}
    (table,) = check(write(tmp_path / "book.xlsx", Handmade(formulas=formulas))).tables
    assert [finding.quantity for finding in table.findings] == ["E1"]


def test_stored_values_of_libreoffice_agree_with_the_formulas(tmp_path: Path, saved) -> None:
    (table,) = check(saved(write(tmp_path / "book.xlsx", Handmade()))).tables
    assert (table.verdict, table.notes) == ("correct", ())


def test_a_stored_value_that_is_not_what_the_formula_gives_is_noted(tmp_path: Path, saved) -> None:
    import zipfile

    path = saved(write(tmp_path / "book.xlsx", Handmade()))
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"].decode()
    before, after = sheet.split('r="W9"', 1)
    head, tail = after.split("<v>", 1)
    parts["xl/worksheets/sheet1.xml"] = f'{before}r="W9"{head}<v>0.5{tail[tail.index("</v>") :]}'.encode()
    with zipfile.ZipFile(path, "w") as package:
        for name, content in parts.items():
            package.writestr(name, content)
    (table,) = check(path).tables
    assert table.verdict == "correct"
    (note,) = table.notes
    assert note.startswith("the file shows 0.5 for E_total in W9, but its formula gives 0.2")


def test_a_formula_without_a_stored_value_shows_nothing_that_could_be_stale(classic: Workbook, tmp_path: Path) -> None:
    # openpyxl drops what formulas gave
    load_workbook(classic.path).save(tmp_path / "saved.xlsx")
    assert [table.notes for table in check(tmp_path / "saved.xlsx").tables] == [()] * len(classic.report.tables)


def test_a_function_that_the_engine_does_not_know_is_judged_by_the_stored_numbers(tmp_path: Path, saved) -> None:
    # IronCalc 0.9 takes no single cells here; Excel and LibreOffice do
    formulas = FORMULAS | {"E2": "SUMXMY2({t2},{a_o2})/2"}
    (table,) = check(saved(write(tmp_path / "book.xlsx", Handmade(formulas=formulas)))).tables
    assert table.verdict == "correct"
    assert table.notes == (
        "V6 calls SUMXMY2, which could not be recalculated here; it was judged by the numbers in the file",
    )


def test_whatever_is_found_can_be_written_as_json(tmp_path: Path) -> None:
    tables = [Handmade(rate=rate, steps=3) for rate in (0.1, 0.2)]
    tables += [Handmade(cells={("w1", 0): content}, steps=3) for content in (None, "?", "=1/0", 1e308)]
    found = check(write(tmp_path / "book.xlsx", *tables))
    assert json.loads(json.dumps(as_json([found]), allow_nan=False))


def test_numbers_that_are_names_of_sheets_are_no_learning_rates(tmp_path: Path) -> None:
    path = write(tmp_path / "book.xlsx", Handmade(rate=0.1, steps=3), Handmade(rate=0.2, steps=3), names=("1", "2024"))
    assert check(path).notes == ()


def test_a_workbook_without_a_table_is_unusable(tmp_path: Path) -> None:
    book = load_workbook(write(tmp_path / "book.xlsx", Handmade()))
    book.active.delete_rows(5)
    book.save(tmp_path / "book.xlsx")
    found = check(tmp_path / "book.xlsx")
    assert found.tables == ()
    assert "holds no backpropagation table" in (found.error or "")


@pytest.mark.parametrize("name", ["missing.xlsx", "."])
def test_what_is_no_file_is_reported_and_not_raised(tmp_path: Path, name: str) -> None:
    assert check(tmp_path / name).error is not None


def test_our_own_workbook_is_right(default: Workbook) -> None:
    found = check(default.path)
    assert found.correct
    assert [table.learning_rate for table in found.tables] == [0.1, 0.2, 0.5, 0.8, 1.0, 2.0]
    assert [table.steps for table in found.tables] == [200] * 6


def test_what_is_wrong_around_the_tables_of_our_own_workbook_is_found(
    classic: Workbook, tmp_path: Path, editor
) -> None:
    found = check(editor(classic.path).type("Comparison", "C24", "=1+1").save(tmp_path / "edited.xlsx"))
    assert all(table.verdict == "correct" for table in found.tables)
    assert {sheet.sheet for sheet in found.around if sheet.findings} == {"Comparison"}
    assert not found.correct


# -- real workbooks, of which other people measured what is wrong with them -----------------------

RATES = ("0.1", "0.2", "0.5", "0.8", "1.0", "2.0")
FACTS = {
    "seed0": {"Sheet1": ["dE_dw1", "dE_dw2", "dE_dw3", "dE_dw4"]},
    "seed1": {"Sheet1": ["a_h2", "dE_dw2", "dE_dw3", "dE_dw4", "dE_dw6"]},
    "seed2": {f"LR_{rate}": list(WEIGHTS[:4]) if rate == "0.8" else [] for rate in RATES},
    "seed3": {"Sheet1": []},
    "seed4": {"Sheet1": ["dE_dw3", "dE_dw4"]},
    "peer_local_derivatives": {"training": []},
    "peer_six_sheets": {rate: ["dE_dw2"] for rate in RATES},
    "peer_single_slip": {"Sheet1": ["o1"]},
}


def real(name: str) -> CheckedFile:
    return check(real_workbook(name))


@pytest.mark.parametrize("name", FACTS)
def test_a_real_workbook_is_judged_as_it_was_measured(name: str) -> None:
    found = {table.sheet: sorted(finding.quantity for finding in table.findings) for table in real(name).tables}
    assert found == FACTS[name]


def test_the_real_workbook_of_the_handed_out_slip_is_told_to_the_letter() -> None:
    (table,) = real("seed4").tables
    assert (table.header_row, table.first_row, table.last_row, table.steps, table.learning_rate) == (
        32,
        33,
        100,
        67,
        1.0,
    )
    finding = table.findings[0]
    assert (finding.cell, finding.rows, finding.slip) == ("Z33", 68, "uses a_h1*(1-a_h1); it should be a_h2*(1-a_h2)")
    assert finding.max_abs_error == pytest.approx(9.2e-8, rel=0.01)


def test_the_real_workbook_with_pow_is_right_and_told() -> None:
    (table,) = real("seed3").tables
    assert table.verdict == "correct"
    assert any("POW" in note for note in table.notes)


def test_the_real_workbook_with_several_learning_rates_is_told_by_rows() -> None:
    (table,) = real("seed1").tables
    assert table.learning_rate == 2.0
    assert "the learning rate changes to 0.2 in row 50" in table.notes


def test_layouts_of_several_sheets_find_their_rates(tmp_path: Path) -> None:
    tables = [Handmade(Layout(eta=eta, header_row=12), rate=0.8, steps=3) for eta in ("cell", "column", "block")]
    assert {table.learning_rate for table in check(write(tmp_path / "book.xlsx", *tables)).tables} == {0.8}
