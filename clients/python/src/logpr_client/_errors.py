"""Errors, and what a response says about them."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import Any

import httpx


class LogprError(Exception):
    """The service answered with an error. The message says what is wrong and what to do."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str,
        param: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        #: HTTP status.
        self.status = status
        #: Stable name of the error, ``http_STATUS`` when the body is not one of logpr, as from a proxy.
        self.code = code
        #: Path of the field at fault.
        self.param = param
        #: To find the request in the log of the service.
        self.request_id = request_id
        #: How long the service asks to wait, in seconds.
        self.retry_after = retry_after

    def prefix(self, text: str) -> None:
        """Puts ``text`` in front of the message."""
        self.message = text + self.message
        self.args = (self.message,)


class LogprConnectionError(Exception):
    """No whole response arrived; ``__cause__`` has the reason."""


def error_of(response: httpx.Response) -> LogprError:
    """Reads the body of a response with an error, whatever sent it. The body must have been read."""
    try:
        body: Any = response.json()
    except ValueError:
        body = None
    nested = _at(body, "error")
    return LogprError(
        _text(body, "detail")
        or _text(nested, "message")
        or _text(body, "error")
        or f"the service answered with status {response.status_code} and no reason",
        status=response.status_code,
        code=_text(body, "code") or _text(nested, "code") or f"http_{response.status_code}",
        param=_text(nested, "param"),
        request_id=response.headers.get("x-request-id") or _text(body, "request_id"),
        retry_after=_retry_after(response.headers),
    )


def lost(error: Exception) -> LogprConnectionError:
    reason = f" ({error})" if str(error) else ""
    failure = LogprConnectionError(
        f"no whole response arrived{reason}: check the address of the service, and that it runs"
    )
    failure.__cause__ = error
    return failure


def _retry_after(headers: httpx.Headers) -> float | None:
    """The wait that a response asks for, in seconds. ``Retry-After`` is seconds or a date."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers[name]) * unit)
        except (KeyError, ValueError):
            continue
    try:
        return max(0.0, parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time())
    except (KeyError, TypeError, ValueError):
        return None


def _at(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _text(value: Any, key: str) -> str | None:
    found = _at(value, key)
    return found if isinstance(found, str) else None
