"""A bad day of a portal, from a seed: faults of every kind that pass, on a few percent of its requests and calls.

Rule 1: each fault passes: whoever asks again gets what is true. So whoever
gives up too early, or believes too much, is seen; and all others lose time only.
Left out is what lasts for minutes (a method that is blocked, a request that is
cut after sixty seconds) or for good (a move, a bad row), and what no client can
tell from the truth (a page without rows).
Rule 2: of every `every` requests one is struck, at a place that the seed says, and
all kinds have their turn before one comes again. So it is with the calls of each method.
Rule 3: what is counted has done something; a short page that was shorter is none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from random import Random

from extractor.sandbox.answer import Answer, Method, Params, Refusal
from extractor.sandbox.exchange import Request
from extractor.sandbox.faults import answers
from extractor.sandbox.faults.methods import Mishap, Run, failing, short, with_mishaps
from extractor.sandbox.faults.requests import Fault, cut, garbage, html, refused, slow, truncated

EVERY = 20  # requests: 5 %
EVERY_CALL = 40  # of one method: in a batch of fifty it is one or two

WHOLE: Mapping[str, Callable[[Random], Fault]] = {
    "HTTP 503 in JSON": lambda _dice: refused(503, "QUERY_LIMIT_EXCEEDED", "Too many requests"),
    "HTTP 503 as a page": lambda _dice: html(503),
    "HTTP 500 in JSON": lambda _dice: refused(500, "INTERNAL_SERVER_ERROR", "Internal server error"),
    "HTTP 500 as a page": lambda _dice: html(500),
    "HTTP 502": lambda _dice: html(502),
    "HTTP 504 after the work": lambda _dice: html(504, executed=True),
    "a page under HTTP 200": lambda _dice: html(200),
    "a connection cut before the work": lambda _dice: cut(executed=False),
    "a connection cut after the work": lambda _dice: cut(),
    "a torn body": lambda dice: truncated(dice.random()),
    "a connection cut inside the body": lambda dice: truncated(dice.random(), broken=True),
    "garbage": lambda _dice: garbage(),
    "a slow answer": lambda dice: slow(dice.uniform(2, 5)),
}
OF_A_BATCH: Mapping[str, Callable[[Random], Fault]] = {
    "commands that fail": lambda dice: Fault(spoil=answers.failing("INTERNAL_SERVER_ERROR", seed=dice.randrange(1 << 30))),
    "commands in neither map": lambda dice: Fault(spoil=answers.silent(share=0.3, seed=dice.randrange(1 << 30))),
    "maps as lists": lambda _dice: Fault(spoil=answers.listed("result", "result_total", "result_time")),
    "a batch without maps": lambda _dice: Fault(spoil=answers.emptied()),
    "doubled keys": lambda _dice: Fault(spoil=answers.doubled_keys()),
}
REQUESTS = {**WHOLE, **OF_A_BATCH}
CALLS: Mapping[str, Mishap] = {"a call that fails": failing, "a short page": short(31)}


class Mixture:
    """The faults of one portal; `counts` tells, by kind, what has struck so far, and `heard` is told at once."""

    def __init__(self, seed: int, *, every: int = EVERY, heard: Callable[[str], None] | None = None) -> None:
        self._seed = seed
        self._every = every
        self._heard = heard
        self.counts: Counter[str] = Counter()

    def __repr__(self) -> str:
        return f"Mixture({self._seed}, {self.counts.total()} faults so far)"

    def requests(self, number: int, request: Request) -> Fault | None:
        """Say which fault, if any, strikes the n-th request."""
        kind = _turn(f"{self._seed}", number, self._every, list(REQUESTS))
        if kind is None:
            return None
        if kind in OF_A_BATCH and "/batch" not in request.path:
            kind = "HTTP 502"
        self._struck(kind, f"request {number}")
        return REQUESTS[kind](Random(f"{self._seed}:{number}"))

    def over(self, methods: Mapping[str, Method]) -> dict[str, Method]:
        """Put mishaps between methods and their callers."""
        return {name: self._mishaps(name, method) for name, method in methods.items()}

    def _mishaps(self, name: str, method: Method) -> Method:
        def strikes(number: int) -> Mishap | None:
            kind = _turn(f"{self._seed}:{name}", number, EVERY_CALL, list(CALLS))
            return None if kind is None else self._counted(kind, f"call {number} of {name}")

        return with_mishaps(method, strikes)

    def _counted(self, kind: str, where: str) -> Mishap:
        """Let a call meet a mishap, and count it if the answer is another one for it."""
        def mishap(run: Run, params: Params, start: int | None) -> Answer:
            whole = run(params)
            try:
                answer = CALLS[kind](lambda _asked: whole, params, start)
            except Refusal:
                self._struck(kind, where)
                raise
            if answer is not whole:
                self._struck(kind, where)
            return answer

        return mishap

    def _struck(self, kind: str, where: str) -> None:
        self.counts[kind] += 1
        if self._heard:
            self._heard(f"{where}: {kind}")


def _turn(seed: str, number: int, every: int, kinds: Sequence[str]) -> str | None:
    """Say which kind's turn it is at the n-th chance (counted from 1), if the seed has it struck."""
    block, place = divmod(number - 1, every)
    if place != Random(f"{seed}:block:{block}").randrange(every):
        return None
    deal, turn = divmod(block, len(kinds))
    return Random(f"{seed}:deal:{deal}").sample(kinds, len(kinds))[turn]
