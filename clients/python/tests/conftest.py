"""The service is the one at LOGPR_URL; other tests answer through httpx.MockTransport."""

from __future__ import annotations

import os
from typing import Callable, Iterator

import httpx
import pytest

from logpr_client import LogprClient

Handler = Callable[[httpx.Request], httpx.Response]


@pytest.fixture(scope="session")
def url() -> str:
    """Where a service with the included model runs."""
    address = os.environ.get("LOGPR_URL")
    if address is None:
        pytest.skip("LOGPR_URL is not set: start a service and set it")
    return address


@pytest.fixture
def client(url: str) -> Iterator[LogprClient]:
    with LogprClient(url) as made:
        yield made
