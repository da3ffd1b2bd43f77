"""Tell one story, or many on all cores: `python -m tests.simulation [--nights] SEED`, `... --seeds N --from M`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.nights.calendar import calendar
from tests.simulation.nights.story import nights
from tests.simulation.scenario import scenario
from tests.simulation.story import tell


def main():
    """Tell what was asked for; exit code 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("seed", type=int, nargs="?")
    parser.add_argument("--nights", action="store_true", help="of a mirror, not of a dump")
    parser.add_argument("--seeds", type=int, default=0)
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    asked = parser.parse_args()
    if asked.seed is not None:
        return _one(asked.seed, mirror=asked.nights)
    return _many(range(asked.first, asked.first + asked.seeds), asked.jobs, mirror=asked.nights)


def _one(seed, *, mirror):
    print(calendar(seed) if mirror else scenario(seed))
    ended = nights(seed) if mirror else tell(seed)
    _show(ended.counts)
    print(f"seed {seed}: {ended.broken or 'every promise was kept'}, {ended.seconds:,.0f} virtual seconds")
    return int(ended.broken is not None)


def _many(seeds, jobs, *, mirror):
    began, counts, broken, virtual = time.monotonic(), Counter(), [], 0.0
    with ProcessPoolExecutor(jobs) as pool:
        for ended in pool.map(nights if mirror else tell, seeds, chunksize=10):
            counts += ended.counts
            virtual += ended.seconds
            if ended.broken:
                broken.append(ended)
                print(f"seed {ended.seed}: {ended.broken}\n    python -m tests.simulation {'--nights ' * mirror}{ended.seed}", flush=True)
    _show(counts)
    print(f"{len(seeds):,} seeds, {len(broken)} broken promises, {virtual / 86_400:,.1f} virtual days in {time.monotonic() - began:,.0f} s")
    return int(bool(broken))


def _show(counts):
    for kind, count in sorted(counts.items()):
        print(f"{count:>12,}  {kind}")


if __name__ == "__main__":
    sys.exit(main())
