"""Every `async def` test runs on a virtual clock; those marked `end_to_end` run on a real loop.

Those marked `thorough` or `soak` run where they are asked for (`-m thorough`), and nowhere else.
"""

from __future__ import annotations

import asyncio
import functools
import inspect

import pytest
from hypothesis import settings

from extractor.sandbox.clock import VirtualLoop

# A loaded machine is no reason for a red test, and neither is luck: the same code draws the same examples.
# `make soak` draws new ones.
settings.register_profile("b24x", deadline=None, derandomize=True, max_examples=40)
settings.register_profile("soak", deadline=None, max_examples=500)
settings.load_profile("b24x")


def pytest_collection_modifyitems(config, items):
    """Leave out what this run has no time for."""
    left_out = {"soak", "thorough"} - set(config.option.markexpr.split())
    long = [item for item in items if any(item.get_closest_marker(name) for name in left_out)]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Run coroutine tests, those inside a hypothesis property as well."""
    factory = None if pyfuncitem.get_closest_marker("end_to_end") else VirtualLoop
    test = pyfuncitem.obj
    if hasattr(test, "hypothesis") and inspect.iscoroutinefunction(test.hypothesis.inner_test):
        test.hypothesis.inner_test = _on_loop(test.hypothesis.inner_test, factory)
    elif inspect.iscoroutinefunction(test):
        pyfuncitem.obj = _on_loop(test, factory)


def _on_loop(test, factory):
    @functools.wraps(test)
    def run(*args, **kwargs):
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(test(*args, **kwargs))

    return run
