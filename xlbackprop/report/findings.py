"""What a check of a workbook finds: causes, differences, and a verdict a sheet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from xlbackprop.backprop.optimizers import GRADIENT_DESCENT
from xlbackprop.report.evidence import Curves, Piece

#: A sentence names so many ranges; more would bury what it says.
_MOST_RANGES = 3


class Verdict(StrEnum):
    """What is said about a sheet as a whole."""

    CORRECT = "correct"
    WRONG = "wrong"
    #: right numbers are pasted where formulas belong
    CONSTANTS = "constants"
    #: something could not be judged: no data below the headers, columns that are lacking, updates of no known kind
    INCOMPLETE = "incomplete"


class Kind(StrEnum):
    """What is wrong with a cell."""

    FORMULA = "formula"
    #: the formula of a weight
    UPDATE = "update"
    #: a number, a text or nothing where a formula belongs
    CONSTANT = "constant"
    #: an error value
    ERROR = "error"
    #: the formula refers to the wrong row or cell
    REFERENCE = "reference"


class SlipKind(StrEnum):
    """What is wrong, where more than a sentence depends on it."""

    OTHER = "other"
    #: a start value is not that of the other tables
    START_VALUE = "start value"
    #: a formula takes cells of which no header tells what they are
    UNNAMED_CELLS = "unnamed cells"
    #: a formula lacks a term
    MISSING_TERM = "missing term"
    #: a formula takes the learning rate from a wrong cell
    LEARNING_RATE = "learning rate"


def listed(ranges: Sequence[str]) -> str:
    """The first of these ranges, as they stand in a sentence."""
    return ", ".join(ranges[:_MOST_RANGES]) + (" ..." if len(ranges) > _MOST_RANGES else "")


@dataclass(frozen=True)
class Mend:
    """What to change: a cell, and the formula that belongs there.

    Attributes:
        cell: its address.
        formula: with its `=`.
        ranges: the cells that the formula is to be filled into.
    """

    cell: str
    formula: str
    ranges: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """A cause: a quantity whose cells do not hold what they should.

    Attributes:
        quantity: its ASCII name, or what stands for it; of cells around the tables the name of their sheet.
        kind: what is wrong with it.
        cell: the first cell that is wrong.
        rows: how many cells are wrong.
        found: the formula or number that stands there.
        expected: the formula or number that should stand there.
        max_abs_error: the largest error; None where the cell holds no number.
        ranges: all cells that are wrong, as ranges: `Z33:Z100`.
        slip: what is wrong, as the end of a sentence; empty where that is not known, and for pasted
            numbers that are right.
        slip_kind: what of.
        formula_of: the quantity whose formula stands there; empty where that is not what is wrong.
        by_way_of: the cells without a header that the formula takes its number from, where the slip may be theirs.
        helper: another cell than those found wrong that has to be changed, where they only go by way of it.
        is_around: whether the cells are those of no quantity, which stand around the tables.
    """

    quantity: str
    kind: Kind
    cell: str
    rows: int
    found: str
    expected: str
    max_abs_error: float | None = None
    ranges: tuple[str, ...] = ()
    slip: str = ""
    helper: Mend | None = None
    is_around: bool = False
    slip_kind: SlipKind = SlipKind.OTHER
    formula_of: str = ""
    by_way_of: tuple[str, ...] = ()

    @property
    def whole_slip(self) -> str:
        """What is wrong, with the cells that it goes by way of."""
        return f"{self.slip}, by way of {', '.join(self.by_way_of)}" if self.by_way_of else self.slip

    @property
    def mend(self) -> Mend | None:
        """What to change to have it right; None where no formula belongs there."""
        own = Mend(self.cell, self.expected, self.ranges) if self.expected.startswith("=") else None
        return self.helper or own

    @property
    def is_right_constant(self) -> bool:
        """Whether it is no more than a pasted number that is right."""
        return self.kind is Kind.CONSTANT and not self.slip


@dataclass(frozen=True)
class Difference:
    """How far a quantity of one table is from NumPy's own run, where it is farthest; None if it is no number there."""

    quantity: str
    cell: str
    max_abs: float | None
    max_rel: float | None


@dataclass(frozen=True)
class CheckedTable:
    """What was found in one backpropagation table, or on another sheet of a workbook of ours.

    Attributes:
        sheet: the sheet.
        findings: the causes of what is wrong.
        notes: what else is worth knowing, as sentences.
        incomplete: whether something could not be judged.
        header_row: its row of headers; None on a sheet around the tables.
        first_row, last_row: its first and last step; None where no row holds numbers.
        steps: the number of updates.
        learning_rate: the one that it starts with; None if nothing tells.
        optimizer: what updates its weights, in words: `gradient descent`, `Adam`; empty where it is none that is known.
        cells: how many cells were compared.
        differences: for a workbook of ours, how far each quantity is from NumPy's own run.
        largest_error: how far E_total gets from a run in NumPy; None if that cannot be said.
        start_values: the inputs, targets, weights and biases of the first step, by name; NaN where no number stands.
        columns: the column of each quantity, counted from 1.
        missing: the quantities that it needs and has no column for, or an empty one.
        curves: E_total as it is and as it should be; None if that cannot be said.
        pieces: the piece of the sheet around each finding, by its cell.
        samples_of: the sheet of the training whose samples these are, step by step; None for a table of its own.
    """

    sheet: str
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    incomplete: bool = False
    header_row: int | None = None
    first_row: int | None = None
    last_row: int | None = None
    steps: int | None = None
    learning_rate: float | None = None
    optimizer: str = GRADIENT_DESCENT.spoken
    cells: int = 0
    differences: tuple[Difference, ...] = ()
    largest_error: float | None = None
    start_values: Mapping[str, float] = field(default_factory=dict)
    columns: Mapping[str, int] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    curves: Curves | None = None
    pieces: Mapping[str, Piece] = field(default_factory=dict)
    samples_of: str | None = None

    @property
    def verdict(self) -> Verdict:
        """The rule for every table and every command."""
        if not all(finding.is_right_constant for finding in self.findings):
            return Verdict.WRONG
        if self.incomplete:
            return Verdict.INCOMPLETE
        return Verdict.CONSTANTS if self.findings else Verdict.CORRECT

    @property
    def largest_difference(self) -> Difference | None:
        """The quantity with the largest absolute difference."""
        comparable = [difference for difference in self.differences if difference.max_abs is not None]
        return max(comparable, key=lambda difference: difference.max_abs or 0.0, default=None)


@dataclass(frozen=True)
class CheckedFile:
    """What was found in one file.

    Attributes:
        file: its path.
        error: why it could not be checked at all, as a sentence.
        engine: what recalculated it, one of `engines.ENGINES`; None if nothing could.
        sheets: what was found, in the order of the sheets: each table, and the sheets around those of ours.
        notes: what else is worth knowing, as sentences.
    """

    file: Path
    error: str | None = None
    engine: str | None = None
    sheets: tuple[CheckedTable, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def tables(self) -> tuple[CheckedTable, ...]:
        """The backpropagation tables."""
        return tuple(sheet for sheet in self.sheets if sheet.header_row is not None)

    @property
    def around(self) -> tuple[CheckedTable, ...]:
        """The sheets without a table in a workbook of ours."""
        return tuple(sheet for sheet in self.sheets if sheet.header_row is None)

    @property
    def correct(self) -> bool:
        """Whether something was judged, and nothing is wrong in it."""
        return bool(self.tables or self.cells) and all(sheet.verdict is Verdict.CORRECT for sheet in self.sheets)

    @property
    def cells(self) -> int:
        """How many cells were compared."""
        return sum(sheet.cells for sheet in self.sheets)
