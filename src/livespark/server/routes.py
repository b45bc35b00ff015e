"""The table of all that can be asked of the server. Authorisation, OpenAPI and the hostile-client tests are derived
from it; what does not stand here does not exist."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from livespark.protocol.code import CodeList, CodeText, ReloadPage
from livespark.protocol.commands import Ask, CommandRecord, Delivery
from livespark.protocol.events import Hello, Receipt, Report, Welcome
from livespark.protocol.live import LiveDoc
from livespark.protocol.policy import Scope
from livespark.protocol.runs import Fork, Run, RunList, Submit
from livespark.protocol.snapshots import SnapshotDetail, SnapshotList
from livespark.protocol.stream import StreamMessage
from livespark.server.call import JSON_LIMIT, Handler, NoQuery, Route
from livespark.server.handlers import code, commands, events, general, runs, snapshots, worker
from livespark.server.handlers.openapi import Document
from livespark.server.handlers.pages import Pages, RunPageQuery
from livespark.service.history import EventPage, MetricsPage
from livespark.studio.assets import Asset
from livespark.transport.server_info import Code, ServerInfo

__all__ = ("route_table",)

_LARGE: Final = 8 * 1024**2
_SOURCES: Final = 4 * 1024**2
_SMALL: Final = 4 * 1024
_JSON: Final = "application/json"
_STREAM: Final = "text/event-stream"
_READ, _CONTROL, _DATA, _CODE, _ADMIN, _WORKER = sorted(Scope)


def route_table(assets: Mapping[str, Asset]) -> tuple[Route, ...]:
    """Every route; `assets` are the Studio's files."""
    document, pages = Document(), Pages(assets)
    of_runs = (*_runs(), *_events(), *_code(), *_snapshots(), *_commands())
    table = (*_general(document), *of_runs, *_worker(), *_pages(pages))
    document.describe(table)
    return table


def _general(document: Document) -> tuple[Route, ...]:
    g = general
    return (
        _get("/api/health", g.get_health, None, g.Health, "Whether the server answers"),
        _post("/api/session", g.spend_code, None, g.Session, "Spend a one-time code", body=g.Spend, limit=_SMALL),
        _post("/api/codes", g.make_code, _READ, Code, "A one-time code for a browser, of the asking token's scope"),
        _get("/api/server", g.get_server, _READ, ServerInfo, "What the server says of itself"),
        _post("/api/server/stop", g.stop_server, _ADMIN, ServerInfo, "End the server; runs go on"),
        _get("/api/openapi.json", document.get, _READ, dict[str, Any], "This document"),
    )


def _runs() -> tuple[Route, ...]:
    r = runs
    created = {201: {_JSON: Run}}
    return (
        _get("/api/runs", r.list_runs, _READ, RunList, "Runs, newest first", query=r.RunsQuery),
        _post(
            "/api/runs", r.submit_run, _CODE, Run, "Submit a run; 200 when its key was known", body=Submit, more=created
        ),
        _get("/api/runs/{run}", r.get_run, _READ, Run, "One run"),
        _get("/api/runs/{run}/live", r.get_live, _READ, LiveDoc, "What the run shows right now"),
        _get("/api/runs/{run}/output", r.get_output, _READ, r.OutputPage, "What the script wrote", query=r.OutputQuery),
        _post(
            "/api/runs/{run}/kill", r.kill_run, _CONTROL, Run, "SIGTERM, and SIGKILL after a grace", query=r.KillQuery
        ),
    )


def _events() -> tuple[Route, ...]:
    e = events
    return (
        Route(
            method="GET",
            path="/api/runs/{run}/events",
            handler=e.get_events,
            scope=_READ,
            summary="The run's events: a stream, or a page of them where `Accept` says JSON",
            answers={200: {_STREAM: StreamMessage, _JSON: EventPage}},
            query=e.EventsQuery,
            headers=("Last-Event-ID",),
        ),
        _get("/api/runs/{run}/metrics", e.get_metrics, _READ, MetricsPage, "Metrics in columns", query=e.MetricsQuery),
    )


def _code() -> tuple[Route, ...]:
    c = code
    return (
        _get("/api/runs/{run}/code", c.get_code, _READ, CodeList, "Which source the run executed", query=c.CodeQuery),
        _get("/api/runs/{run}/code/{hash}", c.get_text, _READ, CodeText, "A source that the run executed"),
        _get("/api/runs/{run}/reloads", c.get_reloads, _READ, ReloadPage, "The run's reloads", query=c.ReloadsQuery),
    )


def _snapshots() -> tuple[Route, ...]:
    s = snapshots
    path = "/api/runs/{run}/snapshots"
    created = {201: {_JSON: Run}}
    return (
        _get(path, s.list_snapshots, _READ, SnapshotList, "The run's snapshots on disk, oldest first"),
        _get(path + "/{number}", s.get_snapshot, _READ, SnapshotDetail, "What a snapshot holds"),
        Route(
            method="DELETE",
            path=path + "/{number}",
            handler=s.remove_snapshot,
            scope=_DATA,
            summary="Remove a snapshot; the answer lists what is left",
            answers={200: {_JSON: SnapshotList}},
        ),
        Route(
            method="GET",
            path=path + "/{number}/download",
            handler=s.download_snapshot,
            scope=_READ,
            summary="A snapshot's files as an uncompressed tar",
            answers={200: {"application/x-tar": bytes}},
        ),
        _post("/api/runs/{run}/fork", s.fork_run, _CODE, Run, "A run from a snapshot", body=Fork, more=created),
    )


def _commands() -> tuple[Route, ...]:
    c = commands
    ask, get = "Ask the run for something; 202 without its answer", "A command, and its answer once there is one"
    later = {202: {_JSON: CommandRecord}}
    query = c.WaitQuery
    return (
        _post(
            "/api/runs/{run}/commands",
            c.ask,
            _CONTROL,
            CommandRecord,
            ask,
            body=Ask,
            query=query,
            more=later,
            limit=_SOURCES,
            advice="a reload takes 4 MiB of source at most: send only the files that have changed",
        ),
        _get("/api/runs/{run}/commands/{id}", c.get_command, _READ, CommandRecord, get, query=query),
    )


def _worker() -> tuple[Route, ...]:
    w = worker
    return (
        _post("/api/worker/hello", w.hello, _WORKER, Welcome, "A worker connects", body=Hello, limit=_SMALL),
        _post("/api/worker/report", w.report, _WORKER, Receipt, "What a worker has to say", body=Report, limit=_LARGE),
        Route(
            method="GET",
            path="/api/worker/commands",
            handler=w.get_commands,
            scope=_WORKER,
            summary="What the worker shall do: a stream; events named `watch` say how many clients watch",
            answers={200: {_STREAM: Delivery}},
            query=w.DeliveriesQuery,
        ),
    )


def _pages(pages: Pages) -> tuple[Route, ...]:
    page = {200: {"text/html": str}, 304: {}}
    file = {200: {"*/*": str}, 304: {}}
    return (
        Route(method="GET", path="/", handler=pages.page, scope=None, summary="The Studio", answers=page),
        Route(
            method="GET",
            path="/r/{run}",
            handler=pages.run_page,
            scope=None,
            summary="The Studio",
            answers=page,
            query=RunPageQuery,
        ),
        Route(method="GET", path="/studio/{file*}", handler=pages.file, scope=None, summary="Its files", answers=file),
    )


def _get(
    path: str, handler: Handler, scope: Scope | None, answer: Any, summary: str, *, query: type[Struct] = NoQuery
) -> Route:
    answers = {200: {_JSON: answer}}
    return Route(method="GET", path=path, handler=handler, scope=scope, summary=summary, answers=answers, query=query)


def _post(
    path: str,
    handler: Handler,
    scope: Scope | None,
    answer: Any,
    summary: str,
    *,
    query: type[Struct] = NoQuery,
    body: Any = None,
    limit: int = JSON_LIMIT,
    advice: str = "",
    more: Mapping[int, Mapping[str, Any]] | None = None,
) -> Route:
    return Route(
        method="POST",
        path=path,
        handler=handler,
        scope=scope,
        summary=summary,
        answers={200: {_JSON: answer}} | dict(more or {}),
        query=query,
        body=body,
        limit=limit,
        advice=advice,
    )
