"""What all Python peers share: one JSON object a line on stdin, one on stdout, and nothing else on stdout."""

import json
import os
import sys
import time
from collections.abc import Callable

# Libraries print where they like; the protocol has a descriptor of its own.
ANSWERS = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def answer(value: dict) -> None:
    ANSWERS.write(json.dumps(value) + "\n")
    ANSWERS.flush()


def serve(versions: str, score: Callable[[list[dict], dict], list[float]]) -> None:
    """Says that it is ready, then scores the items of every line: the sum of log-probabilities of each continuation, nats."""
    answer({"ready": versions})
    for line in sys.stdin:
        work = json.loads(line)
        began = time.perf_counter()
        sums = score(work["items"], work)
        answer({"seconds": time.perf_counter() - began, "sums": sums})
