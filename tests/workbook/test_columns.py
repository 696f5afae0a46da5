"""The columns of the tables of a training with several samples: their order, notes and looks."""

import pytest

from tests import xor
from xlbackprop.backprop.network import Network
from xlbackprop.errors import UnusableInput
from xlbackprop.workbook import looks
from xlbackprop.workbook.columns import column_look, notes_of_passes, notes_of_steps
from xlbackprop.workbook.layout import WorkbookLayout
from xlbackprop.workbook.table_layout import samples_layout, training_layout

IN_TURN = xor.XOR.with_samples(xor.IN_TURN)


def names(columns) -> list[str]:
    return [column.name for column in columns]


def test_a_step_over_a_batch_has_its_weights_and_what_it_gathers() -> None:
    assert names(training_layout(xor.XOR, 3).columns) == [
        *("step", "w1", "w2", "w3", "w4", "b1", "b2", "w5", "w6", "b3"),
        *("a_o1_of_1", "a_o1_of_2", "a_o1_of_3", "a_o1_of_4", "E_total", "accuracy"),
        *("dE_dw1", "dE_dw2", "dE_dw3", "dE_dw4", "dE_dw5", "dE_dw6", "dE_db1", "dE_db2", "dE_db3"),
    ]


def test_in_turn_a_step_has_all_of_its_sample_and_means_over_an_epoch() -> None:
    found = names(training_layout(IN_TURN, 3).columns)
    assert found[:5] == ["step", "sample", "t1", "i1", "i2"]
    assert found[found.index("E1") :][:5] == ["E1", "E_total", "right", "E_epoch", "accuracy"]
    assert found[-9:] == names(samples_layout(xor.XOR, 3).columns)[-9:]


@pytest.mark.parametrize("network", [xor.XOR, IN_TURN, xor.XOR.with_samples(xor.IN_MINI_BATCHES)])
def test_each_column_has_a_note_that_says_what_it_is(network: Network) -> None:
    notes = notes_of_steps(network)
    assert {name for name in names(training_layout(network, 3).columns) if not notes[name]} == set()
    notes = notes_of_passes(network)
    assert {name for name in names(samples_layout(network, 3).columns) if name in notes and not notes[name]} == set()


@pytest.mark.parametrize(
    ("network", "name", "note"),
    [
        (
            xor.XOR,
            "E_total",
            "The error of the step: the sum of those of its 4 samples. It is what training makes small.",
        ),
        (xor.XOR, "accuracy", "The part of the step's samples that are answered right."),
        (xor.XOR, "a_o1_of_3", "What the network answers to sample 3: its a_o1."),
        (xor.XOR, "dE_dw1", "How E_total changes with w1: the sum of those of its 4 samples."),
        (IN_TURN, "E_epoch", "The mean of E_total of the last 4 steps, or of all where there are fewer."),
        (IN_TURN, "sample", "Which sample of the sheet Data this row takes."),
    ],
)
def test_the_note_of_a_column_that_gathers_says_how(network: Network, name: str, note: str) -> None:
    assert notes_of_steps(network)[name].split("\n")[0] == note


def test_a_part_of_right_answers_is_shown_as_a_share() -> None:
    columns = {column.name: column for column in training_layout(xor.XOR, 3).columns}
    assert column_look(columns["accuracy"]) is looks.SHARE
    assert column_look(columns["E_total"]) is looks.TOTAL


def test_more_steps_of_samples_than_a_sheet_has_rows_are_refused_with_how_many_fit() -> None:
    assert WorkbookLayout(xor.XOR, (0.5,), 262_142).samples.last_row <= 1_048_576
    with pytest.raises(
        UnusableInput,
        match="262,143 steps of 4 samples do not fit into a sheet, which has room for 262,142 such steps",
    ):
        WorkbookLayout(xor.XOR, (0.5,), 262_143)
