"""Options that several verbs share, and what they all begin with."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final, TypeVar

import click

from livespark.client import Client
from livespark.protocol import codec

__all__ = ("SECONDS", "as_json", "connected", "json_option", "run_argument", "server_option", "timeout_option")

_F = TypeVar("_F", bound=Callable[..., Any])


class _Seconds(click.FloatRange):
    name = "number of seconds"


SECONDS: Final = _Seconds(min=0)


def server_option(function: _F) -> _F:
    """`--server URL`"""
    text = "The server's address. Default: LIVESPARK_SERVER, else the local server."
    return click.option("--server", "server_url", metavar="URL", help=text)(function)


def json_option(function: _F) -> _F:
    """`--json`"""
    return click.option("--json", "json_wanted", is_flag=True, help="Print JSON.")(function)


def run_argument(function: _F) -> _F:
    """`[RUN]`"""
    return click.argument("run", required=False)(function)


def timeout_option(function: _F) -> _F:
    """`--timeout SECONDS`"""
    text = "Wait for the answer so long at most. What was asked goes on."
    return click.option("--timeout", type=SECONDS, metavar="SECONDS", help=text)(function)


def connected(server_url: str | None) -> AbstractContextManager[Client]:
    """The server that a verb talks to."""
    return Client(server_url)


def as_json(message: Any) -> None:
    """Print a message of the protocol, or a list of them, as one line of JSON."""
    sys.stdout.write(codec.encode(message).decode() + "\n")
