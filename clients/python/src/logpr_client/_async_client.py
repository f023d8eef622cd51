"""The async client. Cancelling a task ends its requests, which makes the service drop their work."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, List, Mapping, Sequence, Union, cast

import httpx

from ._arrays import LogprobArrays
from ._calls import (
    BatchBuilder,
    Deadline,
    Placed,
    RetryPolicy,
    base_url_of,
    default_headers,
    failure_in_place,
    halves_after,
    placed_results,
    request_parts,
    result_of_line,
)
from ._errors import LogprConnectionError, LogprError, error_of, lost
from ._types import LogprobOptions, LogprobPair, LogprobResponse, LogprobOutcome, PairOutcome

Pairs = Union[Iterable[LogprobPair], AsyncIterable[LogprobPair]]


class AsyncLogprClient:
    """As ``LogprClient``, for asyncio."""

    def __init__(
        self,
        base_url: str = "http://127.0.0.1:8080",
        *,
        api_key: str | None = None,
        timeout: float | None = None,
        max_retries: int = 5,
        max_retry_wait: float = 60.0,
        headers: Mapping[str, str] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._base_url = base_url_of(base_url)
        self._timeout = timeout
        self._policy = RetryPolicy(max_retries, max_retry_wait)
        self._http = httpx.AsyncClient(headers=default_headers(api_key, headers), transport=transport)

    async def __aenter__(self) -> AsyncLogprClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def logprob(self, body: Mapping[str, Any]) -> LogprobResponse:
        """Scores one prompt ``x`` with its outputs ``y``, or a list of ``pairs``, in one request."""
        return cast(LogprobResponse, await self.post("/v1/logprob", body))

    async def stream_logprob(self, body: Mapping[str, Any]) -> AsyncGenerator[LogprobOutcome, None]:
        """The same, one result at a time as they finish; ``index`` is the place in the request."""
        async with self._send("POST", "/v1/logprob", body, "application/x-ndjson") as response:
            try:
                async for line in response.aiter_lines():
                    result = result_of_line(line)
                    if result is not None:
                        yield result
            except httpx.TransportError as error:
                raise lost(error) from error

    async def logprob_arrays(self, body: Mapping[str, Any]) -> LogprobArrays:
        """The scores of all tokens as arrays, in a binary response. As in ``LogprClient``."""
        async with self._send("POST", "/v1/logprob", body, "application/zip") as response:
            return LogprobArrays(await _content_of(response))

    async def score_pairs(
        self, pairs: Pairs, options: LogprobOptions | None = None, *, batch_size: int = 256, concurrency: int = 4
    ) -> AsyncGenerator[PairOutcome, None]:
        """Scores any number of pairs in as many requests as they need; yields the results in input order.

        Reads the pairs as it goes, so they may come from a file. An output that cannot be scored is a failure in
        its place. ``batch_size`` is the most outputs in one request, ``concurrency`` the most requests in progress.
        """
        if concurrency < 1:
            raise ValueError("concurrency must be at least 1")

        async def score(batch: Sequence[Placed]) -> List[PairOutcome]:
            try:
                response = await self.logprob({**(options or {}), "pairs": [placed.pair for placed in batch]})
            except LogprError as failure:
                in_place = failure_in_place(failure, batch)
                if in_place is not None:
                    return in_place
                first, second = halves_after(failure, batch)
                return [*await score(first), *await score(second)]
            return placed_results(batch, response)

        index = 0
        pending: deque[asyncio.Task[List[PairOutcome]]] = deque()

        async def numbered() -> AsyncIterator[PairOutcome]:
            nonlocal index
            for result in await pending.popleft():
                result["index"] = index
                index += 1
                yield result

        try:
            async for batch in _batches_of(pairs, batch_size):
                pending.append(asyncio.create_task(score(batch)))
                if len(pending) >= concurrency:
                    async for result in numbered():
                        yield result
            while pending:
                async for result in numbered():
                    yield result
        finally:
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)

    async def rerank(self, body: Mapping[str, Any]) -> Any:
        """Orders documents by their log-probability."""
        return await self.post("/v1/rerank", body)

    async def choose(self, body: Mapping[str, Any]) -> Any:
        """The probability of each of the given texts."""
        return await self.post("/v1/choose", body)

    async def perplexity(self, body: Mapping[str, Any]) -> Any:
        """The perplexity of texts of any length."""
        return await self.post("/v1/perplexity", body)

    async def loss(self, body: Mapping[str, Any]) -> Any:
        """The loss of a training example token by token, or of a batch with its means."""
        return await self.post("/v1/loss", body)

    async def check(self, body: Mapping[str, Any]) -> Any:
        """Whether reported log-probabilities can be right. Needs no model."""
        return await self.post("/v1/check", body)

    async def models(self) -> List[Any]:
        """The models of the service, with their self-tests."""
        return cast("List[Any]", (await self.get("/v1/models"))["data"])

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Any other endpoint, with retries and errors as everywhere."""
        async with self._send("POST", path, body) as response:
            return await _json_of(response)

    async def get(self, path: str) -> Any:
        async with self._send("GET", path, None) as response:
            return await _json_of(response)

    @asynccontextmanager
    async def _send(
        self, method: str, path: str, body: Any, accept: str = "application/json"
    ) -> AsyncIterator[httpx.Response]:
        deadline = Deadline.after(self._timeout)
        retries = 0
        while True:
            response: httpx.Response | None = None
            try:
                request = self._http.build_request(
                    method, self._base_url + path, **request_parts(body, deadline.left(), accept)
                )
                response = await self._http.send(request, stream=True)
                if not response.is_success:
                    await response.aread()
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
                    await response.aclose()
            wait = self._policy.wait_before_next(failure, retries)
            deadline.check_wait(wait, failure)
            await asyncio.sleep(wait)
            retries += 1
        try:
            yield response
        finally:
            await response.aclose()


async def _batches_of(pairs: Pairs, batch_size: int) -> AsyncIterator[List[Placed]]:
    builder = BatchBuilder(batch_size)
    async for pair in _each(pairs):
        batch = builder.add(pair)
        if batch:
            yield batch
    if builder.batch:
        yield builder.batch


async def _each(pairs: Pairs) -> AsyncIterator[LogprobPair]:
    if isinstance(pairs, AsyncIterable):
        async for pair in pairs:
            yield pair
    else:
        for pair in pairs:
            yield pair


async def _json_of(response: httpx.Response) -> Any:
    await _content_of(response)
    return response.json()


async def _content_of(response: httpx.Response) -> bytes:
    try:
        return await response.aread()
    except httpx.TransportError as error:
        raise lost(error) from error
