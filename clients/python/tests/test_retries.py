"""Retries, errors and streams, with made-up answers."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import Any, Callable, Dict, Iterator, List

import httpx
import pytest

from logpr_client import AsyncLogprClient, LogprClient, LogprConnectionError, LogprError

BODY = {"x": "a", "y": " b"}
URL = "http://service.test"


def refusal(status: int, headers: Dict[str, str] | None = None) -> httpx.Response:
    problem = {"detail": "the queue is full", "code": "queue_full", "error": {"param": None}}
    return httpx.Response(status, headers=headers, json=problem)


def answers(*responses: httpx.Response | Exception) -> tuple[Callable[[httpx.Request], httpx.Response], List[httpx.Request]]:
    """A handler that gives these answers in turn, the last one again and again."""
    seen: List[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        answer = responses[min(len(seen), len(responses)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    return handle, seen


def client_of(handle: Callable[[httpx.Request], httpx.Response], **options: Any) -> LogprClient:
    return LogprClient(URL, transport=httpx.MockTransport(handle), **options)


OK = httpx.Response(200, json={"results": []})


def test_a_refused_request_is_sent_again_after_the_time_that_the_service_asks_for() -> None:
    exact = {"retry-after": "1", "retry-after-ms": "60"}
    handle, seen = answers(refusal(429, exact), refusal(503, exact), OK)
    began = time.monotonic()
    assert client_of(handle).logprob(BODY)["results"] == []
    assert len(seen) == 3
    assert time.monotonic() - began >= 0.119


def test_async_too() -> None:
    handle, seen = answers(refusal(429, {"retry-after-ms": "1"}), httpx.ConnectError("lost"), OK)

    async def run() -> Any:
        async with AsyncLogprClient(URL, transport=httpx.MockTransport(handle)) as client:
            return await client.logprob(BODY)

    assert asyncio.run(run()) == {"results": []}
    assert len(seen) == 3


def test_retries_are_bounded() -> None:
    handle, seen = answers(refusal(429, {"retry-after-ms": "1"}))
    with pytest.raises(LogprError, match="the queue is full") as raised:
        client_of(handle, max_retries=2).logprob(BODY)
    assert (raised.value.status, raised.value.code, len(seen)) == (429, "queue_full", 3)


@pytest.mark.parametrize("status", [400, 401, 413, 500, 504])
def test_other_errors_are_not_repeated(status: int) -> None:
    handle, seen = answers(refusal(status))
    with pytest.raises(LogprError):
        client_of(handle).logprob(BODY)
    assert len(seen) == 1


def test_a_wait_beyond_the_limit_is_an_error_at_once() -> None:
    handle, seen = answers(refusal(503, {"retry-after": "3600"}))
    with pytest.raises(LogprError) as raised:
        client_of(handle).logprob(BODY)
    assert (raised.value.retry_after, len(seen)) == (3600.0, 1)


def test_a_wait_beyond_the_timeout_is_an_error_at_once() -> None:
    handle, seen = answers(refusal(503, {"retry-after": "30"}))
    with pytest.raises(LogprError):
        client_of(handle, timeout=1.0).logprob(BODY)
    assert 0 < int(seen[0].headers["x-request-timeout-ms"]) <= 1000


def test_a_date_is_a_time_to_wait() -> None:
    handle, _ = answers(refusal(503, {"retry-after": "Wed, 21 Oct 2099 07:28:00 GMT"}))
    with pytest.raises(LogprError) as raised:
        client_of(handle).logprob(BODY)
    assert raised.value.retry_after is not None and raised.value.retry_after > 1e9


def test_without_a_service_there_is_a_connection_error_with_its_cause() -> None:
    with LogprClient("http://127.0.0.1:1", max_retries=0) as nobody, pytest.raises(LogprConnectionError) as raised:
        nobody.logprob(BODY)
    assert isinstance(raised.value.__cause__, httpx.ConnectError)
    assert "Connection refused" in str(raised.value)


def test_an_error_of_a_proxy_has_its_status_as_code() -> None:
    handle, _ = answers(httpx.Response(413, text="<html>too large</html>"))
    with pytest.raises(LogprError) as raised:
        client_of(handle).logprob(BODY)
    assert raised.value.code == "http_413"


def test_the_key_is_sent_and_never_shown() -> None:
    handle, seen = answers(OK)
    client = client_of(handle, api_key="a-secret-key")
    client.logprob(BODY)
    assert seen[0].headers["authorization"] == "Bearer a-secret-key"
    assert "a-secret-key" not in repr(client)


def test_text_is_sent_as_it_is() -> None:
    handle, seen = answers(OK)
    client_of(handle).logprob({"x": "é\u2028😀", "y": " b"})
    assert json.loads(seen[0].content) == {"x": "é\u2028😀", "y": " b"}


def test_a_batch_that_is_too_large_is_halved() -> None:
    sizes: List[int] = []

    def handle(request: httpx.Request) -> httpx.Response:
        pairs = json.loads(request.content)["pairs"]
        sizes.append(len(pairs))
        if len(pairs) > 2:
            return httpx.Response(413, json={"code": "body_too_large", "detail": "too large"})
        results = [{"index": i, "id": pair["id"], "candidate": 0} for i, pair in enumerate(pairs)]
        return httpx.Response(200, json={"results": results})

    results = list(client_of(handle).score_pairs([{"id": str(i), "x": "a", "y": " b"} for i in range(5)]))
    assert [(result["pair"], result["id"]) for result in results] == [(i, str(i)) for i in range(5)]
    assert sizes == [5, 3, 2, 1, 2]


def test_leaving_the_loop_ends_the_waits_of_other_requests() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        pair = json.loads(request.content)["pairs"][0]
        if pair["id"] != "0":
            return refusal(503, {"retry-after": "30"})
        return httpx.Response(200, json={"results": [{"index": 0, "id": "0", "candidate": 0}]})

    threads = {thread for thread in threading.enumerate()}
    outcomes = client_of(handle).score_pairs(({"id": str(i), "x": "a", "y": " b"} for i in range(9)), batch_size=1)
    next(outcomes)
    outcomes.close()
    for thread in set(threading.enumerate()) - threads:
        thread.join(timeout=10)
        assert not thread.is_alive()


class Broken(httpx.SyncByteStream):
    def __iter__(self) -> Iterator[bytes]:
        yield b'{"index":0}\n{"object":"logprob.summary"}\n{"ind'
        raise httpx.ReadError("broken")


def test_a_stream_that_breaks_off_is_an_error_after_the_results_that_came() -> None:
    lines = client_of(lambda _: httpx.Response(200, stream=Broken())).stream_logprob(BODY)
    assert next(lines)["index"] == 0
    with pytest.raises(LogprConnectionError):
        next(lines)


def test_a_base_url_without_a_scheme_is_refused_with_an_example() -> None:
    with pytest.raises(ValueError, match="base_url must begin with http"):
        LogprClient("localhost:8080")
