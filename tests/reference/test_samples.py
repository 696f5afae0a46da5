import numpy as np
import pytest

from xlbackprop.backprop.samples import Samples, whole_batch
from xlbackprop.reference.samples import answered, reduced

TWO_TARGETS = whole_batch([[0.0], [1.0]], [[0.2], [0.8]])
THREE_CLASSES = whole_batch([[0.0], [1.0], [2.0]], np.eye(3).tolist())


def test_a_single_output_is_right_nearer_to_its_target_than_half_way_to_the_other_one() -> None:
    right, ahead = answered(TWO_TARGETS, np.array([[0.3], [0.7], [np.nan]]), np.array([[0.2], [0.2], [0.2]]))
    assert right.tolist() == [True, False, False]
    assert ahead == pytest.approx([0.2, -0.2, np.nan], nan_ok=True)


def test_of_several_outputs_that_of_the_class_must_be_the_largest() -> None:
    outputs = np.array([[0.5, 0.5, 0.1], [0.2, 0.7, 0.9], [np.inf, 0.0, -np.inf]])
    right, ahead = answered(THREE_CLASSES, outputs, np.array([[1, 0, 0], [0, 1, 0], [0, 1, 0]]))
    assert right.tolist() == [True, False, False]
    assert ahead == pytest.approx([0.0, -0.2, -np.inf])


@pytest.mark.parametrize(("reduction", "one"), [("sum", 6.0), ("mean", 2.0)])
def test_the_numbers_of_several_samples_become_one(reduction: str, one: float) -> None:
    samples = Samples(((0.0,),) * 3, ((0.0,),) * 3, 3, reduction)
    assert reduced(samples, np.array([[1.0, 2.0, 3.0]])) == pytest.approx([one])
