"""The methods of the simulated portal: name, scope and body of each."""

from __future__ import annotations

from extractor.sandbox.answer import Method
from extractor.sandbox.methods import activity, classic, events, items, office, reference, types

METHODS: dict[str, Method] = {
    **classic.METHODS, **activity.METHODS, **items.METHODS, **types.METHODS, **reference.METHODS, **office.METHODS,
    **events.METHODS}
