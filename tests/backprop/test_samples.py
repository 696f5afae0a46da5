import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlbackprop.backprop.samples import ALL_AT_ONCE, Samples, Showing, whole_batch
from xlbackprop.errors import UnusableInput

INPUTS = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))
TARGETS = ((0.0,), (1.0,), (1.0,), (0.0,))
XOR = whole_batch(INPUTS, TARGETS)


def numbered(count: int, **showing) -> Samples:
    """So many samples of one input and one target, shown so."""
    return Showing(**showing).of([(float(n),) for n in range(count)], [(0.5,)] * count)


def test_without_another_word_each_step_takes_all_samples_and_adds_up() -> None:
    assert (XOR.count, XOR.batch, XOR.epoch, XOR.in_turn, XOR.reduction) == (4, 4, 1, False, "sum")
    assert [XOR.shown(step) for step in (0, 1, 7)] == [[0, 1, 2, 3]] * 3


def test_in_turn_each_step_takes_the_next_one() -> None:
    samples = numbered(3, batch=1)
    assert samples.in_turn
    assert [samples.shown(step) for step in range(5)] == [[0], [1], [2], [0], [1]]


@given(st.integers(1, 12), st.integers(1, 6), st.none() | st.integers(0, 99))
def test_an_epoch_shows_each_sample_once_whatever_the_batch_and_the_order(batch: int, epoch: int, seed) -> None:
    samples = numbered(batch * epoch, batch=batch, seed=seed)
    for first in (0, epoch, 5 * epoch):
        shown = [number for step in range(first, first + epoch) for number in samples.shown(step)]
        assert sorted(shown) == list(range(batch * epoch))


def test_a_seed_draws_the_same_order_everywhere() -> None:
    assert numbered(8, seed=3).order == (1, 6, 8, 3, 2, 7, 5, 4)
    assert numbered(8, seed=4).order != numbered(8, seed=3).order


@pytest.mark.parametrize(
    ("count", "batch", "sentence"),
    [
        (4, 3, r"batch = 3 does not divide 4 samples: use one of 1, 2, 4\."),
        (4, 5, r"batch = 5 does not divide 4 samples: use one of 1, 2, 4\."),
        (4, -2, "batch = -2 does not divide 4 samples"),
        (4, 0, 'batch = 0 takes no sample: use "all", or one of 1, 2, 4'),
        (1, 10, r"batch = 10 does not divide 1 sample: use one of 1\."),
        (150, 4, r"use one of 1, 2, 3, 5, 6, 10, 15, 25, 30, 50, 75, 150\."),
        (180, 7, r"use one of 1, 2, 3, 4, 5, 6, 9, 10, 12, 15, 18 \.\.\. 180\."),
    ],
)
def test_a_batch_that_does_not_divide_the_samples_is_refused(count: int, batch: int, sentence: str) -> None:
    with pytest.raises(UnusableInput, match=sentence):
        numbered(count, batch=batch)


def test_without_samples_there_is_nothing_to_learn() -> None:
    with pytest.raises(UnusableInput, match="There are no samples: give at least one"):
        ALL_AT_ONCE.of([], [])


def test_errors_are_added_up_or_averaged_and_nothing_else() -> None:
    with pytest.raises(UnusableInput, match='reduction = "median" is not known: use one of sum, mean'):
        numbered(2, reduction="median")


@pytest.mark.parametrize("order", [(1, 2, 3), (1, 2, 3, 5), (0, 1, 2, 3)])
def test_an_order_has_a_number_for_each_sample(order: tuple[int, ...]) -> None:
    with pytest.raises(UnusableInput, match="must be 4 numbers from 1 to 4"):
        dataclasses.replace(XOR, order=order)


@pytest.mark.parametrize(("value", "shown"), [(float("nan"), "nan"), (float("inf"), "inf")])
def test_a_value_that_no_cell_can_hold_is_named_with_its_sample(value: float, shown: str) -> None:
    with pytest.raises(UnusableInput, match=rf"i2 = {shown} of sample 3 is no number"):
        whole_batch([*INPUTS[:2], (1.0, value)], TARGETS[:3])
    with pytest.raises(UnusableInput, match=rf"t1 = {shown} of sample 1 is no number"):
        whole_batch(INPUTS[:1], [(value,)])


def test_classes_have_a_name_each() -> None:
    assert ALL_AT_ONCE.of(INPUTS, TARGETS, ["no", "yes"]).classes == ("no", "yes")
    with pytest.raises(UnusableInput, match="The targets tell 2 classes apart, but 3 have a name"):
        ALL_AT_ONCE.of(INPUTS, TARGETS, ["no", "yes", "perhaps"])
    with pytest.raises(UnusableInput, match="The targets tell 3 classes apart, but 2 have a name"):
        ALL_AT_ONCE.of(INPUTS[:2], [(1.0, 0.0, 0.0), (0.0, 0.0, 1.0)], ["no", "yes"])


@pytest.mark.parametrize("targets", [[(0.0,), (0.5,), (1.0,)], [(1.0, 1.0), (0.0, 1.0)], [(0.2, 0.8), (1.0, 0.0)]])
def test_targets_that_tell_no_classes_apart_have_no_names_for_them(targets) -> None:
    with pytest.raises(UnusableInput, match="the targets tell no classes apart"):
        ALL_AT_ONCE.of([(0.0,)] * len(targets), targets, ["no", "yes"])
