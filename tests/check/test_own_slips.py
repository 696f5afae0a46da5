"""A formula of a table of ours is told from the one that was built there by the cells that it takes."""

import pytest

from xlbackprop.backprop.network import Network
from xlbackprop.check.own_slips import gathering_slip, other_cells_alone
from xlbackprop.tables.table import Table

NETWORK = Network.blank((1, 1))
STEPS = Table("η=0.5", 10, tuple(range(11, 20)), {"w1": 2, "E_total": 3, "dE_dw1": 4}, {}, NETWORK)
SAMPLES = Table("Samples", 1, tuple(range(2, 40)), {"E_total": 5, "dE_dw1": 6, "dE_do1": 7}, {}, NETWORK)


@pytest.mark.parametrize(
    ("text", "built", "slip"),
    [
        ("=AVERAGE(Samples!F2:F5)", "=SUM(Samples!F2:F5)", "averages where the step adds up"),
        ("=SUM(Samples!F2:F5)", "=AVERAGE(Samples!F2:F5)", "adds up where the step takes the mean"),
        ("=SUM(Samples!F2:F4)", "=SUM(Samples!F2:F5)", "leaves out 1 of 4 samples"),
        ("=SUM(Samples!F3:F6)", "=SUM(Samples!F2:F5)", "takes its numbers from another step"),
        ("=SUM(Samples!E2:E5)", "=SUM(Samples!F2:F5)", "takes E_total instead of ∂E/∂w1"),
        ("=SUM(Samples!Z2:Z5)", "=SUM(Samples!F2:F5)", "takes its numbers from other cells"),
        ("=SUM(Elsewhere!E2:E5)", "=SUM(Samples!F2:F5)", "takes its numbers from other cells"),
        ("=SUM(Samples!F$2:F5)", "=SUM(Samples!F2:F5)", ""),
        ("=B11-$C$2*D11", "=B11-$C$1*D11", "takes C2 instead of C1"),
    ],
)
def test_the_slip_of_a_formula_that_gathers_is_named(text: str, built: str, slip: str) -> None:
    found = gathering_slip(text, built, [STEPS, SAMPLES])
    assert found is not None
    assert found.sentence == slip


def test_the_cells_that_built_and_changed_formula_share_are_no_slip() -> None:
    assert gathering_slip("=2*SUM(Samples!F2:F5)", "=SUM(Samples!F2:F5)", [STEPS, SAMPLES]) is None


def test_other_cells_are_the_slip_only_where_nothing_else_differs() -> None:
    found = other_cells_alone("=B11-D12", "=B11-D11", [STEPS])
    assert found is not None
    assert (found.sentence, found.shifted) == ("takes its numbers from another step", True)
    assert other_cells_alone("=B11+D12", "=B11-D11", [STEPS]) is None
