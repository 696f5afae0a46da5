"""Tables are found wherever they stand and however they are laid out."""

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.utils import get_column_letter
from openpyxl.workbook.defined_name import DefinedName

from tests import handmade
from tests.conftest import Workbook as Built
from tests.handmade import CLASSIC, CONSTANTS, FORMULAS, START_A, WEIGHTS, Handmade, Layout, write, write_table
from xlbackprop.check.file import check
from xlbackprop.spreadsheet.addresses import column_letters
from xlbackprop.spreadsheet.cells import Cell
from xlbackprop.spreadsheet.ironcalc import load, opened
from xlbackprop.tables.finding import find_tables
from xlbackprop.tables.table import Table


def tables(path: Path) -> list[Table]:
    return find_tables(opened(path)[0])


@pytest.mark.parametrize("seed", range(12))
def test_a_table_is_found_in_any_layout(tmp_path: Path, seed: int) -> None:
    layout = handmade.random_layout(random.Random(seed))
    path = write(tmp_path / "book.xlsx", Handmade(layout, steps=4))
    (table,) = tables(path)
    assert (table.header_row, table.rows[0], table.steps) == (
        layout.header_row,
        layout.header_row + 1 + layout.units_row,
        4,
    )
    assert set(layout.order) <= set(table.columns)
    assert set(CONSTANTS) <= {*table.columns, *table.cells}
    assert table.network.layers == (2, 2, 2)
    assert table.missing == ()


def test_two_tables_side_by_side_and_one_below_are_three(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    for row, column in ((3, 1), (3, 40), (30, 1)):
        write_table(sheet, Handmade(Layout(header_row=row, first_column=column, eta="number"), steps=3))
    book.save(tmp_path / "book.xlsx")
    found = tables(tmp_path / "book.xlsx")
    assert [(table.header_row, table.columns["t1"], table.steps) for table in found] == [
        (3, 1, 3),
        (3, 40, 3),
        (30, 1, 3),
    ]


def test_headers_that_repeat_inside_a_long_table_do_not_end_it(tmp_path: Path) -> None:
    path = write(tmp_path / "book.xlsx", Handmade(steps=6))
    model = load(path)
    model.insert_rows(0, 9, 1)
    for column in range(1, len(CLASSIC) + 1):
        model.set_user_input(0, 9, column, str(model.get_cell_value(0, 5, column)))
    model.evaluate()
    model.save_to_xlsx(str(tmp_path / "long.xlsx"))
    (table,) = tables(tmp_path / "long.xlsx")
    assert table.rows == (6, 7, 8, 10, 11, 12, 13)


def test_blank_and_text_rows_inside_are_no_steps(tmp_path: Path) -> None:
    path = write(tmp_path / "book.xlsx", Handmade(steps=3))
    book = load_workbook(path)
    book.active.cell(12, 1, "The error falls.")
    book.active.cell(15, 3, 0.5)
    book.save(path)
    assert tables(path)[0].rows == (6, 7, 8, 9)


def test_hidden_sheets_and_sheets_without_a_table_are_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path / "book.xlsx", Handmade(steps=2), Handmade(steps=2), names=("shown", "hidden"))
    book = load_workbook(path)
    book["hidden"].sheet_state = "hidden"
    book.create_sheet("summary").append(["w1", "t1", "E_total"])
    book.save(path)
    assert [table.sheet for table in tables(path)] == ["shown"]


def test_headers_without_numbers_are_a_table_without_rows(tmp_path: Path) -> None:
    book = Workbook()
    book.active.append(list(CLASSIC))
    book.save(tmp_path / "book.xlsx")
    assert [table.rows for table in tables(tmp_path / "book.xlsx")] == [()]


def test_a_column_that_is_not_there_is_missing(tmp_path: Path) -> None:
    order = tuple(name for name in CLASSIC if name != "dE_dw8")
    path = write(tmp_path / "book.xlsx", Handmade(Layout(order=order), formulas=FORMULAS | {"w8": "{-w8}"}, steps=2))
    assert tables(path)[0].missing == ("dE_dw8",)


def test_a_label_in_the_row_of_headers_is_not_taken_for_a_column(tmp_path: Path) -> None:
    path = write(tmp_path / "book.xlsx", Handmade(Layout(first_column=4, eta="number"), steps=3))
    book = load_workbook(path)
    book.active["A5"], book.active["B5"] = "lr", 0.5
    book.save(path)
    (table,) = tables(path)
    assert "eta" not in table.columns
    assert (table.cells["eta"].row, table.cells["eta"].column) == (5, 2)


def test_gradients_of_a_single_output_count_where_there_are_no_others(tmp_path: Path) -> None:
    path = write(tmp_path / "book.xlsx", Handmade(steps=2))
    book = load_workbook(path)
    for cell in book.active[5]:
        if cell.value == "∂E/∂w5":
            cell.value = "∂E1/∂w5"
    book.save(path)
    assert "dE_dw5" in tables(path)[0].columns


@pytest.mark.parametrize("template", ["A", "deep", "mazur", "softmax"])
def test_the_network_of_our_own_workbooks_is_read_from_the_headers(tmp_path: Path, template: str) -> None:
    from tests.conftest import built

    workbook = built(tmp_path, template, 0.5, steps=6)
    (table,) = tables(workbook.path)
    network = workbook.layout.network
    assert table.network.layers == network.layers
    assert (table.network.hidden, table.network.output, table.network.loss) == (
        network.hidden,
        network.output,
        network.loss,
    )
    assert table.missing == ()


@pytest.mark.parametrize(
    "headers", [["E_0.1", "E_2.0"], ["error 10", "error 20"], ["E3", "error_4"], ["η=0.1 E_total", "η=2"]]
)
def test_errors_with_other_learning_rates_beside_a_table_are_no_part_of_it(tmp_path: Path, headers: list[str]) -> None:
    path = write(tmp_path / "book.xlsx", Handmade(steps=3))
    book = load_workbook(path)
    for n, header in enumerate(headers):
        for row in range(5, 10):
            book.active.cell(row, 33 + n, header if row == 5 else 0.25)
    book.save(path)
    (table,) = tables(path)
    assert (table.network.layers, table.missing) == ((2, 2, 2), ())
    assert {"E3", "E4"}.isdisjoint(table.columns)
    assert "eta" not in table.columns


def test_y_is_an_output_where_that_has_no_other_name_and_else_a_target(tmp_path: Path) -> None:
    path = write(tmp_path / "book.xlsx", Handmade(steps=3))
    book = load_workbook(path)
    for letter, header in (("A", "y1"), ("T", "y2")):
        book.active[f"{letter}5"] = header
    book.save(path)
    columns = tables(path)[0].columns
    assert (columns["t1"], columns["a_o2"]) == (1, 20)


def test_biases_that_layers_share_stand_for_all_their_neurons(tmp_path: Path) -> None:
    order = (*CLASSIC, "b1", "b2")
    formulas = FORMULAS | {
        name: f"{FORMULAS[name]}+{{b{1 if name[0] == 'h' else 2}}}" for name in ("h1", "h2", "o1", "o2")
    }
    start = START_A | {"b1": 0.35, "b2": 0.6}
    cells = {(bias, step): start[bias] for bias in ("b1", "b2") for step in range(4)}
    path = write(tmp_path / "book.xlsx", Handmade(Layout(order=order), start, formulas=formulas, cells=cells, steps=3))
    (table,) = tables(path)
    assert table.network.biases == "fixed"
    assert [table.places[bias] for bias in ("b1", "b2", "b3", "b4")] == ["b1", "b1", "b3", "b3"]
    assert [table.own_names.get(bias, bias) for bias in ("b1", "b2", "b3", "b4")] == ["b1", "b1", "b2", "b2"]


def test_all_weights_are_found_in_any_order(tmp_path: Path) -> None:
    path = write(tmp_path / "book.xlsx", Handmade(Layout(order=tuple(reversed(CLASSIC))), steps=2))
    assert set(WEIGHTS) <= set(tables(path)[0].columns)


def test_a_run_that_starts_again_is_another_table(tmp_path: Path) -> None:
    cells = {(w, 5): START_A[w] for w in WEIGHTS}
    found = tables(write(tmp_path / "book.xlsx", Handmade(cells=cells)))
    assert [(table.header_row, table.rows[0], table.steps) for table in found] == [(5, 6, 4), (5, 11, 3)]


def test_weights_that_never_move_do_not_start_again(tmp_path: Path) -> None:
    formulas = FORMULAS | {w: f"{{-{w}}}" for w in WEIGHTS}
    assert len(tables(write(tmp_path / "book.xlsx", Handmade(formulas=formulas)))) == 1


@pytest.mark.parametrize("headers", [("E_total",), ("error1", "error2"), ("step", "E_total", "t1")])
def test_a_header_that_stands_again_beside_the_table_does_not_cut_it(tmp_path: Path, headers: tuple[str, ...]) -> None:
    for first in (1, 45):
        path = write(tmp_path / "book.xlsx", Handmade(Layout(first_column=6), steps=3))
        book = load_workbook(path)
        for n, header in enumerate(headers):
            book.active.cell(5, first + n, header)
            for row in range(6, 10):
                book.active.cell(row, first + n, 0.5)
        book.save(path)
        (table,) = tables(path)
        assert table.missing == ()
        assert table.columns["E1"] == 6 + CLASSIC.index("E1")
        assert table.columns["E_total"] == 6 + CLASSIC.index("E_total")


def test_the_shares_of_both_outputs_are_no_columns_of_the_whole(tmp_path: Path) -> None:
    order = (*CLASSIC, "s1", "s2")
    formulas = FORMULAS | {"s1": "{w5}*({a_o1}-{t1})", "s2": "{w7}*({a_o2}-{t2})"}
    path = write(tmp_path / "book.xlsx", Handmade(Layout(order=order), formulas=formulas, steps=3))
    book = load_workbook(path)
    for cell in book.active[5]:
        cell.value = {"s1": "∂E1/∂a_h1", "s2": "∂E2/∂a_h1"}.get(cell.value, cell.value)
    book.save(path)
    (table,) = tables(path)
    assert "dE_da_h1" not in table.columns


def test_names_of_softmax_mean_nothing_in_another_network(tmp_path: Path) -> None:
    order = (*CLASSIC, "e_o1", "e_o2")
    formulas = FORMULAS | {"e_o1": "{t1}-{a_o1}", "e_o2": "{t2}-{a_o2}"}
    (table,) = tables(write(tmp_path / "book.xlsx", Handmade(Layout(order=order), formulas=formulas, steps=3)))
    assert table.network.output == "sigmoid"
    assert "e_o1" not in table.columns


def test_each_of_two_tables_has_the_block_above_it(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    for column in (1, 40):
        layout = Layout(order=CLASSIC[4:], constants="block", eta="block", header_row=14, first_column=column)
        write_table(sheet, Handmade(layout, steps=3))
    book.save(tmp_path / "book.xlsx")
    found = tables(tmp_path / "book.xlsx")
    assert [table.cells["t1"].column for table in found] == [3, 42]
    assert [table.cells["eta"].column for table in found] == [7, 46]


def test_inputs_are_found_on_a_sheet_of_parameters(tmp_path: Path) -> None:
    layout = Layout(order=CLASSIC[4:], constants="block", header_row=14)
    path = write(tmp_path / "book.xlsx", Handmade(layout, steps=3))
    book = load_workbook(path)
    parameters = book.create_sheet("Parameters")
    for row, name in enumerate(CONSTANTS, start=1):
        parameters.cell(row, 1, name)
        parameters.cell(row, 2, START_A[name])
    for row in (8, 9):
        for column in range(3, 7):
            book.active.cell(row, column).value = None
    for row in book.active.iter_rows(min_row=15):
        for cell in row:
            for n, letter in enumerate("CDEF", start=1):
                if isinstance(cell.value, str):
                    cell.value = cell.value.replace(f"${letter}$9", f"Parameters!$B${n}")
    book.save(path)
    (table,) = tables(path)
    assert {table.cells[name].sheet for name in CONSTANTS} == {"Parameters"}
    assert table.missing == ()


def test_a_number_of_inputs_that_the_weights_contradict_is_ignored(tmp_path: Path) -> None:
    path = write(tmp_path / "book.xlsx", Handmade(steps=2))
    book = load_workbook(path)
    book.active["J1"], book.active["K1"] = "x3", 7
    book.save(path)
    assert tables(path)[0].network.layers == (2, 2, 2)


def test_two_rows_of_headers_one_above_the_other_are_one_table(tmp_path: Path) -> None:
    path = write(tmp_path / "book.xlsx", Handmade(steps=2))
    book = load_workbook(path)
    for cell in book.active[5]:
        book.active.cell(4, cell.column, cell.value)
    book.save(path)
    assert [table.header_row for table in tables(path)] == [5]


@pytest.mark.parametrize("function", ["AVERAGE", "MIN"])
def test_a_row_that_sums_the_columns_up_is_no_step(tmp_path: Path, function: str) -> None:
    path = write(tmp_path / "book.xlsx", Handmade(steps=4))
    book = load_workbook(path)
    for column in range(1, 32):
        letters = get_column_letter(column)
        book.active.cell(12, column, f"={function}({letters}6:{letters}10)")
    book.save(path)
    assert tables(path)[0].rows == (6, 7, 8, 9, 10)


def test_rows_that_are_filled_ahead_and_show_nothing_are_no_steps(tmp_path: Path) -> None:
    formulas = {name: f'IF({{t1}}="","",{FORMULAS[name]})' for name in FORMULAS}
    cells = {(name, step): None for name in CONSTANTS for step in range(5, 9)}
    assert tables(write(tmp_path / "book.xlsx", Handmade(formulas=formulas, cells=cells)))[0].rows == (6, 7, 8, 9, 10)


def test_a_row_that_numbers_the_columns_is_no_step(tmp_path: Path) -> None:
    layout = Layout(units_row=True)
    path = write(tmp_path / "book.xlsx", Handmade(layout, steps=3))
    book = load_workbook(path)
    for column in range(1, 32):
        book.active.cell(6, column, column)
    book.save(path)
    assert tables(path)[0].rows == (7, 8, 9, 10)


def test_headers_that_stand_in_two_rows_are_joined(tmp_path: Path) -> None:
    path = write(tmp_path / "book.xlsx", Handmade(steps=3))
    book = load_workbook(path)
    for cell in book.active[5]:
        if cell.value[0] in "tiE∂":
            book.active.cell(4, cell.column, cell.value)
            cell.value = None
    book.save(path)
    (table,) = tables(path)
    assert (table.missing, table.header_row, set(CLASSIC) <= set(table.columns)) == ((), 5, True)


def test_hidden_neurons_that_are_called_otherwise_are_missing(tmp_path: Path) -> None:
    path = write(tmp_path / "book.xlsx", Handmade(steps=3))
    book = load_workbook(path)
    for cell in book.active[5]:
        cell.value = {"h1": "neuron A", "h2": "neuron B", "a_h1": "out A", "a_h2": "out B"}.get(cell.value, cell.value)
    book.save(path)
    assert "i3" in tables(path)[0].missing


@pytest.mark.parametrize(
    ("hidden", "output"),
    [("tanh", "sigmoid"), ("sigmoid", "tanh"), ("relu", "linear"), ("leaky relu", "sigmoid"), ("tanh", "leaky relu")],
)
def test_hidden_and_output_neurons_may_have_different_activations(tmp_path: Path, hidden: str, output: str) -> None:
    texts = {
        "sigmoid": "1/(1+EXP(-{z}))",
        "tanh": "TANH({z})",
        "relu": "MAX({z},0)",
        "leaky relu": "IF({z}>0,{z},0.01*{z})",
        "linear": "{z}",
    }
    formulas = FORMULAS | {f"a_{z}": texts[hidden].replace("{z}", f"{{{z}}}") for z in ("h1", "h2")}
    formulas |= {f"a_{z}": texts[output].replace("{z}", f"{{{z}}}") for z in ("o1", "o2")}
    # h2 is negative, and o1 and o2 are where the functions differ, so that no two of them agree
    start = START_A | {"w3": -0.25, "w4": -0.3, "w5": -0.4, "w7": -0.5}
    (table,) = tables(write(tmp_path / "book.xlsx", Handmade(start=start, formulas=formulas, steps=3)))
    assert (table.network.hidden, table.network.output) == (hidden, output)


def with_unlabelled_inputs(path: Path, written: Callable[[int, str], str]) -> Workbook:
    """A workbook whose inputs and targets stand on another sheet without a label; how the formulas refer to them."""
    layout = Layout(order=CLASSIC[4:], constants="block", header_row=14)
    book = load_workbook(write(path, Handmade(layout, steps=3)))
    inputs = book.create_sheet("Inputs")
    for n, name in enumerate(CONSTANTS, start=1):
        inputs.cell(2 * n, 3, START_A[name])
    for row in (8, 9):
        for column in range(3, 7):
            book["Sheet1"].cell(row, column).value = None
    for row in book["Sheet1"].iter_rows(min_row=15):
        for cell in row:
            for n, name in enumerate(CONSTANTS, start=1):
                if isinstance(cell.value, str):
                    cell.value = cell.value.replace(f"${'CDEF'[n - 1]}$9", written(n, name))
    return book


@pytest.mark.parametrize(
    "written", [lambda n, name: f"Inputs!$C${2 * n}", lambda n, name: f"{name[0]}_{name[1]}"], ids=["cell", "name"]
)
def test_inputs_that_only_a_defined_name_tells_are_found(tmp_path: Path, written: Callable[[int, str], str]) -> None:
    path = tmp_path / "book.xlsx"
    book = with_unlabelled_inputs(path, written)
    for n, name in enumerate(CONSTANTS, start=1):
        defined = f"{name[0]}_{name[1]}"
        book.defined_names[defined] = DefinedName(defined, attr_text=f"Inputs!$C${2 * n}")
    book.save(path)
    (table,) = tables(path)
    assert {name: table.cells[name] for name in CONSTANTS} == {
        name: Cell("Inputs", 2 * n, 3) for n, name in enumerate(CONSTANTS, start=1)
    }
    assert table.missing == ()


def test_inputs_that_nothing_tells_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    book = with_unlabelled_inputs(path, lambda n, name: f"Inputs!$C${2 * n}")
    # names that mean no number, and one of another kind
    for name, target in (("i_1", "Inputs!$A$1"), ("i_2", "Inputs!$C$2:$C$4"), ("w_1", "Inputs!$C$2")):
        book.defined_names[name] = DefinedName(name, attr_text=target)
    book.save(path)
    (table,) = tables(path)
    assert set(table.missing) == set(CONSTANTS)
    assert "w1" not in table.cells


def test_a_table_of_ours_is_found_as_anybodys(classic: Built, tmp_path: Path) -> None:
    book = load_workbook(classic.path)
    del book["Network"], book["Derivation"], book["Gradient check"]
    book.save(tmp_path / "anybodys.xlsx")
    training = classic.layout.training
    for found, sheet in zip(tables(tmp_path / "anybodys.xlsx"), ("η=0.5", "η=2"), strict=True):
        assert (found.sheet, found.header_row, found.rows, found.missing) == (sheet, 3, tuple(range(4, 17)), ())
        assert {name: column_letters(column) for name, column in found.columns.items()} == training.letters
        assert found.cells["eta"] == Cell(sheet, 2, 3)


def test_a_table_of_ours_that_libreoffice_saved_is_found_where_it_was(
    classic: Built, tmp_path: Path, libreoffice: str
) -> None:
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    save = [libreoffice, profile, "--headless", "--convert-to", "xlsx", "--outdir", tmp_path, classic.path]
    subprocess.run(save, check=True, capture_output=True, timeout=120)
    result = check(tmp_path / classic.path.name)
    assert result.correct
    assert [(table.sheet, table.header_row, table.first_row, table.last_row) for table in result.tables] == [
        ("η=0.5", 3, 4, 16),
        ("η=2", 3, 4, 16),
    ]
