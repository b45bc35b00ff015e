"""The verb that looks at a run's code: its reloads, their diffs, and the source of any step."""

import os
import time
from pathlib import Path

import click

from livespark.cli import listing
from livespark.cli.options import as_json, connected, json_option, server_option
from livespark.cli.plain import plain
from livespark.cli.reload import is_run
from livespark.cli.reloading import counted, named, reason
from livespark.cli.report import say
from livespark.cli.source import show_source
from livespark.errors import UsageError
from livespark.protocol.code import ReloadRecord

__all__ = ("code",)

_HEAD = ("#", "TIME", "STEP", "KIND", "OUTCOME", "CHANGED", "LINES", "MESSAGE")
_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


@click.command()
@click.argument("run_and_file", nargs=-1, metavar="[RUN] [FILE]")
@click.option("--diff", "number", type=click.IntRange(min=1), metavar="N", help="Print the diffs of the Nth reload.")
@click.option("--step", type=int, metavar="N", help="The source as of this step; with FILE, its text.")
@click.option("--into", type=click.Path(path_type=Path), metavar="DIR", help="Write the source there, all files.")
@json_option
@server_option
def code(
    run_and_file: tuple[str, ...],
    number: int | None,
    step: int | None,
    into: Path | None,
    json_wanted: bool,
    server_url: str | None,
) -> None:
    """List a run's reloads; print the source it ran.

    livespark code RUN --step 2000 lists the files as of step 2,000, and with a FILE behind it prints that one.
    """
    run, file = _words(run_and_file)
    if number is not None and (file is not None or step is not None or into is not None):
        raise UsageError("--diff N shows a reload; it goes with neither FILE, --step nor --into")
    with connected(server_url) as client:
        id = client.find(run).id
        if file is not None or step is not None or into is not None:
            return show_source(client, id, file, step, into, json_wanted)
        reloads = client.run(id).reloads()
    if number is None:
        return _list(reloads, json_wanted)
    return _print_diff(_nth(reloads, number), json_wanted)


def _words(given: tuple[str, ...]) -> tuple[str | None, str | None]:
    """RUN and FILE. Raises UsageError."""
    if len(given) > 2:
        raise UsageError("one file at a time; --into DIR writes them all")
    if not given or (len(given) == 1 and not is_run(given[0])):
        return None, given[0] if given else None
    return given[0], given[1] if len(given) == 2 else None


def _list(reloads: list[ReloadRecord], json_wanted: bool) -> None:
    if json_wanted:
        as_json(reloads)
    elif reloads:
        rows = [_row(number, record) for number, record in enumerate(reloads, 1)]
        click.echo("\n".join(listing.table([_HEAD, *rows])))
    else:
        say("no reloads yet. Save a file of a `livespark dev` run, or use `livespark reload`")


def _row(number: int, record: ReloadRecord) -> tuple[str, ...]:
    event = record.event
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.time))
    step = "" if event.step is None else f"{event.step:,}"
    changed = named(event.changed) or named([file.path for file in event.files])
    return (str(number), at, step, event.kind or "", event.outcome, changed, counted(event.files), reason(event))


def _nth(reloads: list[ReloadRecord], number: int) -> ReloadRecord:
    if number > len(reloads):
        count = len(reloads) or "no"
        raise UsageError(f"there is no reload {number}: the run has had {count} reload{'' if count == 1 else 's'}")
    return reloads[number - 1]


def _print_diff(record: ReloadRecord, json_wanted: bool) -> None:
    if json_wanted:
        return as_json(record)
    for file in record.event.files:
        for line in file.diff.splitlines() or [f"{file.path}: no diff was kept"]:
            click.echo(_coloured(plain(line)))
    return None


def _coloured(line: str) -> str:
    """A line of a diff; click leaves the colours out where it does not write to a terminal."""
    colour = None if os.environ.get("NO_COLOR") else _COLOURS.get(line[:1])
    return click.style(line, fg=colour) if colour else line
