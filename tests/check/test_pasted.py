"""How far pasted numbers may be off follows from how they were rounded, and from all that was pasted with them."""

from pathlib import Path

import pytest

from tests.check.reading import contents_of
from tests.handmade import GRADIENTS, START_C, Handmade
from xlbackprop.check import pasted
from xlbackprop.check.pasted import Rounding

COLUMNS = ("h1", "a_h1", "h2", "a_h2", "o1", "a_o1", "o2", "a_o2", "E1", "E2")


@pytest.mark.parametrize(("count", "may_be_off"), [(9, False), (10, True)])
def test_ten_pasted_numbers_show_how_they_were_rounded_and_fewer_do_not(
    tmp_path: Path, count: int, may_be_off: bool
) -> None:
    cells: dict[tuple[str, int], str | float | None] = {(name, 2): 0.4 for name in COLUMNS[:count]}
    allowed = Rounding(contents_of(tmp_path, Handmade(start=START_C, steps=4, cells=cells))).allowed
    # 0.4 as somebody rounded it may be 0.43
    assert bool(allowed["h1"][2] > 0.03) is may_be_off


def test_what_follows_from_what_follows_from_rounded_numbers_may_be_off_by_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells: dict[tuple[str, int], str | float | None] = {
        (name, step): round(0.01 * (n + step + 1), 3) for n, name in enumerate(GRADIENTS) for step in range(6)
    }
    contents = contents_of(tmp_path, Handmade(start=START_C, steps=5, cells=cells))
    followed = Rounding(contents).allowed["E_total"][5]
    monkeypatch.setattr(pasted, "_PASSES", 2)
    assert followed > Rounding(contents).allowed["E_total"][5] > 0
