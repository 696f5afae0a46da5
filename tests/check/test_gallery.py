"""The gallery of slips in the documentation shows what `check` says, and what mends each of them mends it."""

from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.gallery import CASES, row
from tests.mended import mended
from xlbackprop.check.file import check


@pytest.mark.parametrize("name", CASES)
def test_the_documentation_shows_what_is_said_of_a_slip(tmp_path: Path, name: str) -> None:
    assert row(name, tmp_path) in (REPOSITORY / "docs/checking.md").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("by", ["mend", "expected"])
@pytest.mark.parametrize("name", CASES)
def test_what_mends_a_slip_makes_the_table_right(tmp_path: Path, name: str, by: str) -> None:
    checked = CASES[name].checked(tmp_path)
    assert checked.tables[0].verdict == "wrong"
    (table,) = check(mended(checked, tmp_path / "mended.xlsx", by=by)).tables
    # a weight that was pasted goes on from the wrong gradient
    assert table.verdict == "correct" or [finding.quantity for finding in table.findings if finding.slip] == ["w6"]
