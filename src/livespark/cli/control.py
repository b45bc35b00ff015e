"""Verbs that ask something of a run: pause, resume, stop, cancel, set, call."""

from typing import Any

import click

from livespark.cli import listing, words
from livespark.cli.beginning import of_the_living
from livespark.cli.options import (
    SECONDS,
    as_json,
    connected,
    json_option,
    run_argument,
    server_option,
    timeout_option,
)
from livespark.cli.report import say
from livespark.client import Client, RunProxy
from livespark.client.outcomes import result
from livespark.client.values import encode
from livespark.errors import RunNotFound, UsageError, WaitTimeout
from livespark.protocol.commands import Answer, Call, Command, Pause, Resume, Set, Stop

__all__ = ("call", "cancel", "pause", "resume", "set_values", "stop")


@click.command()
@run_argument
@timeout_option
@json_option
@server_option
def pause(run: str | None, timeout: float | None, json_wanted: bool, server_url: str | None) -> None:
    """Let a run stand still at its next checkpoint.

    Values can be set and functions called while it stands.
    """
    _ask(run, Pause(), "paused", timeout, json_wanted, server_url)


@click.command()
@run_argument
@timeout_option
@json_option
@server_option
def resume(run: str | None, timeout: float | None, json_wanted: bool, server_url: str | None) -> None:
    """Let a paused run go on."""
    with connected(server_url) as client:
        proxy = _proxy(client, run)
        with of_the_living(client, proxy.id):
            _tell(proxy, Resume(), "resumed", timeout, json_wanted)


@click.command()
@run_argument
@click.option("--kill", is_flag=True, help="End its processes now, without a checkpoint.")
@timeout_option
@json_option
@server_option
def stop(run: str | None, kill: bool, timeout: float | None, json_wanted: bool, server_url: str | None) -> None:
    """End a run at its next checkpoint."""
    if kill:
        with connected(server_url) as client:
            _kill(_proxy(client, run), json_wanted)
    else:
        _ask(run, Stop(), "stopped", timeout, json_wanted, server_url)


@click.command()
@run_argument
@click.option("--grace", type=SECONDS, default=30.0, show_default=True, metavar="SECONDS", help="Then use force.")
@json_option
@server_option
def cancel(run: str | None, grace: float, json_wanted: bool, server_url: str | None) -> None:
    """End a run as cancelled, by force after a grace period."""
    with connected(server_url) as client:
        proxy = _proxy(client, run)
        try:
            _tell(proxy, Stop(cancel=True), "cancelled", grace, json_wanted)
        except WaitTimeout:
            _kill(proxy, json_wanted)


@click.command("set")
@click.argument("assignments", nargs=-1, required=True, metavar="[RUN] PATH=VALUE...")
@timeout_option
@json_option
@server_option
def set_values(assignments: tuple[str, ...], timeout: float | None, json_wanted: bool, server_url: str | None) -> None:
    """Change exposed values: livespark set state.lr=3e-4

    All of them are applied at one checkpoint, or none. VALUE is JSON, else text.
    """
    run = None if words.is_pair(assignments[0]) else assignments[0]
    changes = words.pairs(assignments if run is None else assignments[1:])
    if not changes:
        raise UsageError("nothing to set; expected name=value, for example state.lr=3e-4")
    command = Set({path: encode(value) for path, value in changes.items()})
    with connected(server_url) as client:
        answer = _proxy(client, run).ask(command, timeout=timeout)
    _print_set(answer, changes, json_wanted)


@click.command()
@click.argument(
    "function_and_arguments", nargs=-1, required=True, metavar="[RUN] FUNCTION [ARGUMENT...] [NAME=VALUE...]"
)
@timeout_option
@json_option
@server_option
def call(
    function_and_arguments: tuple[str, ...], timeout: float | None, json_wanted: bool, server_url: str | None
) -> None:
    """Call an exposed function: livespark call train epochs=3

    It is executed on the training thread, between two steps; its result is printed. Arguments are JSON, else text.
    """
    with connected(server_url) as client:
        proxy, function, rest = _callee(client, list(function_and_arguments))
        args, kwargs = words.arguments(rest)
        answer = proxy.ask(Call(function, encode(args), encode(kwargs)), timeout=timeout)
    value = _checked(answer, json_wanted)
    if not json_wanted and value is not None:
        click.echo(listing.printed(value))


def _ask(
    run: str | None, command: Command, done: str, timeout: float | None, json_wanted: bool, server_url: str | None
) -> None:
    with connected(server_url) as client:
        _tell(_proxy(client, run), command, done, timeout, json_wanted)


def _tell(proxy: RunProxy, command: Command, done: str, timeout: float | None, json_wanted: bool) -> None:
    answer = proxy.ask(command, timeout=timeout)
    _checked(answer, json_wanted)
    if not json_wanted:
        click.echo(f"{proxy.id}: {done}{_at(answer)}{f': {answer.message}' if answer.message else ''}")


def _kill(proxy: RunProxy, json_wanted: bool) -> None:
    run = proxy.kill(grace=0)
    if json_wanted:
        as_json(run)
    else:
        click.echo(f"{run.id}: killed")


def _proxy(client: Client, run: str | None) -> RunProxy:
    return client.run(client.find(run).id)


def _callee(client: Client, given: list[str]) -> tuple[RunProxy, str, list[str]]:
    """The first word is a run where it names one and a function follows."""
    if len(given) > 1:
        try:
            return _proxy(client, given[0]), given[1], given[2:]
        except RunNotFound:
            pass
    return _proxy(client, None), given[0], given[1:]


def _checked(answer: Answer, json_wanted: bool) -> Any:
    if json_wanted:
        as_json(answer)
    return result(answer)


def _print_set(answer: Answer, changes: dict[str, Any], json_wanted: bool) -> None:
    now = _checked(answer, json_wanted)
    if json_wanted:
        return
    values = now if isinstance(now, dict) else changes
    for path, value in values.items():
        click.echo(f"{path} = {listing.printed(value)}")
    say(f"applied{_at(answer)}{f': {answer.message}' if answer.message else ''}")


def _at(answer: Answer) -> str:
    return "" if answer.step is None else f" at step {answer.step:,}"
