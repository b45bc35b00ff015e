"""The API's own description: true, complete, and no request generated from it breaks the server."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from livespark.engine.base import Exited
from livespark.protocol.ids import RunId
from livespark.server.openapi import openapi
from livespark.server.routes import route_table
from livespark.settings import Settings
from livespark.testing.engine import FakeEngine
from livespark.wiring import serve
from tests.unit.server.asgi import ASSETS

ROUTES = route_table(ASSETS)
DOCUMENT: dict[str, Any] = json.loads(msgspec.json.encode(openapi(ROUTES)))
ENDLESS = {("POST", "/api/server/stop"), ("GET", "/api/worker/commands")}
"""The one ends the server, the other never ends itself."""

SUBMIT: dict[str, Any] = {"entry": {"script": "x.py"}, "cwd": "/", "python": "python", "env": {}}
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@dataclass
class Target:
    """A server on a socket, with a run that is alive and one that has ended."""

    url: str
    token: str
    worker: str
    alive: RunId
    ended: RunId


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    home, engine, said = tmp_path_factory.mktemp("served"), FakeEngine(), list[str]()
    thread = threading.Thread(target=lambda: serve(Settings(home=home), port=0, announce=said.append, engine=engine))
    thread.start()
    _wait(lambda: bool(said))
    url, token = said[0].rpartition(" ")[2], (home / "token").read_text()
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {token}"
        alive, ended = (session.post(f"{url}/api/runs", json=SUBMIT | {"key": key}).json()["id"] for key in "ab")
        _wait(lambda: {alive, ended} <= engine.launches.keys())
        engine.end(ended, Exited(0))
        _wait(lambda: ended in engine.forgotten)
        yield Target(url, token, engine.launches[alive].token, alive, ended)
        session.post(f"{url}/api/server/stop")
    thread.join(10)
    assert not thread.is_alive()
    assert "Traceback" not in (home / "server.log").read_text()


def _wait(condition: Any) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_document_holds_exactly_the_table() -> None:
    """Every route with its scope, parameters, body and good answers."""
    described = {(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert described == {(route.method, route.path.replace("*}", "}")) for route in ROUTES}
    ids = [operation["operationId"] for methods in DOCUMENT["paths"].values() for operation in methods.values()]
    assert len(ids) == len(set(ids))
    for route in ROUTES:
        operation = DOCUMENT["paths"][route.path.replace("*}", "}")][route.method.lower()]
        assert operation.get("x-scope") == (route.scope.name.lower() if route.scope else None)
        assert ("requestBody" in operation) == (route.body is not None)
        assert {*map(int, operation["responses"].keys() - {"default"})} == set(route.answers)
        assert operation["summary"]


def test_every_reference_leads_somewhere() -> None:
    """Within the document."""
    text = json.dumps(DOCUMENT)
    for name in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert name in DOCUMENT["components"]["schemas"]


def operations() -> dict[str, Any]:
    """What can be fuzzed, by method and path."""
    found: list[Any] = list(schemathesis.openapi.from_dict(DOCUMENT).get_all_operations())
    every = [result.ok() for result in found]
    return {each.label: each for each in every if (each.method.upper(), each.path) not in ENDLESS}


OPERATIONS = operations()
Case: TypeAlias = Any


@pytest.mark.parametrize("label", sorted(OPERATIONS))
def test_generated_requests_are_answered_as_described(target: Target, label: str, full: bool) -> None:
    """No 5xx, only declared statuses, content types and shapes; for a living run, an ended one, and none."""
    load_all_checks()
    operation, asked = OPERATIONS[label], 0
    token = target.worker if "/worker/" in label else target.token
    runs = [target.ended] if label.endswith("/events") else [target.alive, target.ended]
    with requests.Session() as session:

        @seed(7)
        @settings(
            max_examples=300 if full else 50,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            verbosity=Verbosity.quiet,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def ask(case: Case) -> None:
            nonlocal asked
            asked += 1
            if "run" in case.path_parameters and asked % 3:
                case.path_parameters["run"] = runs[asked % len(runs)]
            if "wait" in case.query:
                case.query["wait"] = 0.01
            response = case.call(
                base_url=target.url, session=session, headers={"Authorization": f"Bearer {token}"}, timeout=20
            )
            case.validate_response(response, checks=CHECKS)

        ask()
    assert asked >= 1
