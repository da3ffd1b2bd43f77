"""What goes wrong between a portal and its clients, on three levels.

- `requests`: a whole request fails, is cut, comes late or comes torn.
- `answers`: an answer arrives, and its JSON is not what was meant.
- `methods`: one method answers what its contract excludes, or has rows that kill their page.

`mixture` makes a bad day of them, from a seed.

Rule: what is struck is a function of numbers, never of time or chance, so a run can be repeated.
"""

from extractor.sandbox.faults.requests import (
    Fault,
    Faults,
    Spoil,
    at,
    calm,
    cut,
    garbage,
    html,
    moved,
    refused,
    slow,
    sometimes,
    truncated,
)

__all__ = [
    "Fault", "Faults", "Spoil", "at", "calm", "cut", "garbage", "html", "moved", "refused", "slow", "sometimes", "truncated",
]
