"""What can be extracted: one frozen record per entity, loaded from `catalog.toml`.

An entity is a row of a table, never a class of its own. What differs between
list methods (casing, order, where the rows lie) is data here; the code that
asks (`question`) and reads (`decoder`, `paging`) is the same for all.
"""

from __future__ import annotations

import difflib
import fnmatch
import pkgutil
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from extractor.errors import UsageError

Family = Literal["classic", "controller", "orm"]
Paging = Literal["keyset", "next", "single"]


WRITING = frozenset({
    "add", "update", "delete", "set", "remove", "move", "bind", "unbind", "register", "unregister", "import", "batchimport",
    "complete", "start", "stop", "close", "open", "send", "attach", "detach", "install", "uninstall", "clear", "reset",
    "convert", "delegate", "approve", "disapprove", "defer", "renew", "pause", "invite", "join", "leave", "read", "unread", "mute", "pin",
    "unpin", "share", "restore", "recover", "merge", "publish", "unpublish", "copy", "rename", "upload", "markdeleted", "finish", "answer",
    "transfer", "vote", "execute", "run", "save", "put", "modify", "change", "edit", "activate", "deactivate", "enable", "disable",
    "error",
})
"""How the names of methods end that change something; a list method ends otherwise."""


CONSUMING = frozenset({"event.offline.get"})
"""Methods that give each row once, and then have it no more."""


FEEDING = frozenset({"event.bind", "event.offline.clear"})
"""What changes something, and b24x sends all the same: it concerns the events that wait for it, and no row of the portal."""


@dataclass(frozen=True, slots=True)
class Entity:
    """One kind of object, and how its list method wants to be asked.

    `id` is the key in the rows, `filter_id` the name that conditions and order
    use (they differ in case for some methods). `requires` names parameters
    that only the caller can give. `also` are names that work though the fields
    method does not report them. `counts_always` says that `start=-1` saves
    nothing, `appends` that rows are added and never changed. `events` tell of its rows (`offline`).
    `implied` are conditions that the portal adds by itself, but not where ids are listed. `note` is what the portal hides by itself.
    """

    name: str
    method: str
    title: str
    scope: str
    family: Family
    paging: Paging
    id: str
    filter_id: str
    rows: tuple[str, ...] = ()
    modified: str = ""
    select: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    requires: tuple[str, ...] = ()
    fields: str = ""
    order: Literal["map", "scalar"] = "map"
    filter_key: str = "filter"
    also: tuple[str, ...] = ()
    unfilterable: tuple[str, ...] = ()
    unselectable: tuple[str, ...] = ()
    bindings: bool = False
    counts_always: bool = False
    appends: bool = False
    events: tuple[str, ...] = ()
    implied: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


def _entity(name: str, table: Mapping[str, Any]) -> Entity:
    """Turn one table of the file into its record."""
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    return Entity(**{"name": name, "filter_id": values["id"], **values})


@cache
def catalog() -> Mapping[str, Entity]:
    """Return all entities by name, in the file's order."""
    text = pkgutil.get_data("extractor", "catalog.toml")
    assert text is not None  # noqa: S101 - shipped beside this file
    return {name: _entity(name, table) for name, table in tomllib.loads(text.decode()).items()}


def raw_method(method: str) -> Entity:
    """Return an entity for a list method that the catalog does not know.

    Nothing is known of its ids, so it is read by following `next`.
    """
    name = method.lower().replace(".", "_")
    return Entity(name=name, method=method, title=method, scope="", family="classic", paging="next", id="", filter_id="")


def resolve(words: Sequence[str], exclude: Sequence[str] = ()) -> tuple[Entity, ...]:
    """Turn what the user typed into entities, in catalog order, each once.

    A word is a catalog name, a glob over those, or a REST list method. No
    words: the whole catalog.

    Raises:
        UsageError: A word fits nothing (the nearest names are in the message), or two fit one folder.
    """
    found: dict[str, Entity] = {}
    for word in words or ("*",):
        for entity in _matches(word):
            other = found.setdefault(entity.name, entity)
            if other.method != entity.method:
                raise UsageError(f"{other.method} and {entity.method} would share the folder {entity.name}: dump them into two")
    for glob in exclude:
        if not any(fnmatch.fnmatchcase(name, glob) for name in (*catalog(), *found)):
            raise UsageError(f"--exclude {glob} leaves out nothing that there is; {_nearest(glob)}")
    order = list(catalog())
    kept = [one for name, one in found.items() if not any(fnmatch.fnmatchcase(name, glob) for glob in exclude)]
    return tuple(sorted(kept, key=lambda one: order.index(one.name) if one.name in order else len(order)))


def globbed(words: Sequence[str]) -> frozenset[str]:
    """Return the names that only globs among the words match: whoever writes one names nothing in particular."""
    exact = {word for word in words if not _is_glob(word)}
    return frozenset(name for name in catalog() if name not in exact and any(fnmatch.fnmatchcase(name, word) for word in words))


def writes(method: str) -> bool:
    """Tell whether a method changes something, or has no more what it gave."""
    return method.lower().rpartition(".")[2] in WRITING or method.lower() in CONSUMING


def may_send(method: str, params: Mapping[str, Any]) -> bool:
    """Tell whether b24x sends such a call: it only reads, but for binding and clearing events, by name, and what it takes of them stays."""
    if method in CONSUMING:
        return params.get("clear") == 0
    if method == "event.offline.clear":
        return bool(params.get("process_id") and params.get("id")) and "message_id" not in params
    return method in FEEDING or not writes(method)


def _is_glob(word: str) -> bool:
    """Tell a glob from a name."""
    return any(mark in word for mark in "*?[")


def _matches(word: str) -> Sequence[Entity]:
    """Return the entities that one word names."""
    known = catalog()
    if word in known:
        return [known[word]]
    if _is_glob(word):
        matched = [entity for name, entity in known.items() if fnmatch.fnmatchcase(name, word)]
        if matched:
            return matched
    elif _looks_like_a_method(word):
        if writes(word):
            raise UsageError(f"{word} writes to the portal, and b24x only reads")
        by_method = [one for one in known.values() if one.method == word.lower()]
        return sorted(by_method, key=lambda one: len(one.params))[:1] or [raw_method(word)]
    raise UsageError(f"no entity is called {word!r}; {_nearest(word)}. `b24x entities` lists all of them")


def _looks_like_a_method(word: str) -> bool:
    """Tell whether a word has the form of a REST method: dotted, letters, digits, underscores."""
    return "." in word and all(part.replace("_", "").isalnum() and part.isascii() for part in word.split("."))


def _nearest(word: str) -> str:
    """Say which names come closest."""
    near = difflib.get_close_matches(word.lower(), list(catalog()), n=3, cutoff=0.4)
    return f"the nearest are {', '.join(near)}" if near else "nothing comes near"
