"""From a request to its handler, by the route table and nothing else: what the table lacks does not exist.

The order of the checks: path (404), method (405), token and scope (401, 403), query and body (400, 413, 415, 422).
The decision rests on `scope["path"]`, which was percent-decoded once, never on a URL put together from the client's
headers.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from livespark.protocol.policy import Scope as Right
from livespark.server.answers import problem
from livespark.server.bodies import decode_body, decode_query, read_body
from livespark.server.call import Call, Route
from livespark.server.strangers import introduce
from livespark.service.refusals import Refused
from livespark.service.service import Service
from livespark.store.base import Credential

__all__ = ("Dispatcher", "pattern")

_HOLE: Final = re.compile(r"\{(\w+)(\*?)\}")


def pattern(path: str) -> re.Pattern[str]:
    """What `scope["path"]` must match for a route's path."""
    text = _HOLE.sub(lambda hole: f"(?P<{hole[1]}>{'.+' if hole[2] else '[^/]+'})", path)
    return re.compile(rf"{text}\Z", re.DOTALL)


class Dispatcher:
    """Pure ASGI, inside `Shell`."""

    def __init__(self, service: Service, routes: Sequence[Route]) -> None:
        self._service = service
        self._table: dict[str, tuple[re.Pattern[str], dict[str, Route]]] = {}
        for route in routes:
            _, methods = self._table.setdefault(route.path, (pattern(route.path), {}))
            methods[route.method] = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(scope, receive)
        await response(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> ASGIApp:
        found = self._find(scope["path"])
        if found is None:
            return problem("not-found", "there is nothing at this path; `GET /api/openapi.json` lists what there is")
        methods, path = found
        route = methods.get(scope["method"])
        if route is None:
            return _wrong_method(methods)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        credential = await self._authorise(route, scope)
        query = decode_query(scope["query_string"], route.query)
        content = b"" if route.body is None else await read_body(receive, headers, route.limit, route.advice)
        return await route.handler(
            Call(
                service=self._service,
                path=path,
                query=query,
                body=_decoded(route, content),
                headers=headers,
                credential=credential,
                size=len(content),
            )
        )

    def _find(self, path: str) -> tuple[dict[str, Route], dict[str, str]] | None:
        for matcher, methods in self._table.values():
            if match := matcher.match(path):
                return methods, match.groupdict()
        return None

    async def _authorise(self, route: Route, scope: Scope) -> Credential | None:
        """The caller's credential. Raises Refused."""
        if route.scope is None:
            return None
        credential = await self._service.access.authenticate(_token(scope["headers"]))
        if credential is None:
            raise Refused(
                "unauthenticated",
                "the token is wrong, expired or revoked. In a browser, `livespark open` signs in again",
            )
        introduce(scope)
        if not credential.scope.includes(route.scope):
            raise Refused(
                "forbidden", f"this needs a token of scope {_name(route.scope)}; yours has {_name(credential.scope)}"
            )
        self._service.touch()
        return credential


def _decoded(route: Route, content: bytes) -> Any:
    """The message in the body, on a route that takes one. Raises Refused."""
    if route.body is None:
        return None
    return decode_body(content, route.body, deepest=None if route.scope is Right.WORKER else 64)


def _token(headers: Sequence[tuple[bytes, bytes]]) -> str:
    values = [value for name, value in headers if name == b"authorization"]
    kind, _, token = values[0].decode("latin-1").partition(" ") if len(values) == 1 else ("", "", "")
    if kind.lower() != "bearer" or not token:
        raise Refused("unauthenticated", "a token is needed: `Authorization: Bearer <token>`")
    return token.strip()


def _wrong_method(methods: dict[str, Route]) -> Response:
    allowed = ", ".join(sorted(methods))
    return problem("method-not-allowed", f"this path takes {allowed}", allow=allowed)


def _name(scope: Right) -> str:
    return scope.name.lower()
