"""Verbs that start a run in place and follow it: dev, run."""

import asyncio
import os
import sys
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

import click

from livespark.cli.config import read_config
from livespark.cli.entry import current_folder, environment, script_entry
from livespark.cli.options import server_option
from livespark.cli.screen import Screen
from livespark.cli.session import Session
from livespark.client import AsyncClient
from livespark.errors import UsageError
from livespark.protocol.runs import Mode, Reloading, Submit
from livespark.transport.address import is_loopback
from livespark.transport.reconnect import Reconnect

__all__ = ("dev", "run")

_F = TypeVar("_F", bound=Callable[..., Any])
_RECONNECT = Reconnect(initial=0.3, maximum=10.0)


class _Starter(click.Command):
    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(context, args)
        except click.NoSuchOption as error:
            text = f"No such option {error.option_name!r}; options of the script go behind --"
            raise click.NoSuchOption(error.option_name, text, ctx=context) from None


def _program(function: _F) -> _F:
    """What both verbs take."""
    for decorate in (
        server_option,
        click.option("--name", default="", help="What to call the run."),
        click.option("--config", "config_file", metavar="FILE", help="Hyperparameters from a .json or .toml file."),
        click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="One hyperparameter."),
        click.option("--guard-metric", default="loss", metavar="NAME", help="The metric to guard by. Default: loss."),
        click.option(
            "--guard",
            type=click.IntRange(0, 10_000),
            default=0,
            metavar="N",
            help="For N steps after a reload, an exception or a loss that is not finite takes it back.",
        ),
        click.option("-m", "module", metavar="MODULE", help="A module instead of a script, as in python -m."),
        click.argument("args", nargs=-1, type=click.UNPROCESSED),
        click.argument("script", required=False),
    ):
        function = decorate(function)
    return function


@click.command(cls=_Starter)
@click.option("--no-open", is_flag=True, help="Do not open the page in a browser.")
@click.option("--exit-on-end", is_flag=True, help="End with the script instead of waiting for calls.")
@click.option("--no-watch", is_flag=True, help="Do not reload when a file is saved.")
@_program
def dev(no_open: bool, exit_on_end: bool, no_watch: bool, **program: Any) -> int:
    """Run a script in your hands; its state outlives exceptions and its end.

    A saved file is taken over while it runs, its state is kept.

    Options of the script go behind --: livespark dev train.py -- --epochs 3

    Ctrl-C stops it at its next checkpoint; a second one kills it.
    """
    return _execute("dev", exit_on_end=exit_on_end, show=True, look=not no_open, watch=not no_watch, **program)


@click.command(cls=_Starter)
@click.option("--show", is_flag=True, help="Print an address that signs in.")
@_program
def run(show: bool, **program: Any) -> int:
    """Run a script to its end.

    Options of the script go behind --: livespark run train.py -- --epochs 3

    The exit code is 0 when it completes, 1 when it fails, 3 when it is stopped or cancelled.
    """
    return _execute("run", exit_on_end=False, show=show, look=False, watch=False, **program)


def _execute(
    mode: Mode,
    *,
    script: str | None,
    args: tuple[str, ...],
    module: str | None,
    assignments: tuple[str, ...],
    config_file: str | None,
    name: str,
    server_url: str | None,
    guard: int,
    guard_metric: str,
    watch: bool,
    exit_on_end: bool,
    show: bool,
    look: bool,
) -> int:
    submit = Submit(
        key=str(uuid.uuid4()),
        cwd=current_folder(),
        entry=script_entry(script, module, args),
        python=sys.executable,
        env=environment(os.environ),
        mode=mode,
        name=name,
        config=read_config(config_file, assignments),
        exit_on_end=exit_on_end,
        reloading=Reloading(watch, guard, guard_metric),
    )
    return asyncio.run(_follow(submit, server_url, show=show, look=look))


async def _follow(submit: Submit, server_url: str | None, *, show: bool, look: bool) -> int:
    async with AsyncClient(server_url, reconnect=_RECONNECT) as client:
        url = (await client.api.address()).url
        if not is_loopback(url):
            raise UsageError(f"{submit.mode} runs a script on this machine, and the server at {url} is elsewhere")
        return await Session(client, Screen()).follow(submit, show=show, look=look)
