"""How figures are told: the median with the smallest and the largest, and the machine that they come from."""

from __future__ import annotations

import os
import platform
import re
import statistics
from collections.abc import Sequence
from pathlib import Path


def told(figures: Sequence[float], form: str = ",.0f") -> str:
    """Write the median, and the smallest and the largest beside it."""
    middle, least, most = statistics.median(figures), min(figures), max(figures)
    return f"{middle:{form}} ({least:{form}} to {most:{form}})"


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Write the ratio of each pair that was measured side by side, as a median with the smallest and the largest."""
    return told([our / their for our, their in zip(ours, theirs, strict=True)], ".2f")


def machine() -> str:
    """Name processor, cores, system and Python."""
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    processor = found[1] if found else platform.machine()
    return f"{os.cpu_count()} cores ({processor}), {platform.system()} {platform.release()}, Python {platform.python_version()}"


def processor_seconds(pid: int) -> float:
    """Read what a process has computed so far."""
    fields = re.sub(r"^.*\) ", "", Path(f"/proc/{pid}/stat").read_text()).split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
