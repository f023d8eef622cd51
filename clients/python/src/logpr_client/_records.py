"""Results as flat records, for ``pandas.DataFrame(to_records(results))`` and CSV files."""

from __future__ import annotations

from typing import Any, Iterable, Iterator, Mapping


def to_records(results: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """One flat ``dict`` per result, all with the same keys; what a result does not have is ``None``."""
    for result in results:
        sums = result.get("log_prob") or {}
        normalized = result.get("normalized") or {}
        counts = result.get("counts") or {}
        error = result.get("error") or {}
        yield {
            "pair": result.get("pair", result["index"]),
            "candidate": result["candidate"],
            "id": result["id"],
            "joint": sums.get("joint"),
            "marginal": sums.get("marginal"),
            "conditional": sums.get("conditional"),
            "per_token": normalized.get("per_token"),
            "per_byte": normalized.get("per_byte"),
            "bits_per_byte": normalized.get("bits_per_byte"),
            "perplexity": normalized.get("perplexity"),
            "x_tokens": (counts.get("x") or {}).get("tokens"),
            "y_tokens": (counts.get("y") or {}).get("tokens"),
            "is_greedy": result.get("is_greedy"),
            "verdict": (result.get("checks") or {}).get("verdict"),
            "error_code": error.get("code"),
            "error_message": error.get("message"),
        }
