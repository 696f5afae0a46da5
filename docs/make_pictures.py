"""Makes the pictures of the README: a workbook built by the program, drawn by LibreOffice.

`make pictures` runs it. It needs LibreOffice (`soffice`) and `pdftoppm` (poppler-utils).
"""

import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent

# how the page begins, dots per inch, and the part that is shown: left, top, width, height in those dots
PICTURES = {
    "network.png": ("The classic 2-2-2 network", 150, (50, 85, 1660, 540)),
    "derivation.png": ("One training step", 150, (50, 85, 1660, 1090)),
    "training.png": ("Training with learning rate η = 0.5", 330, (100, 180, 1930, 900)),
    "comparison.png": ("Which learning rate is best?", 150, (50, 80, 1660, 790)),
    "check.png": ("Does this workbook compute", 150, (50, 80, 1660, 560)),
}


def pages(workbook: Path, folder: Path) -> list[str]:
    """The texts of the pages of a workbook's PDF, which is made beside it."""
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    convert = ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", str(folder), str(workbook)]
    subprocess.run(convert, check=True, capture_output=True)
    text = subprocess.run(["pdftotext", str(workbook.with_suffix(".pdf")), "-"], check=True, capture_output=True)
    return text.stdout.decode().split("\f")


def main() -> None:
    """Build the default workbook and draw its sheets."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        workbook = folder / "backprop.xlsx"
        build = [sys.executable, "-m", "xlbackprop", "build", "--lrs", "0.1,0.2,0.5,0.8,1,2", "-o", str(workbook)]
        subprocess.run(build, check=True)
        texts = pages(workbook, folder)
        for file, (title, resolution, (left, top, width, height)) in PICTURES.items():
            page = next(n for n, text in enumerate(texts, start=1) if text.lstrip().startswith(title))
            draw = f"pdftoppm -png -singlefile -r {resolution} -f {page} -l {page}".split()
            draw += f"-x {left} -y {top} -W {width} -H {height}".split()
            subprocess.run([*draw, str(workbook.with_suffix(".pdf")), str(HERE / Path(file).stem)], check=True)
            print(f"{file}: page {page}")


if __name__ == "__main__":
    main()
