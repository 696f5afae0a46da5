from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_train.evaluation import Result
from mnist_train.history import EpochRecord, from_csv, record, to_csv

PLAIN = EpochRecord(
    epoch=1,
    learning_rate=0.05,
    train_loss=0.25,
    train_accuracy=92.5,
    test_loss=0.0625,
    test_accuracy=98.01,
    averaged_test_loss=None,
    averaged_test_accuracy=None,
    seconds=1.5,
)
AVERAGED = replace(PLAIN, epoch=2, averaged_test_loss=0.03125, averaged_test_accuracy=99.1)
HEADER = (
    "epoch,learning_rate,train_loss,train_accuracy,test_loss,test_accuracy,"
    "averaged_test_loss,averaged_test_accuracy,seconds"
)
# what nine digits can hold
NUMBER = st.integers(0, 10**9 - 1).map(lambda number: number / 10**6)


def test_a_run_is_a_line_an_epoch_with_nothing_where_there_is_no_average() -> None:
    assert to_csv([PLAIN, AVERAGED]).splitlines() == [
        HEADER,
        "1,0.05,0.25,92.5,0.0625,98.01,,,1.5",
        "2,0.05,0.25,92.5,0.0625,98.01,0.03125,99.1,1.5",
    ]
    assert to_csv([PLAIN]).endswith("\n")


@given(
    st.lists(
        st.builds(
            EpochRecord,
            epoch=st.integers(1, 10_000),
            learning_rate=NUMBER,
            train_loss=NUMBER,
            train_accuracy=NUMBER,
            test_loss=NUMBER,
            test_accuracy=NUMBER,
            averaged_test_loss=st.none() | NUMBER,
            averaged_test_accuracy=st.none() | NUMBER,
            seconds=NUMBER,
        )
    )
)
def test_a_history_comes_back_from_its_text(history: list[EpochRecord]) -> None:
    assert from_csv(to_csv(history)) == history


@pytest.mark.parametrize(
    "change",
    [
        # a column more or less, a word, and a number that must be there
        lambda text: text.replace("\n", ",5\n"),
        lambda text: text.replace("epoch,", "", 1),
        lambda text: text.replace("seconds", "minutes"),
        lambda text: text.replace("\n2,", "\ntwo,"),
        lambda text: text.replace("\n2,", "\n,"),
        lambda text: text[: text.rindex(",")],
        lambda text: text + '"' + "1" * 200_000,
    ],
)
def test_another_text_is_refused(change: Callable[[str], str]) -> None:
    text = to_csv([AVERAGED])
    assert change(text) != text
    with pytest.raises((ValueError, TypeError)):
        from_csv(change(text))


def test_epochs_come_back_as_whole_numbers_and_a_loss_of_0_is_not_none() -> None:
    (line,) = from_csv(to_csv([replace(AVERAGED, averaged_test_loss=0.0)]))
    assert (line.epoch, type(line.epoch)) == (2, int)
    assert line.averaged_test_loss == 0.0


def test_small_numbers_keep_nine_digits() -> None:
    (line,) = from_csv(to_csv([replace(PLAIN, test_loss=1.23456789e-7)]))
    assert line.test_loss == 1.23456789e-7


def test_a_run_stands_for_the_averaged_weights_if_there_are_any() -> None:
    assert (PLAIN.accuracy, PLAIN.loss) == (98.01, 0.0625)
    assert (AVERAGED.accuracy, AVERAGED.loss) == (99.1, 0.03125)
    worthless = replace(AVERAGED, averaged_test_accuracy=0.0, averaged_test_loss=0.0)
    assert (worthless.accuracy, worthless.loss) == (0.0, 0.0)


@pytest.mark.parametrize(("averaged", "numbers"), [(None, (None, None)), (Result(0.5, 3, 4), (0.5, 75.0))])
def test_a_record_takes_each_number_to_its_place(
    averaged: Result | None, numbers: tuple[float | None, float | None]
) -> None:
    line = record(3, 0.01, (0.75, 60.0), (Result(0.625, 1, 2), averaged), 2.5)
    assert line == EpochRecord(
        epoch=3,
        learning_rate=0.01,
        train_loss=0.75,
        train_accuracy=60.0,
        test_loss=0.625,
        test_accuracy=50.0,
        averaged_test_loss=numbers[0],
        averaged_test_accuracy=numbers[1],
        seconds=2.5,
    )
