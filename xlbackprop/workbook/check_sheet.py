"""The check: what NumPy computed when the file was built, beside what the cells say now."""

from collections.abc import Sequence

import numpy as np

from xlbackprop.spreadsheet.blocks import Formula, Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.places import Place, joined
from xlbackprop.spreadsheet.presentation import Page, Rule
from xlbackprop.workbook import looks
from xlbackprop.workbook.column_sums import AGREES, DIFFERS, ColumnSums, write_column_sums
from xlbackprop.workbook.data_sheet import DataSheet
from xlbackprop.workbook.layout import CHECK, WorkbookLayout
from xlbackprop.workbook.network_sheet import NetworkSheet
from xlbackprop.workbook.run import Run
from xlbackprop.workbook.training import TrainingSheet

_HEADER_ROW = 6
_FIRST_ROW = _HEADER_ROW + 1
_WIDTHS = dict(
    zip(
        "ABCDEFGHIJKLMNOPQRST",
        (80, 92, 92, 74, 16, 84, 56, 150, 150, 92, 92, 100, 16, 84, 84, 150, 150, 92, 330, 130),
        strict=True,
    )
)


class CheckSheet:
    """NumPy's values beside the live ones.

    Attributes:
        live: E_total as it is now, one cell for each learning rate and round step.
    """

    def __init__(self, book: Book, layout: WorkbookLayout) -> None:
        self._layout = layout
        self.sheet = book.sheet(CHECK, "NumPy beside the live values")
        count = len(layout.etas) * len(layout.round_steps)
        self._live = self.sheet.reserve("E_total, live", f"I{_FIRST_ROW}", (count, 1))

    @property
    def live(self) -> Place:
        return self._live.place

    def fill(self, run: Run, network: NetworkSheet, data: DataSheet | None, training: Sequence[TrainingSheet]) -> None:
        """Fill the sheet."""
        sheet = self.sheet
        sheet.heights[1] = looks.TITLE_PIXELS
        sheet.set_widths(_WIDTHS)
        sheet.put("A1", "Does this workbook compute what NumPy computes, and what its own columns say?", looks.TITLE)
        changes = self._write_inputs(network, data, training)
        rows, agreements = self._write_totals(run, training)
        sums = write_column_sums(sheet, _HEADER_ROW, self._layout.network, training, run)
        self._write_verdict_of_numpy(changes, rows, agreements)
        self._write_verdict_of_sums(sums)
        sheet.page = Page(frozen=(_HEADER_ROW, 0), repeated_rows=(_HEADER_ROW, _HEADER_ROW))

    def _write_verdict_of_numpy(self, changes: Place, rows: tuple[Place, Place], agreements: Place) -> None:
        """Its words and its colour follow from the same counts; after an edit NumPy's values say nothing."""
        sheet = self.sheet
        changed = f'COUNTIF({changes:$},"changed")'
        differing, agreeing, incomparable = (
            f'COUNTIF({agreements:$},"{word}")' for word in ("differs", "agrees", "not comparable")
        )
        first = f'MATCH("differs",{agreements:$},0)'
        where = f'INDEX({rows[0]:$},{first})&" at step "&INDEX({rows[1]:$},{first})'
        wild = " more cannot be compared, because rounding grows too far in such a training."
        also = f'IF({incomparable}>0," "&{incomparable}&"{wild}","")'
        self._say(
            3,
            f'IF({changed}>0,"Inputs were changed since this file was built (cells changed: "&{changed}&"): '
            "NumPy's values below belong to the original inputs, so they need not agree.\","
            f'IF({differing}>0,{differing}&" values of E_total differ from NumPy, the first in "&{where}&": '
            'a formula was changed, or its result is an error.",'
            f'"All "&{agreeing}&" values of E_total agree with NumPy."&{also}))',
            bad=f"AND({changed}=0,{differing}>0)",
            good=f"AND({changed}=0,{differing}=0)",
        )
        sheet.rules += [
            Rule(changes, "changed", looks.AMBER, equals=True),
            Rule(agreements, f"{changed}>0", looks.GREY, last=True),
            Rule(agreements, "differs", looks.RED, equals=True),
            Rule(agreements, "agrees", looks.GREEN, equals=True),
        ]

    def _write_verdict_of_sums(self, sums: ColumnSums) -> None:
        count = sums.verdicts.ids.size
        agreeing, differing = (f'COUNTIF({sums.verdicts:$},"{word}")' for word in (AGREES, DIFFERS))
        kinds, others = "sums, products and updates", ""
        if not all(network.optimizer.is_plain for network in self._layout.networks):
            kinds = "sums and products"
            others = " What an optimizer keeps, and its updates, are judged by xlbackprop check alone."
        first = f'MATCH("{DIFFERS}",{sums.verdicts:$},0)'
        where = f'INDEX({sums.columns:$},{first})&" in "&INDEX({sums.sheets:$},{first})'
        self._say(
            4,
            f'IF({differing}>0,{where}&" is not what its definition gives"&'
            f'IF({differing}>1,", nor are "&({differing}-1)&" other columns.",".")&" See the red cells in column T.",'
            f'IF({agreeing}={count},"All "&{agreeing}&" columns of {kinds} are what their definitions give '
            f'(columns N to T).{others}",'
            f'({count}-{agreeing})&" of {count} columns cannot be compared: they hold errors, or too large numbers."))',
            bad=f"{differing}>0",
            good=f"{agreeing}={count}",
        )

    def _say(self, row: int, verdict: str, *, bad: str, good: str) -> None:
        """A verdict in a row, and its colours from the same counts; amber where it is neither good nor bad."""
        sheet = self.sheet
        said = sheet.put(f"A{row}", Formula(verdict), looks.VERDICT, name="verdict")
        rest = sheet.put(f"B{row}", [""] * 11, looks.VERDICT)
        band = joined([said.place, rest.place])
        sheet.rules += [Rule(band, bad, looks.RED), Rule(band, good, looks.GREEN)]

    def _write_inputs(self, network: NetworkSheet, data: DataSheet | None, training: Sequence[TrainingSheet]) -> Place:
        """The start values and learning rates as built and as they are now; gives whether they were changed."""
        sheet = self.sheet
        sheet.put(f"A{_HEADER_ROW - 1}", ["Inputs", "", "", ""], looks.SECTION)
        sheet.put(f"A{_HEADER_ROW}", ["input", "when built", "now", ""], looks.TABLE_HEADER)
        values = self._layout.network.start_values
        inputs = [(name, values[name], cell) for name, cell in network.start.items()]
        inputs += data.cells() if data else []
        inputs += [(one.sheet.name, one.eta_value, one.eta) for one in training]
        inputs += [
            (f"{name} of {one.sheet.name}", value, one.hyperparameters[name])
            for one, trained in zip(training, self._layout.networks, strict=True)
            for name, value in (trained.optimizer.values.items() if one.hyperparameters else ())
        ]
        sheet.put(f"A{_FIRST_ROW}", [[name] for name, _, _ in inputs], looks.NAME)
        built = [[value] for _, value, _ in inputs]
        before = sheet.put(f"B{_FIRST_ROW}", built, looks.TEXT, role=Role.CONSTANT, name="inputs when built")
        now = sheet.put(
            f"C{_FIRST_ROW}", [[Formula(f"{cell:$}")] for _, _, cell in inputs], looks.TEXT, name="inputs now"
        )
        changes = [
            [Formula(f'IF(ISERROR({now.cell(n)}),"changed",IF({now.cell(n)}={before.cell(n)},"as built","changed"))')]
            for n in range(len(inputs))
        ]
        return sheet.put(f"D{_FIRST_ROW}", changes, looks.CENTERED, name="whether an input was changed").place

    def _write_totals(self, run: Run, training: Sequence[TrainingSheet]) -> tuple[tuple[Place, Place], Place]:
        """E_total by NumPy and live; gives the sheet and the step of each row, and whether it agrees."""
        sheet, steps = self.sheet, self._layout.round_steps
        sheet.put(f"F{_HEADER_ROW - 1}", ["E_total", *[""] * 6], looks.SECTION)
        titles = ["sheet", "step", "NumPy, when built", "live", "difference", "allowed", ""]
        sheet.put(f"F{_HEADER_ROW}", titles, looks.TABLE_HEADER)
        rows = [(one, step) for one in training for step in steps]
        names = sheet.put(f"F{_FIRST_ROW}", [[one.sheet.name] for one, _ in rows], looks.NAME)
        numbers = [[float(step)] for _, step in rows]
        shown = sheet.put(f"G{_FIRST_ROW}", numbers, looks.TEXT, role=Role.CONSTANT, name="round steps")
        values = [[float(value)] for value in run.by_numpy.values.T.ravel()]
        numpy = sheet.put(f"H{_FIRST_ROW}", values, looks.ALL_DIGITS, role=Role.CONSTANT, name="E_total by NumPy")
        sheet.fill(self._live, [[Formula(f"{one.cell('E_total', step)}")] for one, step in rows], looks.ALL_DIGITS)
        live = self._live
        off = [[Formula(f"{live.cell(n)}-{numpy.cell(n)}")] for n in range(len(rows))]
        difference = sheet.put(f"J{_FIRST_ROW}", off, looks.SCIENTIFIC, name="difference")
        allowances = [["any" if np.isnan(value) else float(value)] for value in run.by_numpy.allowed.T.ravel()]
        allowed = sheet.put(
            f"K{_FIRST_ROW}", allowances, looks.SCIENTIFIC, role=Role.CONSTANT, name="allowed difference"
        )
        verdicts = [
            [
                Formula(
                    f'IF(ISTEXT({allowed.cell(n)}),"not comparable",IF(ISERROR({difference.cell(n)}),"differs",'
                    f'IF(ABS({difference.cell(n)})<={allowed.cell(n)},"agrees","differs")))'
                )
            ]
            for n in range(len(rows))
        ]
        agreements = sheet.put(f"L{_FIRST_ROW}", verdicts, looks.CENTERED, name="whether E_total agrees")
        return (names.place, shown.place), agreements.place
