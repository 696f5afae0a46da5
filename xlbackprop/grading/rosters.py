"""The roster of GitHub Classroom: which account belongs to whom."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from xlbackprop.errors import UnusableInput
from xlbackprop.grading.csv_text import CsvText

_ACCOUNT, _NAMES = "github_username", ("identifier", "name")


@dataclass(frozen=True)
class Roster:
    """Who is in a class.

    Attributes:
        accounts: the name of each person by GitHub account.
        without: the names of people who have claimed no account.
    """

    accounts: Mapping[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """Of everybody."""
        return [*self.accounts.values(), *self.without]


def read_roster(path: Path) -> Roster:
    """The roster of a class.

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
    found, without = {}, []
    for row in rows:
        of = dict(zip(header, row, strict=False))
        name = next((of[key].strip() for key in _NAMES if of.get(key, "").strip()), "")
        account = of.get(_ACCOUNT, "").strip()
        if account and name:
            found[account] = name
        elif name:
            without.append(name)
    if not found:
        raise UnusableInput(f"{path} names no account: have the class accept the assignment first.")
    return Roster(found, tuple(without))
