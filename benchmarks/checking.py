"""`python -m benchmarks.checking`: how far `xlbackprop check` can be trusted, and how fast it is.

Every slip of the pen is planted into every column of formulas, in random layouts, spellings and
shapes of the other formulas; right workbooks are varied in the same way; packages are mangled. With
`--quick` each part is done for a tenth.
"""

import contextlib
import ctypes
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path

from benchmarks.__main__ import process
from tests import handmade
from tests.conventions import CONVENTIONS, renumbered
from tests.displayed import any_display, pasted
from tests.handmade import CLASSIC, FORMULAS, SHAPES, START_A, START_B, START_C, Handmade, slips, write
from tests.mended import mended
from xlbackprop.check.batch import check_all
from xlbackprop.check.file import check
from xlbackprop.spreadsheet.engines import recalculated

SCALE = 0.1 if "--quick" in sys.argv else 1.0
RIGHT, MANGLED, PASTED, KEPT = (int(number * SCALE) for number in (3000, 600, 1000, 1000))
#: So many slips are mended.
MENDED = int(200 * SCALE)
CLASS, RATES, STEPS = 100, (0.1, 0.2, 0.5, 0.8, 1.0, 2.0), 100
#: A slip that changes no number by more than this part of it need not be found.
VISIBLE = 1e-9
# of sys/prctl.h
_SET_CHILD_SUBREAPER = 36


def random_table(generator: random.Random) -> Handmade:
    """A right table as somebody might make it."""
    layout = handmade.random_layout(generator)
    drawn = {name: round(generator.choice((-1, 1)) * generator.uniform(0.01, 2), 4) for name in START_A}
    formulas = {name: generator.choice([FORMULAS[name], *SHAPES[name]]) for name in FORMULAS}
    if layout.order != CLASSIC or layout.gap:
        # a range of cells needs its columns side by side
        formulas |= {name: FORMULAS[name] for name in FORMULAS if ":" in formulas[name]}
    rate = generator.choice((0.01, 0.1, 0.5, 1.0, 2.0, 10.0, 20.0))
    start = generator.choice((START_A, START_B, START_C, drawn))
    return Handmade(layout, start, rate=rate, steps=generator.choice((3, 8, 12)), formulas=formulas)


def plant_slips(folder: Path) -> None:
    """Every slip in every column of formulas: is it found, and is its column named and no other?"""
    generator = random.Random(1)
    counts: Counter[str] = Counter()
    planted = [(name, formula) for name in FORMULAS for _, formula in slips(name)]
    for name, formula in generator.sample(planted, int(len(planted) * SCALE)):
        right = random_table(generator)
        path = write(folder / "slip.xlsx", right.with_formula(name, formula))
        (table,) = check(path).tables
        counts["planted"] += 1
        named = {finding.quantity for finding in table.findings}
        if table.verdict == "wrong":
            counts["found"] += 1
            counts["root"] += named == {name}
            counts["named"] += named == {name} and all(finding.slip for finding in table.findings)
        elif not is_visible(path, write(folder / "right.xlsx", right)):
            counts["invisible"] += 1
    visible = counts["planted"] - counts["invisible"]
    print(f"| slips planted in {len(FORMULAS)} columns | {counts['planted']:,} |")
    print(f"| of these, change no number by more than {VISIBLE:g} of it | {counts['invisible']:,} |")
    print(f"| of the others, found | {counts['found']:,} of {visible:,} |")
    print(f"| the column of the slip named, and no other | {counts['root']:,} of {visible:,} |")
    print(f"| the slip itself named | {counts['named']:,} of {visible:,} |", flush=True)


def is_visible(wrong: Path, right: Path) -> bool:
    """Whether two workbooks show different numbers."""
    one, other = recalculated(wrong), recalculated(right)
    for place, value in other.values("Sheet1").items():
        found = one.values("Sheet1").get(place)
        if isinstance(value, float) and (not isinstance(found, float) or abs(found - value) > VISIBLE * abs(value)):
            return True
    return False


def look_for_false_alarms(folder: Path) -> None:
    """Right workbooks: is any of them called something else?"""
    generator = random.Random(2)
    alarms = 0
    for _ in range(RIGHT):
        table = random_table(generator)
        (found,) = check(write(folder / "right.xlsx", table)).tables
        alarms += found.verdict != "correct" or found.learning_rate != table.rate
    print(f"| right workbooks in random layouts, spellings and shapes, not called correct | {alarms} of {RIGHT:,} |")
    sys.stdout.flush()


def paste_as_displayed(folder: Path) -> None:
    """Tables pasted as they were displayed, right ones and such with a slip."""
    generator = random.Random(5)
    accused, counts = 0, Counter[str]()
    for _ in range(PASTED):
        table = random_table(generator)
        table = pasted(folder / "live.xlsx", table, dict.fromkeys(FORMULAS, any_display(generator)))
        (found,) = check(write(folder / "pasted.xlsx", table)).tables
        accused += found.verdict != "constants"
    print(f"| right tables pasted as displayed, not called right | {accused} of {PASTED:,} |", flush=True)
    planted = [(name, formula) for name in FORMULAS for _, formula in slips(name)]
    for name, formula in generator.sample(planted, MENDED):
        table = random_table(generator).with_formula(name, formula)
        table = pasted(folder / "live.xlsx", table, dict.fromkeys(FORMULAS, lambda number: float(f"{number:.9g}")))
        (found,) = check(write(folder / "pasted.xlsx", table)).tables
        wrong = [finding for finding in found.findings if finding.slip]
        counts["found"] += bool(wrong)
        counts["named"] += any(finding.quantity == name and "as if" in finding.slip for finding in wrong)
        # where another column followed from the wrong one, it is as wrong
        counts["alone"] += {finding.quantity for finding in wrong} == {name}
    found_of = f"{counts['found']}, {counts['named']}, {counts['alone']} of {MENDED}"
    print(f"| slips pasted with nine digits: found, named, their column alone accused | {found_of} |")
    sys.stdout.flush()


def keep_to_conventions(folder: Path) -> None:
    """Tables that keep to another convention, right ones and such with a slip."""
    generator = random.Random(6)
    ways = [*CONVENTIONS.values(), renumbered(FORMULAS)]
    counts: Counter[str] = Counter()
    for n in range(KEPT):
        plain, way = random_table(generator), ways[n % len(ways)]
        while plain.layout.eta == "column":
            # {eta} is that of the row above there
            plain = random_table(generator)
        table = Handmade(plain.layout, START_C, plain.rate, plain.steps, FORMULAS | dict(way))
        (found,) = check(write(folder / "right.xlsx", table)).tables
        counts["accused"] += found.verdict != "correct"
        name = generator.choice([name for name in FORMULAS if name in table.formulas])
        (found,) = check(write(folder / "wrong.xlsx", table.with_formula(name, f"1.5*({table.formulas[name]})"))).tables
        counts["found"] += found.verdict == "wrong"
        counts["root"] += {finding.quantity for finding in found.findings} == {name}
    print(f"| right tables of {len(ways)} other conventions, not called correct | {counts['accused']} of {KEPT:,} |")
    print(
        f"| half too much in a column of them: found, named alone | {counts['found']}, {counts['root']} of {KEPT:,} |"
    )
    sys.stdout.flush()


def mend(folder: Path) -> None:
    """What is said to mend a slip, and what is expected, put in: is the table right then?"""
    generator = random.Random(7)
    counts: Counter[str] = Counter()
    planted = [(name, formula) for name in FORMULAS for _, formula in slips(name)]
    for name, formula in generator.sample(planted, MENDED):
        checked = check(write(folder / "slip.xlsx", random_table(generator).with_formula(name, formula)))
        if checked.correct:
            continue
        counts["wrong"] += 1
        for by in ("mend", "expected"):
            counts[by] += check(mended(checked, folder / "mended.xlsx", by=by)).correct
    print(
        f"| slips put right by `mend`, by `expected` | {counts['mend']}, {counts['expected']} of {counts['wrong']} |",
        flush=True,
    )


def mangle(path: Path, generator: random.Random, source: Path) -> Path:
    """A workbook with some bytes of some parts changed, cut out or repeated."""
    with zipfile.ZipFile(source) as package:
        parts = {name: bytearray(package.read(name)) for name in package.namelist()}
    for _ in range(generator.randint(1, 4)):
        content = parts[generator.choice(sorted(parts))]
        place = generator.randrange(len(content))
        length = generator.choice((1, 1, 8, 200))
        action = generator.randrange(4)
        if action == 0:
            content[place : place + length] = generator.randbytes(length)
        elif action == 1:
            del content[place : place + length]
        elif action == 2:
            content[place:place] = content[place : place + length]
        else:
            words = (b"<", b">", b'"', b"&amp;", b"1E999", b"-1", b"$A$1", b"#REF!", b"\0", "🙂".encode())
            content[place:place] = generator.choice(words)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, bytes(content))
    if generator.random() < 0.2:
        whole = path.read_bytes()
        path.write_bytes(whole[: generator.randrange(len(whole))])
    return path


def mangle_packages(folder: Path) -> None:
    """Mangled packages: does any of them get more than a sentence, or take long?"""
    generator = random.Random(3)
    source = write(folder / "source.xlsx", Handmade(steps=20), Handmade(rate=2, steps=20))
    paths = [mangle(folder / f"mangled{n}.xlsx", generator, source) for n in range(MANGLED)]
    start = time.perf_counter()
    found = check_all(paths)
    seconds = time.perf_counter() - start
    unexpected = [file.error for file in found if file.error and "does not expect" in file.error]
    slow = sum(1 for file in found if file.error and "given up" in file.error)
    ended = sum(1 for file in found if file.error and "gives up on it" in file.error)
    refused = sum(1 for file in found if file.error)
    print(f"| mangled packages: checked, refused with a sentence | {MANGLED - refused}, {refused} of {MANGLED} |")
    print(f"| mangled packages: errors of the program, hangs | {len(unexpected)}, {slow} |")
    print(f"| mangled packages: the engine's process ended, and no other file noticed | {ended} |")
    print(f"| mangled packages, all together | {seconds:.1f} s |", flush=True)
    for error in unexpected[:5]:
        print(error, file=sys.stderr)


def time_a_class(folder: Path, runs: int = 3) -> None:
    """A class of workbooks of six sheets, two thirds of them wrong somewhere."""
    generator = random.Random(4)
    folder = folder / "class"
    folder.mkdir()
    planted = [(name, formula) for name in FORMULAS for _, formula in slips(name)]
    for n in range(CLASS):
        tables = [Handmade(rate=rate, steps=STEPS) for rate in RATES]
        if n % 3:
            name, formula = generator.choice(planted)
            tables = [table.with_formula(name, formula) for table in tables]
        write(folder / f"{n}.xlsx", *tables)
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        with contextlib.suppress(SystemExit):
            process(sys.executable, "-m", "xlbackprop", "check", folder, "--csv")
        times.append(time.perf_counter() - start)
    grade_a_class(folder, runs)
    cells = CLASS * len(RATES) * (STEPS * len(FORMULAS) + len(FORMULAS) - 8)
    what = f"a class of {CLASS} workbooks of {len(RATES)} sheets, {cells:,} formulas"
    print(f"| {what} | {statistics.median(times):.1f} s |")


def adopt_processes() -> None:
    """On Linux, become the parent of all processes that lose theirs, so that what they used is known, too."""
    if ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError("this system does not let a process adopt others")


def processor_seconds() -> float:
    """What the processes that have ended have used of all cores together."""
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def seconds(*arguments: object) -> tuple[float, float]:
    """How long a command of this program takes, whatever it says: by the clock, and of all cores together."""
    before, start = processor_seconds(), time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "xlbackprop", *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    by_the_clock = time.perf_counter() - start
    return by_the_clock, processor_seconds() - before


def grade_a_class(folder: Path, runs: int) -> None:
    """The same class checked and graded in turn, and in four parts, as if each had a machine of its own."""
    adopt_processes()
    marked, feedback = folder / "marked.csv", folder / "feedback.zip"
    ratios, parts, joining = [], [], []
    workbooks = sorted(folder.glob("*.xlsx"))
    for _ in range(runs):
        _, checked = seconds("check", folder, "--csv")
        grading, graded = seconds("grade", *workbooks, "-o", marked, "--feedback", feedback, "--force")
        ratios.append(graded / checked)
        documents = []
        longest = 0.0
        for n in range(4):
            start = time.perf_counter()
            command = [sys.executable, "-m", "xlbackprop", "grade", *workbooks[n::4], "--json"]
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
            longest = max(longest, time.perf_counter() - start)
            documents.append(folder / f"part-{n}.json")
            documents[-1].write_bytes(done.stdout)
        parts.append(longest / grading)
        joining.append(seconds("grade", *documents, "-o", marked, "--force")[0])
    ratio = statistics.median(ratios)
    print(f"| graded with feedback, against `check` over the same, in seconds of all cores | {ratio:.2f} |")
    print(f"| the slowest of four parts, against the whole | {statistics.median(parts):.2f} |")
    print(f"| joining the four parts | {statistics.median(joining):.1f} s |", flush=True)


def main() -> None:
    """Run every part."""
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}\n")
    print("| what | result |\n| --- | ---: |")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plant_slips(folder)
        look_for_false_alarms(folder)
        paste_as_displayed(folder)
        keep_to_conventions(folder)
        mend(folder)
        mangle_packages(folder)
        time_a_class(folder)


if __name__ == "__main__":
    main()
