"""LibreOffice: recalculates a workbook where it is installed."""

import contextlib
import os
import shutil
import signal
import subprocess
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xlbackprop.errors import UnusableInput
from xlbackprop.files import temporary_folder
from xlbackprop.spreadsheet.cells import Sheets, Value
from xlbackprop.spreadsheet.ironcalc import load
from xlbackprop.spreadsheet.package import check_package

_SECONDS = 600

# Without the first, LibreOffice shows the values that stand in an .xlsx, even wrong ones. With threads, it leaves an
# error in a few cells of a long chain over two sheets when it loads a file, and computes them rightly after an edit.
_ALWAYS_RECALCULATE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load">
<prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop></item>
<item oor:path="/org.openoffice.Office.Calc/Formula/Calculation">
<prop oor:name="UseThreadedCalculationForFormulaGroups" oor:op="fuse"><value>false</value></prop></item>
</oor:items>
"""


class _SavedSheets(Sheets):
    """The cells of a workbook with the values that stand in another file, as its engine left them there."""

    def __init__(self, model: Any, saved: Path) -> None:
        # it takes its time to import, and only what LibreOffice saved needs it
        from openpyxl import load_workbook

        super().__init__(model)
        with warnings.catch_warnings():
            # of data bars and the like, which hold no values
            warnings.simplefilter("ignore", UserWarning)
            book = load_workbook(saved, read_only=True, data_only=True)
            try:
                self._values = {
                    sheet.title: {
                        (cell.row, cell.column): cell
                        for row in sheet.iter_rows()
                        for cell in row
                        if cell.value is not None
                    }
                    for sheet in book.worksheets
                }
            finally:
                book.close()

    def value(self, sheet: str, row: int, column: int) -> Value:
        cell = self._values[sheet].get((row, column))
        return None if cell is None else cell.value

    def values(self, sheet: str) -> Mapping[tuple[int, int], Value]:
        return {place: cell.value for place, cell in self._values[sheet].items()}

    def is_error(self, sheet: str, row: int, column: int) -> bool:
        cell = self._values[sheet].get((row, column))
        return cell is not None and cell.data_type == "e"


def libreoffice_program() -> str | None:
    """The path of LibreOffice, or None where it is not installed."""
    return shutil.which("soffice") or shutil.which("libreoffice")


def recalculated(path: Path) -> Sheets:
    """The workbook with the values that LibreOffice computes.

    Raises:
        UnusableInput: the file is no workbook, LibreOffice is not installed, or it fails.
    """
    check_package(path)
    program = libreoffice_program()
    if program is None:
        raise UnusableInput("LibreOffice is not installed: install LibreOffice Calc, or use IronCalc.")
    with temporary_folder() as folder:
        profile, output = folder / "profile", folder / "out"
        (profile / "user").mkdir(parents=True)
        (profile / "user" / "registrymodifications.xcu").write_text(_ALWAYS_RECALCULATE, encoding="utf-8")
        # the copy gets a plain name, so that no file name is taken for an option
        source = folder / "workbook.xlsx"
        shutil.copyfile(path, source)
        options = [f"-env:UserInstallation={profile.as_uri()}", "--headless", "--norestore", "--convert-to", "xlsx"]
        try:
            _run([program, *options, "--outdir", str(output), str(source)], folder)
            # IronCalc gives the formulas and names, but the values are those that LibreOffice saved
            return _SavedSheets(load(path), output / source.name)
        except subprocess.TimeoutExpired:
            raise UnusableInput(f"LibreOffice did not finish with {path} within {_SECONDS} seconds.") from None
        except (subprocess.CalledProcessError, FileNotFoundError):
            raise UnusableInput(f"LibreOffice could not recalculate {path}.") from None


def _run(command: Sequence[str], folder: Path) -> None:
    """Run LibreOffice, with its temporary files in a folder; however that ends, none of its processes is left."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"TMPDIR": str(folder)},
        # what is started as `soffice` starts others, and all are of one group then
        start_new_session=True,
    ) as process:
        try:
            code = process.wait(timeout=_SECONDS)
        finally:
            _end(process)
    if code:
        raise subprocess.CalledProcessError(code, command)


def _end(process: "subprocess.Popen[bytes]") -> None:
    if not hasattr(os, "killpg"):
        process.kill()
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
