"""Compares what is with what was recorded; says where they first differ, in lines that can be read.

Numbers may differ in their last digits, for exp and tanh do from system to system. What is nothing but
such digits, as the largest difference from NumPy, need only stay as small, and may be largest elsewhere.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

#: Two computed numbers are the same within these parts of them, and what is smaller than `NOISE` is rounding.
IN_CELLS, IN_TEXTS, IN_JSON, NOISE = 1e-12, 1e-9, 1e-6, 1e-9
#: A central difference divides the rounding of two errors by 2ε, and a relative one by a small gradient as well.
CENTRAL_DIFFERENCE = 1e-8

#: So many differences of a document are shown.
_SHOWN = 8
_NUMBER = re.compile(r"\d+\.\d+(?:[eE][-+]?\d+)?|\d+[eE][-+]?\d+")
_SMALL = r"(?:0\.0e\+00|\d\.\de-(?:09|[1-9]\d))"
_DIVIDED = re.compile(r"1E-300|/\(2\*\$B\$3\)|Gradient check")
_TAG = re.compile(r"<[^>]*>")
_CELL = re.compile(r'<c r="([A-Z]+\d+)"')


def close(recorded: float, found: float, relative: float, absolute: float) -> bool:
    """Whether two numbers are the same but for the last digits."""
    return math.isclose(recorded, found, rel_tol=relative, abs_tol=absolute)


def same_text(recorded: str, found: str, relative: float = IN_TEXTS) -> bool:
    """Whether two texts are the same but for the last digits of the numbers in them."""
    if recorded == found:
        return True
    numbers = [list(map(float, _NUMBER.findall(text))) for text in (recorded, found)]
    return _NUMBER.sub("#", recorded) == _NUMBER.sub("#", found) and all(
        close(one, other, relative, 0.0) for one, other in zip(*numbers, strict=True)
    )


# --- what is printed -----------------------------------------------------------------------------------


def without_noise(text: str) -> str:
    """A printed text without what only rounding decides: where the largest difference is, and how large."""
    text = re.sub(rf"(largest difference(?: is)?) {_SMALL}[^\n]*", r"\1 of rounding", text)
    return re.sub(rf"(?m)^( +\S+ +)[A-Z]+\d+ +absolute {_SMALL}, relative .*$", r"\1of rounding", text)


def text_difference(recorded: str, found: str) -> str:
    """The first line in which two printed texts differ; empty if none does."""
    lines = [without_noise(text).split("\n") for text in (recorded, found)]
    for number, (one, other) in enumerate(zip(*lines, strict=False), start=1):
        if not same_text(one, other):
            return f"line {number}\n    was  {one}\n    is   {other}"
    if len(lines[0]) != len(lines[1]):
        return f"{len(lines[0])} lines became {len(lines[1])}"
    return ""


def outcome_difference(recorded: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """How two runs of a command differ; empty if they do not."""
    if recorded["exit"] != found["exit"]:
        return f"exit code {recorded['exit']} became {found['exit']}: {found['error'] or found['output']}"
    for stream in ("error", "output"):
        if recorded[stream].startswith('{"files"') and found[stream].startswith('{"files"'):
            difference = document_difference(json.loads(recorded[stream]), json.loads(found[stream]))
        else:
            difference = text_difference(recorded[stream], found[stream])
        if difference:
            return f"{stream}: {difference}"
    return ""


# --- JSON ----------------------------------------------------------------------------------------------


def document_difference(recorded: Any, found: Any) -> str:
    """The first differences of two JSON documents, a line each; empty if there is none. New keys are none."""
    differences = list(_differences(recorded, found, ""))
    more = f"\n  and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
    return "".join(f"\n  {line}" for line in differences[:_SHOWN]) + more


def _differences(recorded: Any, found: Any, where: str) -> Iterator[str]:
    if isinstance(recorded, dict) and isinstance(found, dict):
        yield from _differences_of_dicts(recorded, found, where)
    elif isinstance(recorded, list) and isinstance(found, list):
        if len(recorded) != len(found):
            yield f"{where}: {len(recorded)} entries became {len(found)}: {_short(recorded)} became {_short(found)}"
        else:
            for number, (one, other) in enumerate(zip(recorded, found, strict=True)):
                yield from _differences(one, other, f"{where}[{_label(one, number)}]")
    elif not _same(recorded, found):
        yield f"{where}: {_short(recorded)} became {_short(found)}"


def _differences_of_dicts(recorded: dict[str, Any], found: dict[str, Any], where: str) -> Iterator[str]:
    only_rounding = _is_noise(recorded.get("max_abs")) and _is_noise(found.get("max_abs"))
    for key, value in recorded.items():
        if key not in found:
            yield f"{where}.{key}: is missing, was {_short(value)}"
        elif not (only_rounding and key in ("cell", "max_rel")):
            yield from _differences(value, found[key], f"{where}.{key}")


def _same(recorded: Any, found: Any) -> bool:
    if isinstance(recorded, str) and isinstance(found, str):
        return same_text(recorded, found)
    if isinstance(recorded, float) and isinstance(found, int | float) and not isinstance(found, bool):
        return (_is_noise(recorded) and _is_noise(found)) or close(recorded, found, IN_JSON, 0.0)
    return type(recorded) is type(found) and recorded == found


def _is_noise(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < NOISE


def _label(entry: Any, number: int) -> str:
    names = (
        [str(entry[key]) for key in ("file", "sheet", "quantity") if key in entry] if isinstance(entry, dict) else []
    )
    return " ".join([str(number), *names])


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 300 else f"{text[:300]} …"


# --- the parts of a workbook ---------------------------------------------------------------------------


def parts_difference(recorded: Mapping[str, list[str]], found: Mapping[str, list[str]]) -> str:
    """The part of a workbook that differs first, and where; empty if none does."""
    if list(recorded) != list(found):
        missing, new = ([name for name in one if name not in other] for one, other in _both_ways(recorded, found))
        return f"the parts are others, or in another order: missing {missing}, new {new}"
    # a slip shows where it is made first, and in what the sheet takes from elsewhere only then
    for name in sorted(recorded, key=lambda name: "worksheets/sheet" not in name):
        if difference := _part_difference(recorded[name], found[name]):
            return f"{name}{_sheet_name(recorded, name)}: {difference}"
    return ""


def _both_ways(one: Any, other: Any) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    return (one, other), (other, one)


def _part_difference(recorded: list[str], found: list[str]) -> str:
    cell = formula = ""
    for number, (one, other) in enumerate(zip(recorded, found, strict=False)):
        if place := _CELL.match(one):
            cell, formula = place[1], ""
        elif one.startswith("<f>"):
            formula = one
        if not _same_piece(one, other, formula):
            around = f" in the cell {cell}" if cell else f", piece {number}"
            return f"differs{around}\n    was  {one}\n    is   {other}"
    return "" if len(recorded) == len(found) else f"{len(recorded)} pieces became {len(found)}"


def _same_piece(recorded: str, found: str, formula: str) -> bool:
    """Whether two pieces of XML are the same: only values and texts may differ in the digits of a number."""
    if recorded == found:
        return True
    if not recorded.startswith(("<v>", "<c:v>", "<t>", "<t ")):
        return False
    if _TAG.findall(recorded) != _TAG.findall(found):
        return False
    one, other = (_TAG.sub("", piece) for piece in (recorded, found))
    try:
        numbers = float(one), float(other)
    except ValueError:
        return same_text(recorded, found)
    return close(*numbers, IN_CELLS, CENTRAL_DIFFERENCE if _DIVIDED.search(formula) else IN_CELLS)


def _sheet_name(parts: Mapping[str, list[str]], part: str) -> str:
    number = re.fullmatch(r"xl/worksheets/sheet(\d+)\.xml", part)
    names = re.findall(r'<sheet name="([^"]*)"', "".join(parts.get("xl/workbook.xml", [])))
    return f" ({names[int(number[1]) - 1]})" if number and int(number[1]) <= len(names) else ""
