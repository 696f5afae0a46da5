"""The first sheet: what a reader sees when the file opens."""

from pathlib import Path

import pytest
from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from tests import one_sample
from tests.conftest import Editor, Workbook, built, fact_cell
from xlbackprop.workbook import looks

# what a window of 1,440 x 900 shows at 100 %, the narrower and the lower of Excel's and LibreOffice's
SCREEN_PIXELS, SCREEN_ROWS = 960, 30


@pytest.fixture(scope="module")
def sheet(classic: Workbook) -> Worksheet:
    return load_workbook(classic.path)["Network"]


def texts(sheet: Worksheet) -> dict[str, str]:
    """The words of a sheet, with the cell where they stand."""
    return {one.value: one.coordinate for row in sheet.iter_rows() for one in row if isinstance(one.value, str)}


def pixels(sheet: Worksheet, last: str) -> float:
    """How wide the columns up to one are."""
    widths = {}
    for dimension in sheet.column_dimensions.values():
        for number in range(dimension.min, dimension.max + 1):
            widths[number] = 0 if dimension.hidden else dimension.width * 7
    return sum(widths[number] for number in range(1, sheet[f"{last}1"].column + 1))


def test_the_first_sheet_links_to_every_sheet(sheet: Worksheet, classic: Workbook) -> None:
    links = {one.value: one.hyperlink.location for one in sheet["E"][10:] if one.hyperlink}
    assert links == {name: f"'{name}'!A1" for name in load_workbook(classic.path).sheetnames}


def test_the_first_sheet_says_what_built_the_file(classic: Workbook, sheet: Worksheet) -> None:
    facts = {label: sheet[fact_cell(classic.path, label)].value for label in ("layers", "template", "command")}
    command = "xlbackprop build --template A --lrs 0.5,2 --steps 12"
    assert facts == {"layers": "2-2-2", "template": "A", "command": command}
    assert sheet[fact_cell(classic.path, "made by")].value.startswith("xlbackprop ")


def test_start_values_start_here_the_sheets_and_the_drawing_are_seen_at_once(default: Workbook) -> None:
    sheet = load_workbook(default.path)["Network"]
    assert pixels(sheet, "M") <= SCREEN_PIXELS
    rows = {text: sheet[address].row for text, address in texts(sheet).items()}
    for last in ("w8", "5. Check", "Comparison", "Check"):
        assert rows[last] <= SCREEN_ROWS
    (chart,) = sheet._charts
    assert chart.anchor._from.row >= rows["5. Check"]
    assert chart.anchor.to.row < SCREEN_ROWS
    assert chart.anchor.to.col <= sheet["M1"].column


def test_five_numbered_lines_say_where_to_start(sheet: Worksheet, classic: Workbook) -> None:
    lines = [sheet[f"E{row}"] for row in range(5, 10)]
    assert [line.value for line in lines] == ["1. η=0.5", "2. Derivation", "3. Network", "4. Derivation", "5. Check"]
    assert [line.hyperlink.location for line in lines] == [f"'{line.value[3:]}'!A1" for line in lines]


@pytest.mark.parametrize("template", one_sample.TEMPLATES)
def test_what_the_lines_propose_gives_what_they_promise(tmp_path: Path, template: str, editor: type[Editor]) -> None:
    made = built(tmp_path, template)
    rows = {
        cell: row
        for row, (cell,) in enumerate(
            load_workbook(made.path)["Derivation"].iter_rows(max_col=1, values_only=True), start=1
        )
    }
    sheets = editor(made.path).type("Derivation", f"B{rows['∂E/∂w1']}", "1").sheets()
    assert "differs" in str([sheets.value("Derivation", rows["∂E/∂w1"], column) for column in range(1, 9)])


def test_the_command_that_built_the_file_is_not_cut_off(tmp_path: Path) -> None:
    etas = [n / 100 for n in range(1, 51)]
    for template, rates, wraps in (("A", [0.5], False), ("B", etas, True)):
        made = built(tmp_path, template, *rates, steps=1)
        sheet = load_workbook(made.path)["Network"]
        cell = sheet[fact_cell(made.path, "command")]
        assert bool(cell.alignment.wrap_text) == wraps
        # nothing stands right of it, but for what the drawing hides
        assert {one.value for one in sheet[cell.row][cell.column : 26]} == {None}
        if wraps:
            # some 28 letters a line
            assert sheet.row_dimensions[cell.row].height / 0.75 >= looks.LINE_PIXELS * len(cell.value) / 28


def test_a_long_list_of_sheets_pushes_nothing_but_the_facts(tmp_path: Path) -> None:
    few, many = (
        built(tmp_path, template, *[n / 100 for n in range(1, count)], steps=1)
        for template, count in (("A", 3), ("B", 51))
    )
    places = [texts(load_workbook(made.path)["Network"]) for made in (few, many)]
    for text in ("Start here", "Sheets", "w8", "Network", "choose another step on Derivation"):
        assert places[0][text] == places[1][text]
    assert int(places[1]["This workbook"][1:]) > int(places[1]["Check"][1:]) > 50
