"""Methods about the portal itself: they need no scope and cost next to nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from extractor.sandbox.answer import Answer, Method, Params, Session
from extractor.sandbox.wire import truthy

if TYPE_CHECKING:
    from extractor.sandbox.world import World

# Served by controllers: `methods` enumerates the static description only and omits them.
CONTROLLERS = ("crm.item.", "crm.type.", "crm.category.", "crm.stagehistory.", "catalog.", "sale.", "tasks.task.")

Clock = Callable[[], float]


def system_methods(table: Mapping[str, Method], *, clock: Clock, license_name: str) -> dict[str, Method]:
    """Make the system methods of a portal that serves `table`."""
    own: dict[str, Method] = {}
    everything = _Directory(table, own)

    def answer(give: Callable[[Params, Session], Any]) -> Method:
        return Method("", lambda _world, params, _start, session: Answer(give(_lower(params), session)))

    own |= {
        "app.info": answer(lambda _params, session: {"SCOPE": sorted(session.scopes), "LICENSE": license_name}),
        # Run by the portal itself; it stands here to be found and listed.
        "batch": Method("", lambda *_: Answer(None)),
        "method.get": answer(everything.get),
        "methods": answer(everything.names),
        "profile": Method("", _profile),
        "scope": answer(everything.scopes),
        "server.time": Method("", lambda world, *_: Answer(world.dial.iso(int(clock())))),
    }
    return own


def _lower(params: Params) -> Params:
    return {name.lower(): value for name, value in params.items()}


def _profile(_world: World, _params: Params, _start: int | None, session: Session) -> Answer:
    return Answer({
        "ID": str(session.user_id), "ADMIN": session.admin, "NAME": "Sand", "LAST_NAME": "Box",
        "PERSONAL_GENDER": "", "TIME_ZONE": "",
    })


class _Directory:
    """What `methods`, `method.get` and `scope` know."""

    def __init__(self, *tables: Mapping[str, Method]) -> None:
        self._tables = tables

    def _find(self, name: Any) -> Method | None:
        return next((table[name] for table in self._tables if isinstance(name, str) and name in table), None)

    def get(self, params: Params, session: Session) -> dict[str, bool]:
        """Answer `method.get`: the exact lowercase name, controllers included."""
        method = self._find(params.get("name"))
        available = method is not None and (not method.scope or method.scope in session.scopes)
        return {"isExisting": method is not None, "isAvailable": available}

    def names(self, params: Params, session: Session) -> list[str]:
        """Answer `methods`: of the granted scopes, of one scope, or `full`."""
        wanted = session.scopes | {""}
        if params.get("scope") is not None:
            wanted = wanted & {str(params["scope"])}
        everything = truthy(params.get("full"))
        return sorted(name for table in self._tables for name, method in table.items()
                      if (everything or method.scope in wanted) and not name.startswith(CONTROLLERS))

    def scopes(self, params: Params, session: Session) -> list[str]:
        """Answer `scope`: the granted ones, or with `full` every one that exists."""
        if truthy(params.get("full")):
            return sorted({method.scope for table in self._tables for method in table.values()} - {""})
        return sorted(session.scopes)
