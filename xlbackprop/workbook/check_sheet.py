"""The check: what NumPy computed when the file was built, beside what the cells say now."""

from collections.abc import Sequence

import numpy as np

from xlbackprop.spreadsheet.blocks import Block, Formula, Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.places import Place
from xlbackprop.spreadsheet.presentation import Page, Rule
from xlbackprop.workbook import looks
from xlbackprop.workbook.layout import CHECK, WorkbookLayout
from xlbackprop.workbook.network_sheet import NetworkSheet
from xlbackprop.workbook.run import Run
from xlbackprop.workbook.training import TrainingSheet

_HEADER_ROW = 6
_FIRST_ROW = _HEADER_ROW + 1
_WIDTHS = dict(zip("ABCDEFGHIJKL", (90, 130, 130, 90, 16, 90, 70, 150, 150, 110, 110, 110), strict=True))


class CheckSheet:
    """NumPy's values beside the live ones.

    Attributes:
        live: E_total as it is now, one cell for each learning rate and round step.
    """

    def __init__(self, book: Book, layout: WorkbookLayout) -> None:
        self._layout = layout
        self.sheet = book.sheet(CHECK, "NumPy's values beside the live ones")
        count = len(layout.etas) * len(layout.round_steps)
        self._live = self.sheet.reserve("E_total, live", f"I{_FIRST_ROW}", (count, 1))

    @property
    def live(self) -> Place:
        return self._live.place

    def fill(self, run: Run, network: NetworkSheet, training: Sequence[TrainingSheet]) -> None:
        """Fill the sheet."""
        sheet = self.sheet
        sheet.heights[1] = looks.TITLE_PIXELS
        sheet.set_widths(_WIDTHS)
        sheet.put("A1", "Does this workbook compute what NumPy computes?", looks.TITLE)
        changes = self._write_inputs(network, training)
        agreements = self._write_totals(run, training)
        changed = f'COUNTIF({changes.place:$},"changed")'
        differing, agreeing, incomparable = (
            f'COUNTIF({agreements.place:$},"{word}")' for word in ("differs", "agrees", "not comparable")
        )
        wild = " more cannot be compared, because rounding grows too far in such a training."
        also = f'IF({incomparable}>0," "&{incomparable}&"{wild}","")'
        verdict = sheet.put(
            "A3",
            Formula(
                f'IF({changed}>0,"Inputs were changed since this file was built (cells changed: "&{changed}&"): '
                "NumPy's values below belong to the original inputs, so they need not agree.\","
                f'IF({differing}>0,{differing}&" values of E_total differ from NumPy: '
                'a formula was changed, or its result is an error.",'
                f'"All "&{agreeing}&" values of E_total agree with NumPy."&{also}))'
            ),
            looks.VERDICT,
            name="verdict",
        )
        rest = sheet.put("B3", [""] * 11, looks.VERDICT)
        band = Place(np.array([verdict.place.ids.flat[0], rest.place.ids.flat[-1]]))
        sheet.rules += [
            Rule(band, f"{changed}>0", looks.AMBER, last=True),
            Rule(band, f"{differing}>0", looks.RED),
        ]
        for block in (changes, agreements):
            for text, look in (("changed", looks.AMBER), ("differs", looks.RED), ("agrees", looks.GREEN)):
                sheet.rules.append(Rule(block.place, text, look, equals=True))
        sheet.page = Page(frozen=(_HEADER_ROW, 0), repeated_rows=(_HEADER_ROW, _HEADER_ROW))

    def _write_inputs(self, network: NetworkSheet, training: Sequence[TrainingSheet]) -> Block:
        """The start values and learning rates as built and as they are now; gives whether they were changed."""
        sheet = self.sheet
        sheet.put(f"A{_HEADER_ROW - 1}", ["Inputs", "", "", ""], looks.SECTION)
        sheet.put(f"A{_HEADER_ROW}", ["input", "when built", "now", ""], looks.TABLE_HEADER)
        values = self._layout.network.start_values
        inputs = [(name, values[name], cell) for name, cell in network.start.items()]
        inputs += [(one.sheet.name, one.eta_value, one.eta) for one in training]
        sheet.put(f"A{_FIRST_ROW}", [[name] for name, _, _ in inputs], looks.NAME)
        built = [[value] for _, value, _ in inputs]
        before = sheet.put(f"B{_FIRST_ROW}", built, looks.TEXT, role=Role.CONSTANT, name="inputs when built")
        now = sheet.put(
            f"C{_FIRST_ROW}", [[Formula(f"{cell:$}")] for _, _, cell in inputs], looks.TEXT, name="inputs now"
        )
        changes = [[Formula(f'IF({now.cell(n)}={before.cell(n)},"as built","changed")')] for n in range(len(inputs))]
        return sheet.put(f"D{_FIRST_ROW}", changes, looks.CENTERED, name="whether an input was changed")

    def _write_totals(self, run: Run, training: Sequence[TrainingSheet]) -> Block:
        """E_total by NumPy and live, for each learning rate and round step; gives whether they agree."""
        sheet, steps = self.sheet, self._layout.round_steps
        sheet.put(f"F{_HEADER_ROW - 1}", ["E_total", *[""] * 6], looks.SECTION)
        titles = ["sheet", "step", "NumPy, when built", "live", "difference", "allowed", ""]
        sheet.put(f"F{_HEADER_ROW}", titles, looks.TABLE_HEADER)
        rows = [(one, step) for one in training for step in steps]
        sheet.put(f"F{_FIRST_ROW}", [[one.sheet.name] for one, _ in rows], looks.NAME)
        numbers = [[float(step)] for _, step in rows]
        sheet.put(f"G{_FIRST_ROW}", numbers, looks.TEXT, role=Role.CONSTANT, name="round steps")
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
        return sheet.put(f"L{_FIRST_ROW}", verdicts, looks.CENTERED, name="whether E_total agrees")
