import zipfile
from pathlib import Path

from xlsxwriter import Workbook

from xlbackprop.backprop.templates import load_template
from xlbackprop.workbook import charts
from xlbackprop.workbook.layout import training_layout


def chart_xml(path: Path, *, plain: bool) -> str:
    book = Workbook(path)
    sheet = book.add_worksheet("η=1")
    chart = book.add_chart({"type": "scatter", "subtype": "straight"}) if plain else charts.curve_chart(book)
    training = training_layout(load_template("A"), 4)
    sheet.write("A1", "a curve")
    charts.add_curve(chart, training, "η=1", "'η=1'!$A$1", [0.5, 0.25, 1e-20, 0, 3e100], 9)
    chart.set_x_axis(charts.step_axis(training))
    chart.set_y_axis(charts.error_axis(log_base=10))
    sheet.insert_chart("B2", chart)
    book.close()
    with zipfile.ZipFile(path) as package:
        return package.read("xl/charts/chart1.xml").decode()


def test_a_curve_is_written_as_xlsxwriter_writes_it(tmp_path: Path) -> None:
    found = chart_xml(tmp_path / "fast.xlsx", plain=False)
    assert found == chart_xml(tmp_path / "plain.xlsx", plain=True)
    assert '<c:pt idx="4"><c:v>3e+100</c:v></c:pt>' in found
    assert "<c:v>a curve</c:v>" in found
