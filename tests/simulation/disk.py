"""A disk that forgets: what the system was told to keep is kept, the rest is a matter of luck.

The files are real, in a folder per life; this layer watches the system calls
that change them and remembers what each `fsync` made durable.

Rule 1: a kill leaves what the process had handed to the system, to the byte.
Rule 2: a power cut leaves what was synced, and of what was not, anything:
bytes that are there, torn, zeroed in the middle or missing; a truncation that
happened or did not; a name that points to the old file, to the new one or
nowhere. A name is synced with its folder, bytes with their file.
Rule 3: what a killed process had not synced stays at risk in the next life.
Rule 4: the dead write nothing. The next life goes on in a copy, and whatever
the old process still does happens to a folder that nobody will read.
"""

from __future__ import annotations

import io
import os
import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.simulation.database import connecting

BLOCK = 512


@dataclass(eq=False)
class Node:
    """A file or a folder, whatever it is called: the bytes that are safe, and those that were seen last."""

    folder: bool = False
    safe: bytes = b""
    last: bytes = b""
    versions: list[bytes] = field(default_factory=list)  # of a database: whole ones, of which any may come up


class Disk:
    """One tree; `names` is what each path may point to after a power cut, the present last.

    `on_operation` is told before and after every change; `refusals` maps the
    number of an operation to the `errno` with which the system refuses it.
    """

    def __init__(self, root):
        self.root = root
        root.mkdir(parents=True)
        self.names = {}
        self.operations = 0
        self.on_operation = lambda: None
        self.refusals = {}
        self._handles = {}

    @contextmanager
    def watched(self):
        """Watch the system's calls while the block runs."""
        with pytest.MonkeyPatch.context() as patched:
            for name in ("open", "fsync", "replace", "unlink", "mkdir"):
                patched.setattr(os, name, getattr(self, f"_watch_{name}")(getattr(os, name)))
            patched.setattr(io, "FileIO", self._watched_file())
            patched.setattr(sqlite3, "connect", connecting(self, sqlite3.connect))
            yield

    def crash(self, root, dice=None):
        """Go on in a new folder: after a kill, or with `dice` after a power cut."""
        root.mkdir(parents=True)
        found = {}
        for path, nodes in sorted(self.names.items()):  # a folder comes before what is in it
            node = nodes[-1] if dice is None else dice.choice(nodes)
            if node is None or (path.parent != Path() and path.parent not in found):
                continue
            found[path] = node
            if node.folder:
                (root / path).mkdir()
                continue
            if node.versions:
                data = node.versions[-1] if dice is None else dice.choice(node.versions)
                node.versions = node.versions if dice is None else [data]
                (root / path).write_bytes(data)
                continue
            data = (self.root / path).read_bytes() if node is nodes[-1] else node.last
            if dice is not None:
                data = node.safe = torn(node.safe, data, dice)
            (root / path).write_bytes(data)
            node.last = data
        if dice is not None:
            self.names = {path: [node] for path, node in found.items()}
        self.root, self._handles = root, {}

    def found(self, place):
        """Note that there is a database, empty if it is new."""
        if self._node(place) is None:
            self._point(place, Node(versions=[b""]))

    def keep(self, place, data, *, safe):
        """Note what a transaction made of a database; unless it is safe, the one before may come up again."""
        node = self._node(place)
        node.versions = [data] if safe else [node.versions[-1], data]

    def change(self, act, note):
        """Let the system act, unless it refuses, and note what that means, unless the process died just before."""
        self.operations += 1
        if number := self.refusals.pop(self.operations, None):
            raise OSError(number, os.strerror(number))
        root = self.root
        self.on_operation()
        done = act()
        if self.root == root:
            note()
            self.on_operation()
        return done

    def inside(self, path):
        """Say where in the tree a path lies; `None` for somebody else's, the dead included."""
        place = Path(os.fspath(path)) if isinstance(path, str | os.PathLike) else None
        return place.relative_to(self.root) if place is not None and place.is_relative_to(self.root) else None

    def _node(self, place):
        return self.names.get(place, [None])[-1]

    def _point(self, place, node):
        self.names.setdefault(place, [None]).append(node)

    def _watch_open(self, whole):
        def watched(path, flags, *args, **options):
            place = self.inside(path)
            if place is None:
                return whole(path, flags, *args, **options)
            born = bool(flags & os.O_CREAT) and self._node(place) is None
            root, handle = self.root, None
            if born:
                handle = self.change(lambda: whole(path, flags, *args, **options), lambda: self._point(place, Node()))
            else:
                handle = whole(path, flags, *args, **options)
            if self.root == root:
                self._handles[handle] = place
            return handle
        return watched

    def _watch_fsync(self, whole):
        """Nothing needs to reach the real disk: this one is the truth."""
        def watched(handle):
            if (place := self._handles.get(handle)) is None:
                return whole(handle)
            return self.change(lambda: None, lambda: self._sync(place))
        return watched

    def _sync(self, place):
        """Make a file's bytes safe, or a folder's names."""
        node = self._node(place)
        if place != Path() and not node.folder:
            node.safe = node.last = (self.root / place).read_bytes()
            return
        for path in self.names:
            if path.parent == place:
                self.names[path] = self.names[path][-1:]
                if node := self.names[path][-1]:
                    node.versions = node.versions[-1:]

    def _watch_replace(self, whole):
        def watched(source, target, **options):
            origin, place = self.inside(source), self.inside(target)
            if place is None:
                return whole(source, target, **options)
            if (covered := self._node(place)) is not None:
                covered.last = Path(target).read_bytes()

            def note():
                self._point(place, self._node(origin))
                self._point(origin, None)
            return self.change(lambda: whole(source, target, **options), note)
        return watched

    def _watch_unlink(self, whole):
        def watched(path, **options):
            place = self.inside(path)
            if place is None or (node := self._node(place)) is None:
                return whole(path, **options)
            node.last = Path(path).read_bytes()
            return self.change(lambda: whole(path, **options), lambda: self._point(place, None))
        return watched

    def _watch_mkdir(self, whole):
        def watched(path, *args, **options):
            place = self.inside(path)
            if place is None:
                return whole(path, *args, **options)
            return self.change(lambda: whole(path, *args, **options), lambda: self._point(place, Node(folder=True)))
        return watched

    def _watched_file(self):
        """Make the class of files whose birth, writes and truncations are watched."""
        disk, plain = self, io.FileIO

        class File(plain):
            def __init__(self, path, mode="r"):
                place, root = disk.inside(path), disk.root
                if place is not None and mode.startswith("w") and disk._node(place) is None:
                    try:
                        disk.change(lambda: plain.__init__(self, path, mode), lambda: disk._point(place, Node()))
                    except BaseException:  # killed as it was born: nobody has it
                        self.close()
                        raise
                else:
                    super().__init__(path, mode)
                if place is not None and disk.root == root:
                    disk._handles[self.fileno()] = place
                self._root = root

            def write(self, data):
                """Write."""
                if self._root != disk.root:
                    return super().write(data)
                return disk.change(lambda: plain.write(self, data), lambda: None)

            def truncate(self, size=None):
                """Cut."""
                if self._root != disk.root:
                    return super().truncate(size)
                return disk.change(lambda: plain.truncate(self, size), lambda: None)

        return File


def torn(safe, now, dice):
    """Choose what a power cut leaves of a file: what is safe, what is there now, or something between."""
    if safe == now:
        return now
    common = next((place for place, (one, other) in enumerate(zip(safe, now, strict=False)) if one != other), min(len(safe), len(now)))
    if dice.random() < 0.3:
        return safe
    kept = now[: dice.randint(common, len(now))] if dice.random() < 0.7 else now
    if len(kept) - common > BLOCK and dice.random() < 0.3:  # the later block came, the earlier one did not
        begin = dice.randrange(common, len(kept) - BLOCK)
        kept = kept[:begin] + bytes(BLOCK) + kept[begin + BLOCK:]
    return kept
