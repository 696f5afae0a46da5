"""What a check of a workbook finds: causes, differences, and a verdict a sheet."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xlbackprop.tables.own import TrainingTable

#: A sentence names so many ranges; more would bury what it says.
_MOST_RANGES = 3


def listed(ranges: Sequence[str]) -> str:
    """The first of these ranges, as they stand in a sentence."""
    return ", ".join(ranges[:_MOST_RANGES]) + (" ..." if len(ranges) > _MOST_RANGES else "")


@dataclass(frozen=True)
class Finding:
    """A cause: a quantity whose cells do not hold what they should.

    Attributes:
        quantity: its ASCII name, or what the cell is on a sheet without a training table.
        kind: `formula`, `update`, `constant`, `error` or `reference`.
        cell: the first cell that is wrong.
        rows: how many cells are wrong.
        found: the formula or number that stands there.
        expected: the formula or number that should stand there.
        max_abs_error: the largest error; None where the cell holds no number.
        ranges: all cells that are wrong, as ranges: `Z33:Z100`.
        slip: what the formula does wrong, as the end of a sentence; empty where that is not known.
    """

    quantity: str
    kind: str
    cell: str
    rows: int
    found: str
    expected: str
    max_abs_error: float | None
    ranges: tuple[str, ...] = ()
    slip: str = ""


@dataclass(frozen=True)
class CheckedTable:
    """What was found in one backpropagation table, whoever made it.

    Attributes:
        sheet: the sheet that it stands on.
        header_row, first_row, last_row: where it stands; None where no row holds numbers.
        steps: the number of updates.
        learning_rate: the one that it starts with; None if nothing tells.
        verdict: `correct`, `wrong`, `constants` or `incomplete`.
        findings: the causes of what is wrong.
        notes: what else is worth knowing, as sentences.
        largest_error: how far E_total gets from a run in NumPy; None if that cannot be said.
    """

    sheet: str
    header_row: int
    first_row: int | None
    last_row: int | None
    steps: int
    learning_rate: float | None
    verdict: str
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    largest_error: float | None


@dataclass(frozen=True)
class CheckedFile:
    """What was found in one file.

    Attributes:
        file: its path.
        error: why it could not be checked at all, as a sentence.
        tables: what was found in each table.
        notes: what else is worth knowing, as sentences.
        elsewhere: what is wrong around the tables of a workbook of ours, each with its sheet.
    """

    file: Path
    error: str | None = None
    tables: tuple[CheckedTable, ...] = ()
    notes: tuple[str, ...] = ()
    elsewhere: tuple[tuple[str, Finding], ...] = ()

    @property
    def right(self) -> bool:
        """Whether it holds a table, and nothing but correct ones."""
        correct = all(table.verdict == "correct" for table in self.tables)
        return self.error is None and bool(self.tables) and correct and not self.elsewhere


@dataclass(frozen=True)
class Difference:
    """How far a quantity of one sheet is from NumPy's own run, where it is farthest; None if it is no number there."""

    quantity: str
    cell: str
    max_abs: float | None
    max_rel: float | None


@dataclass(frozen=True)
class TableReport:
    """What was found on one sheet."""

    sheet: str
    cells: int
    findings: list[Finding]
    differences: list[Difference] = field(default_factory=list)
    table: TrainingTable | None = None

    @property
    def verdict(self) -> str:
        if not self.findings:
            return "correct"
        return "constants" if all(finding.kind == "constant" for finding in self.findings) else "wrong"

    @property
    def largest(self) -> Difference | None:
        """The quantity with the largest absolute difference."""
        comparable = [difference for difference in self.differences if difference.max_abs is not None]
        return max(comparable, key=lambda difference: difference.max_abs or 0.0, default=None)


@dataclass(frozen=True)
class FileReport:
    """What was found in one workbook by one engine.

    Attributes:
        other_version: the version that built the file, if it is another one: then only the numbers
            were judged, and not the formulas around the tables.
    """

    file: Path
    engine: str
    tables: list[TableReport]
    other_version: str | None = None

    @property
    def correct(self) -> bool:
        return all(not table.findings for table in self.tables)

    @property
    def cells(self) -> int:
        """How many cells were compared."""
        return sum(table.cells for table in self.tables)
