"""What was found, told in sentences."""

import re
from collections.abc import Iterator, Sequence

from xlbackprop.backprop.notation import header
from xlbackprop.report.findings import CheckedFile, CheckedTable, Finding, Kind, Verdict, listed

#: The colour of each verdict on a terminal.
COLOURS = {
    Verdict.CORRECT: "green",
    Verdict.WRONG: "red",
    Verdict.CONSTANTS: "yellow",
    Verdict.INCOMPLETE: "yellow",
}

#: A longer formula is cut.
_LONGEST_FORMULA = 200
#: So many of them are told with their formulas, of more only the first.
_MOST_TOLD = 2
_WITHOUT_A_SLIP = {
    Kind.FORMULA: "does not follow from the cells before it",
    Kind.UPDATE: "is not updated by one learning rate against its gradient",
    Kind.CONSTANT: "holds pasted numbers instead of formulas",
    Kind.ERROR: "shows an error",
    Kind.REFERENCE: "refers to the wrong cells",
}


def sentence(finding: Finding) -> str:
    """What is wrong, in one sentence: `∂E/∂w3 (Z33:Z100) uses a_h1*(1-a_h1); it should be a_h2*(1-a_h2).`"""
    where = listed(finding.ranges or (finding.cell,))
    if where == finding.cell and finding.rows > 1:
        where += f" and {finding.rows - 1} more"
    subject = where if finding.is_around else f"{header(finding.quantity)} ({where})"
    off = ""
    if finding.max_abs_error is not None and not finding.is_right_constant:
        off = f", off by up to {finding.max_abs_error:.1e}"
    return f"{subject} {finding.whole_slip or _WITHOUT_A_SLIP[finding.kind]}{off}."


def together(findings: Sequence[Finding]) -> list[list[Finding]]:
    """The findings that have one cause, and so one sentence: they go by way of one cell, or have the same slip."""
    groups: dict[object, list[Finding]] = {}
    for n, finding in enumerate(findings):
        other = _swapped_with(finding, findings)
        key: object = (
            frozenset((finding.quantity, other))
            if other
            else finding.helper or (finding.kind, _general(finding))
            if finding.slip
            else n
        )
        groups.setdefault(key, []).append(finding)
    return list(groups.values())


def _general(finding: Finding) -> str:
    """The slip of a weight as that of any: `lacks the term -η*∂E/∂w`."""
    if not re.fullmatch(r"[wb]\d+", finding.quantity):
        return finding.whole_slip
    return re.sub(rf"\b{finding.quantity}\b", finding.quantity[0], finding.whole_slip)


def _swapped_with(finding: Finding, findings: Sequence[Finding]) -> str | None:
    """The quantity that has the formula of this one while this one has its."""
    for other in findings:
        is_direct = not (finding.by_way_of or other.by_way_of)
        if is_direct and (finding.formula_of, other.formula_of) == (other.quantity, finding.quantity):
            return other.quantity
    return None


def sentence_of(findings: Sequence[Finding]) -> str:
    """What is wrong with findings of one cause, in one sentence."""
    first = findings[0]
    if len(findings) == 1 and not first.helper:
        return sentence(first)
    named = [f"{header(finding.quantity)} ({listed(finding.ranges or (finding.cell,))})" for finding in findings]
    subject = f"{', '.join(named[:-1])} and {named[-1]}" if len(named) > 1 else named[0]
    sizes = [finding.max_abs_error for finding in findings if finding.max_abs_error is not None]
    off = f", off by up to {max(sizes):.1e}" if sizes else ""
    if first.helper:
        of_cell = f", which {first.slip}" if first.slip else ""
        return f"{subject} {'go' if len(named) > 1 else 'goes'} by way of {listed(first.helper.ranges)}{of_cell}{off}."
    if _swapped_with(first, findings):
        return f"{subject} are swapped, each is the formula of the other{off}."
    slips = {finding.whole_slip for finding in findings}
    slip = first.whole_slip if len(slips) == 1 else _general(first)
    return f"{subject}: each {slip}{off}."


def table_lines(checked: CheckedTable) -> Iterator[str]:
    """What there is to say about a table, or a sheet around the tables, below its line."""
    pasted = [finding for finding in checked.findings if finding.is_right_constant]
    alike = pasted if len(pasted) > 2 else []
    for group in together([finding for finding in checked.findings if finding not in alike]):
        yield sentence_of(group)
        told = group[:1] if group[0].helper or len(group) > _MOST_TOLD else group
        for finding in told:
            yield from _formula_lines(finding)
    if alike:
        names = ", ".join(header(finding.quantity) for finding in alike)
        yield f"{len(alike)} columns hold pasted numbers instead of formulas: {names}."
    if checked.verdict is Verdict.WRONG and checked.largest_error:
        yield f"E_total is off by up to {checked.largest_error:.1e}."
    for note in checked.notes:
        yield f"Note: {note}."


def _formula_lines(finding: Finding) -> Iterator[str]:
    """What stands in the first wrong cell, and what should; of a helper, what should stand there."""
    if finding.helper:
        yield f"    in {finding.helper.cell:<6} {shortened(finding.helper.formula)}"
        return
    if finding.found.startswith("=") or not finding.slip:
        yield f"    found     {shortened(finding.found)}"
    yield f"    expected  {shortened(finding.expected)}"


def shortened(formula: str, longest: int = _LONGEST_FORMULA) -> str:
    """A formula, or what else stands or belongs into a cell, on one line and with no more characters than these."""
    line = " ".join(formula.split())
    # not between words: a formula is one
    return line if len(line) <= longest else f"{line[:longest]} …"


def detail_lines(checked: CheckedTable) -> Iterator[str]:
    """How far each quantity of a table is from NumPy's own run."""
    for difference in checked.differences:
        absolute, relative = (
            "not a number" if size is None else f"{size:.1e}" for size in (difference.max_abs, difference.max_rel)
        )
        yield f"{header(difference.quantity):<12} {difference.cell:<8} absolute {absolute}, relative {relative}"


def agreement(file: CheckedFile, engine: str) -> str:
    """What recalculated a workbook of ours, and how far NumPy agrees, in one sentence.

    Args:
        file: what was found in it.
        engine: the name of what recalculated it, for people.
    """
    text = f"{engine} recalculated {file.cells:,} formula cells"
    if not file.correct:
        return f"{text}."
    sheet, largest = max(
        ((one.sheet, one.largest_difference) for one in file.sheets if one.largest_difference),
        key=lambda candidate: candidate[1].max_abs or 0.0,
    )
    if not largest.max_abs:
        return f"{text}, and NumPy agrees with every digit."
    return (
        f"{text}, and NumPy agrees with every one; the largest difference is "
        f"{largest.max_abs:.1e}, of {header(largest.quantity)} in {sheet}!{largest.cell}."
    )


def summary(files: Sequence[CheckedFile]) -> str:
    """How many tables are right, and how many sheets around them are not, in one sentence."""
    tables = [table for file in files for table in file.tables]
    around = [sheet for file in files for sheet in file.around if sheet.verdict is not Verdict.CORRECT]
    unusable = sum(1 for file in files if file.error)
    judged = count(len(tables), "table") + (f" and {count(len(around), 'sheet')} around them" if around else "")
    verdicts = [sheet.verdict for sheet in (*tables, *around)]
    parts = [f"{count(len(files), 'file')}, {judged}: {verdicts.count(Verdict.CORRECT)} correct"]
    for verdict in (Verdict.WRONG, Verdict.CONSTANTS, Verdict.INCOMPLETE):
        if number := verdicts.count(verdict):
            parts.append(f"{number} {verdict}")
    if unusable:
        parts.append(f"{count(unusable, 'file')} could not be checked")
    return ", ".join(parts) + "."


def count(number: int, noun: str) -> str:
    """`1 table`, `2 tables`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
