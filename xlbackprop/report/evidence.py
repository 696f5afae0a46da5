"""What a finding is seen by: the cells that its formula takes, and the error as it is and as it should be."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Piece:
    """A piece of a sheet around a wrong cell.

    Attributes:
        columns: the letters of its columns.
        headers: what stands above each.
        rows: the numbers of its rows.
        cells: what each row shows.
        wrong: the addresses of the cells that are wrong.
    """

    columns: tuple[str, ...]
    headers: tuple[str, ...]
    rows: tuple[int, ...]
    cells: tuple[tuple[str, ...], ...]
    wrong: frozenset[str]


@dataclass(frozen=True)
class Curves:
    """The error over the steps of a training.

    Attributes:
        steps: the steps that are shown.
        found: E_total as it stands in the table; None for what is no number.
        expected: E_total as NumPy computes it from the first row.
    """

    steps: tuple[int, ...]
    found: tuple[float | None, ...]
    expected: tuple[float | None, ...]
