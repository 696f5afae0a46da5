"""The roster of GitHub Classroom."""

from pathlib import Path

import pytest

from xlbackprop.errors import UnusableInput
from xlbackprop.grading.rosters import read_roster

HEADER = '"identifier","github_username","github_id","name"\n'


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "roster.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_account_belongs_to_its_identifier(tmp_path: Path) -> None:
    lines = '"Jane Doe","jane-doe","1","J."\n"John Roe","","",""\n"","max","3","Max Moe"\n"","solo","4",""\n'
    roster = read_roster(write(tmp_path, HEADER + lines))
    assert roster.accounts == {"jane-doe": "Jane Doe", "max": "Max Moe"}
    assert roster.names == ["Jane Doe", "Max Moe", "John Roe"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name,account\nJane,jane\n", "is no roster of GitHub Classroom"),
        (HEADER + '"John Roe","","",""\n', "names no account"),
    ],
)
def test_what_is_no_roster_is_told(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(UnusableInput, match=sentence):
        read_roster(write(tmp_path, text))
