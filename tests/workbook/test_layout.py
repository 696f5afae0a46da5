import pytest
from openpyxl.utils import column_index_from_string, get_column_letter

from xlbackprop.backprop.network import Network
from xlbackprop.backprop.samples import Showing, whole_batch
from xlbackprop.backprop.templates import load_template
from xlbackprop.errors import UnusableInput
from xlbackprop.spreadsheet.addresses import column_letters, column_number, quoted
from xlbackprop.spreadsheet.numbers import short_number
from xlbackprop.workbook import layout
from xlbackprop.workbook.layout import WorkbookLayout, sheet_name


@pytest.mark.parametrize("number", [1, 26, 27, 52, 53, 702, 703, 16_384])
def test_columns_are_lettered_as_spreadsheets_do(number: int) -> None:
    assert column_letters(number) == get_column_letter(number)
    assert column_number(column_letters(number)) == column_index_from_string(get_column_letter(number))


def test_sheets_are_named_by_their_learning_rate() -> None:
    assert [sheet_name(eta) for eta in (0.1, 1.0, 20, 1e-05, 0.123456789)] == [
        "η=0.1",
        "η=1",
        "η=20",
        "η=1e-05",
        "η=0.123456789",
    ]
    assert (quoted("η=1"), quoted("Network"), quoted("Gradient check")) == ("'η=1'", "Network", "'Gradient check'")


def test_a_number_is_written_as_a_person_types_it() -> None:
    assert [short_number(value) for value in (1, 0.5, -2.0, 1e-300)] == ["1", "0.5", "-2", "1e-300"]


def test_round_steps_end_with_the_last_step() -> None:
    steps = {n: WorkbookLayout(load_template("A"), (1.0,), n).round_steps for n in (1, 7, 200)}
    assert steps == {1: [0, 1], 7: [0, 1, 2, 5, 7], 200: [0, 1, 2, 5, 10, 20, 50, 100, 200]}


def test_the_last_row_of_a_sheet_can_be_used() -> None:
    layout = WorkbookLayout(load_template("A"), (1.0,), 1_048_572)
    assert layout.training.last_row == 1_048_576
    with pytest.raises(UnusableInput, match="1,048,573 steps do not fit into a sheet"):
        WorkbookLayout(load_template("A"), (1.0,), 1_048_573)


def test_more_samples_than_the_data_sheet_has_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "MAX_ROWS", 12)

    def in_turn(count: int) -> Network:
        samples = Showing(batch=1).of([(0.1, 0.2)] * count, [(0.0, 1.0)] * count)
        return load_template("A").with_samples(samples)

    assert WorkbookLayout(in_turn(7), (1.0,), 3)
    with pytest.raises(UnusableInput, match="8 samples do not fit into a sheet, which has room for 7 of them"):
        WorkbookLayout(in_turn(8), (1.0,), 3)


def test_more_samples_in_a_step_than_two_steps_have_room_for_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "MAX_ROWS", 12)

    def at_once(count: int) -> Network:
        return load_template("A").with_samples(whole_batch([(0.1, 0.2)] * count, [(0.0, 1.0)] * count))

    assert WorkbookLayout(at_once(4), (1.0,), 1)
    with pytest.raises(UnusableInput, match=r"2 steps of 4 samples do not fit .* room for 1 such steps"):
        WorkbookLayout(at_once(4), (1.0,), 2)
    with pytest.raises(UnusableInput, match="5 samples in each step do not fit into a sheet: give at most 4"):
        WorkbookLayout(at_once(5), (1.0,), 1)
