"""The copy that the engine gets says the same, and the engine can read it."""

import re
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from openpyxl.comments import Comment
from openpyxl.formatting.rule import FormulaRule
from openpyxl.styles import PatternFill

from tests.conftest import with_zip_field
from xlbackprop.errors import UnusableInput
from xlbackprop.spreadsheet import engines, ironcalc
from xlbackprop.spreadsheet.copying import copy_for_engine

_NUMBERS = st.sampled_from(["{0}", "{1}", "{2}", "1", "9", "10", "11", "12", "0.5", "1{0}", "{0}.5", "1E{0}", "A{0}1"])
_REFERENCES = st.sampled_from(
    ["A{0}", "B{1}", "$A{0}", "A$3", "$B$4", "A{2}", "A3", "A{0}:B{0}", "A{1}:B{0}", "A1:B{0}", "$A$1:B{0}", "B1{0}",
     "LOG10({0})", "Other!A{0}", "'o {0}'!A{1}", "eta_{0}", "IF(A{0}>0,\"{0}\",A{1})", "SUM(A{1}:A{0})"]
)  # fmt: skip
_FORMULAS = st.lists(st.one_of(_NUMBERS, _REFERENCES), min_size=1, max_size=4).map("+".join)


@given(columns=st.lists(_FORMULAS, min_size=1, max_size=3), first=st.integers(2, 12))
def test_a_workbook_says_the_same_with_shared_formulas(
    columns: list[str], first: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("sharing")
    book = Workbook()
    for name in ("Other", "o 8"):
        book.create_sheet(name).append([1, 2])
    for row in range(1, 16):
        book.active.cell(row, 1, row / 4)
        book.active.cell(row, 2, -row)
        for column, formula in enumerate(columns, start=3):
            if row >= first:
                book.active.cell(row, column, "=" + formula.format(row, row - 1, row + 1))
    book.save(folder / "plain.xlsx")
    copies = []
    for share in (False, True):
        assert copy_for_engine(folder / "plain.xlsx", folder / f"{share}.xlsx", share=share)
        copies.append(ironcalc._load_package(folder / f"{share}.xlsx", folder))
    plain, shared = copies
    for model in (plain, shared):
        model.evaluate()
    cells = plain.get_all_cells()
    for read in ("get_cell_formula", "get_cell_value", "get_cell_type"):
        assert [repr(getattr(shared, read)(*cell)) for cell in cells] == [
            repr(getattr(plain, read)(*cell)) for cell in cells
        ]


def small(path: Path) -> Path:
    book = Workbook()
    book.active["A1"], book.active["A2"] = 2, "=A1*3"
    book.save(path)
    return path


def with_part(path: Path, part: str, change) -> Path:
    """The workbook with the text of a part changed."""
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    parts[part] = change(parts[part].decode()).encode()
    with zipfile.ZipFile(path, "w") as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return path


@pytest.mark.parametrize("name", ["fonts", "fills", "borders", "cellStyleXfs", "cellXfs", "cellStyles"])
@pytest.mark.parametrize("emptied", ["", "<{0}/>", "<{0} count='0'></{0}>"])
def test_a_list_of_styles_may_be_empty_or_left_out_as_by_gnumeric(tmp_path: Path, name: str, emptied: str) -> None:
    def change(text: str) -> str:
        text, changes = re.subn(rf"<{name}\b.*?</{name}>", emptied.format(name), text, flags=re.DOTALL)
        assert changes == 1
        return text

    path = with_part(small(tmp_path / "book.xlsx"), "xl/styles.xml", change)
    assert engines.recalculated(path).value("Sheet", 2, 1) == 6.0


def test_styles_that_are_no_xml_are_damage(tmp_path: Path) -> None:
    path = with_part(small(tmp_path / "book.xlsx"), "xl/styles.xml", lambda text: text[:100])
    with pytest.raises(UnusableInput, match=r"book\.xlsx is damaged: the spreadsheet engine cannot load it"):
        engines.recalculated(path)


def test_the_engine_gets_no_notes(tmp_path: Path) -> None:
    book = load_workbook(small(tmp_path / "book.xlsx"))
    book.active["A1"].comment = Comment("two", "nobody")
    book.save(tmp_path / "book.xlsx")
    # Gnumeric ends each note by an empty piece, without a text
    path = with_part(
        tmp_path / "book.xlsx", "xl/comments/comment1.xml", lambda text: re.sub("<t>.*?</t>|<t .*?</t>", "<t/>", text)
    )
    with zipfile.ZipFile(path) as package:
        assert b"<t/>" in package.read("xl/comments/comment1.xml").replace(b" ", b"")
    assert engines.recalculated(path).value("Sheet", 2, 1) == 6.0


def test_the_engine_gets_no_rules(tmp_path: Path) -> None:
    book = load_workbook(small(tmp_path / "book.xlsx"))
    for cells, formula in (("A1:A2", "A1>1"), ("B1", "A1<1")):
        book.active.conditional_formatting.add(
            cells, FormulaRule(formula=[formula], fill=PatternFill("solid", "FF0000"))
        )
    book.active["A3"] = "=A2+1"
    book.save(tmp_path / "book.xlsx")
    assert copy_for_engine(tmp_path / "book.xlsx", tmp_path / "copy.xlsx", share=False)
    before, after = (
        zipfile.ZipFile(tmp_path / name).read("xl/worksheets/sheet1.xml").decode()
        for name in ("book.xlsx", "copy.xlsx")
    )
    assert before.count("<conditionalFormatting") == 2
    rules = re.compile("<conditionalFormatting.*</conditionalFormatting>")
    assert after == rules.sub("", before)
    assert engines.recalculated(tmp_path / "book.xlsx").value("Sheet", 3, 1) == 7.0


@pytest.mark.parametrize("rules", ["<conditionalFormatting/>", '<conditionalFormatting sqref="A1"/><pageMargins/>'])
def test_rules_without_an_end_are_left_alone(tmp_path: Path, rules: str) -> None:
    def with_rules(text: str) -> str:
        return text.replace("</sheetData>", "</sheetData>" + rules)

    path = with_part(small(tmp_path / "book.xlsx"), "xl/worksheets/sheet1.xml", with_rules)
    assert copy_for_engine(path, tmp_path / "copy.xlsx", share=False)
    copied = zipfile.ZipFile(tmp_path / "copy.xlsx").read("xl/worksheets/sheet1.xml")
    assert copied == zipfile.ZipFile(path).read("xl/worksheets/sheet1.xml")


def test_pictures_are_not_copied(tmp_path: Path) -> None:
    path = small(tmp_path / "book.xlsx")
    with zipfile.ZipFile(path, "a") as package:
        package.writestr("xl/media/image1.png", bytes(1_000_000))
    assert copy_for_engine(path, tmp_path / "copy.xlsx")
    assert (tmp_path / "copy.xlsx").stat().st_size < 100_000


def test_the_name_of_a_file_need_not_be_a_text(tmp_path: Path) -> None:
    path = small(tmp_path / "\udcff.xlsx")
    assert engines.recalculated(path).value("Sheet", 2, 1) == 6.0
    # also where the copy is only that of the bytes
    damaged = with_zip_field(path, 10, 8, 99)
    with pytest.raises(UnusableInput, match="is damaged"):
        engines.recalculated(damaged)


def test_of_a_file_that_cannot_be_read_nothing_is_copied(tmp_path: Path) -> None:
    (tmp_path / "book.xlsx").write_bytes(b"PK\x03\x04" + bytes(50))
    assert not copy_for_engine(tmp_path / "book.xlsx", tmp_path / "copy.xlsx")


def test_a_cell_with_a_look_and_nothing_in_it_stays_empty(tmp_path: Path) -> None:
    from openpyxl import Workbook
    from openpyxl.styles import Font

    from xlbackprop.spreadsheet.engines import recalculated

    book = Workbook()
    book.active["A1"].font = Font(bold=True)
    book.active["B1"], book.active["C1"] = 0, "=B1+1"
    book.save(tmp_path / "book.xlsx")
    assert dict(recalculated(tmp_path / "book.xlsx").values("Sheet")) == {(1, 2): 0.0, (1, 3): 1.0}
