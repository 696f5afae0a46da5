"""Recalculation of a workbook by a real spreadsheet engine.

What stands in a file as the value of a formula was put there by whoever wrote it, and proves
nothing. An engine here always computes every cell anew.
"""

from pathlib import Path

from xlbackprop.spreadsheet import ironcalc, libreoffice
from xlbackprop.spreadsheet.cells import Sheets

#: Every engine, by the name that the commands take.
ENGINES = {"ironcalc": "IronCalc", "libreoffice": "LibreOffice"}


def recalculated(path: Path, engine: str = "ironcalc") -> Sheets:
    """The workbook with every cell computed anew.

    Args:
        path: an .xlsx file; it is not changed.
        engine: one of `ENGINES`.

    Raises:
        UnusableInput: the file is no workbook, the engine is not installed, or it fails.
    """
    return (libreoffice if engine == "libreoffice" else ironcalc).recalculated(path)
