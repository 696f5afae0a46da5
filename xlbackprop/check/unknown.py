"""Functions that are none of those known here: an activation or an error that all neurons of a layer have.

They may be right, so neither they nor what follows from their slope can be judged.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from xlbackprop.backprop import notation
from xlbackprop.check.contents import Contents
from xlbackprop.report.findings import Finding, Kind
from xlbackprop.spreadsheet.addresses import place
from xlbackprop.spreadsheet.formulas import parsed


@dataclass(frozen=True)
class Unjudged:
    """What cannot be judged.

    Attributes:
        names: the quantities.
        note: why, as a sentence.
    """

    names: frozenset[str]
    note: str


def unknown_functions(contents: Contents, findings: Sequence[Finding]) -> Iterator[Unjudged]:
    """The activations and errors of a table that are of no known kind, with all that follows from their slopes."""
    network = contents.network
    found = {finding.quantity: finding for finding in findings}
    layers: dict[str, list[tuple[int, Finding]]] = {}
    for layer in network.trained_layers:
        if first := _common(contents, found, {f"a_{z}": (z,) for z in network.neurons(layer)}):
            layers.setdefault(parsed(first.found).pattern, []).append((layer, first))
    for alike in layers.values():
        first, sums = alike[0][1], [z for layer, _ in alike for z in network.neurons(layer)]
        yield Unjudged(
            frozenset({*(f"a_{z}" for z in sums), *_behind(contents, max(layer for layer, _ in alike))}),
            f"the activation of {_listed(sums)}, {first.found} in {first.cell}, is none that is known here: neither it "
            "nor the gradients that go by its slope are judged",
        )
    outputs = network.activations(network.last)
    errors = {f"E{n + 1}": (t, a) for n, (t, a) in enumerate(zip(network.target_names, outputs, strict=True))}
    if first := _common(contents, found, errors):
        yield Unjudged(
            frozenset({*errors, *_behind(contents, network.last)}),
            f"the error {first.found} in {first.cell} is none that is known here: neither it nor the gradients are "
            "judged",
        )


def updated_in_their_row(contents: Contents, findings: Sequence[Finding]) -> tuple[list[Finding], Sequence[Unjudged]]:
    """The findings of a table, and that each row goes forward with the weights of the row above, where that is so.

    There only a formula is wrong that takes weights of its own row, which are updated by then.
    """
    step = min(2, len(contents.table.rows) - 1)
    rows_back = {name: _rows_back(contents, name, step) for name in (*contents.quantities, *contents.updates)}
    for name in contents.updates:
        back = rows_back[name]
        if back.get(name) != {1} or back.get(f"dE_d{name}") != {0}:
            return [*findings], ()
    weights = set(contents.network.weight_names)
    of_weights = {
        name: {n for used in weights & rows_back[name].keys() for n in rows_back[name][used]}
        for name in contents.quantities
    }
    taking = [name for name, back in of_weights.items() if back]
    usual = {name for name in taking if of_weights[name] == {1}}
    if not contents.updates or 2 * len(usual) <= len(taking):
        return [*findings], ()
    note = (
        "each row goes forward with the weights of the row above and updates them in its own: a table whose rows hold "
        "the weights that they go forward with is judged, this one is not"
    )
    left = []
    for finding in findings:
        if finding.quantity in taking and finding.quantity not in usual:
            back = rows_back[finding.quantity]
            slip = f"takes {_listed(sorted(w for w in weights & back.keys() if back[w] != {1}))} from another row than "
            slip += "the weights of the other formulas, the one above"
            expected = "the weights of the row above"
            left.append(replace(finding, kind=Kind.REFERENCE, slip=slip, expected=expected, helper=None))
    every = frozenset({*contents.quantities, *contents.updates})
    return left, [Unjudged(every, note)]


def _rows_back(contents: Contents, name: str, step: int) -> dict[str, set[int]]:
    """The quantities that a formula takes, each with how many rows above its own."""
    found: dict[str, set[int]] = {}
    for of in parsed(contents.formulas.texts[name][step] or "").references:
        if named := contents.tried.trial.name_of(of, step):
            found.setdefault(named[0], set()).add(named[1])
    return found


def _common(contents: Contents, found: Mapping[str, Finding], takes: Mapping[str, Sequence[str]]) -> Finding | None:
    """The first finding, where all of these quantities have the same function of what they may take, and no slip."""
    # one alone is like no other
    if len(takes) < 2 or not all(
        name in found and found[name].kind is Kind.FORMULA and not found[name].slip for name in takes
    ):
        return None
    shapes, every = set(), len(contents.table.rows)
    for name, own in takes.items():
        finding = found[name]
        step = contents.table.row_numbers[place(finding.cell)[0]]
        formula = parsed(contents.formulas.texts[name][step] or "")
        used = [contents.tried.trial.name_of(of, step) for of in formula.references]
        if finding.rows < every or formula.names or not {(one, 0) for one in own}.issuperset(used):
            return None
        shapes.add((formula.pattern, tuple(own.index(one[0]) for one in used if one)))
    return next(iter(found[name] for name in takes)) if len(shapes) == 1 and next(iter(shapes))[1] else None


def _behind(contents: Contents, layer: int) -> Iterator[str]:
    """The derivatives that go by the slope of a layer: its own, and those of the layers before it."""
    network = contents.network
    for before in range(1, layer + 1):
        for z, weights, bias in zip(
            network.neurons(before),
            network.layer_weights(before),
            network.layer_biases(before) or [""] * network.layers[before],
            strict=True,
        ):
            yield from (f"dE_d{name}" for name in (*weights, bias) if name)
            yield from (f"delta_{z}", f"da_{z}_d{z}")
            if before < layer or before == network.last:
                yield f"dE_da_{z}"


def _listed(names: Sequence[str]) -> str:
    """`h1 and h2`."""
    told = [notation.header(name) for name in names]
    return f"{', '.join(told[:-1])} and {told[-1]}" if len(told) > 1 else told[0]


def without(findings: Sequence[Finding], unjudged: Sequence[Unjudged]) -> list[Finding]:
    """The findings, without those of what cannot be judged."""
    names = {name for one in unjudged for name in one.names}
    return [finding for finding in findings if finding.quantity not in names]
