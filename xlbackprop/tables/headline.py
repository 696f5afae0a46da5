"""A row of headers: which tables begin in it, and in which column each quantity stands."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

#: A row of headers names at least so many quantities; a block of parameters names fewer kinds.
_FEWEST_HEADERS = 5
#: Headers with no more than one other column between them stand together.
NEAR = 2

_COMPUTED = re.compile(r"(?:a_)?[ho]\d|E|dE_d")
# ∂E1/∂w5: the share of one output
_SHARE = re.compile(r"(dE|delta)(\d+)_(.+)")


def segments(names: Mapping[int, str]) -> Iterator[dict[str, int]]:
    """The tables that begin in one row, each with the column of each name.

    Two tables stand side by side where there are the headers of two; what stands beside a table without
    being one belongs to it, but the table's own columns go first.
    """
    blocks = [block for cluster in _clusters(sorted(names)) for block in _cut(cluster, names)]
    tables = [block for block in blocks if _is_header(block)]
    if not tables:
        joined = _resolved(_first_of_each([*names.items()]))
        return iter([joined] if _is_header(joined) else [])
    for block in blocks:
        if not _is_header(block):
            middle = sum(block.values()) / len(block)
            nearest = min(tables, key=lambda table: min(abs(column - middle) for column in table.values()))
            nearest |= {name: column for name, column in block.items() if name not in nearest}
    return iter(tables)


def _clusters(columns: Sequence[int]) -> Iterator[list[int]]:
    """Columns that stand together, with no more than one other column between them."""
    cluster: list[int] = []
    for column in columns:
        if cluster and column - cluster[-1] > NEAR:
            yield cluster
            cluster = []
        cluster.append(column)
    if cluster:
        yield cluster


def _cut(cluster: Sequence[int], names: Mapping[int, str]) -> Iterator[dict[str, int]]:
    """A cluster, cut where a name comes a second time if a table begins there."""
    for n, column in enumerate(cluster):
        before, after = ([(other, names[other]) for other in part] for part in (cluster[:n], cluster[n:]))
        repeated = names[column] in [name for _, name in before]
        if repeated and _is_header(_first_of_each(before)) and _is_header(_first_of_each(after)):
            yield _resolved(_first_of_each(before))
            yield from _cut(cluster[n:], names)
            return
    yield _resolved(_first_of_each([(column, names[column]) for column in cluster]))


def _first_of_each(items: Sequence[tuple[int, str]]) -> dict[str, int]:
    return {name: column for column, name in sorted(items, reverse=True)}


def _resolved(part: Mapping[str, int]) -> dict[str, int]:
    """∂E1/∂w5 counts as ∂E/∂w5 where that has no column of its own, and ∂E2/∂w5 none; so does ∂E1/∂a_o1."""
    shares = Counter(match.groups()[::2] for name in part if (match := _SHARE.fullmatch(name)))
    found = {}
    for name, column in part.items():
        match = _SHARE.fullmatch(name)
        if not match:
            found[name] = column
            continue
        kind, output, rest = match.groups()
        of_neuron = re.fullmatch(r"(?:da_)?(?:a_)?([ho])(\d+)", rest)
        own = of_neuron is None or (of_neuron[1] == "o" and of_neuron[2] == output)
        if own and shares[kind, rest] == 1 and f"{kind}_{rest}" not in part:
            found[f"{kind}_{rest}"] = column
    return found


def _is_header(columns: Mapping[str, int]) -> bool:
    return (
        len(columns) >= _FEWEST_HEADERS
        and any(re.fullmatch(r"w\d+", name) for name in columns)
        and sum(1 for name in columns if _COMPUTED.match(name)) >= 2
    )
