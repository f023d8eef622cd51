"""The typed dictionaries against the description of the API."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Set

import pytest

from logpr_client import LogprobFailure, LogprobOptions, LogprobPair, LogprobResponse, LogprobResult

DESCRIPTION = Path(__file__).parents[3] / "openapi.yaml"


@pytest.fixture(scope="module")
def document() -> Dict[str, Any]:
    yaml = pytest.importorskip("yaml")
    if not DESCRIPTION.exists():
        pytest.skip("openapi.yaml is not beside this package")
    found: Dict[str, Any] = yaml.safe_load(DESCRIPTION.read_text())
    return found


def resolved(schema: Dict[str, Any], document: Dict[str, Any]) -> Dict[str, Any]:
    found: Dict[str, Any] = schema
    while "$ref" in found:
        found = document["components"]["schemas"][found["$ref"].rsplit("/", 1)[1]]
    return found


def fields_of(schema: Dict[str, Any], document: Dict[str, Any]) -> Set[str]:
    """The names of all properties, of all members of a union."""
    found = resolved(schema, document)
    members = [member for kind in ("oneOf", "anyOf") for member in found.get(kind, [])]
    return set(found.get("properties", {})).union(*(fields_of(member, document) for member in members))


def test_every_field_is_in_the_description(document: Dict[str, Any]) -> None:
    operation = document["paths"]["/v1/logprob"]["post"]
    request = resolved(operation["requestBody"]["content"]["application/json"]["schema"], document)
    response = resolved(operation["responses"]["200"]["content"]["application/json"]["schema"], document)
    pair = resolved(request["properties"]["pairs"], document)["items"]
    result = resolved(response["properties"]["results"], document)["items"]
    for typed, schema in ((LogprobPair, pair), (LogprobOptions, request), (LogprobResult, result), (LogprobFailure, result), (LogprobResponse, response)):
        unknown = set(typed.__annotations__) - fields_of(schema, document)
        assert not unknown, f"{typed.__name__} has fields that the API does not have"
