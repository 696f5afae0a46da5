"""The whole run: how far a table is from what NumPy gets by itself from the start values."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from xlbackprop import reference
from xlbackprop.backprop.network import Network
from xlbackprop.check.contents import Contents
from xlbackprop.reference import Array
from xlbackprop.report.findings import Difference
from xlbackprop.tables.own import OwnWorkbook
from xlbackprop.tables.table import Table


@np.errstate(all="ignore")
def largest_error(contents: Contents) -> float | None:
    """The largest difference of E_total from the run from the table's first row; None if that cannot be said."""
    numbers, network, eta = contents.numbers, contents.table.network, contents.eta.first
    if not contents.is_one_run or eta is None or "E_total" not in numbers or contents.is_part_of_a_step:
        return None
    values = {name: float(numbers[name][0]) for name in network.start_values if name in numbers}
    if len(values) < len(network.start_values) or not all(map(math.isfinite, values.values())):
        return None
    error = np.abs(numbers["E_total"] - _totals(network.with_values(values), eta, contents.table.steps))
    error = error[np.isfinite(error)]
    return float(error.max()) if error.size else None


@lru_cache(maxsize=256)
def _totals(network: Network, eta: float, steps: int) -> Array:
    """E_total at each step; a class trains the same network over and over."""
    return np.array([float(step.total[0]) for step in reference.train(network, [eta], steps)])


@np.errstate(all="ignore")
def differences(own: OwnWorkbook, numbers: Sequence[Mapping[str, Array]]) -> list[tuple[Difference, ...]]:
    """How far each quantity of each table of a workbook of ours is from the run from the Network sheet's values.

    Args:
        own: the network and the tables.
        numbers: the columns of each table, and its learning rate, those of the samples behind those of the steps.
    """
    steps = max(table.steps for table in own.tables)
    given = set(own.network.start_values) - set(own.network.trained_names)
    etas = [float(of["eta"][0]) for of in numbers[: len(own.tables)]]
    networks = [replace(own.network, optimizer=table.network.optimizer) for table in own.tables]
    runs = {
        network: [
            run(network, [eta for eta, other in zip(etas, networks, strict=True) if other == network], steps)
            for run in (reference.run, *([reference.run_of_passes] if own.passes else []))
        ]
        for network in dict.fromkeys(networks)
    }
    by_numpy: list[Mapping[str, Array]] = []
    for kind in range(1 + bool(own.passes)):
        seen: Counter[Network] = Counter()
        for network in networks:
            place = seen[network]
            by_numpy.append({name: array[:, place] for name, array in runs[network][kind].items()})
            seen[network] += 1
    return [
        tuple(
            _difference(table, name, columns[name], computed[name][: len(table.rows)])
            for name in table.columns
            if name in computed and name not in given
        )
        for n, (table, columns, computed) in enumerate(zip((*own.tables, *own.passes), numbers, by_numpy, strict=True))
    ]


def _difference(table: Table, name: str, found: Array, by_numpy: Array) -> Difference:
    absolute = np.abs(found - by_numpy)
    relative = np.where(absolute > 0, absolute / np.abs(by_numpy), 0.0)
    absolute = np.where(np.isnan(absolute), np.inf, absolute)
    worst = int(np.argmax(absolute))
    numbers_only = bool(np.isfinite(absolute).all())
    return Difference(
        quantity=name,
        cell=table.address(name, worst),
        max_abs=float(absolute[worst]) if numbers_only else None,
        max_rel=float(relative.max()) if numbers_only and np.isfinite(relative).all() else None,
    )
