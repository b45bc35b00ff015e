"""The description of the API, as the API itself."""

from collections.abc import Sequence

from starlette.types import ASGIApp

from livespark.protocol.codec import encode
from livespark.server.answers import as_json
from livespark.server.call import Call, NoQuery, Route
from livespark.server.openapi import openapi

__all__ = ("Document",)


class Document:
    """Knows its text once the whole table is made, of which it is a part."""

    def __init__(self) -> None:
        self._text = b"{}"

    def describe(self, routes: Sequence[Route]) -> None:
        self._text = encode(openapi(routes))

    async def get(self, _call: Call[NoQuery, None]) -> ASGIApp:
        return as_json(self._text)
