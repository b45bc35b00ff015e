"""What a client makes of an HTTP answer: a message, or the exception that it stands for. No I/O."""

import time
from collections.abc import Mapping
from typing import TypeVar

from livespark.errors import ServerUnavailable, VersionMismatch
from livespark.protocol import codec
from livespark.protocol.problems import Problem, error_from
from livespark.transport.reconnect import retry_after
from livespark.version import PROTOCOL

__all__ = ("check", "check_stream", "decoded", "not_understood")

_T = TypeVar("_T")


def check(url: str, status: int, headers: Mapping[str, str], content: bytes) -> None:
    """Return for a good answer of a server that speaks our protocol.

    Raises RequestRefused, VersionMismatch, ServerUnavailable.
    """
    protocol = headers.get("livespark-protocol")
    if protocol is not None and protocol != str(PROTOCOL):
        raise VersionMismatch(
            f"the server at {url} speaks protocol {protocol}, this Livespark speaks {PROTOCOL}. "
            "Use the same version on both sides, or `livespark server stop` and try again"
        )
    if status >= 300:
        raise error_from(_problem(url, status, content), retry_after(headers.get("retry-after"), time.time()))
    if protocol is None:
        raise ServerUnavailable(f"what answers at {url} is not a Livespark server")


def check_stream(url: str, headers: Mapping[str, str]) -> None:
    """As `check`, for the head of an event stream."""
    check(url, 200, headers, b"")
    if headers.get("content-type", "").partition(";")[0].strip() != "text/event-stream":
        raise ServerUnavailable(f"the server at {url} answered with something else than an event stream")


def decoded(kind: type[_T], content: bytes) -> _T:
    """The message in an answer. Raises VersionMismatch when it is none of that kind."""
    try:
        message: _T = codec.decode(content, kind)
    except codec.Malformed as error:
        raise VersionMismatch(
            f"the server's answer can't be understood ({error}); it may be of another version"
        ) from error
    return message


def not_understood(url: str, error: Exception) -> VersionMismatch:
    return VersionMismatch(
        f"what the server at {url} sends can't be understood ({error}); it may be of another version"
    )


def _problem(url: str, status: int, content: bytes) -> Problem:
    try:
        return codec.decode(content, Problem)
    except codec.Malformed:
        return Problem(status, "", f"the server at {url} answered with status {status} and no reason")
