"""Formulas are right or wrong by what they compute, not by how they are written."""

from pathlib import Path

import numpy as np
import pytest
from openpyxl import load_workbook

from tests.handmade import FORMULAS, SHAPES, WEIGHTS, Handmade, Layout, slips, write
from xlbackprop.backprop.network import Network
from xlbackprop.check import trial
from xlbackprop.check.trial import TRAININGS, Trial, TriedFormula, trainings
from xlbackprop.spreadsheet.cells import Cell
from xlbackprop.spreadsheet.ironcalc import computed_on_the_side, opened
from xlbackprop.tables.finding import find_tables


def tried(path: Path, *names: str) -> dict[str, TriedFormula]:
    sheets, _ = opened(path)
    (table,) = find_tables(sheets)
    trial = Trial(sheets, table, Cell("Sheet1", 1, 4), {})
    row = table.rows[2]
    texts = [(sheets.formula("Sheet1", row, table.columns[name]) or "", row) for name in names]
    return dict(zip(names, trial.tried(texts, names, {}), strict=True))


@pytest.mark.parametrize("n", range(6))
def test_a_right_formula_is_right_in_every_shape(tmp_path: Path, n: int) -> None:
    formulas = {name: [FORMULAS[name], *SHAPES[name]][n % (1 + len(SHAPES[name]))] for name in FORMULAS}
    path = write(tmp_path / "book.xlsx", Handmade(formulas=formulas))
    assert {name: result.right for name, result in tried(path, *FORMULAS).items()} == dict.fromkeys(FORMULAS, True)


@pytest.mark.parametrize("name", FORMULAS)
def test_every_slip_is_wrong(tmp_path: Path, name: str) -> None:
    # one workbook holds a slip a column of its own, to the right of the table
    wrong = [formula for _, formula in slips(name)]
    extra = {f"{name} slip {n}": formula for n, formula in enumerate(wrong)}
    order = (*Layout().order, *extra)
    path = write(tmp_path / "book.xlsx", Handmade(Layout(order=order), formulas=FORMULAS | extra, steps=4))
    sheets, _ = opened(path)
    (table,) = find_tables(sheets)
    trial = Trial(sheets, table, Cell("Sheet1", 1, 4), {})
    row, first = table.rows[2], len(Layout().order) + 1
    texts = [(sheets.formula("Sheet1", row, first + n) or "", row) for n in range(len(wrong))]
    results = trial.tried(texts, [name] * len(texts), {})
    assert [formula for formula, result in zip(wrong, results, strict=True) if result.right is not False] == []


def test_a_helper_column_without_a_known_header_is_looked_through(tmp_path: Path) -> None:
    formulas = FORMULAS | {
        "what_comes_back": "({a_o1}-{t1})*{a_o1}*(1-{a_o1})",
        "dE_dw5": "{what_comes_back}*{a_h1}",
    }
    order = (*Layout().order, "what_comes_back")
    path = write(tmp_path / "book.xlsx", Handmade(Layout(order=order), formulas=formulas))
    assert tried(path, "dE_dw5")["dE_dw5"].right


def test_a_formula_that_depends_on_where_it_stands_is_not_tried(tmp_path: Path) -> None:
    path = write(tmp_path / "book.xlsx", Handmade(formulas=FORMULAS | {"E_total": "OFFSET({E1},0,0)+{E2}"}))
    assert tried(path, "E_total")["E_total"].right is None


def test_a_number_typed_into_a_formula_is_right_only_for_that_number(tmp_path: Path) -> None:
    path = write(tmp_path / "book.xlsx", Handmade(formulas=FORMULAS | {"h1": "{w1}*0.05+{w2}*{i2}"}))
    sheets, _ = opened(path)
    (table,) = find_tables(sheets)
    trial = Trial(sheets, table, Cell("Sheet1", 1, 4), {})
    text = (sheets.formula("Sheet1", 8, table.columns["h1"]) or "", 8)
    assert [trial.tried([text], ["h1"], fixed)[0].right for fixed in ({}, {"i1": 0.05}, {"i1": 0.06})] == [
        False,
        True,
        False,
    ]


def test_trainings_are_the_same_each_time_and_all_different() -> None:
    network = Network.blank((2, 2, 2))
    runs = trainings(network)
    assert runs == trainings(Network.blank((2, 2, 2)))
    assert len({run[0]["w1"] for run in runs}) == TRAININGS
    assert all(run[n]["w1"] != run[n + 1]["w1"] for run in runs for n in range(len(run) - 1))


def test_values_that_are_given_are_not_drawn() -> None:
    runs = trainings(Network.blank((2, 2, 2)), (("eta", 0.25), ("t1", 0.5)))
    assert {(run[0]["eta"], run[3]["t1"]) for run in runs} == {(0.25, 0.5)}


def test_updates_are_tried_against_the_row_above(tmp_path: Path) -> None:
    path = write(tmp_path / "book.xlsx", Handmade())
    assert all(result.right for result in tried(path, *WEIGHTS).values())


def test_the_same_formula_in_another_layout_is_not_computed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tried(write(tmp_path / "one.xlsx", Handmade()), *FORMULAS)
    computed: list[str] = []

    def counted(texts: list[str], *rest: object) -> list[float]:
        computed.extend(texts)
        return computed_on_the_side(texts, *rest)

    monkeypatch.setattr(trial, "computed_on_the_side", counted)
    order = (*Layout().order[4:], *Layout().order[:4])
    moved = Handmade(Layout(order=order, header_row=9), formulas=FORMULAS | {"E_total": "{E1}+{E2}*1.0000001"})
    second = tried(write(tmp_path / "two.xlsx", moved), *FORMULAS)
    assert set(computed) == {"=Q12+R12*1.0000001"}
    assert {name for name in FORMULAS if first[name] != second[name]} == {"E_total"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{h1}*{h1}", "{h1}*{h2}"),
        ("SUM({a_h1}:{a_h2})", "SUM({a_h1}:{a_h1})"),
        ("{h1}+5", "{h1}+6"),
        ("{E1}+{E2}+AZ1", "{E1}+{E2}+AZ2"),
    ],
)
def test_answers_are_those_of_the_very_formula(tmp_path: Path, one: str, other: str) -> None:
    results = []
    for text in (one, other):
        path = write(tmp_path / "book.xlsx", Handmade(formulas=FORMULAS | {"E_total": text}))
        book = load_workbook(path)
        book.active["AZ1"], book.active["AZ2"] = 1, 2
        book.save(path)
        results.append(tried(path, "E_total")["E_total"].results)
    assert results[0] != results[1]


def test_three_trainings_leave_no_room_for_luck() -> None:
    assert len(trainings(Network.blank((2, 2, 2)))) == 3


@pytest.mark.parametrize(("off", "is_same"), [(0.8e-9, True), (1.2e-9, False)])
def test_what_a_formula_gives_may_be_off_by_rounding_and_no_more(off: float, is_same: bool) -> None:
    for number in (0.25, -8.0):
        assert bool(trial.same(np.array(number * (1 + off)), np.array(number))) is is_same


@pytest.mark.parametrize(("back", "belongs"), [(5, False), (4, True), (0, True), (-3, True), (-4, False)])
def test_a_cell_some_rows_away_belongs_to_the_training_and_farther_off_to_none(
    tmp_path: Path, back: int, belongs: bool
) -> None:
    sheets, _ = opened(write(tmp_path / "book.xlsx", Handmade(steps=12)))
    (table,) = find_tables(sheets)
    text = f"={table.address('w1', 6 - back)}"
    (found,) = Trial(sheets, table, Cell("Sheet1", 1, 4), {}).tried([(text, table.rows[6])], ["h1"], {})
    if belongs:
        runs = trainings(table.network, found.constants)
        assert found.results == pytest.approx([run[trial.CURRENT - back]["w1"] for run in runs])
    else:
        assert len(set(found.results)) == 1
