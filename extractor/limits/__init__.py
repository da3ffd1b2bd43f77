"""The three limits of a portal, each kept on our side so that the portal need not refuse.

- *Rate* (`RateLimit`, of a `Tariff`): HTTP requests per second and address; a batch is one.
- *Operating* (`OperatingLedger`): seconds per ten minutes that one method may compute.
- *Window* (`Window`): requests in flight; the portal names no number, its answers show it.

`BatchSize` keeps a single request inside the 60 seconds it may live.
"""

from extractor.limits.batchsize import BatchSize, BatchStatistics
from extractor.limits.operating import MethodStatistics, OperatingLedger
from extractor.limits.rate import RateLimit, RateStatistics
from extractor.limits.tariff import ENTERPRISE, STANDARD, TARIFFS, Tariff
from extractor.limits.window import Window, WindowStatistics

__all__ = [
    "ENTERPRISE",
    "STANDARD",
    "TARIFFS",
    "BatchSize",
    "BatchStatistics",
    "MethodStatistics",
    "OperatingLedger",
    "RateLimit",
    "RateStatistics",
    "Tariff",
    "Window",
    "WindowStatistics",
]
