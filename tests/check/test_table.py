"""A table without a wrong formula may leave NumPy's run by rounding alone."""

from pathlib import Path

import pytest

from tests.check.reading import contents_of
from tests.handmade import FORMULAS, Handmade
from xlbackprop.check import table
from xlbackprop.check.table import judge_contents


@pytest.mark.parametrize(("error", "told"), [(0.8e-6, False), (1.2e-6, True)])
def test_a_run_that_leaves_numpy_by_more_than_rounding_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: float, told: bool
) -> None:
    monkeypatch.setattr(table, "largest_error", lambda _: error)
    judged = judge_contents(contents_of(tmp_path, Handmade(steps=3)))
    assert ("E_total leaves NumPy's own run from the start values by 1.2e-06" in judged.notes) is told
    assert judged.largest_error == error


def test_it_is_not_noted_where_a_formula_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "largest_error", lambda _: 1.0)
    judged = judge_contents(contents_of(tmp_path, Handmade(steps=3, formulas=FORMULAS | {"h1": "{w1}*{i1}"})))
    assert judged.findings
    assert not any("NumPy" in note for note in judged.notes)
