"""How the families find a parameter: the classic ones in any of five spellings, controllers by its exact name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extractor.sandbox.answer import Params, Refusal


def array_param(params: Params, name: str) -> dict[Any, Any]:
    """Find a parameter under any of its spellings (`CCrmRestHelper::resolveArrayParam`)."""
    for spelling in (name, name.upper(), name.capitalize(), f"ar{name.capitalize()}"):
        if spelling in params:
            value = params[spelling]
            if isinstance(value, list):
                return dict(enumerate(value))
            if not isinstance(value, dict):
                raise Refusal("", f"Parameter '{name}' must be array.")
            return value
    return {}


def select_param(params: Params) -> tuple[str, ...]:
    """Find the select; anything but an array counts as none."""
    for spelling in ("select", "SELECT", "Select", "arSelect"):
        value = params.get(spelling)
        if isinstance(value, (list, dict)):
            return tuple(str(name) for name in (value.values() if isinstance(value, dict) else value))
    return ()


def mapping(params: Params, name: str) -> Mapping[Any, Any]:
    """Take a parameter by its exact name: controllers ignore `FILTER` (`Binder`)."""
    value = params.get(name, {})
    if isinstance(value, list):
        return dict(enumerate(value))
    if not isinstance(value, dict):
        raise Refusal(100, f"Invalid value {{{value}}} to match with parameter {{{name}}}. Should be value of type array.")
    return value
