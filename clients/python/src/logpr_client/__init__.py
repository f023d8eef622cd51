"""Client of a logpr service: log-probabilities of text under a causal language model."""

from ._arrays import LogprobArrays, SequenceArrays
from ._async_client import AsyncLogprClient
from ._client import LogprClient
from ._errors import LogprConnectionError, LogprError
from ._records import to_records
from ._types import (
    ItemError,
    LogprobFailure,
    LogprobOptions,
    LogprobOutcome,
    LogprobPair,
    LogprobResponse,
    LogprobResult,
    LogProbs,
    PairFailure,
    PairOutcome,
    PairResult,
)

__all__ = [
    "AsyncLogprClient",
    "ItemError",
    "LogProbs",
    "LogprClient",
    "LogprConnectionError",
    "LogprError",
    "LogprobArrays",
    "LogprobFailure",
    "LogprobOptions",
    "LogprobOutcome",
    "LogprobPair",
    "LogprobResponse",
    "LogprobResult",
    "PairFailure",
    "PairOutcome",
    "PairResult",
    "SequenceArrays",
    "to_records",
]
