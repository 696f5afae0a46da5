"""Makes the pictures of the documentation: workbooks in a window of LibreOffice, and a network trained on MNIST.

`make pictures` runs it. It needs LibreOffice (`soffice`), a screen that nobody sees (xvfb, xdotool and imagemagick),
`pdftoppm` (poppler-utils) and the images of MNIST, which are downloaded or lie where `MNIST_DATA` says. Columns are as
wide as in Excel where there is Carlito (fonts-crosextra-carlito), which stands in for Calibri.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from openpyxl import load_workbook
from openpyxl.styles import Font
from openpyxl.worksheet.properties import PageSetupProperties

from tests.handmade import FORMULAS, Handmade, write

HERE = Path(__file__).parent

# the command of each workbook, and of its pictures the numbers of the sheets' tabs, counted from 0
PICTURES = (
    (
        ["build", "--lrs", "0.1,0.2,0.5,0.8,1,2"],
        {"network.png": 0, "derivation.png": 1, "training.png": 5, "comparison.png": 9},
    ),
    (["build", "--optimizer", "adam"], {"optimizers-training.png": 3}),
    (["build", "--template", "ravine", "--optimizer", "sgd,momentum,adam@0.3"], {"optimizers-ravine.png": 11}),
    (
        ["build", "--template", "xor-stuck", "--lrs", "1", "--optimizer", "sgd,momentum,adam@0.1,rmsprop@0.1"],
        {"optimizers-stuck.png": 13},
    ),
    (["cnn"], {"cnn-digit.png": 0, "cnn-network.png": 1}),
)
# a network that learns XOR, before the training and after it
BOUNDARY = ("boundary-before.png", "boundary-after.png")
_LEARNS = ["build", "--template", "xor"]
_DISPLAY, _SCREEN = ":87", "1440x900x24"
# the cells and their headers, without menus and tabs
_CELLS = "1380x738+0+104"


ANNOTATED = ("annotated.png", 200, (2060, 85, 1130, 540))


def draw_annotated(folder: Path) -> None:
    """A student's workbook with the slip that is handed from course to course, as `check --annotate` marks it."""
    copied = {name: FORMULAS[name].replace("{a_h2}", "{a_h1}") for name in ("dE_dw3", "dE_dw4")}
    path = write(folder / "homework.xlsx", Handmade(formulas=FORMULAS | copied, steps=12))
    book = load_workbook(path)
    sheet = book.active
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", sheet.PAPERSIZE_A3
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.print_options.gridLines = sheet.print_options.headings = True
    for cell in sheet[5]:
        cell.font = Font(bold=True)
    book.save(path)
    marked = folder / "marked.xlsx"
    subprocess.run([sys.executable, "-m", "xlbackprop", "check", path, "--annotate", marked], check=False)
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    convert = ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", folder, marked]
    subprocess.run(convert, check=True, capture_output=True)
    file, resolution, (left, top, width, height) = ANNOTATED
    draw = f"pdftoppm -png -singlefile -r {resolution} -x {left} -y {top} -W {width} -H {height}".split()
    subprocess.run([*draw, str(marked.with_suffix(".pdf")), str(HERE / Path(file).stem)], check=True)
    print(f"{file}: the marked copy")


def draw_training(folder: Path) -> None:
    """Two pictures that a run of the default network leaves behind."""
    subprocess.run([sys.executable, "-m", "mnist_train", "--run-dir", str(folder / "run")], check=True)
    for name in ("curves.png", "misclassified.png"):
        shutil.copyfile(folder / "run" / name, HERE / f"mnist-{name}")


def draw_windows(workbook: Path, tabs: Mapping[str, int], folder: Path) -> None:
    """The sheets of a workbook as a learner sees them: in a window of 1,440 x 900 pixels, at 100 %."""
    with window(workbook, folder) as (keys, picture):
        shown = 0
        for file, tab in tabs.items():
            keys(*["ctrl+Next"] * (tab - shown), "ctrl+Home")
            shown = tab
            picture(file)
            print(f"{file}: sheet {tab + 1}")


def draw_boundary(workbook: Path, folder: Path) -> None:
    """The sheet Learned of a workbook after the training, and at its start: a learner types 0 into the step."""
    before, after = BOUNDARY
    with window(workbook, folder) as (keys, picture):
        keys("ctrl+Next", "ctrl+Next", "ctrl+Home")
        picture(after)
        keys("Down", "Down", "Right", "0", "Return", "ctrl+Home")
        picture(before)
    print(f"{before}, {after}: before the training, and after it")


@contextlib.contextmanager
def window(workbook: Path, folder: Path) -> Iterator[tuple[Callable[..., None], Callable[[str], None]]]:
    """A workbook in a window of LibreOffice; gives what presses keys there, and what draws a picture of its cells."""
    screen = {**os.environ, "DISPLAY": _DISPLAY}

    def keys(*names: str) -> None:
        subprocess.run(["xdotool", "key", "--delay", "80", *names], check=True, env=screen)
        time.sleep(2)

    def picture(file: str) -> None:
        crop = ["import", "-window", "root", "-crop", _CELLS, "+repage", HERE / file]
        subprocess.run(crop, check=True, env=screen)

    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    with (
        started(["Xvfb", _DISPLAY, "-screen", "0", _SCREEN], dict(os.environ)),
        started(["soffice", profile, "--norestore", "--nologo", "--nofirststartwizard", "--calc", workbook], screen),
    ):
        search = ["xdotool", "search", "--sync", "--onlyvisible", "--name", "Calc"]
        found = subprocess.run(search, check=True, capture_output=True, text=True, env=screen, timeout=120)
        name = found.stdout.split()[-1]
        time.sleep(10)
        for command in (["windowsize", name, "1440", "900"], ["windowmove", name, "0", "0"], ["windowfocus", name]):
            subprocess.run(["xdotool", *command], check=True, env=screen)
        # the tip of the day
        keys("Return")
        keys("ctrl+Home")
        yield keys, picture


@contextlib.contextmanager
def started(command: Sequence[str | Path], environment: dict[str, str]) -> Iterator[None]:
    """A program that runs in the background, and is ended with all that it started."""
    program = subprocess.Popen(command, env=environment, start_new_session=True)
    time.sleep(5)
    try:
        yield
    finally:
        os.killpg(program.pid, signal.SIGTERM)
        program.wait()


def main() -> None:
    """Train the default network, write the workbooks, and draw all of it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw_training(folder)
        draw_annotated(folder)
        for number, (command, tabs) in enumerate(PICTURES):
            workbook = folder / f"{number}.xlsx"
            subprocess.run([sys.executable, "-m", "xlbackprop", *command, "-o", str(workbook)], check=True)
            draw_windows(workbook, tabs, folder)
        workbook = folder / "learned.xlsx"
        subprocess.run([sys.executable, "-m", "xlbackprop", *_LEARNS, "-o", str(workbook)], check=True)
        draw_boundary(workbook, folder)


if __name__ == "__main__":
    main()
