"""A client's process, watched from outside: how it ended, its seconds by the wall and by the processor, its peak memory.

The peak is `VmHWM`, read every ten milliseconds: what `wait4` tells is never below what the parent held when it forked.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of a process; its code is `None` if it was cut off."""

    code: int | None
    seconds: float
    processor: float
    mebibytes: float
    said: str


def run(words: Sequence[object], out: Path, *, env: Mapping[str, str] | None = None, limit: float = 3600.0) -> Ran:
    """Run a process to its end, or to the limit; its stdout goes into `out`."""
    with out.open("wb") as stdout, out.with_suffix(".err").open("w+b") as stderr:
        began, peak, ended = time.monotonic(), 0.0, (0, 0, None)
        process = subprocess.Popen([str(word) for word in words], env=env, stdout=stdout, stderr=stderr)
        while not ended[0] and time.monotonic() - began < limit:
            time.sleep(0.01)
            peak = max(peak, _peak(process.pid))
            ended = os.wait4(process.pid, os.WNOHANG)
        seconds, cut = time.monotonic() - began, not ended[0]
        if cut:
            process.kill()
            ended = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(ended[1])
        stderr.seek(0)
        lines = stderr.read().decode(errors="replace").strip().splitlines()
    used = ended[2].ru_utime + ended[2].ru_stime if ended[2] else 0.0
    return Ran(None if cut else process.returncode, seconds, used, peak, lines[-1].strip() if lines else "")


def _peak(pid: int) -> float:
    """Read the most memory that a process has had so far; 0 when it has ended."""
    try:
        found = re.search(r"^VmHWM:\s*(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    except OSError:
        return 0.0
    return int(found[1]) / 1024 if found else 0.0
