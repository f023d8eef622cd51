"""Arrays of a running service, with NumPy and without."""

from __future__ import annotations

import builtins
import math
import re
from pathlib import Path
from typing import Any

import pytest

from logpr_client import AsyncLogprClient, LogprClient, LogprError

IDS = [0, 485, 2334, 886, 322]
BODY = {"pairs": [{"ids": IDS}, {"ids": [0]}, {"ids": IDS, "from": 3}], "top_logprobs": 4, "detail": "tokens"}
GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "teachers.md"


def check(client: LogprClient) -> None:
    listed = client.logprob({**BODY, "format": "arrays"})["results"]
    answer = client.logprob_arrays(BODY)
    assert len(answer) == 3 and answer.meta["usage"]["total_tokens"] > 0
    first, failure, last = answer
    assert first["ids"].tolist() == IDS and last["ids"].tolist() == IDS[3:] and (first.start, last.start) == (0, 3)
    assert failure.result["error"]["code"] == "empty_completion" and len(failure["ids"]) == 0
    for sequence, expected in ((first, listed[0]), (last, listed[2])):
        arrays: Any = expected
        found = [None if math.isnan(value) else value for value in sequence["log_probs"].tolist()]
        assert found == arrays["log_probs"]
        assert [None if row[0] == -1 else row for row in sequence["top_ids"].tolist()] == arrays["top_ids"]
        assert [None if end == -1 else end for end in sequence["byte_ends"].tolist()] == arrays["byte_ends"]
        assert sequence["top_log_probs"].shape == (len(found), 4)
    assert answer[-1]["ids"].tolist() == last["ids"].tolist()


def test_arrays_with_numpy(client: LogprClient) -> None:
    numpy = pytest.importorskip("numpy")
    check(client)
    assert isinstance(client.logprob_arrays(BODY).flat["log_probs"], numpy.ndarray)


def test_arrays_without_numpy(client: LogprClient, monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without(name: str, *rest: Any, **named: Any) -> Any:
        if name == "numpy":
            raise ImportError(name)
        return original(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    check(client)
    assert isinstance(client.logprob_arrays(BODY).flat["log_probs"], memoryview)


def test_an_error_of_the_only_sequence_is_raised(client: LogprClient) -> None:
    with pytest.raises(LogprError, match="send two or more"):
        client.logprob_arrays({"ids": [0]})


def test_async_arrays(url: str) -> None:
    import asyncio

    async def run() -> None:
        async with AsyncLogprClient(url) as client:
            assert (await client.logprob_arrays({"ids": IDS}))[0]["ids"].tolist() == IDS

    asyncio.run(run())


def test_the_guide(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("numpy")
    if not GUIDE.exists():
        pytest.skip("the guides are not beside this package")
    [block] = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    exec(block.replace("http://127.0.0.1:8080", url), {})
    assert re.search(r"\(5, 64\)", capsys.readouterr().out)
