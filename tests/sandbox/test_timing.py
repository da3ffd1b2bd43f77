"""The `time` object."""

from extractor.sandbox.meter import Reading
from extractor.sandbox.timing import timing
from extractor.sandbox.zones import dial

MOSCOW = dial(10_800)


def test_whole_seconds():
    """`start` and `processing` are ints in current builds; `duration` counts from the truncated start (portal.md 3.1)."""
    time = timing(1_724_670_000.75, 1_724_670_000.75, 1_724_670_002.25, dial=MOSCOW, reading=None)
    assert time == {
        "start": 1_724_670_000, "finish": 1_724_670_002.25, "duration": 2.25, "processing": 2,
        "date_start": "2024-08-26T14:00:00+03:00", "date_finish": "2024-08-26T14:00:02+03:00",
    }
    assert [type(time[key]) for key in ("start", "finish", "duration", "processing")] == [int, float, float, int]


def test_whole_numbers():
    """An exact zero prints as `0`, as every float without a fraction does (portal.md 3.1)."""
    time = timing(1_724_670_000, 1_724_670_000, 1_724_670_000.0, dial=MOSCOW, reading=Reading(0.0, 1_724_670_600))
    assert [str(time[key]) for key in ("finish", "duration", "operating")] == ["1724670000", "0", "0"]


def test_operating():
    """`operating` and `operating_reset_at` come last; the reset is absent where the store is (portal.md 3.1)."""
    time = timing(0, 0, 1, dial=MOSCOW, reading=Reading(1.5, 600))
    assert list(time.items())[-2:] == [("operating_reset_at", 600), ("operating", 1.5)]
    assert "operating_reset_at" not in timing(0, 0, 1, dial=MOSCOW, reading=Reading(1.5, None))
