"""Events: what an application binds, and the queue of those that wait for it (rest/lib/api/event.php).

Rule 1: for applications only, and the queue for those of an administrator; names of parameters have any case.
Rule 2: `event.offline.get` reserves what it gives, and drops it at once unless `clear` is 0: whoever loses
that answer has lost the events. To keep them takes a feature of the tariff.
Rule 3: with a `process_id` it reserves nothing: it gives what that process has.
Rule 4: an empty list of ids clears everything that the process has: `isset`, and then nothing to compare with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from extractor.sandbox.answer import Answer, Method, Params, Refusal, Session
from extractor.sandbox.php import intval, strtotime, strval
from extractor.sandbox.queue import NAMES, Queue, Waiting
from extractor.sandbox.world import World

PAGE = 50
_FIELDS = ("ID", "TIMESTAMP_X", "EVENT_NAME", "MESSAGE_ID")
_ALL_FIELDS = (*_FIELDS, "PROCESS_ID", "ERROR")
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "": lambda left, right: left == right, "=": lambda left, right: left == right,
    ">": lambda left, right: left > right, ">=": lambda left, right: left >= right,
    "<": lambda left, right: left < right, "<=": lambda left, right: left <= right,
}
_READ: Mapping[str, Callable[[Waiting], Any]] = {
    "ID": lambda one: one.id, "TIMESTAMP_X": lambda one: one.at, "EVENT_NAME": lambda one: one.name,
    "MESSAGE_ID": lambda one: one.message, "PROCESS_ID": lambda one: one.process, "ERROR": lambda one: int(one.error),
}

Body = Callable[[World, Params, int | None, Session, Queue], Answer]


def _method(body: Body, *, admin: bool = True) -> Method:
    """Let applications alone in, those of an administrator if need be; parameters in lower case."""
    def run(world: World, params: Params, start: int | None, session: Session) -> Answer:
        if not session.application:
            raise Refusal("WRONG_AUTH_TYPE", "Current authorization type is denied for this method", status=403)
        if admin and not session.admin:
            raise Refusal("ACCESS_DENIED", "Access denied!", status=403)
        world.queue.purge(world.now)
        return body(world, {name.lower(): value for name, value in params.items()}, start, session, world.queue)

    return Method("", run)


def bind(_world: World, params: Params, _start: int | None, session: Session, queue: Queue) -> Answer:
    """Answer `event.bind`: `event_type=offline` needs an administrator and no handler, the other one needs a handler."""
    name, handler = _bound(params, session)
    if re.sub(r"(?<=^ONCRMDYNAMICITEM)(ADD|UPDATE|DELETE)_\d+$", r"\1", name) not in NAMES:
        raise Refusal("ERROR_EVENT_NOT_FOUND", "Event not found")
    if (session.application, name, handler) in queue.bound:
        raise Refusal("ERROR_CORE", "Unable to set event handler: Handler already binded")
    queue.bound[session.application, name, handler] = None
    return Answer(True)


def unbind(_world: World, params: Params, _start: int | None, session: Session, queue: Queue) -> Answer:
    """Answer `event.unbind`: how many there were."""
    key = (session.application, *_bound(params, session))
    count = int(key in queue.bound)
    queue.bound.pop(key, None)
    return Answer({"count": count})


def get(_world: World, _params: Params, _start: int | None, session: Session, queue: Queue) -> Answer:
    """Answer `event.get`: what the application has bound."""
    mine = [(name, handler) for app, name, handler in queue.bound if app == session.application]
    return Answer([
        {"event": name, "handler": handler, "auth_type": "0", "offline": 0} if handler else {"event": name, "connector_id": "", "offline": 1}
        for name, handler in mine])


def offline_get(world: World, params: Params, _start: int | None, session: Session, queue: Queue) -> Answer:
    """Answer `event.offline.get`: the first rows that are free, reserved by now; or those that a process has."""
    keeps = params.get("clear") is not None and intval(params["clear"]) == 0
    if keeps and not world.knobs.extended:
        raise Refusal("WRONG_LICENSE", "Current license does not allow to use this method: extended offline events handling", status=403)
    limit = intval(params["limit"]) if params.get("limit") is not None else PAGE
    if limit <= 0:
        raise Refusal("ERROR_ARGUMENT", "Value must be positive integer", extra={"argument": "LIMIT"})
    asked = None if params.get("process_id") is None else strval(params["process_id"]).strip()
    fits, error = _filter(world, params, _FIELDS, lists=asked is not None), intval(params.get("error")) == 1
    rows = [one for one in queue.of(session.application) if one.process == (asked or "") and one.error == error and fits(one)]
    rows = _ordered(rows, params, "TIMESTAMP_X", _FIELDS)[:limit]
    process = queue.reserve(rows) if asked is None else asked
    shown = [_shown(world, one) for one in rows]
    if not keeps and rows:
        queue.clear(session.application, process, lambda _one: True)
    return Answer({"process_id": process if keeps or asked is not None else None, "events": shown})


def offline_list(world: World, params: Params, start: int | None, session: Session, queue: Queue) -> Answer:
    """Answer `event.offline.list`: the queue as it is, a page from an exact offset, and who has reserved what."""
    fits = _filter(world, params, _ALL_FIELDS, lists=True)
    rows = _ordered([one for one in queue.of(session.application) if fits(one)], params, "ID", _ALL_FIELDS)
    first = max(start or 0, 0)
    page = [{**_shown(world, one), "PROCESS_ID": one.process, "ERROR": str(int(one.error))} for one in rows[first : first + PAGE]]
    following = first + len(page)
    return Answer(page, len(rows), following if page and following < len(rows) else None)


def offline_clear(_world: World, params: Params, _start: int | None, session: Session, queue: Queue) -> Answer:
    """Answer `event.offline.clear`: what a process has, or some of it; `message_id` goes before `id`."""
    process = _process(params)
    if params.get("message_id") is not None:
        messages = frozenset(strval(one).strip() for one in _array(params, "message_id"))
        if any(len(one) != 32 for one in messages):
            raise Refusal("ERROR_ARGUMENT", "Value must be array of MESSAGE_ID values", extra={"argument": "messsage_id"})
        queue.clear(session.application, process, lambda one: not messages or one.message in messages)
        return Answer(True)
    ids = frozenset(intval(one) for one in _array(params, "id")) if params.get("id") is not None else frozenset()
    if any(one <= 0 for one in ids):
        raise Refusal("ERROR_ARGUMENT", "Value must be array of integers", extra={"argument": "id"})
    queue.clear(session.application, process, lambda one: not ids or one.id in ids)
    return Answer(True)


def offline_error(_world: World, params: Params, _start: int | None, session: Session, queue: Queue) -> Answer:
    """Answer `event.offline.error`: rows go back into the queue, marked."""
    queue.put_back(session.application, _process(params), frozenset(map(strval, _array(params, "message_id"))))
    return Answer(True)


def _bound(params: Params, session: Session) -> tuple[str, str]:
    """Read what is to be bound: the name, and where it is handled."""
    name, handler = strval(params.get("event")).upper(), strval(params.get("handler"))
    kind = strval(params.get("event_type")).lower() or "online"
    if not name:
        raise Refusal("ERROR_ARGUMENT", "Argument 'EVENT' is null or empty", extra={"argument": "EVENT"})
    if kind not in {"online", "offline"}:
        raise Refusal("ERROR_ARGUMENT", "Value must be one of {online|offline}", extra={"argument": "EVENT_TYPE"})
    if kind == "offline":
        if not session.admin:
            raise Refusal("ACCESS_DENIED", "Access denied! Offline events binding requires administrator access rights", status=403)
        return name, ""
    if not handler:
        raise Refusal("ERROR_ARGUMENT", "Argument 'HANDLER' is null or empty", extra={"argument": "HANDLER"})
    return name, handler


def _process(params: Params) -> str:
    if params.get("process_id") is None:
        raise Refusal("ERROR_ARGUMENT", "Argument 'PROCESS_ID' is null or empty", extra={"argument": "PROCESS_ID"})
    return strval(params["process_id"]).strip()


def _array(params: Params, name: str) -> list[Any]:
    value = params.get(name)
    if not isinstance(value, list | dict):
        raise Refusal("ERROR_ARGUMENT", f"Value must be array of {name.upper()} values", extra={"argument": name})
    return list(value.values()) if isinstance(value, dict) else value


def _filter(world: World, params: Params, fields: tuple[str, ...], *, lists: bool) -> Callable[[Waiting], bool]:
    """Read a filter; whoever marks rows takes no lists in it (`markEvents`)."""
    given = params.get("filter") or {}
    tests: list[Callable[[Waiting], bool]] = []
    for key, value in given.items() if isinstance(given, dict) else ():
        operator, name = re.match(r"(\W*)(.*)", str(key).upper(), re.DOTALL).groups()  # type: ignore[union-attr]  # it fits every text
        if name not in fields or operator not in _COMPARE:
            raise Refusal("ERROR_ARGUMENT", f"Unknown filter {key}", extra={"argument": "filter"})
        if isinstance(value, list | dict) and not lists:
            raise Refusal("ERROR_ARGUMENT", f"The value of {key} must be a scalar", extra={"argument": "filter"})
        values = [_value(world, name, one) for one in (list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else [value])]
        tests.append(_test(_COMPARE[operator], _READ[name], values))
    return lambda one: all(test(one) for test in tests)


def _test(compare: Callable[[Any, Any], bool], read: Callable[[Waiting], Any], values: list[Any]) -> Callable[[Waiting], bool]:
    return lambda one: any(value is not None and compare(read(one), value) for value in values)


def _value(world: World, name: str, value: Any) -> Any:
    if name == "TIMESTAMP_X":
        return strtotime(value, world.now, world.server_zone.offset)
    return intval(value) if name in {"ID", "ERROR"} else strval(value)


def _ordered(rows: list[Waiting], params: Params, default: str, fields: tuple[str, ...]) -> list[Waiting]:
    """Sort rows; ties stay as they lie in the table."""
    order = params.get("order")
    for name, direction in reversed(list(order.items()) if isinstance(order, dict) and order else [(default, "ASC")]):
        if str(name).upper() not in fields:
            raise Refusal("ERROR_ARGUMENT", f"Unknown field {name}", extra={"argument": "order"})
        rows = sorted(rows, key=_READ[str(name).upper()], reverse=str(direction).upper() == "DESC")
    return rows


def _shown(world: World, one: Waiting) -> dict[str, Any]:
    """Show a row: ids are texts, as the database gives them."""
    return {
        "ID": str(one.id), "TIMESTAMP_X": world.dial.iso(one.at), "EVENT_NAME": one.name, "EVENT_DATA": one.data,
        "EVENT_ADDITIONAL": {"user_id": "1"}, "MESSAGE_ID": one.message,
    }


METHODS: dict[str, Method] = {
    "event.bind": _method(bind, admin=False), "event.unbind": _method(unbind, admin=False), "event.get": _method(get, admin=False),
    "event.offline.get": _method(offline_get), "event.offline.list": _method(offline_list), "event.offline.clear": _method(offline_clear),
    "event.offline.error": _method(offline_error)}
