"""Any bytes for an answer, chosen by what they make the decoder do: `make fuzz`, for MINUTES (5).

Coverage tells atheris which bytes reach new code, so it goes where tests/test_hostile_answers.py, which throws dice, seldom comes.
What must hold is the same: pages, or errors of ours; and no answer takes more memory than `RSS_MB`. Bytes that break it are left as
`crash-...` in the folder of the corpus, and belong into `test_any_bytes` as an example before they are mended.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import atheris
import orjson

with atheris.instrument_imports(include=["extractor.envelopes", "extractor.decoder", "extractor.batch", "extractor.refusals", "extractor.messages"]):
    from extractor import batch, decoder, envelopes, refusals  # noqa: F401 - before all who import them

from extractor.catalog import catalog, raw_method
from tests.test_hostile_answers import BATCH, decoded_alone, decoded_as_batch, genuine

STATUSES = (200, 200, 200, 400, 401, 403, 404, 429, 500, 502, 503, 504)
ENTITIES = [*catalog().values(), raw_method("some.list")]
COUNTS = (0, 1, 7, 50)
LONGEST = 16_384
WORDS = ("result", "result_error", "result_total", "result_next", "result_time", "error", "error_description", "total", "next", "time",
         "operating", "operating_reset_at", "items", "tasks", "ID", "id", "c0", "c1", "null", "true", "1e999", "-1", "[]", "{}", "\\xff", "\\x00")
RSS_MB = 512


def answered(data: bytes) -> None:
    """Decode bytes both ways; the first three choose the status, the entity, and how many calls were asked."""
    if len(data) < 3:
        return
    status, entity, count = STATUSES[data[0] % len(STATUSES)], ENTITIES[data[1] % len(ENTITIES)], COUNTS[data[2] % len(COUNTS)]
    decoded_alone(status, data[3:], entity)
    decoded_as_batch(status, data[3:], entity, count)


def shortened(value: Any) -> Any:
    """Leave of each list and of each map of columns what is worth being spoilt."""
    if isinstance(value, dict):
        return {key: shortened(one) for key, one in list(value.items())[:8]}
    return [shortened(one) for one in value[:3]] if isinstance(value, list) else value


def main() -> None:
    """Begin with what the sandbox answers, and go on for so many seconds: `python -m tests.fuzz_answers CORPUS SECONDS`."""
    corpus, seconds = Path(sys.argv[1]), float(sys.argv[2])
    corpus.mkdir(parents=True, exist_ok=True)
    for place, body in enumerate(genuine()):
        for entity in range(len(ENTITIES)):
            seed = bytes([0, entity, 2 if place == BATCH else 1]) + orjson.dumps(shortened(orjson.loads(body)))
            (corpus / f"genuine-{place}-{entity}").write_bytes(seed)
    words = corpus.with_suffix(".words")
    words.write_text("".join(f'"{word}"\n' for word in WORDS))
    options = [f"-max_total_time={seconds:.0f}", f"-dict={words}", f"-rss_limit_mb={RSS_MB}", f"-max_len={LONGEST}", f"-artifact_prefix={corpus}/"]
    atheris.Setup([sys.argv[0], *options, "-print_final_stats=1", str(corpus)], answered)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
