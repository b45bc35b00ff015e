"""Verbs that start a run in place and follow it: dev, run, fork."""

import asyncio
import os
import sys
import uuid
from typing import Any, NamedTuple

import click

from livespark.cli.beginning import Beginning, begin
from livespark.cli.config import read_config
from livespark.cli.entry import Program, again, current_folder, environment, script_entry
from livespark.cli.program import Starter, Wanted, fresh, in_hands, program, resuming, wanted
from livespark.cli.screen import Screen
from livespark.cli.session import Session
from livespark.client import AsyncClient
from livespark.errors import UsageError
from livespark.protocol.runs import Mode, Submit
from livespark.transport.address import is_loopback
from livespark.transport.reconnect import Reconnect

__all__ = ("dev", "fork", "run")

_RECONNECT = Reconnect(initial=0.3, maximum=10.0)


class _Manner(NamedTuple):
    """How a verb runs and shows a script."""

    mode: Mode
    watch: bool = False
    exit_on_end: bool = False
    show: bool = False
    look: bool = False


@click.command(cls=Starter)
@in_hands
@program
@resuming
def dev(no_open: bool, exit_on_end: bool, no_watch: bool, resume: str | None, **options: Any) -> int:
    """Run a script in your hands; its state outlives exceptions and its end.

    A saved file is taken over while it runs, its state is kept.

    Options of the script go behind --: livespark dev train.py -- --epochs 3

    Ctrl-C stops it at its next checkpoint, with a snapshot; a second one kills it.
    """
    given = wanted(options)
    return _execute(_in_hands(no_open, exit_on_end, no_watch), given, _resumed(resume, given))


@click.command(cls=Starter)
@click.option("--show", is_flag=True, help="Print an address that signs in.")
@program
@resuming
def run(show: bool, resume: str | None, **options: Any) -> int:
    """Run a script to its end.

    Options of the script go behind --: livespark run train.py -- --epochs 3

    The exit code is 0 when it completes, 1 when it fails, 3 when it is stopped or cancelled.
    """
    given = wanted(options)
    return _execute(_Manner("run", show=show), given, _resumed(resume, given))


@click.command(cls=Starter)
@click.argument("snapshot")
@in_hands
@program
@fresh
def fork(snapshot: str, no_open: bool, exit_on_end: bool, no_watch: bool, **options: Any) -> int:
    """Start a second run from a snapshot, with other code or numbers.

    SNAPSHOT is RUN@7, RUN@LABEL, RUN@step:8800, or RUN for its newest one. Without SCRIPT it is that run's script, in
    its folder, as it is now; its hyperparameters stay but for those that are given.

    livespark fork quiet-otter@3 --set lr=1e-4 --name slower
    """
    given = wanted(options)
    beginning = begin(snapshot, "fork", given.fresh, given.server_url)
    return _execute(_in_hands(no_open, exit_on_end, no_watch), given, beginning)


def _in_hands(no_open: bool, exit_on_end: bool, no_watch: bool) -> _Manner:
    return _Manner("dev", watch=not no_watch, exit_on_end=exit_on_end, show=True, look=not no_open)


def _resumed(word: str | None, given: Wanted) -> Beginning | None:
    if word is not None:
        return begin(word, "resume", given.fresh, given.server_url)
    if given.fresh:
        raise UsageError("--fresh KEY goes with --resume: without a snapshot every value is made anew")
    return None


def _execute(manner: _Manner, given: Wanted, beginning: Beginning | None) -> int:
    executed = _program(given, beginning)
    inherited = beginning.parent.config if beginning else {}
    submit = Submit(
        key=str(uuid.uuid4()),
        cwd=executed.cwd,
        entry=executed.entry,
        python=executed.python,
        env=environment(os.environ),
        mode=manner.mode,
        name=given.name,
        config=inherited | read_config(given.config_file, given.assignments),
        exit_on_end=manner.exit_on_end,
        reloading=given.reloading(watch=manner.watch),
        snapshots=given.snapshots,
        origin=beginning.origin if beginning else None,
        retries=given.retries or 0,
        restart=given.restart,
        inherits=given.inherits if beginning else [],
    )
    return asyncio.run(_follow(submit, given.server_url, show=manner.show, look=manner.look))


def _program(given: Wanted, beginning: Beginning | None) -> Program:
    """The one that is named, here; without a name the one of the run whose state is taken."""
    if beginning and given.script is None and given.module is None:
        return again(beginning.parent, given.args)
    folder = current_folder()
    return Program(script_entry(given.script, given.module, given.args), folder, sys.executable)


async def _follow(submit: Submit, server_url: str | None, *, show: bool, look: bool) -> int:
    async with AsyncClient(server_url, reconnect=_RECONNECT) as client:
        url = (await client.api.address()).url
        if not is_loopback(url):
            raise UsageError(f"{submit.mode} runs a script on this machine, and the server at {url} is elsewhere")
        return await Session(client, Screen()).follow(submit, show=show, look=look)
