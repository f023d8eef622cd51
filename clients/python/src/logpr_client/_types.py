"""The main fields of requests and responses; openapi.yaml has all of them. A test compares the two."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence, Union

from typing_extensions import Literal, NotRequired, TypedDict

TextOrIds = Union[str, Sequence[int]]


# A keyword of Python cannot be the name of a field in a class.
_From = TypedDict("_From", {"from": int}, total=False)


class LogprobPair(_From, total=False):
    """One prompt ``x`` or conversation ``messages`` with one output ``y`` or several, or one sequence of ``ids``.

    With ``ids``, ``"from"`` is the first position to score.
    """

    id: str
    x: TextOrIds
    messages: Sequence[Dict[str, Any]]
    y: Union[TextOrIds, Sequence[TextOrIds]]
    ids: Sequence[int]
    spans: Sequence[Dict[str, Any]]
    add_generation_prompt: bool
    continue_final_message: Union[bool, str]
    tools: Sequence[Dict[str, Any]]
    documents: Sequence[Dict[str, Any]]
    chat_template_kwargs: Dict[str, Any]


class LogprobOptions(TypedDict, total=False):
    """How to score, for all pairs of a request."""

    model: str
    boundary: Literal["auto", "strict", "move_space", "tokens"]
    prefix_token: Literal["auto", "none"]
    eos: Literal["none", "score"]
    parse_special_tokens: bool
    on_overflow: Literal["error", "truncate_left"]
    terms: Sequence[Literal["joint", "marginal", "conditional"]]
    detail: Literal["summary", "tokens", "words"]
    top_logprobs: int
    statistics: Sequence[Literal["min_k", "min_k_plus_plus", "zlib_ratio", "sampling_discrepancy"]]
    min_k_percent: float
    format: Literal["objects", "arrays"]
    verify: Literal["standard", "deep"]


class LogProbs(TypedDict, total=False):
    """Sums in nats. A term that was not asked for is absent."""

    joint: Union[float, None]
    marginal: Union[float, None]
    conditional: Union[float, None]


class ItemError(TypedDict):
    """Why an output could not be scored."""

    code: str
    message: str
    param: NotRequired[str]


class _Place(TypedDict):
    index: int
    id: Union[str, None]
    candidate: int


class LogprobResult(_Place):
    """The scores of one output."""

    object: Literal["logprob.result"]
    log_prob: LogProbs
    log_prob_eos: NotRequired[float]
    counts: Dict[str, Dict[str, int]]
    normalized: NotRequired[Union[Dict[str, Union[float, None]], None]]
    is_greedy: NotRequired[bool]
    statistics: NotRequired[Dict[str, Union[float, None]]]
    boundary: Dict[str, Any]
    checks: Dict[str, Any]
    warnings: List[Dict[str, Any]]
    tokens: NotRequired[List[Dict[str, Any]]]
    words: NotRequired[List[Dict[str, Any]]]


class LogprobFailure(_Place):
    """An output without scores, and why."""

    object: Literal["logprob.failure"]
    error: ItemError


#: A result or a failure; ``object`` tells them apart.
LogprobOutcome = Union[LogprobResult, LogprobFailure]


class PairResult(LogprobResult):
    """A result of many requests. ``index`` counts the outputs of all pairs."""

    pair: int


class PairFailure(LogprobFailure):
    """A failure of many requests. ``index`` counts the outputs of all pairs."""

    pair: int


PairOutcome = Union[PairResult, PairFailure]


class LogprobResponse(TypedDict):
    object: str
    id: str
    model: str
    results: List[LogprobOutcome]
    usage: Dict[str, int]
    stamp: Dict[str, Any]
