"""`python -m benchmarks`: every claim about speed and memory, as a table in Markdown.

Two programs are compared in one run and in turn, so that a busy machine slows both; the ratio is the
median of the pairs. With `--quick` the comparisons of 100,000 rows are left out, which take minutes.
"""

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.plain import write

RATES = (0.1, 0.2, 0.5, 0.8, 1.0, 2.0)
DEFAULT = "A"
XOR = str(Path(__file__).parent / "xor.toml")
COMMAND = [sys.executable, "-m", "xlbackprop"]


def seconds(action: Callable[[], object]) -> float:
    """How long an action takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def process(*command: object) -> tuple[float, float]:
    """Seconds and peak memory in MiB of a program."""
    start = time.perf_counter()
    child = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{command} failed")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def row(what: str, ours: str, plain: str, ratio: str, aim: str) -> None:
    """A line of the table."""
    print(f"| {what} | {ours} | {plain} | {ratio} | {aim} |", flush=True)


def compare_writing(folder: Path, what: str, template: str, pairs: int = 9) -> None:
    """A workbook of six rates and 200 steps, streamed, and by the whole command, against plain `write_formula`."""
    build = ["build", "--template", template, "--lrs", ",".join(map(str, RATES)), "--steps", "200"]
    build += ["-o", str(folder / "backprop.xlsx"), "--force"]
    times = [
        (
            seconds(lambda: write(folder / "streamed.xlsx", template, RATES, 200, plain=False)),
            process(*COMMAND, *build)[0],
            seconds(lambda: write(folder / "plain.xlsx", template, RATES, 200, plain=True)),
        )
        for _ in range(pairs + 1)
    ][1:]
    ours, command, plain = (statistics.median(column) for column in zip(*times, strict=True))
    ratio = statistics.median(c / a for a, _, c in times)
    row(f"write {what}", f"{ours:.2f} s", f"{plain:.2f} s", f"{ratio:.1f}", "5 or more")
    ratio = statistics.median(b / c for _, b, c in times)
    row(
        f"`xlbackprop build` of {what}, check included",
        f"{command:.2f} s",
        f"{plain:.2f} s",
        f"{ratio:.2f}",
        "0.65 or less",
    )


def compare_optimizer(folder: Path, build: list[str], pairs: int = 5) -> None:
    """Adam's columns, by the whole command, against plain `write_formula`."""
    plain_path = folder / "plain.xlsx"
    times = [
        (
            process(*COMMAND, *build, "--optimizer", "adam")[0],
            seconds(lambda: write(plain_path, DEFAULT, RATES, 200, plain=True, optimizer="adam")),
        )
        for _ in range(pairs + 1)
    ][1:]
    command, plain = (statistics.median(column) for column in zip(*times, strict=True))
    ratio = statistics.median(a / b for a, b in times)
    what = "`xlbackprop build --optimizer adam`, check included"
    row(what, f"{command:.2f} s", f"{plain:.2f} s", f"{ratio:.2f}", "0.65 or less")


def time_command(what: str, arguments: list[str], aim: str, runs: int = 7) -> None:
    """A whole command, start-up included."""
    times = [process(*COMMAND, *arguments)[0] for _ in range(runs + 1)][1:]
    row(what, f"{statistics.median(times):.2f} s", "", "", aim)


def compare_long_training(folder: Path, what: str, template: str, steps: int) -> None:
    """Many steps of one learning rate: seconds and peak memory of a process each."""
    command = [sys.executable, "-m", "benchmarks.plain"]
    ours, our_memory = process(*command, "streamed", folder / "streamed.xlsx", template, steps)
    plain, plain_memory = process(*command, "plain", folder / "plain.xlsx", template, steps)
    row(f"{what}, time", f"{ours:.1f} s", f"{plain:.1f} s", f"{plain / ours:.1f}", "8 or more")
    ratio = f"{plain_memory / our_memory:.1f}"
    row(f"{what}, memory", f"{our_memory:.0f} MiB", f"{plain_memory:.0f} MiB", ratio, "100 MiB or less")


def main() -> None:
    """Run every benchmark."""
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}\n")
    row("what", "xlbackprop", "plain XlsxWriter", "ratio", "aim")
    row("---", "---:", "---:", "---:", "---")
    # an installed program has its bytecode
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "--quick" not in sys.argv:
            # first, because a process starts out with the peak memory of the one that starts it
            compare_long_training(folder, "100,000 steps", DEFAULT, 100_000)
            compare_long_training(folder, "25,000 steps of 4 samples", XOR, 25_000)
        compare_writing(folder, "XOR, 200 epochs", XOR)
        compare_writing(folder, "the default workbook", DEFAULT)
        output = str(folder / "backprop.xlsx")
        compare_optimizer(folder, ["build", "--lrs", ",".join(map(str, RATES)), "-o", output, "--force"])
        time_command("`xlbackprop verify`", ["verify", output], "")
        time_command("`xlbackprop --help`", ["--help"], "under 0.1 s")


if __name__ == "__main__":
    main()
