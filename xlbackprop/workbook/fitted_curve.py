"""The fitted curve: what a network of one input answers to every input, through the points of the samples."""

from collections.abc import Mapping

from xlbackprop.backprop.network import Network
from xlbackprop.spreadsheet.addresses import cell_address, column_letters
from xlbackprop.spreadsheet.blocks import Formula
from xlbackprop.spreadsheet.book import Sheet
from xlbackprop.spreadsheet.charts import Axis, Chart, Line, Marker, Series
from xlbackprop.spreadsheet.places import Place
from xlbackprop.spreadsheet.presentation import Width
from xlbackprop.workbook import looks
from xlbackprop.workbook.charts import colour
from xlbackprop.workbook.forward_pass import filled_over, fixed, formula_of, forward_names

#: The points of the curve, of which so many lie outside the samples on each side.
POINTS = 61
_MARGIN = 5
_ACROSS = POINTS - 1 - 2 * _MARGIN
# in pixels; the chart lies over columns of its own
_CHART_SIZE, _COLUMNS, _COLUMN_WIDTH = (720, 520), 9, 80


class FittedCurve:
    """The curve of what a network of one input answers.

    Args:
        sheet: where it stands.
        network: with one input.
        row, column: of its upper left corner.
    """

    def __init__(self, sheet: Sheet, network: Network, row: int, column: int) -> None:
        self._sheet, self._network, self._row, self._column = sheet, network, row, column

    @property
    def last_column(self) -> int:
        """The last column that the chart lies over."""
        return self._column + _COLUMNS

    def fill(
        self,
        given: Mapping[str, Place],
        headers: Mapping[str, Place],
        weights: Mapping[str, Place],
        row: int,
        column: int,
    ) -> None:
        """Fill it.

        Args:
            given: the cells of the input and of each target, sample by sample.
            headers: the cell that names each target.
            weights: the cell of each weight and bias.
            row, column: where its workings begin: the points of the curve, a row each.
        """
        sheet, network, names = self._sheet, self._network, forward_names(self._network)
        axis = sheet.reserve("axis", cell_address(row - 3, column + 1), (1, 2))
        least, most = f"MIN({given['i1']:$})", f"MAX({given['i1']:$})"
        first, step = axis.place[0]
        # where all samples have the same, the curve shows what lies around it
        span = f"IF({most}>{least},{most}-{least},1)"
        sheet.put(cell_address(row - 4, column + 1), ["from", "step"], looks.TABLE_HEADER)
        sheet.fill(axis, [Formula(f"{least}-{_MARGIN}*{step:$}"), Formula(f"{span}/{_ACROSS}")], looks.NUMBER)
        titles = sheet.put(cell_address(row - 1, column), ["i1", *names], looks.TABLE_HEADER)
        x = sheet.reserve("points of the curve", cell_address(row, column), (POINTS, 1))
        sheet.fill(x, [[Formula(f"{first:$}+{n}*{step:$}")] for n in range(POINTS)], looks.NUMBER)
        curve = sheet.reserve("forward passes of the curve", cell_address(row, column + 1), (POINTS, len(names)))
        own = {name: f"{curve.cell(0, n):$1}" for n, name in enumerate(names)} | {"i1": f"{x.cell(0):$1}"}
        address = fixed(weights) | own
        formulas = [formula_of(network, name, names, address.__getitem__) for name in names]
        columns = [filled_over(sheet.book, formula, (POINTS, 1)) for formula in formulas]
        sheet.fill(curve, [[rows[n][0] for rows in columns] for n in range(POINTS)], looks.NUMBER)
        sheet.rules += [rule for cells in (axis.place, x.place, curve.place) for rule in looks.number_rules(cells)]
        sheet.widths.append(Width(column, column + len(names), _COLUMN_WIDTH))
        sheet.widths.append(Width(self._column, self._column + _COLUMNS, _COLUMN_WIDTH))
        series = []
        for n, (output, target) in enumerate(zip(network.activations(network.last), network.target_names, strict=True)):
            at = names.index(output)
            series += [
                Series(titles.cell(0, at + 1), x.place[:, 0], curve.column_place(at), Line(colour(2 * n), 2.25)),
                Series(
                    headers[target],
                    given["i1"],
                    given[target],
                    marker=Marker(7, colour(2 * n + 1), looks.INK),
                ),
            ]
        shown = " and ".join(network.activations(network.last)) if len(series) < 8 else "the outputs"
        chart = Chart(
            title=f"What the network answers: {shown} over i1",
            title_size=12,
            x=Axis("i1", letters=9, below=True),
            y=Axis(shown, letters=9, below=True),
            size=_CHART_SIZE,
            description=f"{shown} over i1 as a curve, and the targets of the samples as points.",
            series=series,
            legend=True,
        )
        sheet.charts.append((f"{column_letters(self._column)}{self._row}", chart, 8, 4))
