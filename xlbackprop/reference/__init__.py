"""The mathematics once more, independent of it: NumPy's opinion on every number."""

from xlbackprop.reference.expected import (
    Expected,
    expected_by_optimizer,
    expected_forward,
    expected_gathered,
    expected_step,
    expected_update,
    lowest_inputs,
)
from xlbackprop.reference.functions import Array, activate
from xlbackprop.reference.passes import (
    mean_of_last,
    named,
    quantity_names,
    run,
    run_of_passes,
    start_parameters,
    train,
    training_step,
)
from xlbackprop.reference.rounding import TINY, TOLERANCE, reference_totals

__all__ = [
    "TINY",
    "TOLERANCE",
    "Array",
    "Expected",
    "activate",
    "expected_by_optimizer",
    "expected_forward",
    "expected_gathered",
    "expected_step",
    "expected_update",
    "lowest_inputs",
    "mean_of_last",
    "named",
    "quantity_names",
    "reference_totals",
    "run",
    "run_of_passes",
    "start_parameters",
    "train",
    "training_step",
]
