"""The sync client."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from types import TracebackType
from typing import Any, Generator, Iterable, Iterator, List, Mapping, Sequence, cast

import httpx

from ._arrays import LogprobArrays
from ._calls import (
    Deadline,
    Placed,
    RetryPolicy,
    base_url_of,
    batches_of,
    default_headers,
    failure_in_place,
    halves_after,
    placed_results,
    request_parts,
    result_of_line,
)
from ._errors import LogprConnectionError, LogprError, error_of, lost
from ._types import LogprobOptions, LogprobPair, LogprobResponse, LogprobOutcome, PairOutcome


class LogprClient:
    """A client of a logpr service. Safe to share between threads.

    Requests that the service refuses for lack of room (429, 503), or that are lost, are sent again after the time that
    it asks for: every request is a pure function of its body. Methods raise ``LogprError``, ``LogprConnectionError``
    or, after ``timeout`` seconds, ``TimeoutError``.
    """

    def __init__(
        self,
        base_url: str = "http://127.0.0.1:8080",
        *,
        api_key: str | None = None,
        timeout: float | None = None,
        max_retries: int = 5,
        max_retry_wait: float = 60.0,
        headers: Mapping[str, str] | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._base_url = base_url_of(base_url)
        self._timeout = timeout
        self._policy = RetryPolicy(max_retries, max_retry_wait)
        self._http = httpx.Client(headers=default_headers(api_key, headers), transport=transport)

    def __enter__(self) -> LogprClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def logprob(self, body: Mapping[str, Any]) -> LogprobResponse:
        """Scores one prompt ``x`` with its outputs ``y``, or a list of ``pairs``, in one request."""
        return cast(LogprobResponse, self.post("/v1/logprob", body))

    def stream_logprob(self, body: Mapping[str, Any]) -> Generator[LogprobOutcome, None, None]:
        """The same, one result at a time as they finish; ``index`` is the place in the request."""
        with self._send("POST", "/v1/logprob", body, "application/x-ndjson") as response:
            try:
                for line in response.iter_lines():
                    result = result_of_line(line)
                    if result is not None:
                        yield result
            except httpx.TransportError as error:
                raise lost(error) from error

    def logprob_arrays(self, body: Mapping[str, Any]) -> LogprobArrays:
        """The scores of all tokens as arrays, in a binary response: 8 bytes per token instead of some 200.

        A pair may be ``{"ids": [...], "from": s}``: a sequence that is scored as it is, from position ``s`` on.
        """
        with self._send("POST", "/v1/logprob", body, "application/zip") as response:
            return LogprobArrays(_content_of(response))

    def score_pairs(
        self,
        pairs: Iterable[LogprobPair],
        options: LogprobOptions | None = None,
        *,
        batch_size: int = 256,
        concurrency: int = 4,
    ) -> Generator[PairOutcome, None, None]:
        """Scores any number of pairs in as many requests as they need; yields the results in input order.

        Reads the pairs as it goes, so they may come from a file. An output that cannot be scored is a failure in
        its place. ``batch_size`` is the most outputs in one request, ``concurrency`` the most requests in progress.
        """
        if concurrency < 1:
            raise ValueError("concurrency must be at least 1")

        stop = Event()

        def score(batch: Sequence[Placed]) -> List[PairOutcome]:
            body = {**(options or {}), "pairs": [placed.pair for placed in batch]}
            try:
                with self._send("POST", "/v1/logprob", body, stop=stop) as answer:
                    response = cast(LogprobResponse, _json_of(answer))
            except LogprError as failure:
                in_place = failure_in_place(failure, batch)
                if in_place is not None:
                    return in_place
                first, second = halves_after(failure, batch)
                return [*score(first), *score(second)]
            return placed_results(batch, response)

        index = 0
        pool = ThreadPoolExecutor(concurrency, thread_name_prefix="logpr")
        pending: deque[Future[List[PairOutcome]]] = deque()

        def numbered(results: List[PairOutcome]) -> Iterator[PairOutcome]:
            nonlocal index
            for result in results:
                result["index"] = index
                index += 1
                yield result

        try:
            for batch in batches_of(pairs, batch_size):
                pending.append(pool.submit(score, batch))
                if len(pending) >= concurrency:
                    yield from numbered(pending.popleft().result())
            while pending:
                yield from numbered(pending.popleft().result())
        finally:
            # After an error, or when the caller leaves the loop, at most `concurrency` requests still end, without retries.
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)

    def rerank(self, body: Mapping[str, Any]) -> Any:
        """Orders documents by their log-probability."""
        return self.post("/v1/rerank", body)

    def choose(self, body: Mapping[str, Any]) -> Any:
        """The probability of each of the given texts."""
        return self.post("/v1/choose", body)

    def perplexity(self, body: Mapping[str, Any]) -> Any:
        """The perplexity of texts of any length."""
        return self.post("/v1/perplexity", body)

    def loss(self, body: Mapping[str, Any]) -> Any:
        """The loss of a training example token by token, or of a batch with its means."""
        return self.post("/v1/loss", body)

    def check(self, body: Mapping[str, Any]) -> Any:
        """Whether reported log-probabilities can be right. Needs no model."""
        return self.post("/v1/check", body)

    def models(self) -> List[Any]:
        """The models of the service, with their self-tests."""
        return cast("List[Any]", self.get("/v1/models")["data"])

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Any other endpoint, with retries and errors as everywhere."""
        with self._send("POST", path, body) as response:
            return _json_of(response)

    def get(self, path: str) -> Any:
        with self._send("GET", path, None) as response:
            return _json_of(response)

    @contextmanager
    def _send(
        self, method: str, path: str, body: Any, accept: str = "application/json", stop: Event | None = None
    ) -> Iterator[httpx.Response]:
        stop = stop or Event()
        deadline = Deadline.after(self._timeout)
        retries = 0
        while True:
            response: httpx.Response | None = None
            try:
                request = self._http.build_request(
                    method, self._base_url + path, **request_parts(body, deadline.left(), accept)
                )
                response = self._http.send(request, stream=True)
                if not response.is_success:
                    response.read()
                    raise error_of(response)
                break
            except LogprError as error:
                failure: LogprError | LogprConnectionError = error
            except httpx.TimeoutException as error:
                deadline.left()
                failure = lost(error)
            except httpx.TransportError as error:
                failure = lost(error)
            finally:
                if response is not None and not response.is_success:
                    response.close()
            wait = self._policy.wait_before_next(failure, retries)
            deadline.check_wait(wait, failure)
            if stop.wait(wait):
                raise failure
            retries += 1
        try:
            yield response
        finally:
            response.close()


def _json_of(response: httpx.Response) -> Any:
    _content_of(response)
    return response.json()


def _content_of(response: httpx.Response) -> bytes:
    try:
        return response.read()
    except httpx.TransportError as error:
        raise lost(error) from error
