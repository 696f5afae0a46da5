"""Judges a workbook that `xlbackprop cnn` wrote, as it is now, edited or not.

Which formulas stand in it depends on its layers and the number of its images only, so they are made again and
compared. And each stage is judged by itself: NumPy computes it from its recalculated inputs and weights, so that a
fault names the very layer.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xlbackprop import __version__
from xlbackprop.cnn import reference
from xlbackprop.cnn.check_sheet import CHANGED
from xlbackprop.cnn.facts import read_facts
from xlbackprop.cnn.layers import Layer, Linear, tensor_shapes
from xlbackprop.cnn.live import LiveCells, area
from xlbackprop.cnn.sheets import CnnSheets, sheets_as_built
from xlbackprop.cnn.shown_stage import ShownStage
from xlbackprop.errors import UnusableInput
from xlbackprop.report.findings import CheckedFile, CheckedTable, Difference, Finding, Kind
from xlbackprop.spreadsheet.blocks import Block, FilledOver, Formula, Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.cells import Sheets, Value, same_value
from xlbackprop.spreadsheet.ironcalc import spelled
from xlbackprop.spreadsheet.numbers import short_number
from xlbackprop.spreadsheet.places import Place

#: How far a cell may be from what NumPy computes, as a part of the sum of the absolute values of its products.
_TOLERANCE = 1e-12
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
        for finding in _changed_formulas(sheets, built.book, block):
            findings[block.sheet.name].append(finding)
            changed.add(block.first_id)
    differences = []
    with np.errstate(all="ignore"):
        for block, place, expected, allowed in _expected_maps(built, live):
            difference, wrong = _compared(live, block, place, expected, allowed)
            differences.append(difference)
            if wrong and block.first_id not in changed:
                findings[block.sheet.name].append(wrong)
    findings[built.network.sheet.name] += _filled_rings(built, live)
    for block in _formula_blocks(built.book) if same_version else ():
        if block.role is Role.FORMULA and block.first_id not in changed:
            findings[block.sheet.name] += _wrong_values(live, built.book, block)
    judged = [
        CheckedTable(
            sheet.name,
            tuple(findings[sheet.name]),
            cells=sum(_size(block) for block in _formula_blocks(built.book) if block.sheet is sheet),
            differences=tuple(differences) if sheet is built.network.sheet else (),
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


def _size(block: Block) -> int:
    """How many cells of a block hold a formula."""
    if isinstance(block.contents, FilledOver):
        return _inside(block).ids.size
    return sum(isinstance(content, Formula) for _, _, content in block.cells())


def _texts(book: Book, block: Block) -> Iterator[tuple[int, int, str]]:
    """Row, column and text of each formula of a block."""
    if isinstance(block.contents, FilledOver):
        yield from book.written_over(block, block.contents)
        return
    for row, column, content in block.cells():
        if isinstance(content, Formula):
            yield row, column, book.written(content, block.sheet)


def _changed_formulas(sheets: Sheets, book: Book, block: Block) -> Iterator[Finding]:
    """The formulas of a block that are others now, and the cells that hold none."""
    name = block.sheet.name
    formulas = sheets.formulas(name)
    doubtful = [
        (row, column, f"={text}")
        for row, column, text in _texts(book, block)
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
        )


def _expected_maps(
    built: CnnSheets, live: LiveCells
) -> Iterator[tuple[Block, Place, NDArray[np.float64], NDArray[np.float64]]]:
    """Each block of the network's cells: the cells in it, what they should show, and how far off they may be."""
    network = built.network
    mean, deviation = (float(live.input_numbers(cell)) for cell in network.normalisation)
    pixels = live.numbers(built.digit.pixels)
    image = (pixels / 255 - mean) / deviation
    size = (np.abs(pixels) / 255 + abs(mean)) / abs(deviation)
    yield network.image_block, network.image[0], image, _TOLERANCE * size
    inputs = live.numbers(network.image)
    for shown in network.stages:
        tensors = [_tensors(live, layer, own) for layer, own in zip(shown.stage.layers, shown.weights, strict=True)]
        expected = _computed(shown, tensors, inputs)
        scale = _computed(shown, [_sizes(own) for own in tensors], np.abs(inputs))
        allowed = _TOLERANCE * np.maximum(scale, np.abs(expected))
        if shown.features:
            yield shown.blocks[0], shown.maps[:, :, 0], expected[:, :, 0], allowed[:, :, 0]
        else:
            for channel, block in enumerate(shown.blocks):
                yield block, shown.maps[channel], expected[channel], allowed[channel]
        inputs = live.numbers(shown.maps)


def _tensors(live: LiveCells, layer: Layer, places: dict[str, Place]) -> dict[str, NDArray[np.float64]]:
    """The weights of a layer as they are now."""
    return {name: live.input_numbers(places[name]).reshape(shape) for name, shape in tensor_shapes(layer).items()}


def _sizes(tensors: dict[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """Weights with which a layer gives the sum of the absolute values of all that it adds up."""
    # the mean is what is subtracted
    signs = {"running_mean": -1}
    return {name: signs.get(name, 1) * np.abs(tensor) for name, tensor in tensors.items()}


def _computed(
    shown: ShownStage, tensors: Sequence[dict[str, NDArray[np.float64]]], inputs: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What the layers of a stage give, as maps."""
    for layer, own in zip(shown.stage.layers, tensors, strict=True):
        if isinstance(layer, Linear):
            inputs = inputs.ravel()
        inputs = reference.output(layer, inputs, own)
    return inputs.reshape(shown.stage.shape)


def _compared(
    live: LiveCells, block: Block, place: Place, expected: NDArray[np.float64], allowed: NDArray[np.float64]
) -> tuple[Difference, Finding | None]:
    """How far the cells of a block are from what they should show, and what is wrong with them."""
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
    )


def _filled_rings(built: CnnSheets, live: LiveCells) -> Iterator[Finding]:
    """Cells around maps that hold something, though they stand for zeros."""
    maps = [(built.network.image_block, built.network.image)]
    maps += [(block, shown.maps) for shown in built.network.stages if shown.ring for block in shown.blocks]
    for block, place in maps:
        ring = np.setdiff1d(block.place.ids, place.ids).tolist()
        filled = [cell_id for cell_id in ring if live.value(cell_id) not in (None, "")]
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
