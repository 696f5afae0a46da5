"""Judges a workbook that `xlbackprop cnn` wrote, as it is now, edited or not.

Which formulas stand in it depends on its layers and the number of its images only, so they are made again and
compared. And each stage is judged by itself: NumPy computes it from its recalculated inputs and weights, so that a
fault names the very layer.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from xlbackprop import __version__
from xlbackprop.cnn.check_sheet import CHANGED
from xlbackprop.cnn.expected import Expected, expected_gradients, expected_image, expected_maps
from xlbackprop.cnn.facts import read_facts
from xlbackprop.cnn.live import LiveCells, area
from xlbackprop.cnn.sheets import CnnSheets, sheets_as_built
from xlbackprop.errors import UnusableInput
from xlbackprop.report.findings import CheckedFile, CheckedTable, Difference, Finding, Kind
from xlbackprop.spreadsheet import addressing
from xlbackprop.spreadsheet.blocks import Block, FilledOver, Formula, Role
from xlbackprop.spreadsheet.book import Book, Sheet
from xlbackprop.spreadsheet.cells import Sheets, Value, same_value
from xlbackprop.spreadsheet.ironcalc import spelled
from xlbackprop.spreadsheet.numbers import short_number
from xlbackprop.spreadsheet.places import Place

#: So many groups of edited weights are named.
_NAMED = 3


def judge(sheets: Sheets, path: Path, engine: str, built: CnnSheets | None = None) -> CheckedFile:
    """Judge the recalculated cells of a workbook that holds a trained network.

    Args:
        sheets: the recalculated cells.
        path: the file, for the report.
        engine: what recalculated it, one of `engines.ENGINES`.
        built: the sheets that were written into the file, where they are at hand.

    Raises:
        UnusableInput: it is a workbook of another kind, or lacks something.
    """
    made = read_facts(sheets)
    built = built or sheets_as_built(made)
    for sheet in built.book.sheets:
        if sheet.name not in sheets.names:
            raise UnusableInput(f"its sheet {sheet.name} is missing: restore it.")
    live = LiveCells(sheets, built.book)
    same_version = made.version == __version__
    findings: dict[str, list[Finding]] = {sheet.name: [] for sheet in built.book.sheets}
    changed: set[int] = set()
    for block in _formula_blocks(built.book) if same_version else ():
        for finding in _changed_formulas(sheets, block):
            findings[block.sheet.name].append(finding)
            changed.add(block.first_id)
    differences: dict[str, list[Difference]] = {sheet.name: [] for sheet in built.book.sheets}
    with np.errstate(all="ignore"):
        blocks = (pair for one in _expected_numbers(built, live) for pair in _by_block(built.book, one))
        for block, expected in blocks:
            difference, wrong = _compared(live, block, expected)
            differences[block.sheet.name].append(difference)
            if wrong and block.first_id not in changed:
                findings[block.sheet.name].append(wrong)
    for sheet in built.book.sheets:
        findings[sheet.name] += _filled_rings(sheet, live)
    for block in _formula_blocks(built.book) if same_version else ():
        if block.role is Role.FORMULA and block.first_id not in changed:
            findings[block.sheet.name] += _wrong_values(live, built.book, block)
    judged = [
        CheckedTable(
            sheet.name,
            tuple(findings[sheet.name]),
            cells=sum(_size(block) for block in _formula_blocks(built.book) if block.sheet is sheet),
            differences=tuple(differences[sheet.name]),
        )
        for sheet in built.book.sheets
    ]
    return CheckedFile(path, engine=engine, sheets=tuple(judged), notes=tuple(_notes(made.version, built, live)))


def unlike_written(sheets: Sheets, built: CnnSheets) -> Iterator[tuple[str, Finding]]:
    """The formula cells, with their sheet, whose recalculated value is not the one that was written into the file."""
    live = LiveCells(sheets, built.book)
    for block in _formula_blocks(built.book):
        ids = _inside(block).ids.ravel()
        for cell_id, should in zip(ids.tolist(), built.book.values(Place(ids)), strict=True):
            if not _same(live.value(cell_id), should):
                yield block.sheet.name, _not_following(live, block, [cell_id], _short(should))


def _formula_blocks(book: Book) -> Iterator[Block]:
    return (block for block in book.blocks if block.role in (Role.FORMULA, Role.QUANTITY))


def _inside(block: Block) -> Place:
    """The cells of a block that hold something."""
    margin = block.contents.margin if isinstance(block.contents, FilledOver) else 0
    ids = block.place.ids.reshape(block.shape)
    return Place(ids[margin : block.shape[0] - margin, margin : block.shape[1] - margin])


def _empty(block: Block) -> list[int]:
    """The cells of a block that hold nothing."""
    ids = block.place.ids.reshape(block.shape)
    if isinstance(block.contents, FilledOver):
        return np.setdiff1d(ids, _inside(block).ids).tolist()
    empty = [content is None for _, _, content in block.cells()]
    return ids.ravel()[empty].tolist()


def _size(block: Block) -> int:
    """How many cells of a block hold a formula."""
    if isinstance(block.contents, FilledOver):
        return _inside(block).ids.size
    return sum(isinstance(content, Formula) for _, _, content in block.cells())


def _texts(block: Block) -> Iterator[tuple[int, int, str]]:
    """Row, column and text of each formula of a block."""
    if isinstance(block.contents, FilledOver):
        yield from addressing.written_over(block, block.contents)
        return
    for row, column, content in block.cells():
        if isinstance(content, Formula):
            yield row, column, addressing.written(content, block.sheet)


def _changed_formulas(sheets: Sheets, block: Block) -> Iterator[Finding]:
    """The formulas of a block that are others now, and the cells that hold none."""
    name = block.sheet.name
    formulas = sheets.formulas(name)
    doubtful = [
        (row, column, f"={text}")
        for row, column, text in _texts(block)
        if formulas.get((row, column), "").replace("@", "") != f"={text}"
    ]
    # the engine has a spelling of its own
    expected = spelled(sheets, name, doubtful)
    for constant in (False, True):
        cells = [
            (row, column, text)
            for (row, column, _), text in zip(doubtful, expected, strict=True)
            if ((row, column) not in formulas) is constant
            and formulas.get((row, column), "").replace("@", "") != text.replace("@", "")
        ]
        if not cells:
            continue
        row, column, text = cells[0]
        value = sheets.value(name, row, column)
        slip = "holds another formula than the one that was built"
        if constant:
            slip = "is empty where a formula belongs" if value is None else f"holds {value} where a formula belongs"
        places = [(row, column) for row, column, _ in cells]
        yield Finding(
            quantity=block.name or name,
            kind=Kind.CONSTANT if constant else Kind.FORMULA,
            cell=area(places)[0].partition(":")[0],
            rows=len(cells),
            found=formulas.get((row, column)) or ("an empty cell" if value is None else str(value)),
            expected=text,
            ranges=area(places),
            slip=slip,
            is_around=not block.name,
        )


def _expected_numbers(built: CnnSheets, live: LiveCells) -> Iterator[Expected]:
    """What the cells of maps and gradients should show."""
    network = built.network
    yield expected_image(network, built.digit.pixels, live)
    yield from expected_maps(network.stages, live, live.input_numbers)
    if built.gradients:
        yield from expected_gradients(built.gradients.stages, live)
    if built.step:
        yield from expected_maps(built.step.stages, live, live.numbers)


def _by_block(book: Book, expected: Expected) -> Iterator[tuple[Block, Expected]]:
    """The same block by block."""
    place, values, allowed = expected
    order = np.argsort(place.ids, axis=None)
    ids = place.ids.ravel()[order]
    start = 0
    while start < len(ids):
        block = book.block(int(ids[start]))
        end = int(np.searchsorted(ids, block.first_id + block.shape[0] * block.shape[1]))
        own = order[start:end]
        yield block, (Place(ids[start:end]), values.ravel()[own], allowed.ravel()[own])
        start = end


def _compared(live: LiveCells, block: Block, numbers: Expected) -> tuple[Difference, Finding | None]:
    """How far the cells of a block are from what they should show, and what is wrong with them."""
    place, expected, allowed = numbers
    found = live.numbers(place)
    error = np.abs(found - expected)
    # where an input is an error, so is what follows from it
    wrong = (error > allowed + 1e-300) | (np.isnan(found) & np.isfinite(expected))
    comparable = np.where(np.isnan(error), -1.0, error)
    at = int(comparable.argmax())
    worst, size = float(comparable.flat[at]), abs(float(expected.flat[at]))
    cell = live.address(int(place.ids.flat[at]))
    known = worst >= 0
    relative = (worst / size if size else None) if known else None
    difference = Difference(block.name, cell, worst if known else None, relative)
    if not wrong.any():
        return difference, None
    ids = place.ids[wrong].tolist()
    finding = _not_following(live, block, ids, short_number(float(expected[wrong][0])))
    return difference, finding


def _not_following(live: LiveCells, block: Block, ids: Sequence[int], expected: str) -> Finding:
    """Cells that do not show what follows from the cells they refer to."""
    sheet, row, column = live.where(ids[0])
    error = live.sheets.is_error(sheet, row, column)
    return Finding(
        quantity=block.name or sheet,
        kind=Kind.ERROR if error else Kind.FORMULA,
        cell=live.address(ids[0]),
        rows=len(ids),
        found=f"{live.sheets.formula(sheet, row, column)} shows {live.value(ids[0])}",
        expected=expected,
        ranges=area([live.where(cell_id)[1:] for cell_id in ids]),
        is_around=not block.name,
    )


def _filled_rings(sheet: Sheet, live: LiveCells) -> Iterator[Finding]:
    """Cells around maps that hold something, though they stand for zeros."""
    for block in sheet.blocks:
        if block.role is not Role.QUANTITY:
            continue
        empty = _empty(block)
        filled = [cell_id for cell_id in empty if live.value(cell_id) not in (None, "")]
        if filled:
            yield Finding(
                quantity=block.name,
                kind=Kind.CONSTANT,
                cell=live.address(filled[0]),
                rows=len(filled),
                found=str(live.value(filled[0])),
                expected="an empty cell",
                ranges=area([live.where(cell_id)[1:] for cell_id in filled]),
                slip=f"holds {live.value(filled[0])} in the padding around the map, which is empty",
            )


def _wrong_values(live: LiveCells, book: Book, block: Block) -> Iterator[Finding]:
    """The cells of a block that do not show what their formulas give."""
    for row, column, content in block.cells():
        if isinstance(content, Formula):
            should = book.evaluated(content, block.sheet, live.value)
            cell_id = block.first_id + (row - block.row) * block.shape[1] + column - block.column
            if not _same(live.value(cell_id), should):
                yield _not_following(live, block, [cell_id], _short(should))


def _same(found: Value, should: Value) -> bool:
    """Whether a cell shows what it should, but for rounding; an empty text counts as nothing."""
    return (found in (None, "") and should in (None, "")) or same_value(found, should)


def _short(value: Value) -> str:
    """A value as a finding shows it."""
    return short_number(value) if isinstance(value, float) else str(value)


def _notes(version: str, built: CnnSheets, live: LiveCells) -> Iterator[str]:
    """What else is worth saying: what was edited, and that another version wrote the file."""
    groups = zip(built.check.names.ids.ravel().tolist(), built.check.changes.ids.ravel().tolist(), strict=True)
    edited = [str(live.value(name)) for name, change in groups if live.value(change) == CHANGED]
    if edited:
        more = f" and {len(edited) - _NAMED} more" if len(edited) > _NAMED else ""
        yield f"edited since it was built: {'; '.join(edited[:_NAMED])}{more}"
    if version != __version__:
        yield (
            f"it was built by xlbackprop {version or 'unknown'}, so its formulas were not compared, only the numbers "
            "of its layers"
        )
