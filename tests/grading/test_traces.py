"""What in a workbook is hardly twice in a class by chance."""

import re
import zipfile
from pathlib import Path

import pytest

from tests.grading.classes import SLIP, copied, homework
from tests.handmade import FORMULAS, Handmade, write
from xlbackprop.check.file import check
from xlbackprop.grading.traces import TraceKind, traces
from xlbackprop.spreadsheet.package import Package


def of(path: Path, kind: TraceKind) -> set[str]:
    return {trace.key for trace in traces(check(path), Package(path)) if trace.kind is kind}


def with_part(source: Path, target: Path, part: str, change) -> Path:
    with zipfile.ZipFile(source) as package, zipfile.ZipFile(target, "w") as copy:
        for name in package.namelist():
            content = package.read(name)
            copy.writestr(name, change(content) if name == part else content)
    return target


def test_a_copy_is_the_same_file_and_a_file_saved_again_is_not(tmp_path: Path, small: Path) -> None:
    same = copied(small, tmp_path / "other name.xlsx")
    other = with_part(small, tmp_path / "saved.xlsx", "docProps/app.xml", lambda content: content + b" ")
    assert of(small, TraceKind.FILE) == of(same, TraceKind.FILE) != of(other, TraceKind.FILE)


def test_the_id_of_a_document_and_the_second_of_its_beginning_stay(tmp_path: Path, small: Path) -> None:
    mark = b'documentId="13_ncr:1_{047E25FE-A272}"'
    path = with_part(
        small,
        tmp_path / "id.xlsx",
        "xl/workbook.xml",
        lambda text: text.replace(b"<workbookPr", b"<xr:revisionPtr xmlns:xr='x' " + mark + b"/><workbookPr", 1),
    )
    path = with_part(
        path,
        tmp_path / "began.xlsx",
        "docProps/core.xml",
        lambda text: re.sub(
            rb"<dcterms:created.*?</dcterms:created>",
            rb"<dcterms:created>2026-03-01T10:00:07Z</dcterms:created>",
            text.replace(b"openpyxl", b"Jane Doe"),
        ),
    )
    assert of(path, TraceKind.DOCUMENT) == {"047E25FE-A272}", "Jane Doe 2026-03-01T10:00:07Z"}
    assert of(path, TraceKind.AUTHOR) == {"Jane Doe"}


def test_what_a_program_signs_is_no_trace(small: Path, built: Path) -> None:
    assert of(small, TraceKind.DOCUMENT) == of(built, TraceKind.DOCUMENT) == set()


def test_a_slip_in_one_cell_is_odd_and_one_in_a_whole_column_is_not(tmp_path: Path) -> None:
    odd = write(tmp_path / "odd.xlsx", Handmade(steps=8, cells={("E1", 4): "=({t1}-{a_o1})^2"}))
    assert not of(odd, TraceKind.SLIP)
    (key,) = of(odd, TraceKind.ODD_SLIP)
    assert key.startswith("E1 ")
    wrong = {name: FORMULAS[name].replace("{w5}", "{w6}") for name in ("dE_dw1", "dE_dw2")}
    whole = write(tmp_path / "whole.xlsx", Handmade(steps=8, formulas=FORMULAS | wrong))
    assert not of(whole, TraceKind.ODD_SLIP)
    # one root in several columns and tables is one slip
    (key,) = of(whole, TraceKind.SLIP)
    assert key.startswith("dE_dw1 ")
    uphill = {f"w{n}": f"{{-w{n}}}+{{eta}}*{{-dE_dw{n}}}" for n in range(1, 9)}
    tables = (Handmade(steps=8, formulas=FORMULAS | uphill, rate=rate) for rate in (0.1, 0.5))
    assert len(of(write(tmp_path / "two.xlsx", *tables), TraceKind.SLIP)) == 1


def test_the_slip_that_is_handed_from_course_to_course_is_no_trace(tmp_path: Path) -> None:
    path = write(tmp_path / "hw.xlsx", Handmade(steps=8, formulas=FORMULAS | SLIP))
    assert check(path).tables[0].findings
    assert not of(path, TraceKind.SLIP) | of(path, TraceKind.ODD_SLIP)


@pytest.mark.parametrize(("number", "is_trace"), [(0.31415, True), (0.3141, False)])
def test_wrong_pasted_numbers_of_five_digits_are_a_trace(tmp_path: Path, number: float, is_trace: bool) -> None:
    path = write(tmp_path / "pasted.xlsx", Handmade(steps=8, cells={("a_h1", 4): number}))
    assert of(path, TraceKind.DIGITS) == ({f"a_h1 {number}"} if is_trace else set())


def test_a_right_workbook_shares_nothing_of_its_findings(tmp_path: Path) -> None:
    path = homework(tmp_path / "hw.xlsx", rates=(0.5,))
    kinds = {trace.kind for trace in traces(check(path), Package(path))}
    assert kinds <= {TraceKind.FILE, TraceKind.AUTHOR}
