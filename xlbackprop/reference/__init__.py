"""The mathematics once more, independent of it: NumPy's opinion on every number.

This package shares nothing with the formulas of the workbook but what is trained: network, samples and optimizer.
Of spreadsheets it knows one thing, below which input Excel's EXP overflows, because a right formula fails there.
"""

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
from xlbackprop.reference.naming import named, quantity_names
from xlbackprop.reference.passes import start_parameters, training_step
from xlbackprop.reference.rounding import TINY, TOLERANCE, reference_totals
from xlbackprop.reference.training import mean_of_last, run, run_of_passes, train

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
