"""Verbs for the local server: server status, server stop, server unit."""

import contextlib
import os
import signal
import sys
import time
from typing import Any

import click
import psutil

from livespark import settings
from livespark.cli.figures import duration
from livespark.cli.listing import table
from livespark.cli.options import as_json, json_option
from livespark.cli.report import say
from livespark.cli.unit import HOW, unit_file
from livespark.errors import ServerUnavailable, VersionMismatch
from livespark.settings import Settings
from livespark.transport import local_server
from livespark.transport.http_sync import Api
from livespark.transport.reconnect import Reconnect
from livespark.transport.server_info import ServerInfo

__all__ = ("server",)

_DEADLINE = 15.0
_STEP = 0.01


@click.group()
def server() -> None:
    """Look at the local server, stop it, or have it started at boot.

    It is started when it is needed and ends itself after 15 minutes without runs and clients.
    """


@server.command()
@json_option
def status(json_wanted: bool) -> int:
    """Say whether the local server runs, and what it does. Exits 1 when it does not run."""
    now = settings.load()
    address = local_server.find(now)
    if address is None:
        _say_absent(now, json_wanted)
        return 1
    with Api(lambda: address) as api:
        info = api.get("/api/server", ServerInfo)
    if json_wanted:
        as_json({"running": True, "url": address.url, **_fields(info)})
    else:
        click.echo("\n".join(table(_facts(address.url, info, time.time()))))
    return 0


@server.command()
@json_option
def stop(json_wanted: bool) -> int:
    """End the local server. Runs go on; the next command starts it again."""
    now = settings.load()
    process = local_server.process(now)
    if process is None:
        _say_absent(now, json_wanted)
        return 0
    _ask_to_end(now, process)
    _await_end(process)
    if json_wanted:
        as_json({"running": False, "home": str(now.home)})
    else:
        click.echo("stopped; runs go on")
    return 0


@server.command()
def unit() -> None:
    """Print a systemd user unit that starts the server at boot.

    So runs started with --restart come back by themselves after the machine was restarted.
    """
    click.echo(unit_file(sys.executable, settings.load(), os.environ), nl=False)
    click.echo(HOW, err=True)


def _ask_to_end(now: Settings, process: psutil.Process) -> None:
    """Politely; by signal where it does not answer or speaks another protocol."""
    with contextlib.suppress(ServerUnavailable, VersionMismatch):
        if address := local_server.find(now):
            with Api(lambda: address, insist=Reconnect(attempts=0)) as api:
                api.post("/api/server/stop", ServerInfo)
            return
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGTERM)


def _await_end(process: psutil.Process) -> None:
    """A zombie has ended, too: who should reap it is not ours to wait for. Raises ServerUnavailable."""
    deadline = time.monotonic() + _DEADLINE
    with contextlib.suppress(psutil.NoSuchProcess):
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > deadline:
                raise ServerUnavailable(
                    f"the server (process {process.pid}) does not end. `kill -9 {process.pid}`; runs go on"
                )
            time.sleep(_STEP)


def _say_absent(now: Settings, json_wanted: bool) -> None:
    if json_wanted:
        as_json({"running": False, "home": str(now.home)})
    else:
        say(f"no server runs for {now.home}. It is started when it is needed")


def _facts(url: str, info: ServerInfo, now: float) -> list[tuple[str, str]]:
    return [
        ("server", url),
        ("version", info.version),
        ("process", str(info.pid)),
        ("up", duration(now - info.started)),
        ("runs", f"{info.runs} live"),
        ("clients", str(info.clients)),
        ("home", info.home),
        ("database", info.database),
    ]


def _fields(info: ServerInfo) -> dict[str, Any]:
    return {name: getattr(info, name) for name in info.__struct_fields__}
