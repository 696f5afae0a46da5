"""The roster of GitHub Classroom: which account belongs to whom."""

from pathlib import Path

from xlbackprop.errors import UnusableInput
from xlbackprop.grading.csv_text import CsvText

_ACCOUNT, _NAMES = "github_username", ("identifier", "name")


def read_roster(path: Path) -> dict[str, str]:
    """The name of each person by GitHub account; accounts that nobody has claimed are left out.

    Args:
        path: the CSV file that GitHub Classroom has for download, with the columns identifier and github_username.

    Raises:
        UnusableInput: it cannot be read, or lacks these columns.
    """
    header, *rows = [[cell.value for cell in row] for row in CsvText(path).rows if row]
    if _ACCOUNT not in header or _NAMES[0] not in header:
        raise UnusableInput(
            f"{path} is no roster of GitHub Classroom: it lacks the columns {_NAMES[0]} and {_ACCOUNT}."
        )
    found = {}
    for row in rows:
        of = dict(zip(header, row, strict=False))
        name = next((of[key].strip() for key in _NAMES if of.get(key, "").strip()), "")
        if (account := of.get(_ACCOUNT, "").strip()) and name:
            found[account] = name
    if not found:
        raise UnusableInput(f"{path} names no account: have the class accept the assignment first.")
    return found
