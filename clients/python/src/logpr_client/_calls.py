"""What the sync and the async client have in common: requests, retries, batches. No input or output."""

from __future__ import annotations

import json
import random
import re
import time
from dataclasses import dataclass
from typing import Any, Iterable, Iterator, List, Mapping, Sequence, cast

import httpx

from ._errors import LogprConnectionError, LogprError
from ._types import LogprobPair, LogprobResponse, LogprobOutcome, PairOutcome

#: Statuses that ask to try again: the service or a gateway had no room, no replica, or lost it.
RETRIED_STATUSES = frozenset({429, 502, 503})
#: Errors of a request that smaller requests may not have.
TOO_MUCH = frozenset({"body_too_large", "deadline_exceeded"})
#: Errors of an output, which a request with several reports in its place, and a request with one as its status.
OF_AN_OUTPUT = frozenset(
    {
        "boundary_merged",
        "boundary_not_exact",
        "chat_template_failed",
        "context_length_exceeded",
        "empty_completion",
        "invalid_text",
        "no_end_token",
        "no_prefix_token",
        "non_finite_logits",
        "poison_request",
        "scores_mismatched",
        "token_out_of_range",
    }
)
#: Well below ``--max-body-bytes``, 32 MiB, also for texts whose characters take three bytes each.
MAX_BATCH_CHARS = 4_194_304
FIRST_BACKOFF_S = 0.5
MAX_BACKOFF_S = 8.0


@dataclass(frozen=True)
class Placed:
    """A pair and its position in the whole list."""

    pair: LogprobPair
    place: int


@dataclass(frozen=True)
class RetryPolicy:
    max_retries: int
    #: A longer wait than this is an error instead.
    max_wait_s: float

    def wait_before_next(self, failure: LogprError | LogprConnectionError, retries: int) -> float:
        """Seconds to wait before the next try. Raises ``failure`` if there is none."""
        asked = failure.retry_after if isinstance(failure, LogprError) else None
        # Varies by a half, so that clients that were refused together do not return together.
        backoff = min(MAX_BACKOFF_S, FIRST_BACKOFF_S * 2.0**retries) * random.uniform(0.5, 1.0)
        wait = backoff if asked is None else asked
        is_retried = isinstance(failure, LogprConnectionError) or failure.status in RETRIED_STATUSES
        if not is_retried or retries >= self.max_retries or wait > self.max_wait_s:
            raise failure
        return wait


@dataclass(frozen=True)
class Deadline:
    """The end of a request with all its retries; ``None`` without a limit."""

    at: float | None

    @classmethod
    def after(cls, seconds: float | None) -> Deadline:
        return cls(None if seconds is None else time.monotonic() + seconds)

    def left(self) -> float | None:
        """Raises ``TimeoutError`` once it has passed."""
        if self.at is None:
            return None
        left = self.at - time.monotonic()
        if left <= 0:
            raise TimeoutError("the request took longer than its timeout; send fewer items or allow more time")
        return left

    def check_wait(self, seconds: float, failure: Exception) -> None:
        """Raises ``failure`` at once when the wait would outlast the time that is left."""
        left = self.left()
        if left is not None and seconds >= left:
            raise failure


def base_url_of(base_url: str) -> str:
    if not base_url.startswith(("http://", "https://")):
        raise ValueError("base_url must begin with http:// or https://, as in http://127.0.0.1:8080")
    return base_url.rstrip("/")


def request_parts(body: Any, left_s: float | None, accept: str) -> dict[str, Any]:
    """Arguments of httpx for one try."""
    headers = {"accept": accept}
    if left_s is not None:
        headers["x-request-timeout-ms"] = str(max(1, round(left_s * 1000)))
    # The service has its own deadline and answers 504 when it passes: a default limit here would only be shorter.
    parts: dict[str, Any] = {"headers": headers, "timeout": httpx.Timeout(left_s, connect=_connect_s(left_s))}
    if body is not None:
        headers["content-type"] = "application/json"
        parts["content"] = json.dumps(body, ensure_ascii=False, allow_nan=False).encode("utf-8", "surrogatepass")
    return parts


def _connect_s(left_s: float | None) -> float:
    return 10.0 if left_s is None else min(10.0, left_s)


def default_headers(api_key: str | None, headers: Mapping[str, str] | None) -> dict[str, str]:
    return {**({} if api_key is None else {"authorization": f"Bearer {api_key}"}), **(headers or {})}


def outputs_of(pair: LogprobPair) -> int:
    # The service says what is missing.
    y = pair.get("y", "")
    if isinstance(y, str) or all(isinstance(entry, int) for entry in y):
        return 1
    return len(y)


def batches_of(pairs: Iterable[LogprobPair], batch_size: int) -> Iterator[List[Placed]]:
    """Cuts pairs into requests. A pair that exceeds a limit alone is a request alone."""
    builder = BatchBuilder(batch_size)
    for pair in pairs:
        batch = builder.add(pair)
        if batch:
            yield batch
    if builder.batch:
        yield builder.batch


class BatchBuilder:
    """Collects pairs until a request is full."""

    def __init__(self, batch_size: int) -> None:
        if batch_size < 1:
            raise ValueError("batch_size must be at least 1")
        self._batch_size = batch_size
        self._outputs = 0
        self._chars = 0
        self._place = 0
        self.batch: List[Placed] = []

    def add(self, pair: LogprobPair) -> List[Placed]:
        """Returns the batch that the pair does not fit into, if there is one."""
        if not isinstance(pair, Mapping):
            kind = type(pair).__name__
            raise TypeError(f'pair {self._place} is a {kind}: pairs is an iterable of dicts such as {{"x": ..., "y": ...}}')
        outputs = outputs_of(pair)
        chars = len(json.dumps(pair, ensure_ascii=False))
        full: List[Placed] = []
        if self.batch and (self._outputs + outputs > self._batch_size or self._chars + chars > MAX_BATCH_CHARS):
            full, self.batch = self.batch, []
            self._outputs = self._chars = 0
        self.batch.append(Placed(pair, self._place))
        self._place += 1
        self._outputs += outputs
        self._chars += chars
        return full


def halves_after(failure: LogprError, batch: Sequence[Placed]) -> tuple[Sequence[Placed], Sequence[Placed]]:
    """The halves of a batch that was too much for one request. Raises ``failure`` if it was not."""
    if failure.code not in TOO_MUCH or len(batch) < 2:
        if failure.param is not None and failure.param.startswith("pairs/"):
            # The field counts the pairs of its request alone.
            failure.prefix(f"in the request that begins with pair {batch[0].place}: ")
        raise failure
    middle = (len(batch) + 1) // 2
    return batch[:middle], batch[middle:]


def placed_results(batch: Sequence[Placed], response: LogprobResponse) -> List[PairOutcome]:
    places = [placed.place for placed in batch for _ in range(outputs_of(placed.pair))]
    return [_at_place(result, places[result["index"]]) for result in response["results"]]


def failure_in_place(failure: LogprError, batch: Sequence[Placed]) -> List[PairOutcome] | None:
    """The outcome of a request whose only output cannot be scored; ``None`` for other errors."""
    if failure.code not in OF_AN_OUTPUT or sum(outputs_of(placed.pair) for placed in batch) != 1:
        return None
    error = {"code": failure.code, "message": failure.message, "param": failure.param}
    placed = batch[0]
    outcome = {"object": "logprob.failure", "index": 0, "id": placed.pair.get("id"), "candidate": 0, "error": error}
    return [_at_place(cast(LogprobOutcome, outcome), placed.place)]


def _at_place(outcome: LogprobOutcome, pair: int) -> PairOutcome:
    """A failure names its pair as in the whole list; the service counts the pairs of one request."""
    placed: dict[str, Any] = {**outcome, "pair": pair}
    error = placed.get("error")
    path = None if error is None else re.match(r"pairs/\d+/", error.get("param") or "")
    if error is not None and path is not None:
        own = {key: error[key].replace(path.group(), f"pairs/{pair}/") for key in ("message", "param")}
        placed["error"] = {**error, **own}
    return cast(PairOutcome, placed)


def result_of_line(line: str) -> LogprobOutcome | None:
    """The result of a line of NDJSON; ``None`` for a closing line, which has no place in the request."""
    if not line.strip():
        return None
    try:
        value = json.loads(line)
    except ValueError as error:
        raise LogprConnectionError("a line of the response is not JSON, so the response was cut off") from error
    return cast(LogprobOutcome, value) if isinstance(value, dict) and "index" in value else None
