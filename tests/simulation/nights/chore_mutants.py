"""What is done with a mirror between its nights, broken on purpose: a verification, a repair and a compact, of which no sync tells."""

from __future__ import annotations

from types import SimpleNamespace

from extractor import compact, interrupted, leftovers, manifest, mirror, repair, verify
from extractor.fold import Fold
from extractor.ondisk import Reading
from extractor.repair import Mending


def mended_rows_not_named(patched):
    """A repair forgets what it has fetched: the file is there, and nothing names it."""
    patched.setattr(Mending, "_fresh", lambda one: [one.deletes.mark] if one.deletes else [])


def repair_not_noted(patched):
    """A repair does not say which files it makes before it makes them."""
    patched.setattr(leftovers, "note", lambda *_: None)


def repair_told_before_it_is_recorded(patched):
    """The manifest names what a repair has made, and then that is recorded."""
    def publish(folder, state, mended):
        repair.publish(folder, state, mended)
        mended[0].place.known.commit(mirror.encode(state))
    patched.setattr(verify, "record", lambda *_: None)
    patched.setattr(verify, "publish", publish)


def manifest_of_before_believed(patched):
    """A repair takes the manifest's word for what a mirror holds, whatever has been recorded since."""
    patched.setattr(interrupted, "manifest", SimpleNamespace(**{**vars(manifest), "bring_up": lambda *_: None}))


def gone_lines_compared(patched):
    """A verification takes a line that says that a row is gone for that row."""
    whole = Reading._row

    def row(reading, line):
        found = whole(reading, line)
        return found and (found[0], found[1] or 0)
    patched.setattr(Reading, "_row", row)


def older_row_folded(patched):
    """A compact keeps the first line of a key, not the last one."""
    whole = Fold._read

    def read(fold, lines):
        seen = set()
        for one in whole(fold, lines):
            if one[0] not in seen:
                seen.add(one[0])
                yield one
    patched.setattr(Fold, "_read", read)


def gone_rows_folded(patched):
    """A compact does not heed what is gone: the row before counts."""
    whole = Fold._read
    patched.setattr(Fold, "_read", lambda fold, lines: (one for one in whole(fold, lines) if not one[2]))


def old_files_removed_before_the_swap(patched):
    """A compact removes what it has folded, and records the new file then."""
    whole = compact._Compaction._written

    def written(one, name, kind, fold):
        made = whole(one, name, kind, fold)
        leftovers._remove(one._folder / name, [one._folder / mark.path for mark in one._state.entities[name].files])
        return made
    patched.setattr(compact._Compaction, "_written", written)


MUTANTS = [
    mended_rows_not_named, repair_not_noted, repair_told_before_it_is_recorded, manifest_of_before_believed, gone_lines_compared, older_row_folded,
    gone_rows_folded, old_files_removed_before_the_swap,
]
QUICK = [mended_rows_not_named, gone_lines_compared, older_row_folded]
"""Those that a few seeds show: the others are for the soak."""
