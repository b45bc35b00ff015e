"""The verb that gives a run new code."""

import re
from typing import Final

import click

from livespark.cli.options import as_json, connected, json_option, server_option, timeout_option
from livespark.cli.plain import plain
from livespark.cli.reloading import answered
from livespark.client.outcomes import result
from livespark.client.sources import asked, read_files
from livespark.errors import CommandRefused
from livespark.protocol.commands import Answer

__all__ = ("is_run", "reload")

_RUN: Final = re.compile(r"[a-z0-9-]+")


@click.command()
@click.argument("run_and_files", nargs=-1, metavar="[RUN] [FILES...]")
@click.option("--skip", is_flag=True, help="Leave out the item that an exception interrupted.")
@click.option("--clear", multiple=True, metavar="KEY", help="Make this persisted value anew.")
@timeout_option
@json_option
@server_option
def reload(
    run_and_files: tuple[str, ...],
    skip: bool,
    clear: tuple[str, ...],
    timeout: float | None,
    json_wanted: bool,
    server_url: str | None,
) -> None:
    """Give a run new code; its state is kept.

    Without FILES: what is on the run's disk. With FILES: their content is sent, also to a run on another machine.
    """
    run = run_and_files[0] if run_and_files and is_run(run_and_files[0]) else None
    paths = run_and_files if run is None else run_and_files[1:]
    command = asked(read_files(paths) if paths else {}, skip, clear)
    with connected(server_url) as client:
        id = client.find(run).id
        answer = client.run(id).ask(command, timeout=timeout)
    if json_wanted:
        as_json(answer)
    _check(answer)
    if not json_wanted:
        click.echo(plain(f"{id}: {answered(answer)}"))


def is_run(word: str) -> bool:
    """Whether a word can name a run: files have a dot or a slash in their names."""
    return _RUN.fullmatch(word) is not None


def _check(answer: Answer) -> None:
    """Raises what the answer stands for; a syntax error with its line."""
    if answer.outcome == "refused":
        raise CommandRefused(answered(answer))
    result(answer)
