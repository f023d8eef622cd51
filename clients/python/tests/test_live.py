"""The clients against a running service."""

from __future__ import annotations

import asyncio
import itertools
from typing import AsyncIterator, Iterator, List

import pytest

from logpr_client import AsyncLogprClient, LogprClient, LogprError, LogprobPair, LogprobOutcome, PairOutcome, to_records

X = "The children ran down to the"
PAIRS: List[LogprobPair] = [{"id": f"p{i}", "x": X, "y": [f" {i}", " river"] if i % 3 == 0 else f" {i}"} for i in range(60)]
PLACES = [(i, c) for i in range(60) for c in range(2 if i % 3 == 0 else 1)]


def conditional_of(outcome: LogprobOutcome) -> float:
    assert outcome["object"] == "logprob.result"
    found = outcome["log_prob"]["conditional"]
    assert found is not None
    return found


def test_scores_one_prompt_with_two_outputs(client: LogprClient) -> None:
    response = client.logprob({"x": X, "y": [" river", " seventeen"]})
    first, second = response["results"]
    assert conditional_of(first) == pytest.approx(-3.79, abs=0.01)
    assert conditional_of(second) == pytest.approx(-16.563, abs=0.01)
    assert response["usage"]["total_tokens"] > 0


def test_scores_many_pairs_in_order(client: LogprClient) -> None:
    results = list(client.score_pairs(PAIRS, {"terms": ["conditional"]}, batch_size=7, concurrency=3))
    check_places(results)
    alone = client.logprob({"x": X, "y": " 59", "terms": ["conditional"]})["results"][0]
    assert conditional_of(results[-1]) == pytest.approx(conditional_of(alone), abs=1e-4)


def check_places(results: List[PairOutcome]) -> None:
    assert [(result["pair"], result["candidate"]) for result in results] == PLACES
    assert [result["index"] for result in results] == list(range(len(PLACES)))
    assert all(result["id"] == f"p{result['pair']}" for result in results)


def test_reads_pairs_no_further_than_it_works(client: LogprClient) -> None:
    read: List[int] = []

    def endless() -> Iterator[LogprobPair]:
        for i in itertools.count():
            read.append(i)
            yield {"x": X, "y": f" {i}"}

    results = client.score_pairs(endless(), batch_size=4, concurrency=2)
    assert len(list(itertools.islice(results, 10))) == 10
    assert len(read) <= 24


def test_an_output_that_cannot_be_scored_is_a_failure_in_its_place(client: LogprClient) -> None:
    results = list(client.score_pairs([{"x": X, "y": " river"}, {"x": X, "y": ""}]))
    assert results[0]["object"] == "logprob.result"
    assert results[1]["object"] == "logprob.failure"
    assert results[1]["error"]["code"] == "empty_completion"


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_a_failure_names_its_pair_as_in_the_whole_list_whatever_the_size_of_a_request(url: str, client: LogprClient, batch_size: int) -> None:
    pairs: List[LogprobPair] = [{"id": f"p{i}", "x": X, "y": "" if i == 4 else " river"} for i in range(5)]

    async def with_asyncio() -> List[PairOutcome]:
        async with AsyncLogprClient(url) as other:
            return [result async for result in other.score_pairs(pairs, batch_size=batch_size)]

    for results in (list(client.score_pairs(pairs, batch_size=batch_size)), asyncio.run(with_asyncio())):
        assert [result["object"] for result in results] == ["logprob.result"] * 4 + ["logprob.failure"]
        last = results[4]
        assert (last["pair"], last["index"], last["id"]) == (4, 4, "p4")
        assert last["object"] == "logprob.failure"
        assert last["error"]["param"] == "pairs/4/y"
        assert last["error"]["message"].startswith("pairs/4/y is empty")


def test_what_is_no_pair_is_refused_with_its_place(client: LogprClient) -> None:
    for pairs in ({"x": "a", "y": " b"}, ["ab"]):
        with pytest.raises(TypeError, match="pair 0 is a str: pairs is an iterable of dicts"):
            list(client.score_pairs(pairs))  # type: ignore[arg-type]


def test_an_error_about_a_field_of_a_pair_says_where_its_request_begins(client: LogprClient) -> None:
    pairs: List[LogprobPair] = [{"x": X, "y": [] if i == 9 else " river"} for i in range(12)]
    with pytest.raises(LogprError, match="in the request that begins with pair 8: pairs/1/y is an empty list"):
        list(client.score_pairs(pairs, batch_size=4))


def test_streams_results(client: LogprClient) -> None:
    results = list(client.stream_logprob({"x": X, "y": [" river", " sea", " town"]}))
    assert sorted(result["index"] for result in results) == [0, 1, 2]


def test_an_error_has_code_status_field_and_request_id(url: str) -> None:
    with LogprClient(url, headers={"x-request-id": "mine-7"}) as client, pytest.raises(LogprError) as raised:
        client.logprob({"x": X, "y": " river", "top_logprobs": 99})
    error = raised.value
    assert (error.status, error.code, error.param, error.request_id) == (400, "invalid_request", "top_logprobs", "mine-7")
    assert "top_logprobs" in str(error)


def test_has_the_other_endpoints(client: LogprClient) -> None:
    assert client.check({"joint": -3.5, "marginal": -5.2})["consistent"] is False
    assert len(client.rerank({"query": X, "documents": [" river", " sea"]})["results"]) == 2
    assert client.choose({"x": X, "choices": [" river", " sea"]})["object"] == "choice"
    compared = {"x": "A: {candidate_1} B: {candidate_2} Better:", "candidates": ["a cat", "a dog"]}
    both = client.choose({**compared, "choices": [" A", " B"], "order": "both"})["results"][0]
    assert len(both["orders"]) == 2 and "position_bias" in both
    asked = {"scoring": "yes_no", "template": "bge-reranker-v2-gemma"}
    assert client.rerank({"query": X, "documents": ["a river"], **asked})["results"][0]["labels"]["mass"] > 0
    assert client.perplexity({"text": X})["results"][0]["perplexity"]["per_token"] > 1
    assert client.loss({"x": X, "y": " river"})["trained_tokens"] > 0
    assert client.models()[0]["id"]
    assert client.post("/tokenize", {"prompt": " river"})["count"] > 0


def test_records_make_a_data_frame(client: LogprClient) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(to_records(client.score_pairs([{"x": X, "y": [" river", " sea"]}, {"x": X, "y": ""}])))
    assert list(frame["pair"]) == [0, 0, 1]
    assert list(frame["verdict"])[:2] == ["pass", "pass"]
    assert frame["conditional"].notna().tolist() == [True, True, False]
    assert list(frame["error_code"])[2] == "empty_completion"


def test_async_client_gives_the_same_results(url: str, client: LogprClient) -> None:
    async def scored() -> List[PairOutcome]:
        async with AsyncLogprClient(url) as asynchronous:
            response = await asynchronous.logprob({"x": X, "y": " river"})
            assert conditional_of(response["results"][0]) == pytest.approx(-3.79, abs=0.01)
            lines = [line async for line in asynchronous.stream_logprob({"x": X, "y": [" a", " b"]})]
            assert sorted(line["index"] for line in lines) == [0, 1]
            assert (await asynchronous.check({"joint": -1, "marginal": -1}))["consistent"] is True
            assert (await asynchronous.models())[0]["id"]
            return [result async for result in asynchronous.score_pairs(each(), batch_size=7, concurrency=3)]

    async def each() -> AsyncIterator[LogprobPair]:
        for pair in PAIRS:
            yield pair

    check_places(asyncio.run(scored()))
