"""Rows per second of the client's processor, from HTTP on loopback to NDJSON on disk, beside the loop one would write in an evening.

    python benchmarks/bench_extract.py [--rows 200000] [--runs 5]       # b24x, and `plain_loop.py` by pages and by batches
    python benchmarks/bench_extract.py --memory 20000 200000 2000000    # b24x alone: its peak memory
    python benchmarks/bench_extract.py --stalls [--compress zst]        # b24x alone: how late its event loop was

The portal is the sandbox, in a process of its own, without delays and without a bucket. Processor seconds are those of
the client's whole process, user and system, from its start to its end. All clients read the same rows and write a line
for each; it is checked that they wrote them.

How late the loop was: a timer on b24x's own loop falls due every millisecond, and notes how late it came. What fell due
while the loop was held counts too, with what it had to wait (a hold of 10 ms is ten late timers, not one). What the
loop's own thread computed is counted apart. The same timer runs at the same time in a process that does nothing else:
its figures are the machine's own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from figures import machine, ratio, told
from processes import Ran, run
from served import Served, served, shown

HERE = Path(__file__).parent


def ours(portal: Served, folder: str, compress: str) -> Sequence[object]:
    """Say what b24x is asked to do: the bucket of this portal is none."""
    return ("dump", "deals", "--webhook", portal.webhook, "--tariff", "unlimited", "--to", f"{folder}/out", "--compress", compress, "-q")


def checked(ran: Ran, name: str) -> Ran:
    """Refuse a run that failed."""
    if ran.code:
        sys.exit(f"{name} failed: {ran.said}")
    return ran


def b24x(portal: Served, rows: int, compress: str = "none") -> Ran:
    """Let b24x dump into a fresh folder."""
    with tempfile.TemporaryDirectory() as folder:
        words = (Path(sys.executable).with_name("b24x"), *ours(portal, folder, compress))
        ran = checked(run(words, Path(folder, "said")), "b24x")
        manifest = json.loads(Path(folder, "out/manifest.json").read_bytes())
        assert manifest["entities"]["deals"]["rows"] == rows, "rows are missing"  # noqa: S101
        return ran


def plain(way: str, portal: Served, rows: int) -> Ran:
    """Let the plain loop write a file."""
    with tempfile.TemporaryDirectory() as folder:
        ran = checked(run((sys.executable, HERE / "plain_loop.py", way, portal.webhook, f"{folder}/out"), Path(folder, "said")), way)
        with Path(folder, "out").open("rb") as file:
            assert sum(1 for _ in file) == rows, "rows are missing"  # noqa: S101
        return ran


def compare(rows: int, runs: int, compress: str) -> None:
    """Let all take turns, and print a table."""
    there = len(shown(rows))
    found: dict[str, list[Ran]] = {"b24x": [], "pages": [], "batches": []}
    with served(rows) as portal:
        for turn in range(runs + 1):
            turns = {"b24x": b24x(portal, there, compress), "pages": plain("pages", portal, there), "batches": plain("batches", portal, there)}
            if turn:  # the first one warms up
                for name, ran in turns.items():
                    found[name].append(ran)
    speeds = {name: [there / ran.processor for ran in ran_s] for name, ran_s in found.items()}
    print("| client | rows per processor second | b24x is faster by | wall, s | peak MiB |\n|---|---|---|---|---|")
    for name, title in (("b24x", "b24x"), ("pages", "plain loop, page by page"), ("batches", "plain loop, by batches")):
        by = "" if name == "b24x" else ratio(speeds["b24x"], speeds[name])
        walls, peaks = [ran.seconds for ran in found[name]], [ran.mebibytes for ran in found[name]]
        print(f"| {title} | {told(speeds[name])} | {by} | {told(walls, '.2f')} | {told(peaks)} |")


def memory(sizes: Sequence[int]) -> None:
    """Print the peak memory for so many rows."""
    print("| rows | peak MiB | seconds | rows per processor second |\n|---|---|---|---|")
    for rows in sizes:
        there = len(shown(rows))
        with served(rows) as portal:
            ran = b24x(portal, there)
        print(f"| {there:,} | {ran.mebibytes:.0f} | {ran.seconds:.1f} | {there / ran.processor:,.0f} |", flush=True)


def stalls(rows: int, runs: int, compress: str) -> None:
    """Print how late b24x's loop was, and how late an idle one beside it."""
    print("| run | p50, ms | p99, ms | longest, ms | of its own making: p99 | longest | an idle loop beside it: p99 | longest |\n|---|---|---|---|---|---|---|---|")
    with served(rows) as portal:
        for turn in range(runs):
            with tempfile.TemporaryDirectory() as folder:
                words = [str(word) for word in (sys.executable, HERE / "lateness.py")]
                with subprocess.Popen([*words, f"{folder}/idle"], stdin=subprocess.PIPE) as idle:
                    checked(run((*words, f"{folder}/late", *ours(portal, folder, compress)), Path(folder, "said")), "b24x")
                    assert idle.stdin is not None  # noqa: S101 - it is a pipe
                    idle.stdin.close()
                    idle.wait()
                late, beside = (json.loads(Path(folder, name).read_bytes()) for name in ("late", "idle"))
            figures = (*(late[key] for key in ("p50", "p99", "longest", "own p99", "own longest")), beside["p99"], beside["longest"])
            print(f"| {turn + 1} | {' | '.join(f'{1000 * figure:.1f}' for figure in figures)} |", flush=True)


def main() -> None:
    """Measure what was asked for."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--rows", type=int, default=200_000)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--compress", choices=("none", "gz", "zst"), default="none")
    options.add_argument("--memory", type=int, nargs="+", metavar="ROWS")
    options.add_argument("--stalls", action="store_true")
    given = options.parse_args()
    print(machine())
    if given.memory:
        memory(given.memory)
    elif given.stalls:
        stalls(given.rows, given.runs, given.compress)
    else:
        compare(given.rows, given.runs, given.compress)


if __name__ == "__main__":
    main()
