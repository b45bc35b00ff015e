"""The one JSON error shape of the HTTP API, and how it becomes an exception on the client's side."""

from typing import Any, Final

from msgspec import Struct

from livespark import errors

__all__ = ("PROBLEMS", "Problem", "error_from")


class Problem(Struct, frozen=True, omit_defaults=True):
    """Body of every answer of status 400 and above. `detail` is one sentence, or two: what is wrong, what to do
    next."""

    status: int
    code: str
    detail: str
    data: Any = None


PROBLEMS: Final[dict[str, int]] = {
    "malformed": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    "not-found": 404,
    "run-not-found": 404,
    "command-not-found": 404,
    "method-not-allowed": 405,
    "conflict": 409,
    "run-ended": 409,
    "batch-gap": 409,
    "fenced": 410,
    "too-large": 413,
    "unsupported-media-type": 415,
    "wrong-host": 421,
    "invalid": 422,
    "too-many": 429,
    "internal": 500,
    "unavailable": 503,
    "storage-full": 507,
}
"""Every problem code and its HTTP status. The server answers no other."""

_RETRYABLE: Final = frozenset({408, 425, 429, 500, 502, 503, 504, 507})


def error_from(problem: Problem, retry_after: float | None = None) -> errors.RequestRefused:
    """The exception that a client raises for `problem`."""
    if problem.code == "run-not-found":
        kind: type[errors.RequestRefused] = errors.RunNotFound
    elif problem.status in (401, 403):
        kind = errors.AuthenticationFailed
    elif problem.status == 404:
        kind = errors.NotFound
    elif problem.status == 409:
        kind = errors.Conflict
    elif problem.status in _RETRYABLE:
        kind = errors.Unavailable
    else:
        kind = errors.Invalid
    return kind(problem.detail, status=problem.status, code=problem.code, retry_after=retry_after, data=problem.data)
