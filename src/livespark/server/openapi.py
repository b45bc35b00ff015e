"""The OpenAPI 3.1 document, derived from the route table."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from livespark.protocol.problems import Problem
from livespark.server.call import Route
from livespark.version import __version__

__all__ = ("openapi",)

_TEMPLATE: Final = "#/components/schemas/{name}"
_WORDS: Final = re.compile(r"\W+")
_HOLE: Final = re.compile(r"\{(\w+)\*?\}")


def openapi(routes: Sequence[Route]) -> dict[str, Any]:
    """The document. Types stand as msgspec describes them."""
    schemas = _Schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(_HOLE.sub(r"{\1}", route.path), {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Livespark", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


class _Schemas:
    """JSON schemas of all types in the table."""

    def __init__(self, routes: Sequence[Route]) -> None:
        kinds = list({repr(kind): kind for route in routes for kind in _kinds(route)}.values())
        found, self.components = msgspec.json.schema_components(kinds, ref_template=_TEMPLATE)
        self._schemas = {repr(kind): schema for kind, schema in zip(kinds, found, strict=True)}

    def of(self, kind: Any) -> dict[str, Any]:
        return self._schemas[repr(kind)]

    def parameters(self, query: type[msgspec.Struct]) -> Iterator[dict[str, Any]]:
        schema = self.components[query.__name__]
        for name, described in schema["properties"].items():
            yield {"name": name, "in": "query", "required": False, "schema": described}


def _kinds(route: Route) -> Iterator[Any]:
    yield from (Problem, route.query)
    if route.body is not None:
        yield route.body
    for content in route.answers.values():
        yield from content.values()


def _operation(route: Route, schemas: _Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": _WORDS.sub("_", f"{route.method.lower()} {route.path}").strip("_"),
        "parameters": [*_path_parameters(route), *schemas.parameters(route.query), *_header_parameters(route)],
        "responses": {str(status): _good(content, schemas) for status, content in route.answers.items()},
    }
    refused = {"application/json": {"schema": schemas.of(Problem)}}
    operation["responses"]["default"] = {"description": "Why not, and what to do", "content": refused}
    if route.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schemas.of(route.body)}},
        }
    if route.scope is not None:
        operation["security"] = [{"token": []}]
        operation["x-scope"] = route.scope.name.lower()
    return operation


def _good(content: Mapping[str, Any], schemas: _Schemas) -> dict[str, Any]:
    described = {media: {"schema": _body(media, schemas.of(kind))} for media, kind in content.items()}
    return {"description": "Done"} | ({"content": described} if described else {})


def _body(media: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Of an event stream, the schema describes one event, whose data is JSON of that kind."""
    if media != "text/event-stream":
        return schema
    data = {"type": "string", "contentMediaType": "application/json", "contentSchema": schema}
    others = {"id": {"type": "string"}, "event": {"type": "string"}, "retry": {"type": "integer"}}
    return {"type": "object", "properties": {"data": data, **others}, "required": ["data"]}


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    names = _HOLE.findall(route.path)
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}} for name in names
    ]


def _header_parameters(route: Route) -> list[dict[str, Any]]:
    return [{"name": name, "in": "header", "required": False, "schema": {"type": "string"}} for name in route.headers]
