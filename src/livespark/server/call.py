"""One request on its way to its handler, and the route that leads there."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeAlias, TypeVar

from msgspec import Struct
from starlette.types import ASGIApp

from livespark.protocol.policy import Scope
from livespark.service.refusals import Refused
from livespark.service.service import Service
from livespark.store.base import Credential

__all__ = ("JSON_LIMIT", "Call", "Handler", "NoQuery", "Route")

JSON_LIMIT: Final = 1024**2

_Q = TypeVar("_Q", bound=Struct)
_B = TypeVar("_B")


class NoQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """The route takes no query parameters."""


@dataclass(frozen=True, kw_only=True)
class Call(Generic[_Q, _B]):
    """What a handler gets: everything is checked and decoded. `headers` have lower-case names; `size` is the body's, in
    bytes."""

    service: Service
    path: Mapping[str, str]
    query: _Q
    body: _B
    headers: Mapping[str, str]
    credential: Credential | None
    size: int = 0

    @property
    def caller(self) -> Credential:
        """Who asks, on a route that needs a token."""
        if self.credential is None:
            raise Refused("unauthenticated", "a token is needed")
        return self.credential


Handler: TypeAlias = Callable[[Call[Any, Any]], Awaitable[ASGIApp]]


@dataclass(frozen=True, kw_only=True)
class Route:
    """One thing that can be asked for. `scope` None: without a token. `body` None: none is read. `limit`: its size
    in bytes; `advice`: what to do about a larger one.

    In `path`, `{name}` is one segment and `{name*}` the rest. `answers`: for each good status, the type of the body
    by media type. `headers` are request headers that count.
    """

    method: str
    path: str
    handler: Handler
    scope: Scope | None
    summary: str
    answers: Mapping[int, Mapping[str, Any]]
    query: type[Struct] = NoQuery
    body: Any = None
    limit: int = JSON_LIMIT
    advice: str = ""
    headers: tuple[str, ...] = ()
