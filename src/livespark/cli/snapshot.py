"""Verbs of saved state: take a snapshot, list, look, compare, remove, export, verify."""

import sys
import time
from pathlib import Path

import click

from livespark.cli import exporting, listing, pointing, saved
from livespark.cli.beginning import find, of_the_living
from livespark.cli.comparing import difference
from livespark.cli.detail import detail_lines
from livespark.cli.files import Files
from livespark.cli.options import as_json, connected, json_option, run_argument, server_option, timeout_option
from livespark.cli.plain import plain
from livespark.cli.pointing import Pointer
from livespark.cli.report import say
from livespark.client import Client
from livespark.errors import NotFound, UsageError
from livespark.protocol.ids import RunId
from livespark.protocol.lifecycle import ALIVE, RunState
from livespark.protocol.snapshots import InMemory, SnapshotInfo
from livespark.snapshots.damage import Damaged

__all__ = ("snapshot",)

_HAS_WORKER = ALIVE | {RunState.LOST}
_HEAD = ("#", "STEP", "AGE", "SIZE", "WHY", "LABEL", "METRICS", "MEMORY")


class _Verbs(click.Group):
    """Where no verb is named, a snapshot is taken."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        if not args or args[0] not in (*self.commands, *self.get_help_option_names(context)):
            args = ["take", *args]
        return super().parse_args(context, args)


@click.group(cls=_Verbs, subcommand_metavar="[RUN] [--label TEXT] | COMMAND [ARGS]...")
def snapshot() -> None:
    """Save a run's state; list, compare, export what is saved.

    \b
      livespark snapshot --label final     take one and wait until it is on disk
      livespark snapshot ls                list them

    SNAPSHOT is RUN@7, RUN@LABEL, RUN@step:8800 (the newest not beyond), or RUN for its newest one.
    """


@snapshot.command()
@run_argument
@click.option("--label", default="", metavar="TEXT", help="One with a label stays for ever.")
@timeout_option
@json_option
@server_option
def take(run: str | None, label: str, timeout: float | None, json_wanted: bool, server_url: str | None) -> None:
    """Take one (also without this word)."""
    with connected(server_url) as client:
        id = client.find(run).id
        with of_the_living(client, id):
            info: SnapshotInfo = client.run(id).snapshot(label, timeout=timeout)
    if json_wanted:
        as_json(info)
    else:
        click.echo(plain(saved.taken(info, f"{id}@{info.number}")))


@snapshot.command()
@run_argument
@json_option
@server_option
def ls(run: str | None, json_wanted: bool, server_url: str | None) -> None:
    """List a run's snapshots."""
    with connected(server_url) as client:
        record = client.find(run)
        snapshots = client.run(record.id).snapshots()
        memory = client.run(record.id).live().memory if record.state in _HAS_WORKER else []
    if json_wanted:
        as_json({"snapshots": snapshots, "memory": memory})
    elif snapshots or memory:
        rows = _rows(snapshots, memory, time.time())
        click.echo("\n".join(listing.table([_HEAD, *rows])))
    else:
        say(f"{record.id} has no snapshots yet. `livespark snapshot` takes one, `--snapshot-every 500` says how often")


@snapshot.command()
@click.argument("which", metavar="SNAPSHOT")
@click.option("--all", "all_wanted", is_flag=True, help="Attributes of modules and optimizers, too.")
@json_option
@server_option
def show(which: str, all_wanted: bool, json_wanted: bool, server_url: str | None) -> None:
    """Show what is in one: values, arrays, numbers, code."""
    with connected(server_url) as client:
        run, info = find(client, pointing.parse(which))
        detail = client.run(run.id).snapshot_detail(info.number)
    if json_wanted:
        as_json(detail)
    else:
        _print(detail_lines(run.id, detail, time.time(), whole=all_wanted))


@snapshot.command()
@click.argument("one", metavar="SNAPSHOT")
@click.argument("other", metavar="SNAPSHOT")
@json_option
@server_option
def diff(one: str, other: str, json_wanted: bool, server_url: str | None) -> None:
    """Say how the second one differs from the first."""
    with connected(server_url) as client:
        found = [find(client, pointing.parse(word)) for word in (one, other)]
        with Files(client) as files:
            before, after = (files.open(run.id, info) for run, info in found)
            changes = difference(before, after)
    if json_wanted:
        as_json(changes)
    elif lines := changes.lines():
        _print(lines)
    else:
        say("they are the same, bit for bit")


@snapshot.command()
@click.argument("which", nargs=-1, required=True, metavar="SNAPSHOT...")
@click.option("--all-but-labelled", is_flag=True, help="All of these runs but those with a label.")
@server_option
def rm(which: tuple[str, ...], all_but_labelled: bool, server_url: str | None) -> None:
    """Remove some from the disk."""
    pointers = [pointing.parse(word) for word in which]
    for pointer in pointers:
        if pointer.is_newest is not all_but_labelled:
            hint = "name runs, not snapshots" if all_but_labelled else "say which one, as in RUN@7"
            raise UsageError(f"{pointer.run or which[0]}: {hint}")
    with connected(server_url) as client:
        for id, info in _meant(client, pointers, all_but_labelled):
            client.run(id).remove_snapshot(info.number)
            click.echo(f"{id}@{info.number}: removed")


@snapshot.command()
@click.argument("which", metavar="SNAPSHOT")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@server_option
def export(which: str, folder: Path, server_url: str | None) -> None:
    """Write plain files for use without Livespark.

    Values that are flat dicts of arrays become .safetensors, other arrays .pt for torch.load(weights_only=True), all
    plain data state.json.
    """
    with connected(server_url) as client:
        run, info = find(client, pointing.parse(which))
        with Files(client) as files:
            report = exporting.write(files.open(run.id, info), folder)
    for path, what in report.written:
        click.echo(plain(f"{path}  {what}"))
    for note in report.notes:
        say(note)


@snapshot.command()
@click.argument("which", required=False, metavar="[SNAPSHOT|RUN]")
@server_option
def verify(which: str | None, server_url: str | None) -> int:
    """Read every byte of one, or of all of a run. Exits 1 where one is damaged."""
    pointer = pointing.parse(which) if which else Pointer(None)
    with connected(server_url) as client:
        run = client.find(pointer.run)
        snapshots = client.run(run.id).snapshots()
        chosen = snapshots if pointer.is_newest and snapshots else [pointing.pick(snapshots, pointer, run.id)]
        with Files(client) as files:
            return max(_verified(client, files, run.id, info) for info in chosen)


def _verified(client: Client, files: Files, run: RunId, info: SnapshotInfo) -> int:
    """-> the exit code. A living run takes newer snapshots in place of older ones meanwhile."""
    try:
        files.open(run, info)
    except (Damaged, NotFound) as error:
        is_there = any(each.number == info.number for each in client.run(run).snapshots())
        click.echo(plain(f"{run}@{info.number}: {f'damaged: {error}' if is_there else 'removed meanwhile'}"))
        return int(is_there)
    click.echo(plain(f"{run}@{saved.stored(info)}: good"))
    return 0


def _meant(client: Client, pointers: list[Pointer], all_but_labelled: bool) -> list[tuple[RunId, SnapshotInfo]]:
    """All of them are found before the first is removed."""
    if not all_but_labelled:
        found = [find(client, pointer) for pointer in pointers]
        return list({(run.id, info.number): (run.id, info) for run, info in found}.values())
    runs = [client.find(pointer.run).id for pointer in pointers]
    return [(id, info) for id in runs for info in client.run(id).snapshots() if not info.label]


def _rows(snapshots: list[SnapshotInfo], memory: list[InMemory], now: float) -> list[tuple[str, ...]]:
    """On disk and in memory, by number."""
    held = {each.number: each for each in memory}
    rows = {info.number: saved.row(info, now, info.number in held) for info in snapshots}
    only = {number: saved.memory_row(each, now) for number, each in held.items() if number not in rows}
    return [row for _, row in sorted((rows | only).items())]


def _print(lines: list[str]) -> None:
    sys.stdout.write("".join(f"{plain(line)}\n" for line in lines))
