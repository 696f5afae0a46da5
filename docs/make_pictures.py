"""Makes the pictures of the documentation: a workbook drawn by LibreOffice, and a network trained on MNIST.

`make pictures` runs it. It needs LibreOffice (`soffice`), `pdftoppm` (poppler-utils) and the images of MNIST, which
are downloaded or lie where `MNIST_DATA` says.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from openpyxl import load_workbook
from openpyxl.styles import Font
from openpyxl.worksheet.properties import PageSetupProperties

from tests.handmade import FORMULAS, Handmade, write

HERE = Path(__file__).parent

# what stands on the page, dots per inch, and the part that is shown: left, top, width, height in those dots
PICTURES = {
    "network.png": ("The classic 2-2-2 network", 150, (50, 85, 1660, 540)),
    "derivation.png": ("One training step", 150, (50, 85, 1660, 1090)),
    "training.png": ("Training with learning rate η = 0.5", 150, (50, 85, 1340, 600)),
    "comparison.png": ("Which learning rate is best?", 150, (50, 80, 1660, 790)),
    "check.png": ("Does this workbook compute", 150, (50, 80, 1660, 560)),
}


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
    pages(marked, folder)
    file, resolution, (left, top, width, height) = ANNOTATED
    draw = f"pdftoppm -png -singlefile -r {resolution} -x {left} -y {top} -W {width} -H {height}".split()
    subprocess.run([*draw, str(marked.with_suffix(".pdf")), str(HERE / Path(file).stem)], check=True)
    print(f"{file}: the marked copy")


def draw_training(folder: Path) -> None:
    """Two pictures that a run of the default network leaves behind."""
    subprocess.run([sys.executable, "-m", "mnist_train", "--run-dir", str(folder / "run")], check=True)
    for name in ("curves.png", "misclassified.png"):
        shutil.copyfile(folder / "run" / name, HERE / f"mnist-{name}")


def pages(workbook: Path, folder: Path) -> list[str]:
    """The texts of the pages of a workbook's PDF, which is made beside it."""
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    convert = ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", str(folder), str(workbook)]
    subprocess.run(convert, check=True, capture_output=True)
    text = subprocess.run(["pdftotext", str(workbook.with_suffix(".pdf")), "-"], check=True, capture_output=True)
    return text.stdout.decode().split("\f")


def main() -> None:
    """Train the default network, build the default workbook, and draw both."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw_training(folder)
        draw_annotated(folder)
        workbook = folder / "backprop.xlsx"
        build = [sys.executable, "-m", "xlbackprop", "build", "--lrs", "0.1,0.2,0.5,0.8,1,2", "-o", str(workbook)]
        subprocess.run(build, check=True)
        texts = pages(workbook, folder)
        for file, (title, resolution, (left, top, width, height)) in PICTURES.items():
            page = next(n for n, text in enumerate(texts, start=1) if title in text)
            draw = f"pdftoppm -png -singlefile -r {resolution} -f {page} -l {page}".split()
            draw += f"-x {left} -y {top} -W {width} -H {height}".split()
            subprocess.run([*draw, str(workbook.with_suffix(".pdf")), str(HERE / Path(file).stem)], check=True)
            print(f"{file}: page {page}")


if __name__ == "__main__":
    main()
