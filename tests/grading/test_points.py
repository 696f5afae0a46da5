"""Points for checked workbooks: root causes, not spoilt cells."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook
from openpyxl.chart import LineChart, Reference

from tests.conftest import Editor, Workbook
from tests.grading.classes import RATES, SLIP, STEPS, draw, homework
from tests.handmade import CLASSIC, FORMULAS, GRADIENTS, START_A, START_B, START_C, Handmade, write
from tests.optimized import built as built_by
from xlbackprop.check.file import check
from xlbackprop.grading.points import Deduction, _costs, deductions, other_tables
from xlbackprop.grading.scheme import Scheme
from xlbackprop.report.findings import CheckedFile, CheckedTable, Finding, Kind
from xlbackprop.spreadsheet.curves import Area, Curves
from xlbackprop.spreadsheet.engines import recalculated
from xlbackprop.spreadsheet.package import Package

SHARE = 10 / len(RATES)


def taken(path: Path, scheme: Scheme | None = None) -> list[Deduction]:
    return deductions(check(path), Curves(Package(path)), scheme or Scheme(), 10)


def points(path: Path, scheme: Scheme | None = None) -> float:
    return round(10 - sum(one.points for one in taken(path, scheme)), 2)


class Drawn:
    """The charts of a workbook that draw some areas, whose first and last cells refer to others."""

    def __init__(self, *areas: Area, first: Area | None = None, last: Area | None = None) -> None:
        self.areas = areas
        self._sources = tuple((source,) if source else () for source in (first, last))

    def sources(self, _: Area) -> tuple[tuple[Area, ...], ...]:
        return self._sources


#: A right table of a hundred rows, as far as points are given for it.
TABLE = CheckedTable(
    "S", header_row=5, first_row=6, last_row=105, steps=99, learning_rate=0.1, columns={"E_total": 23, "w1": 5}
)


def told(table: CheckedTable, curves: Drawn | None = None, **scheme: object) -> list[str]:
    """What a workbook with one table of its own falls short of; of the charts, where they are given."""
    parts = {"tables": 1, "formulas": 1, "charts": int(curves is not None)}
    asked = Scheme((0.1,), weights=parts, **({"start_values": {}} | scheme))  # type: ignore[arg-type]
    found = deductions(CheckedFile(Path("x"), sheets=(table,)), curves or Drawn(), asked, 10)  # type: ignore[arg-type]
    return [one.sentence for one in found]


def test_a_curve_of_errors_that_were_not_computed_is_no_chart() -> None:
    lacking = replace(TABLE, missing=("E_total",))
    drawn = Drawn(Area("S", 6, 23, 105, 23))
    assert told(TABLE, drawn) == []
    assert told(lacking, drawn)[-1] == "No chart draws E_total of the learning rate 0.1: S lacks it."
    # the column need not even have a header
    assert told(replace(lacking, columns={"w1": 5}))[-1] != told(lacking, Drawn())[-1]
    assert told(replace(lacking, columns={"w1": 5}), Drawn())[-1] == told(lacking, Drawn())[-1]


def test_a_workbook_of_this_program_has_all_points(built: Path) -> None:
    assert taken(built) == []


@pytest.mark.parametrize("start", [START_A, START_B, START_C])
def test_a_right_workbook_of_each_set_has_all_points(tmp_path: Path, start: dict[str, float]) -> None:
    assert taken(homework(tmp_path / "hw.xlsx", start=start)) == []


def test_a_slip_in_two_columns_of_six_sheets_is_one_cause(slip: Path) -> None:
    (only,) = taken(slip)
    assert only.points == 0.5
    assert only.sentence.startswith("Sheet1: ∂E/∂w3 (Z6:Z12) uses a_h1*(1-a_h1); it should be a_h2*(1-a_h2)")
    assert only.sentence.endswith("The same is so in ∂E/∂w4 and 5 other tables; it counts once.")


def test_a_rate_with_one_cause_keeps_more_than_half_of_its_share(tmp_path: Path) -> None:
    for n, formulas in enumerate((SLIP, {"E1": "({t1}-{a_o1})^2"}, {"w5": "{-w5}+{eta}*{-dE_dw5}"})):
        path = homework(tmp_path / f"{n}.xlsx", formulas)
        assert sum(one.points for one in taken(path)) < SHARE / 2


def test_a_sheet_with_the_name_of_a_quantity_hides_no_slip_in_it(tmp_path: Path) -> None:
    wrong = Handmade(rate=0.5, steps=3).with_formula("E1", "({t1}-{a_o1})^2")
    found = []
    for name in ("Sheet1", "E1"):
        path = write(tmp_path / f"{name}.xlsx", wrong, names=(name,))
        draw(path, 3)
        found.append(taken(path, Scheme(learning_rates=(0.5,))))
    (plain,), (only,) = found
    assert only == Deduction(plain.points, plain.sentence.replace("Sheet1", "E1", 1))
    assert only.sentence.startswith("E1: E1 (U6:U9) lacks the factor 0.5")


def test_one_misunderstanding_about_every_weight_is_one_cause(tmp_path: Path) -> None:
    climbing = {f"w{n}": f"{{-w{n}}}+{{eta}}*{{-dE_dw{n}}}" for n in range(1, 9)}
    (only,) = taken(homework(tmp_path / "hw.xlsx", climbing))
    assert only.points == 0.5


def test_two_causes_cost_twice_where_two_tables_have_them_and_more_cost_more(tmp_path: Path) -> None:
    wrong = [{}, SLIP, SLIP | {"E1": "({t1}-{a_o1})^2"}]
    wrong.append(wrong[-1] | {"h1": "{w1}*{i1}-{w2}*{i2}"})
    assert [points(homework(tmp_path / f"{n}.xlsx", one)) for n, one in enumerate(wrong)] == [10, 9.5, 9, 8.5]


def test_a_rate_that_is_missing_costs_its_share_and_one_that_nobody_asked_for_is_a_note(tmp_path: Path) -> None:
    path = homework(tmp_path / "hw.xlsx", rates=(0.1, 0.2, 0.5, 0.8, 1.0, 20.0))
    assert [(one.points, one.sentence) for one in taken(path)] == [(1.67, "There is no table for the learning rate 2.")]
    note = "Sheet6 has a table for the learning rate 20, which was not asked for"
    assert list(other_tables(check(path), Scheme())) == [note]


def test_a_broken_cell_of_the_learning_rate_costs_no_more_than_another_cause(tmp_path: Path) -> None:
    path = homework(tmp_path / "hw.xlsx")
    book = load_workbook(path)
    (cell,) = (cell for row in book["Sheet4"].iter_rows(max_row=12) for cell in row if cell.value == 0.8)
    cell.value = "much"
    book.save(path)
    (only,) = taken(path)
    assert 0 < only.points < SHARE / 2
    assert "holds 'much'" in only.sentence


def test_of_two_tables_with_one_rate_the_better_counts(tmp_path: Path) -> None:
    tables = [Handmade(rate=rate, steps=STEPS) for rate in RATES]
    path = write(tmp_path / "hw.xlsx", replace(tables[0], formulas=FORMULAS | SLIP), *tables)
    draw(path)
    assert points(path) == 10


def test_pasted_numbers_cost_what_live_formulas_are_worth(tmp_path: Path, right: Path) -> None:
    # the numbers of a right workbook, in place of its formulas
    sheets, book = recalculated(right, "ironcalc"), load_workbook(right)
    for sheet in book:
        for row in sheet.iter_rows():
            for cell in row:
                if cell.data_type == "f":
                    cell.value = sheets.value(sheet.title, cell.row, cell.column)
    book.save(tmp_path / "pasted.xlsx")
    found = taken(tmp_path / "pasted.xlsx")
    assert len(found) == len(RATES)
    assert sum(one.points for one in found) == pytest.approx(4)
    # a chart in a file that openpyxl read is gone
    assert "pasted numbers instead of formulas in" in found[0].sentence


@pytest.mark.parametrize("column", ["E1", "dE_dw8"])
def test_few_pasted_columns_are_a_cause_each(tmp_path: Path, right: Path, column: str) -> None:
    checked = check(right)
    pasted = Finding(column, Kind.CONSTANT, "A1", 7, "0.5", "=1", ranges=("A1:A7",))
    tables = tuple(replace(table, findings=(pasted,)) for table in checked.tables)
    found = deductions(replace(checked, sheets=tables), Curves(Package(right)), Scheme(), 10)
    assert [one.points for one in found] == [0.5]


def without_columns(tables: CheckedFile, names: Sequence[str]) -> CheckedFile:
    """A checked workbook whose tables lack some columns."""
    lacking = (
        replace(
            table,
            incomplete=True,
            missing=tuple(names),
            columns={name: column for name, column in table.columns.items() if name not in names},
        )
        for table in tables.tables
    )
    return replace(tables, sheets=tuple(lacking))


def test_two_missing_columns_are_one_cause_and_three_are_work_that_was_not_done(right: Path) -> None:
    checked, curves = check(right), Curves(Package(right))
    (few,) = deductions(without_columns(checked, GRADIENTS[:2]), curves, Scheme(), 10)
    assert (few.points, few.sentence) == (
        0.5,
        "Sheet1 lacks ∂E/∂w1, ∂E/∂w2. The same is so in 5 other tables; it counts once.",
    )
    many = deductions(without_columns(checked, GRADIENTS[:3]), curves, Scheme(), 10)
    assert len(many) == 2 * len(RATES)
    # the numbers of each table, and of its formulas as many as are not there
    assert sum(one.points for one in many) == pytest.approx(4 + 4 * 3 / len(CLASSIC), abs=0.005)


@pytest.mark.parametrize(
    ("lacking", "told"),
    [
        (8, "a_h2, E_total, E1, E2, h1, a_h1, h2, o1"),
        (9, "a_h2, E_total, E1, E2, h1, a_h1, h2, o1 and 1 more"),
        (20, "a_h2, E_total, E1, E2, h1, a_h1, h2, o1 and 12 more"),
    ],
)
def test_every_missing_column_counts_though_a_sentence_names_few(right: Path, lacking: int, told: str) -> None:
    names = ("a_h2", "E_total", "E1", "E2", "h1", "a_h1", "h2", "o1", "a_o1", "o2", "a_o2", *GRADIENTS, "w8")
    checked = without_columns(check(right), names[:lacking])
    found = deductions(replace(checked, sheets=checked.sheets[:1]), Drawn(), Scheme((0.1,)), 10)
    assert [one.sentence for one in found[:2]] == [
        f"Sheet1 lacks {told}.",
        "Sheet1: no formulas stand in the columns that it lacks.",
    ]
    assert found[1].points == pytest.approx(4 * lacking / len(CLASSIC), abs=0.005)


def test_a_column_that_is_empty_is_as_missing_as_one_without_a_header(right: Path) -> None:
    (table, *_) = check(right).tables
    checked = CheckedFile(right, sheets=(replace(table, missing=GRADIENTS),))
    _, formulas, _ = deductions(checked, Drawn(), Scheme((0.1,)), 10)
    assert formulas.points == pytest.approx(4 * 8 / len(CLASSIC), abs=0.005)


def test_columns_that_stand_on_another_sheet_are_no_more_columns(tmp_path: Path) -> None:
    path = homework(tmp_path / "hw.xlsx", rates=(0.5,))
    book = load_workbook(path)
    elsewhere = book.create_sheet("Gradients")
    for cell in [cell for row in book["Sheet1"].iter_rows(max_row=12) for cell in row]:
        if cell.value in ("∂E/∂w7", "∂E/∂w8"):
            elsewhere[cell.coordinate], cell.value = cell.value, "see Gradients"
    book.save(path)
    (table,) = check(path).tables
    assert table.missing == ("dE_dw7", "dE_dw8")
    assert "which Gradients has" in table.notes[0]
    scheme = Scheme((0.5,), weights={"tables": 1, "formulas": 1, "charts": 0})
    assert [(one.points, one.sentence) for one in taken(path, scheme)] == [(3.75, "Sheet1 lacks ∂E/∂w7, ∂E/∂w8.")]


def test_other_start_values_are_one_cause_however_many_tables_have_them(tmp_path: Path) -> None:
    (only,) = taken(homework(tmp_path / "hw.xlsx", start=START_A | {"w3": 0.26}))
    assert only.points == 0.5
    assert only.sentence.startswith("Sheet1 starts with w3 = 0.26, but set A with 0.25.")


@pytest.mark.parametrize(("others", "lost"), [({"w3": 0.26, "w4": 0.31}, 0.5), ({"w3": 1, "w4": 2, "w5": 3}, 4)])
def test_two_other_start_values_are_a_slip_and_three_are_another_training(tmp_path: Path, others, lost) -> None:
    path = homework(tmp_path / "hw.xlsx", start=START_A | others)
    assert sum(one.points for one in taken(path)) == pytest.approx(lost)


def test_start_values_may_be_any_where_the_scheme_names_no_set(tmp_path: Path) -> None:
    path = homework(tmp_path / "hw.xlsx", start=START_A | {"w3": 0.26})
    assert taken(path, Scheme(start_values={})) == []


def test_another_optimizer_is_one_cause_however_many_tables_have_it(tmp_path: Path) -> None:
    path = built_by(tmp_path, "adam", "one sample", *RATES).path
    (only,) = taken(path)
    told = "trains by Adam, and gradient descent was asked for. The same is so in 5 other tables; it counts once."
    assert (only.points, only.sentence) == (0.5, f"η=0.1 {told}")
    assert taken(path, Scheme(optimizers=("adam",))) == taken(path, Scheme(optimizers=())) == []
    (only,) = taken(path, Scheme(optimizers=("momentum", "nesterov")))
    assert "and momentum or Nesterov momentum was asked for" in only.sentence


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"schedule": "cosine"}, "gradient descent with a schedule"),
        ({"weight_decay": 0.1}, "gradient descent with weight decay"),
        ({"schedule": "step:2,0.5", "weight_decay": 0.1}, "gradient descent with weight decay and a schedule"),
    ],
)
def test_gradient_descent_with_more_to_it_is_another_optimizer(tmp_path: Path, given, told: str) -> None:
    (only,) = taken(built_by(tmp_path, "sgd", "one sample", 0.1, **given).path, Scheme(learning_rates=(0.1,)))
    assert only.sentence == f"η=0.1 trains by {told}, and gradient descent was asked for."


@pytest.mark.parametrize("optimizer", ["Adagrad", ""])
def test_the_optimizer_of_a_workbook_that_people_made_is_told_too(right: Path, optimizer: str) -> None:
    checked = check(right)
    tables = tuple(replace(table, optimizer=optimizer) for table in checked.tables)
    (only,) = deductions(replace(checked, sheets=tables), Curves(Package(right)), Scheme(), 10)
    assert only.sentence.startswith(f"Sheet1 trains by {optimizer or 'updates of no kind that is known'}, and gradient")


def test_of_two_optimizers_with_one_rate_the_one_that_was_asked_for_counts(tmp_path: Path) -> None:
    assert taken(built_by(tmp_path, "adam,sgd", "one sample", *RATES).path) == []


def test_another_training_is_told_by_its_first_other_value_and_their_count(tmp_path: Path) -> None:
    others = {"w1": 0.9, "w2": 0.8, "w3": 0.7}
    first, *_ = taken(homework(tmp_path / "hw.xlsx", start=START_A | others))
    assert first.sentence.startswith(
        "Sheet1 is another training than was asked for: it starts with w1 = 0.9, but set A with 0.15, "
        "and so on for 3 values."
    )


def test_a_training_from_samples_has_no_number_for_an_input(tmp_path: Path) -> None:
    first, *_ = taken(built_by(tmp_path, "sgd", "a batch", *RATES).path)
    assert "another training than was asked for: it has no number for i1, which is 0.05 in set A" in first.sentence


@pytest.mark.parametrize("name", ["η=2 samples", "passes"])
def test_a_training_and_its_samples_are_one_table_whatever_their_sheets_are_called(
    in_batch: Workbook, tmp_path: Path, name: str
) -> None:
    steps, samples = in_batch.layout.training, in_batch.layout.samples
    book = Editor(in_batch.path)
    for n, quantity in enumerate(("w1", "w2"), start=2):
        book.type("η=2", steps.cell(quantity, 5), f"={steps.cell(quantity, 4)}^{n}")
    for n, quantity in enumerate(("h1", "E1"), start=2):
        book.type("η=2 samples", samples.cell(quantity, 5), f"={samples.cell('i1', 5)}+{n}")
    path = book.rename("η=2 samples", name).save(tmp_path / "renamed.xlsx")
    checked, curves = check(path), Curves(Package(path))
    scheme = Scheme((2.0,), start_values={}, weights={"tables": 1, "formulas": 0, "charts": 0}, cause=0.25)
    assert [one.points for one in deductions(checked, curves, scheme, 10)] == [2.5, 2.5, 2.5, 2.5]
    told = "η=2 has a table for the learning rate 2, which was not asked for"
    assert list(other_tables(checked, replace(scheme, learning_rates=(0.5,)))) == [told]


def test_a_start_value_of_one_table_alone_is_told_once(tmp_path: Path) -> None:
    tables = [Handmade(rate=rate, steps=STEPS) for rate in RATES]
    tables[2] = replace(tables[2], start=START_A | {"w3": 0.26})
    path = write(tmp_path / "hw.xlsx", *tables)
    draw(path)
    assert [one.sentence for one in taken(path)] == ["Sheet3 starts with w3 = 0.26, but set A with 0.25."]


@pytest.mark.parametrize("count", [1, 2])
def test_up_to_two_pasted_columns_are_slips(count: int) -> None:
    found = [Finding(name, Kind.CONSTANT, "A1", 7, "0.5", "=1", ranges=("A1:A7",)) for name in GRADIENTS[:count]]
    assert told(replace(TABLE, findings=tuple(found))) == [
        f"S: ∂E/∂w{n} (A1:A7) holds pasted numbers instead of formulas." for n in range(1, count + 1)
    ]


@pytest.mark.parametrize(
    ("count", "columns"),
    [(3, "a_h2, E_total, E1"), (8, "a_h2, E_total, E1, E2, h1, a_h1, h2, o1"),
     (9, "a_h2, E_total, E1, E2, h1, a_h1, h2, o1 and 1 more")],
)  # fmt: skip
def test_three_pasted_columns_are_a_table_that_is_not_live(count: int, columns: str) -> None:
    names = ("a_h2", "E_total", "E1", "E2", "h1", "a_h1", "h2", "o1", "o2")[:count]
    found = tuple(Finding(name, Kind.CONSTANT, "A1", 7, "0.5", "=1") for name in names)
    assert told(replace(TABLE, findings=found)) == [
        f"S holds pasted numbers instead of formulas in {count} columns: {columns}."
    ]


@pytest.mark.parametrize(("off", "is_same"), [(1e-10, True), (1e-8, False)])
def test_numbers_that_were_typed_agree_but_for_rounding(off: float, is_same: bool) -> None:
    rate = replace(TABLE, learning_rate=0.1 * (1 + off))
    assert (told(rate) == []) == is_same
    notes = other_tables(CheckedFile(Path("x"), sheets=(rate,)), Scheme((0.1,)))
    assert (list(notes) == []) == is_same
    start = replace(TABLE, start_values={"w1": 0.15 * (1 + off)})
    assert (told(start, start_values={"A": {"w1": 0.15}}) == []) == is_same


@pytest.mark.parametrize(
    ("found", "wanted", "sentences"),
    [
        ({"b1": 0.0}, {}, []),
        ({"b1": 0.35}, {}, ["S starts with b1 = 0.35, but set A with 0."]),
        ({}, {"b1": 0.0}, []),
        ({}, {"b1": 0.35}, ["S has no number for b1, which is 0.35 in set A."]),
        # a weight that is not there is not 0
        ({}, {"w2": 0.0}, ["S has no number for w2, which is 0 in set A."]),
    ],
)
def test_a_bias_that_is_not_there_is_0(found, wanted, sentences: list[str]) -> None:
    table = replace(TABLE, start_values={"w1": 0.15} | found)
    assert told(table, start_values={"A": {"w1": 0.15} | wanted}) == sentences


@pytest.mark.parametrize(("length", "shown"), [(200, "x" * 200), (201, "x" * 200 + " …")])
def test_a_long_formula_is_cut_in_a_sentence(length: int, shown: str) -> None:
    finding = Finding("h1", Kind.FORMULA, "A1", 1, "=1", "x" * length)
    assert told(replace(TABLE, findings=(finding,))) == [
        f"S: h1 (A1) does not follow from the cells before it. Expected {shown}."
    ]


TOTAL = 23
NO_CHART = ["No chart draws E_total of the learning rate 0.1 from the cells of S."]


@pytest.mark.parametrize(
    ("rows", "is_drawn"),
    [((6, 105), True), ((1, 55), True), ((1, 54), False), ((56, 200), True), ((57, 200), False), ((31, 80), True)],
)
def test_a_chart_of_a_column_draws_half_of_its_rows(rows: tuple[int, int], is_drawn: bool) -> None:
    area = Area("S", rows[0], TOTAL, rows[1], TOTAL)
    assert told(TABLE, Drawn(area)) == ([] if is_drawn else NO_CHART)


@pytest.mark.parametrize(("points", "is_drawn"), [(9, False), (10, True)])
def test_a_curve_of_copies_has_ten_points(points: int, is_drawn: bool) -> None:
    copies = Area("summary", 2, 1, 1 + points, 1)
    first, last = (Area("S", row, TOTAL, row, TOTAL) for row in (6, 105))
    assert told(TABLE, Drawn(copies, first=first, last=last)) == ([] if is_drawn else NO_CHART)


@pytest.mark.parametrize(
    ("source", "is_of_total"),
    [
        (Area("S", 105, TOTAL, 105, TOTAL), True),
        (Area("S", 106, TOTAL, 106, TOTAL), False),
        (Area("S", 5, TOTAL, 5, TOTAL), False),
        (Area("S", 1, TOTAL, 6, TOTAL), True),
        (Area("S", 6, TOTAL, 6, TOTAL + 1), False),
        (Area("S", 6, TOTAL - 1, 6, TOTAL - 1), False),
        (Area("T", 6, TOTAL, 6, TOTAL), False),
        (None, False),
    ],
)
def test_a_copy_refers_to_the_cells_of_the_table(source: Area | None, is_of_total: bool) -> None:
    copies, inside = Area("summary", 2, 1, 101, 1), Area("S", 6, TOTAL, 6, TOTAL)
    for first, last in ((source, inside), (inside, source)):
        assert told(TABLE, Drawn(copies, first=first, last=last)) == ([] if is_of_total else NO_CHART)


def test_without_charts_a_fifth_is_lost_and_each_rate_is_told(tmp_path: Path) -> None:
    found = taken(homework(tmp_path / "hw.xlsx", charts=False))
    assert sum(one.points for one in found) == pytest.approx(2)
    assert found[0].sentence == "No chart draws E_total of the learning rate 0.1 from the cells of Sheet1."


@pytest.mark.parametrize(("column", "lost"), [("W", 0), ("V", 2)])
def test_a_chart_may_draw_cells_that_refer_to_the_table(tmp_path: Path, column: str, lost: float) -> None:
    path = homework(tmp_path / "hw.xlsx", charts=False)
    book = load_workbook(path)
    summary = book.create_sheet("summary")
    chart = LineChart()
    for n in range(1, len(RATES) + 1):
        (header,) = (cell for row in book[f"Sheet{n}"].iter_rows(max_row=12) for cell in row if cell.value == "E_total")
        assert header.column_letter == "W"
        for step in range(STEPS + 1):
            summary.cell(2 + step, n, f"=Sheet{n}!{column}{header.row + 1 + step}")
        chart.add_data(Reference(summary, min_col=n, min_row=2, max_row=2 + STEPS))
    summary.add_chart(chart, "J1")
    book.save(path)
    assert sum(one.points for one in taken(path)) == pytest.approx(lost)


def test_what_is_worth_nothing_is_not_asked_for(tmp_path: Path) -> None:
    path = homework(tmp_path / "hw.xlsx", charts=False)
    assert taken(path, Scheme(weights={"tables": 1, "formulas": 1, "charts": 0})) == []


def test_a_chart_counts_from_half_of_the_steps_on(tmp_path: Path) -> None:
    path = homework(tmp_path / "hw.xlsx", charts=False, steps=19)
    draw(path, 9)
    assert taken(path) == []
    path = homework(tmp_path / "short.xlsx", charts=False, steps=19)
    draw(path, 8)
    assert sum(one.points for one in taken(path)) == pytest.approx(2)


def test_steps_are_counted_where_the_scheme_asks_for_them(right: Path) -> None:
    assert taken(right, Scheme(steps=STEPS)) == []
    (only,) = taken(right, Scheme(steps=STEPS + 1))
    assert only.sentence.startswith("Sheet1 has 6 steps, and 7 were asked for.")


def test_nothing_can_be_lost_twice(tmp_path: Path) -> None:
    wrong = {name: f"{formula}+1" for name, formula in FORMULAS.items()}
    path = homework(tmp_path / "hw.xlsx", wrong, charts=False, rates=(0.1, 0.2))
    assert 0 <= points(path) < 10
    assert points(write(tmp_path / "none.xlsx", Handmade(rate=7, steps=3))) == 0


FINDINGS = st.builds(
    lambda quantity, kind, slip: Finding(quantity, kind, "A1", 3, "=1", "=2", 0.1, ("A1:A3",), slip),
    st.sampled_from(["h1", "E_total", "dE_dw1", "w5"]),
    st.sampled_from(Kind),
    st.sampled_from(["", "uses w1; it should be w2", "shows #NUM!"]),
)


@given(st.lists(st.lists(FINDINGS, max_size=6), min_size=6, max_size=6), st.floats(0.5, 200))
def test_deductions_are_hundredths_that_add_up_to_no_more_than_the_points(found, maximum: float) -> None:
    tables = tuple(
        CheckedTable(f"S{n}", tuple(findings), header_row=1, first_row=2, last_row=5, steps=3, learning_rate=rate)
        for n, (rate, findings) in enumerate(zip(RATES, found, strict=True))
    )
    scheme = Scheme(start_values={})
    checked = CheckedFile(Path("x"), sheets=tables)

    taken = deductions(checked, Drawn(), scheme, maximum)  # type: ignore[arg-type]
    total = sum(one.points for one in taken)
    assert total <= maximum + 0.005 + 1e-9
    assert all(one.points == pytest.approx(round(one.points, 2)) and one.points >= 0 for one in taken)
    # one more cause never gives a point back
    fewer = (replace(tables[0], findings=tables[0].findings[:-1]), *tables[1:])
    less = deductions(replace(checked, sheets=fewer), Drawn(), scheme, maximum)  # type: ignore[arg-type]
    assert sum(one.points for one in less) <= total + 0.0051


CAUSES = st.tuples(st.sampled_from([0.2, 0.5, 0.7]), st.lists(st.integers(0, 4), min_size=1, unique=True))


@given(st.lists(CAUSES, max_size=6))
def test_causes_take_as_much_as_their_tables_have_and_no_more(causes: list[tuple[float, list[int]]]) -> None:
    costs = _costs(causes, 0.7)
    # the largest flow is the smallest cut: some tables whole, and every cause that has another one
    tables = sorted({rate for _, places in causes for rate in places})
    cuts = [
        0.7 * len(cut) + sum(most for most, places in causes if not set(places) <= set(cut))
        for size in range(len(tables) + 1)
        for cut in combinations(tables, size)
    ]
    assert sum(costs) == pytest.approx(min(cuts))
    assert all(-1e-9 <= cost <= most + 1e-9 for cost, (most, _) in zip(costs, causes, strict=True))
