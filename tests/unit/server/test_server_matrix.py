"""Who may do what, generated from the route table: nothing that is not in it exists, and nothing in it is open by
mistake."""

from pathlib import Path

import pytest

from livespark.engine.base import Exited
from livespark.protocol.policy import Scope
from livespark.protocol.problems import PROBLEMS
from livespark.server.call import Route
from livespark.server.routes import route_table
from tests.unit.server.asgi import ASSETS, HOST, Answer, Client, clients

pytestmark = pytest.mark.anyio

ROUTES = route_table(ASSETS)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
SCOPES = (Scope.READ, Scope.CONTROL, Scope.DATA, Scope.CODE, Scope.ADMIN, Scope.WORKER)


def filled(route: Route) -> str:
    """The route's path with every hole filled."""
    path = route.path.replace("{run}", "no-such").replace("{id}", "x").replace("{hash}", "0" * 64)
    return path.replace("{number}", "1").replace("{file*}", "app/main.js")


def routed(path: str, method: str) -> Route | None:
    return next((route for route in ROUTES if filled(route) == path and route.method == method), None)


async def cast(client: Client) -> dict[str, tuple[str, Scope | None]]:
    """Every kind of caller: token, and the scope it is good for (None: for nothing)."""
    run, other = await client.stage.running("one"), await client.stage.running("two")
    now = client.stage.clock.now()
    revoked = await client.token_of(Scope.ADMIN)
    found = await client.stage.service.access.authenticate(revoked)
    assert found is not None
    await client.stage.service.access.revoke(found.digest)
    callers: dict[str, tuple[str, Scope | None]] = {
        "none": ("", None),
        "wrong": ("x" * 43, None),
        "expired": (await client.token_of(Scope.ADMIN, expires=now), None),
        "revoked": (revoked, None),
        "worker of another run": (await client.token_of(Scope.WORKER, other), Scope.WORKER),
    }
    for scope in SCOPES:
        callers[scope.name] = (await client.token_of(scope, run if scope is Scope.WORKER else None), scope)
    return callers


def is_problem(answer: Answer) -> bool:
    return PROBLEMS[answer.json["code"]] == answer.status == answer.json["status"] and bool(answer.json["detail"])


async def test_every_route_method_and_credential_is_decided_by_the_table(tmp_path: Path) -> None:
    """405 for a method that the table lacks, 401 without a token that counts, 403 below the scope, else neither."""
    decided = 0
    async with clients(tmp_path) as client:
        callers = await cast(client)
        for path in sorted({filled(route) for route in ROUTES}):
            for method in METHODS:
                route = routed(path, method)
                for name, (token, scope) in callers.items():
                    answer = await client.ask(method, path, token=token)
                    where = f"{method} {path} by {name}: {answer.status} {answer.body[:100]!r}"
                    decided += 1
                    if route is None:
                        assert answer.status == 405, where
                    elif route.scope is None:
                        assert answer.status not in (401, 403) or path == "/api/session", where
                    elif scope is None:
                        assert answer.status == 401, where
                    elif not scope.includes(route.scope):
                        assert answer.status == 403, where
                    else:
                        assert answer.status not in (401, 403, 405), where
                    assert answer.status < 500, where
                    assert answer.status < 400 or is_problem(answer), where
    assert decided == len({filled(route) for route in ROUTES}) * 9 * 11


MISSING = [
    *("/api", "/api/", "/api/runs/", "/api/runs/x/nothing", "/api/run", "/docs", "/redoc", "/openapi.json", "/studio"),
    *(
        "/r/",
        "/r/a/b",
        "/favicon.ico",
        "/.env",
        "//api/health",
        "/api/health/",
        "/API/health",
        "/api/health\n",
        "",
        "*",
    ),
    *("http://127.0.0.1:4280/api/health", "/api/worker", "/api/runs/a/commands/b/c", "/studio/"),
]


@pytest.mark.parametrize("path", MISSING)
async def test_what_is_not_in_the_table_does_not_exist(tmp_path: Path, path: str) -> None:
    """Whatever the method and the token."""
    async with clients(tmp_path) as client:
        for method in METHODS:
            answer = await client.ask(method, path)
            assert answer.status == 404
            assert is_problem(answer)


async def test_commands_need_the_scope_of_their_kind(tmp_path: Path) -> None:
    """Reloading executes code: more than controlling."""
    async with clients(tmp_path) as client:
        run = await client.stage.running()
        for kind, scope, status in (
            ("pause", Scope.READ, 403),
            ("pause", Scope.CONTROL, 202),
            ("reload", Scope.CONTROL, 403),
            ("reload", Scope.DATA, 403),
            ("reload", Scope.CODE, 202),
            ("stop", Scope.ADMIN, 202),
        ):
            token = await client.token_of(scope)
            body = {"id": f"{kind}-{scope.name}", "command": {"kind": kind}}
            assert (await client.post(f"/api/runs/{run}/commands", body, token=token)).status == status


async def test_a_worker_speaks_for_its_own_run_only(tmp_path: Path) -> None:
    """Its token decides which run that is, and stops counting when the run is settled."""
    async with clients(tmp_path) as client:
        one, two = await client.stage.launched("one"), await client.stage.launched("two")
        hello = {"incarnation": 1, "pid": 7, "host": "h", "python": "3", "version": "0", "protocol": 1}
        token = client.stage.engine.launches[one].token
        assert (await client.post("/api/worker/hello", hello, token=token)).status == 200
        assert (await client.stage.run(one)).pid == 7
        assert (await client.stage.run(two)).pid is None
        assert (await client.get(f"/api/runs/{one}", token=token)).status == 403
        for odd in (0, -1, 2**31, 2**63, 2**70):
            assert (await client.post("/api/worker/report", {"incarnation": odd}, token=token)).status == 422
            assert (await client.post("/api/worker/hello", hello | {"incarnation": odd}, token=token)).status == 422
        client.stage.engine.end(one, Exited(0))
        await client.stage.service.supervisor.look()
        assert (await client.post("/api/worker/hello", hello, token=token)).status == 401


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Basic YTph", "bearer", "Token x", "Bearer  x", "\xe9"]
)
async def test_odd_credentials_are_none(tmp_path: Path, authorization: str) -> None:
    """401 with the one error shape, and a hint at what is needed."""
    async with clients(tmp_path) as client:
        answer = await client.ask("GET", "/api/runs", token="", headers=[("authorization", authorization)])
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_two_credentials_are_none(tmp_path: Path) -> None:
    """Even when each alone would do; and a token in the query or a cookie is none either."""
    async with clients(tmp_path) as client:
        twice = [("authorization", f"Bearer {client.token}")]
        assert (await client.get("/api/runs", headers=twice)).status == 401
        cookie = [("cookie", f"token={client.token}")]
        assert (await client.get("/api/runs", token="", headers=cookie)).status == 401
        assert (await client.get(f"/api/runs?token={client.token}", token="")).status == 401


GOOD_HOSTS = [
    "127.0.0.1:4280",
    "localhost:4280",
    "LOCALHOST:4280",
    "[::1]:4280",
    "build.example:80",
    "Build.Example:80",
]
BAD_HOSTS = [
    *(
        "",
        " ",
        "127.0.0.1",
        "localhost",
        "[::1]",
        "::1",
        "::1:4280",
        "localhost:4281",
        "127.0.0.1:80",
        "localhost:04280",
    ),
    *("localhost.:4280", "127.0.0.1.:4280", "localhost.evil:4280", "evil.localhost:4280", "127.0.0.1.nip.io:4280"),
    *(
        "0.0.0.0:4280",
        "127.1:4280",
        "127.0.0.2:4280",
        "2130706433:4280",
        "0x7f.1:4280",
        "017700000001:4280",
        "evil.example",
    ),
    *(
        "evil.example:4280",
        "a@localhost:4280",
        "localhost:4280@evil",
        "localhost:4280/",
        "localhost:4280?",
        "localhost:4280#",
    ),
    *(
        "a/b?#",
        "localhost:4280,evil",
        "localhost:4280 evil",
        "http://localhost:4280",
        "[::1%25lo]:4280",
        "[::ffff:127.0.0.1]:4280",
    ),
    *(
        "localhost:",
        ":4280",
        "localhost:4280:4280",
        "l\xf6calhost:4280",
        "localhost\t:4280",
        "build.example",
        "build.example:4280",
    ),
]


@pytest.mark.parametrize("host", GOOD_HOSTS)
async def test_our_own_names_are_served(tmp_path: Path, host: str) -> None:
    """The loopback's with our port, and what was configured, in any case."""
    async with clients(tmp_path) as client:
        assert (await client.get("/api/health", host=host)).status == 200


async def test_other_host_values_are_refused_everywhere(tmp_path: Path) -> None:
    """Before anything else is looked at: pages, API, streams, workers, and what does not exist."""
    assert len(BAD_HOSTS) >= 40
    paths = sorted({filled(route) for route in ROUTES} | {"/nothing"})
    async with clients(tmp_path) as client:
        for host in [*BAD_HOSTS, None]:
            for path in paths:
                answer = await client.get(path, host=host)
                assert (answer.status, answer.json["code"]) == (421, "wrong-host"), (host, path)
        twice = await client.get("/api/health", headers=[("host", HOST)])
        assert twice.status == 421


BAD_ORIGINS = [
    *(
        "null",
        "",
        "http://evil.example",
        "https://127.0.0.1:4280",
        "http://127.0.0.1",
        "http://127.0.0.1:4281",
        "http://localhost:4280",
    ),
    *(
        "http://127.0.0.1:4280.evil.example",
        "http://127.0.0.1:42800",
        "http://evil.example#http://127.0.0.1:4280",
        "127.0.0.1:4280",
    ),
    *(
        "http://127.0.0.1:4280/",
        "http://127.0.0.1:4280@evil.example",
        "http://a@127.0.0.1:4280",
        "ftp://127.0.0.1:4280",
        "file://",
    ),
    *(
        "HTTP://127.0.0.1:4280",
        "http://127.0.0.1:04280",
        "http://[::1]:4280",
        "http://127.0.0.1:4280 http://evil.example",
        "*",
    ),
    *(
        "http://0.0.0.0:4280",
        "http://2130706433:4280",
        "chrome-extension://abc",
        "http://x.127.0.0.1:4280",
        "http://127.0.0.1.nip.io:4280",
    ),
    *(
        "http://127.0.0.1:4280\t",
        " http://127.0.0.1:4280",
        "http:127.0.0.1:4280",
        "//127.0.0.1:4280",
        "http://127.0.0.1:4280?",
    ),
]


async def test_foreign_origins_are_refused_everywhere(tmp_path: Path) -> None:
    """Reading and streams included; exact match only."""
    assert len(BAD_ORIGINS) >= 30
    async with clients(tmp_path) as client:
        for route in ROUTES:
            for origin in BAD_ORIGINS:
                answer = await client.ask(route.method, filled(route), headers=[("origin", origin)])
                assert (answer.status, answer.json["code"]) == (403, "forbidden"), (route.path, origin)
        twice = [("origin", f"http://{HOST}"), ("origin", f"http://{HOST}")]
        assert (await client.get("/api/health", headers=twice)).status == 403


async def test_our_own_origin_is_served(tmp_path: Path) -> None:
    """The one of the very host that is asked."""
    async with clients(tmp_path) as client:
        for host in GOOD_HOSTS:
            origin = [("origin", f"http://{host.lower()}")]
            assert (await client.get("/api/health", host=host, headers=origin)).status == 200


@pytest.mark.parametrize(
    ("site", "status"),
    [
        ("same-origin", 200),
        ("none", 200),
        ("same-site", 403),
        ("cross-site", 403),
        ("", 403),
        ("no-cors", 403),
        ("NONE", 403),
    ],
)
async def test_what_another_sites_page_causes_is_refused(tmp_path: Path, site: str, status: int) -> None:
    """Images, forms, frames and links elsewhere carry this header."""
    async with clients(tmp_path) as client:
        for path in ("/api/health", "/", "/studio/app/main.js", "/api/runs"):
            assert (await client.get(path, headers=[("sec-fetch-site", site)])).status == status


async def test_every_answer_carries_the_security_headers(tmp_path: Path) -> None:
    """Good or bad, page or API."""
    async with clients(tmp_path) as client:
        for path in ("/", "/api/health", "/nothing", "/api/runs", "/api/runs/no-such"):
            answer = await client.get(path)
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["livespark-protocol"] == "1"
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["content-security-policy"].startswith("default-src 'none';")
            assert answer.headers["cache-control"] == ("no-cache" if path == "/" else "no-store")
            assert "server" not in answer.headers
