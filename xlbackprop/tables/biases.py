"""Which bias is which neuron's: by its name, by the formula that adds it, or else by the numbers."""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import takewhile

import numpy as np

from xlbackprop.backprop.network import Network
from xlbackprop.reference import Array
from xlbackprop.spreadsheet.cells import Cell, Sheets
from xlbackprop.spreadsheet.formulas import Formula, parsed
from xlbackprop.tables.headers import quantity
from xlbackprop.tables.table import Table, number_or_nan

#: b11, and b_h1 or b_h where the header names the neuron or the layer.
NAME = r"b(?:\d+|_[ho]\d*)"
# a column whose header is none of these, by its number
_COLUMN = re.compile(r"bias_\d+")
#: A header may stand so many rows above the others.
_HIGHER = 2
#: So long is what several headers have in common.
_SHORTEST_STEM = 3
#: How far a bias may be from what a sum has beyond its products.
_SAME = 1e-9

_OTHERWISE = "the training of {} is not judged: that of a bias a neuron, or of a bias a layer, is"

#: The name of the bias that each neuron adds; a neuron that is left out has none.
Way = Mapping[str, str]


def with_biases(sheets: Sheets, table: Table) -> Table:
    """The table with its biases, under the names that its network has for them.

    Args:
        sheets: the workbook.
        table: with a network without biases, and theirs under the names of its headers.
    """
    return _Biases(sheets, table).read()


class _Biases:
    def __init__(self, sheets: Sheets, table: Table) -> None:
        self._sheets, self._table, self._network = sheets, table, table.network
        self._neurons = [z for layer in self._network.trained_layers for z in self._network.neurons(layer)]
        self._columns = dict(table.columns)
        self._titles: dict[str, str] = {}

    def read(self) -> Table:
        if not self._table.rows:
            return self._table
        self._name_unread_columns()
        sources = self._sources()
        uses = {z: self._used(z, sources) for z in self._neurons if self._formula(z)}
        used = set().union(*uses.values())
        # a label of another kind beside the table
        sources = [name for name in sources if name in self._columns or name in used or re.fullmatch(r"b\d+", name)]
        if not sources:
            return self._table
        return self._placed(sources, self._best_way(sources, uses))

    def _sources(self) -> list[str]:
        """The names under which the table has biases, in order."""

        def order(name: str) -> tuple[bool, int, str]:
            number = re.search(r"\d+", name)
            return name.startswith("bias_"), int(number[0]) if number else 0, name

        names = {*self._columns, *self._table.cells}
        return sorted((name for name in names if re.fullmatch(NAME, name) or _COLUMN.fullmatch(name)), key=order)

    # -- which is which

    def _best_way(self, sources: Sequence[str], uses: Mapping[str, Collection[str]]) -> Way:
        """How the names have it, unless most formulas have it otherwise."""

        def against(way: Way) -> int:
            return sum(used != ({way[z]} if z in way else set()) for z, used in uses.items())

        ways = list(_ways_of_names(self._network, sources))
        fewest = min(map(against, ways), default=0)
        likeliest = [way for way in ways if against(way) == fewest]
        best: Way = likeliest[0] if likeliest else {}
        if len(likeliest) > 1:
            best = min(likeliest, key=self._misfit)
        of_formulas = {z: next(iter(used)) for z, used in uses.items() if len(used) == 1}
        left = [name for name in sources if name not in of_formulas.values()]
        bare = [z for z in self._neurons if z not in of_formulas]
        if len(left) == len(bare) == 1:
            # one that was forgotten
            of_formulas[bare[0]] = left[0]
        every = set(of_formulas.values()) == set(sources) and all(len(used) < 2 for used in uses.values())
        return of_formulas if every and (2 * fewest > len(uses) or not ways) else best

    def _misfit(self, way: Way) -> int:
        """How many sums do not fit their weights, inputs and biases."""
        wrong = 0
        for z, rest in self._rests.items():
            bias = self._numbers.get(way[z]) if z in way else np.zeros_like(rest)
            if bias is not None:
                wrong += int((~np.isclose(rest, bias, rtol=1e-6, atol=1e-12)).sum())
        return wrong

    @cached_property
    def _numbers(self) -> dict[str, Array]:
        return replace(self._table, columns=self._columns).read(self._sheets)

    @cached_property
    def _rests(self) -> dict[str, Array]:
        """What each neuron takes in beyond its weighted sum."""
        network, numbers, found = self._network, self._table.read(self._sheets), {}
        for layer in network.trained_layers:
            incoming = network.activations(layer - 1)
            for z, row in zip(network.neurons(layer), network.layer_weights(layer), strict=True):
                if all(name in numbers for name in (z, *row, *incoming)):
                    products = (numbers[w] * numbers[a] for w, a in zip(row, incoming, strict=True))
                    found[z] = numbers[z] - sum(products)
        return found

    def _formula(self, name: str, step: int = 1) -> Formula | None:
        """The formula of a column at a step, which is not the first where there are others."""
        if name not in self._columns:
            return None
        row = self._table.rows[min(step, len(self._table.rows) - 1)]
        text = self._sheets.formula(self._table.sheet, row, self._columns[name])
        return parsed(text) if text else None

    def _cells(self, formula: Formula | None) -> list[Cell]:
        """The cells that a formula refers to, those of short ranges too."""
        if formula is None:
            return []
        sheet = self._table.sheet
        found = [Cell(of.sheet or sheet, of.row, of.column) for of in formula.references if of.is_cell]
        return found + [cell for name in formula.names if (cell := self._sheets.named_cell(name, sheet))]

    def _used(self, z: str, sources: Sequence[str]) -> set[str]:
        """The biases that the formula of a neuron refers to."""
        columns = {self._columns[name]: name for name in sources if name in self._columns}
        cells = {cell: name for name, cell in self._table.cells.items() if name in sources}
        found = set()
        for cell in self._cells(self._formula(z)):
            inside = cell.sheet == self._table.sheet and cell.row in self._table.row_numbers
            if name := columns.get(cell.column, "") if inside else cells.get(cell, ""):
                found.add(name)
        return found

    # -- columns of which no header tells

    def _name_unread_columns(self) -> None:
        """Name the columns that a neuron adds as they are, and those of their gradients."""
        known = set(self._columns.values())
        named = self._sources()
        unread = {z: self._unread(self._formula(z), 0, known) for z in self._neurons if not self._used(z, named)}
        added = {
            z: column
            for z, columns in unread.items()
            for column in columns
            if (rest := self._rests.get(z)) is not None
            and not self._follows_from_its_row(column)
            and np.abs(rest).max() > _SAME
            and np.isclose(rest, self._column(column), rtol=_SAME, atol=1e-12).all()
        }
        for z, columns in unread.items():
            # a sum that is wrong in something else
            if added and z not in added and len(columns) == 1 and columns[0] not in added.values():
                added[z] = columns[0]
        found = list(dict.fromkeys(added.values()))
        found += self._alike(found, known)
        for column in found:
            self._columns[f"bias_{column}"] = column
            self._titles[f"bias_{column}"] = self._title(column)
        known = set(self._columns.values())
        for column in found:
            if (gradient := self._gradient_of(column, known)) is not None:
                self._columns[f"dE_dbias_{column}"] = gradient

    def _follows_from_its_row(self, column: int) -> bool:
        """Whether a column is computed from others of the same row, as no bias is."""
        row = self._table.rows[min(1, len(self._table.rows) - 1)]
        text = self._sheets.formula(self._table.sheet, row, column)
        return any(cell.row == row for cell in self._cells(parsed(text) if text else None))

    def _alike(self, found: Sequence[int], known: Collection[int]) -> list[int]:
        """The columns whose headers begin as those of several biases do, though no sum adds them."""
        letters = zip(*(_plain(self._title(column)) for column in found), strict=False)
        stem = "".join(same[0] for same in takewhile(lambda same: len(set(same)) == 1, letters))
        if len(found) < 2 or len(stem) < _SHORTEST_STEM:
            return []
        columns = {column for row, column in self._sheets.values(self._table.sheet) if row == self._table.header_row}
        return [
            column
            for column in sorted(columns - {*found, *known})
            if _plain(self._title(column)).startswith(stem) and np.isfinite(self._column(column)).all()
        ]

    def _unread(self, formula: Formula | None, back: int, known: Collection[int]) -> list[int]:
        """The columns with a header of no known kind that a formula refers to, so many steps back."""
        rows = self._table.rows
        row = rows[max(min(1, len(rows) - 1) - back, 0)]
        here = (cell.column for cell in self._cells(formula) if cell.sheet == self._table.sheet and cell.row == row)
        return [column for column in dict.fromkeys(here) if column not in known and self._title(column)]

    def _gradient_of(self, column: int, known: Collection[int]) -> int | None:
        """The column of a bias' gradient: the one that is named after it, or that its update takes."""
        values, title = self._sheets.values(self._table.sheet), _plain(self._title(column))
        headers = {
            other: _plain(text)
            for (row, other), text in values.items()
            if row == self._table.header_row and isinstance(text, str) and other not in known
        }
        named = [other for other, text in headers.items() if text != title and text.endswith(title)]
        taken = self._unread(self._formula(f"bias_{column}"), 1, known)
        return next(iter(named if len(named) == 1 else taken), None)

    def _column(self, column: int) -> Array:
        values = self._sheets.values(self._table.sheet)
        return np.array([number_or_nan(values.get((row, column))) for row in self._table.rows])

    def _title(self, column: int) -> str:
        """The header of a column."""
        values, row = self._sheets.values(self._table.sheet), self._table.header_row
        texts = (values.get((row - up, column)) for up in range(_HIGHER + 1))
        return next((" ".join(text.split()) for text in texts if isinstance(text, str) and text.strip()), "")

    # -- the table

    def _placed(self, sources: Sequence[str], way: Way) -> Table:
        network, table = self._network, self._table
        used = list(dict.fromkeys(way[z] for z in self._neurons if z in way))
        layers = [{way.get(z, "") for z in network.neurons(layer)} for layer in network.trained_layers]
        one_each = len(way) == len(used) == len(self._neurons)
        one_a_layer = len(way) == len(self._neurons) and len(used) == len(layers) and max(map(len, layers)) == 1
        graded = any(f"dE_d{name}" in self._columns for name in used)
        # the gradient of a shared bias that stays as it is has no part in the training
        trained = self._are_updated(used) or (graded and (one_each or self._change(used)))
        judged = not trained or one_each or one_a_layer
        shared = trained and one_a_layer and not one_each
        network = replace(
            network,
            biases="trained" if trained and judged else "fixed",
            bias_a_layer=shared,
            bias_values=(0.0,) * (len(layers) if shared else len(self._neurons)),
        )
        columns = {n: c for n, c in self._columns.items() if n.removeprefix("dE_d") not in sources}
        cells = {n: c for n, c in table.cells.items() if n not in sources}
        places = {name: name for name in network.start_values if name not in network.bias_names}
        own, typed = dict(table.own_names), dict[str, float]()
        stands: dict[str, str] = {}
        for layer in network.trained_layers:
            for z, bias in zip(network.neurons(layer), network.layer_biases(layer), strict=True):
                if (source := way.get(z)) is None:
                    typed[bias], own[bias] = 0.0, "0"
                    continue
                place = stands.setdefault(source, bias if judged else f"bias_{bias}")
                places[bias] = place
                if (spoken := self._spoken(source)) != bias:
                    own |= {bias: spoken, f"dE_d{bias}": f"dE_d{spoken}"}
        for source, place in stands.items():
            if source in self._columns:
                columns[place] = self._columns[source]
                if judged and trained and f"dE_d{source}" in self._columns:
                    columns[f"dE_d{place}"] = self._columns[f"dE_d{source}"]
            else:
                cells[place] = table.cells[source]
        strange = [self._spoken(name) for name in sources if name in self._columns and name not in used]
        return replace(
            table,
            network=network,
            columns=columns,
            cells=cells,
            places=places,
            own_names=own,
            typed=typed,
            unjudged=(
                *([f"which neuron adds {', '.join(strange)} is not understood"] if strange else []),
                *([] if judged else [_OTHERWISE.format(", ".join(map(self._spoken, used)))]),
                *bare_neurons(network, way),
            ),
        )

    def _change(self, names: Sequence[str]) -> bool:
        """Whether the biases are not the same in all rows."""
        columns = [self._column(self._columns[name]) for name in names if name in self._columns]
        return any((numbers != numbers[0]).any() for numbers in columns)

    def _are_updated(self, names: Sequence[str]) -> bool:
        """Whether the formulas of most biases take more than the bias of the row above."""
        moved = [formula for name in names if (formula := self._formula(name)) and len(set(self._cells(formula))) > 1]
        return 2 * len(moved) > len(names)

    def _spoken(self, name: str) -> str:
        """A bias as its header has it, where that is more than another way to write its name."""
        title = self._titles.get(name, "")
        if not title and name in self._columns:
            title = self._title(self._columns[name])
            title = title if quantity(title) == name else ""
        same = _plain(title) == _plain(name) if name[1:].isdigit() else not title
        return name if same or not title else title


def bare_neurons(network: Network, neurons: Collection[str]) -> Iterator[str]:
    """That some neurons of a layer have a bias and others have none, as sentences: nobody knows whether that is meant.

    Args:
        network: gives the layers.
        neurons: those that have a bias.
    """
    for layer in network.trained_layers:
        bare = [z for z in network.neurons(layer) if z not in neurons]
        if 0 < len(bare) < network.layers[layer]:
            yield f"no bias of {', '.join(bare)} is found, and the other neurons of the layer have one"


def _plain(text: str) -> str:
    return re.sub(r"[\s_]", "", unicodedata.normalize("NFKC", text)).casefold()


def _ways_of_names(network: Network, sources: Sequence[str]) -> Iterator[Way]:
    """Which bias each neuron has by their names: one a neuron, one a layer, one for all, or for hidden layers alone."""
    layers = {layer: network.neurons(layer) for layer in network.trained_layers}
    told: dict[str, str] = {}
    for layer, neurons in layers.items():
        of_layer = "b_o" if layer == network.last else "b_h"
        for z in neurons:
            if name := next((name for name in (f"b_{z}", of_layer) if name in sources), None):
                told[z] = name
    rest = [name for name in sources if not re.fullmatch(r"b_[ho]\d*", name)]
    free = [z for neurons in layers.values() for z in neurons if z not in told]
    whole = [neurons for neurons in layers.values() if set(neurons) <= set(free)]
    if not rest:
        yield told
    if rest and len(rest) >= len(free):
        yield told | dict(zip(free, rest, strict=False))
        return
    if len(rest) == len(whole):
        yield told | {z: name for name, neurons in zip(rest, whole, strict=True) for z in neurons}
    if by_number := {z: f"b{layer}" for layer in layers for z in layers[layer] if z in free and f"b{layer}" in rest}:
        yield told | by_number
    if len(rest) == 1:
        yield told | dict.fromkeys(free, rest[0])
