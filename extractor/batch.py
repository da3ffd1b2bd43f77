"""Up to fifty calls in one request, and its one response in as many outcomes.

Rule 1: an outcome for every call. A command that stands in neither map was
not run (or its answer was lost): that is a failure to be tried again, never
an empty page.

Rule 2: commands are numbered with a letter before the digit. Keys 0..n-1
would make PHP encode the maps as lists.

Rule 3: a command is a URL query that the portal takes apart with `parse_str`:
everything is percent-encoded once (an unencoded `#` cuts the rest off, a `+`
becomes a space), booleans go as 1 and 0. An empty list cannot be said.

Rule 4: a command may take a number out of the answer to the one before it (`$result[..]`,
CRestUtil::processBatchElement). Where there is none, whatever could be reached takes its place, unless
other letters stand beside it: then the text is left as it is, and cast to the digits that it begins with. A list in the
place of a number is an error for controllers (INVALID_ARG_VALUE), and a command that
fails lets all later ones of its method be charged too much (LoadLimiter). So a digit always stands before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import orjson

from extractor.decoder import reply_of
from extractor.envelopes import Maps
from extractor.errors import B24xError, CommandFailed, ServerFailure
from extractor.messages import Behind, Call, Json, Reply
from extractor.refusals import portal_error

Outcome = Reply | B24xError

METHOD = "batch"


def encode(calls: Sequence[Call]) -> bytes:
    """Pack calls into the JSON body of one batch request; one failing does not stop the others (`halt` 0)."""
    commands = {f"c{place}": _command(call, f"c{place - 1}") for place, call in enumerate(calls)}
    return orjson.dumps({"halt": 0, "cmd": commands})


def decode(maps: Maps, count: int) -> list[Outcome]:
    """Take the maps of a batch apart: one outcome for each of its `count` calls, in their order."""
    pages, failures = _map(maps.result), _map(maps.result_error)
    told = [_map(maps.result_total), _map(maps.result_next), _map(maps.result_time)]
    return [_outcome(pages, failures, told, f"c{place}") for place in range(count)]


def failed_as_a_whole(outcomes: Sequence[Outcome]) -> str | None:
    """Name the error that ended a request as a whole: then every call has that same one."""
    first = outcomes[0]
    whole = isinstance(first, B24xError) and all(outcome is first for outcome in outcomes)
    return type(first).__name__ if whole else None


def _outcome(
    pages: Mapping[str, Json | list[Json]], failures: Mapping[str, Any], told: Sequence[Mapping[str, Any]], key: str
) -> Outcome:
    """Read what became of one command."""
    if key in failures:
        failure = failures[key]
        said = failure if isinstance(failure, dict) else {"error": failure}
        error = portal_error(said.get("error"), said.get("error_description"), 200)
        return CommandFailed(error.code, error.description, status=200) if type(error) is ServerFailure else error
    if key not in pages:
        return CommandFailed("BATCH_ENTRY_MISSING", "the batch answered without a word on this command")
    return reply_of(pages[key], *(one.get(key) for one in told))


def _map(found: Any) -> Mapping[str, Any]:
    """Return one of the five maps; PHP sends an empty one as `[]`, and any list has none of our keys."""
    return found if isinstance(found, dict) else {}


def _command(call: Call, before: str) -> str:
    """Write one call as `method?query`, which may refer to the answer to the one `before` it."""
    query = "&".join(f"{name}={_quoted(text)}" for name, text in _flat(call.params, before))
    return f"{call.method}?{query}"


def _flat(value: Any, before: str, name: str = "") -> Iterator[tuple[str, str]]:
    """Flatten parameters into bracketed names and texts, as PHP's `http_build_query` does."""
    match value:
        case Mapping():
            for key, inner in value.items():
                yield from _flat(inner, before, f"{name}[{_quoted(str(key))}]" if name else _quoted(str(key)))
        case list() | tuple():
            for place, inner in enumerate(value):
                yield from _flat(inner, before, f"{name}[{place}]")
        case Behind():
            yield name, f"{value.leading}$result" + "".join(f"[{key}]" for key in (before, *value.path))
        case bool():
            yield name, str(int(value))
        case None:
            yield name, ""
        case _:
            yield name, str(value)


@lru_cache(maxsize=1024)
def _quoted(text: str) -> str:
    """Percent-encode a text: fifty commands of a request say nearly the same."""
    return quote(text, safe="")
