"""Real processes on real sockets: a portal, and `b24x` as a user would start it. Each is ended by its own id."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import orjson

from extractor.sandbox.world import World

ROOT = Path(__file__).parents[2]
B24X = Path(sys.executable).with_name("b24x")
CODE = "k4n4ri3nv0g3l"
PATIENCE = 60  # seconds, for any one process
LIMITER = ("import os, resource, sys; room = int(sys.argv[1])\n"
           "resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)); os.execv(sys.argv[2], sys.argv[2:])")


@contextmanager
def started(*words, **options):
    """Start a process, and see to it that it ends."""
    process = subprocess.Popen([*map(str, words)], cwd=ROOT, **options)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


class Served:
    """A portal in a process of its own."""

    def __init__(self, process, rows) -> None:
        self._process = process
        self._rows = rows
        self.address = process.stdout.readline().strip()
        self.webhook = f"{self.address}/rest/1/{CODE}/"

    def seen(self):
        """Ask what it has served so far."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    @property
    def world(self):
        """The same rows, here: equal seeds give equal ids."""
        return World.build(rows=self._rows)


@contextmanager
def served(*, code=CODE, seconds=None, certificate=None, **rows):
    """Start a portal with so many rows by table."""
    wanted = {"rows": rows, "code": code, "seconds": seconds, "certificate": certificate}
    words = json.dumps({key: value for key, value in wanted.items() if value is not None})
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with started(sys.executable, "-m", "tests.end_to_end.served_portal", words, **pipes) as process:
        yield Served(process, rows)


class Ran:
    """A process that has ended: its exit code, stdout in bytes, stderr as text."""

    def __init__(self, process) -> None:
        self.out, errors = process.communicate(timeout=PATIENCE)
        self.err = errors.decode()
        self.code = process.returncode

    @property
    def last_words(self):
        """The sentence that explains the exit code."""
        return self.err.strip().splitlines()[-1]


@contextmanager
def b24x(*words, webhook=None, room=None, through=()):
    """Start `b24x` with some words; the webhook goes by the environment. With `room`, no file of its may grow beyond so many bytes.

    `through` are the words of a program that becomes b24x.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith("B24X_")}
    if webhook:
        environment["B24X_WEBHOOK"] = webhook
    limited = () if room is None else (sys.executable, "-c", LIMITER, str(room))
    with started(*through, *limited, B24X, *words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        yield process


def run(*words, **options):
    """Run `b24x` to its end."""
    with b24x(*words, **options) as process:
        return Ran(process)


def dump(portal, folder, *words):
    """Run a dump of deals, unless other words name something else, with no limit but the portal's own."""
    return run("dump", *(words or ("deals",)), "--to", folder, "--tariff", "unlimited", webhook=portal.webhook)


def rows(path):
    """Read the lines of a file; a torn one is no JSON."""
    return [orjson.loads(line) for line in Path(path).read_bytes().splitlines()]


def ids(path):
    """List the ids in a file, ascending."""
    return sorted(int(row["ID"]) for row in rows(path))


def manifest(folder):
    """Read the manifest of a folder."""
    return orjson.loads((folder / "manifest.json").read_bytes())


def told(process, number):
    """Send a signal to a process of ours, and wait for its end."""
    process.send_signal(number)
    return Ran(process)


SIGKILL, SIGTERM, SIGINT = signal.SIGKILL, signal.SIGTERM, signal.SIGINT
