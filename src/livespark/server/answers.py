"""Answers: JSON, and the one shape of all errors."""

import logging
from typing import Any, Final

from starlette.responses import Response

from livespark.protocol.codec import encode
from livespark.protocol.problems import PROBLEMS, Problem
from livespark.service.refusals import Refused
from livespark.store.base import StorageFull, UnknownRun

__all__ = ("as_json", "problem", "problem_of")

_log: Final = logging.getLogger(__name__)
_RETRY_AFTER: Final = {"too-many": "5", "unavailable": "1", "storage-full": "5"}


def as_json(message: Any, status: int = 200) -> Response:
    content = message if isinstance(message, bytes) else encode(message)
    return Response(content, status, media_type="application/json")


def problem(code: str, detail: str, data: Any = None, *, allow: str = "") -> Response:
    """The error answer for a code of `protocol.problems`."""
    status = PROBLEMS[code]
    response = as_json(Problem(status, code, detail, data), status)
    if code in _RETRY_AFTER:
        response.headers["Retry-After"] = _RETRY_AFTER[code]
    if code == "unauthenticated":
        response.headers["WWW-Authenticate"] = "Bearer"
    if allow:
        response.headers["Allow"] = allow
    return response


def problem_of(error: Exception) -> Response:
    """The error answer for what a handler raised. What nobody foresaw goes to the log, not to the client."""
    match error:
        case Refused():
            return problem(error.code, str(error), error.data)
        case UnknownRun():
            return problem("run-not-found", f"{error}. `livespark ps --all` lists the runs")
        case StorageFull():
            return problem("storage-full", str(error))
        case _:
            _log.error("a request failed", exc_info=error)
            return problem("internal", "the server failed at this request; its log tells more (server.log)")
