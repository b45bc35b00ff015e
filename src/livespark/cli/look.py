"""Verbs that look at runs: ps, show, open, wait."""

import sys
import time

import click

from livespark.cli import browser, listing
from livespark.cli.family import children, tree
from livespark.cli.options import SECONDS, as_json, connected, json_option, run_argument, server_option
from livespark.cli.report import say
from livespark.cli.saved import came_from, stored
from livespark.protocol.lifecycle import exit_code
from livespark.protocol.runs import Run
from livespark.protocol.snapshots import SnapshotInfo

__all__ = ("open_page", "ps", "show", "wait")

_NEWEST = 3


@click.command()
@click.option("--all", "all_wanted", is_flag=True, help="Ended runs, too.")
@json_option
@server_option
def ps(all_wanted: bool, json_wanted: bool, server_url: str | None) -> None:
    """List live runs.

    One that was resumed or forked from another stands below it.
    """
    with connected(server_url) as client:
        runs = client.runs(alive=not all_wanted)
    if json_wanted:
        as_json(runs)
    elif runs:
        _print(listing.table([listing.HEAD, *(listing.row(each, time.time()) for each in tree(runs))]))
    else:
        say(
            "no runs yet. `livespark dev SCRIPT` starts one"
            if all_wanted
            else "no live runs. `--all` lists ended ones, too"
        )


@click.command()
@run_argument
@json_option
@server_option
def show(run: str | None, json_wanted: bool, server_url: str | None) -> None:
    """Show one run and what it exposes."""
    with connected(server_url) as client:
        record = client.find(run)
        live = client.run(record.id).live()
        snapshots = client.run(record.id).snapshots()
        forks = children(client.runs(), record.id)
    if json_wanted:
        as_json({"run": record, "live": live, "snapshots": snapshots, "children": [fork.id for fork in forks]})
    else:
        _print(listing.sheet(record, live, time.time(), _more(snapshots, forks)))


@click.command("open")
@run_argument
@click.option("--no-open", is_flag=True, help="Only print the address.")
@json_option
@server_option
def open_page(run: str | None, no_open: bool, json_wanted: bool, server_url: str | None) -> None:
    """Open a run's page, signed in.

    The printed address works once, within a minute.
    """
    with connected(server_url) as client:
        id = client.find(run).id
        url = browser.page(client.api.address().url, id, client.code().code)
    opened = not (no_open or json_wanted) and browser.opens(url)
    if json_wanted:
        as_json({"url": url})
    else:
        click.echo(f"{url}  (opened)" if opened else url)


@click.command()
@run_argument
@click.option("--timeout", type=SECONDS, metavar="SECONDS", help="Give up then; the run goes on.")
@json_option
@server_option
def wait(run: str | None, timeout: float | None, json_wanted: bool, server_url: str | None) -> int:
    """Wait for a run's end; exit as it does.

    0: completed (or stopped, under dev). 1: failed. 3: stopped or cancelled.
    """
    with connected(server_url) as client:
        record = client.run(client.find(run).id).wait(timeout)
    if json_wanted:
        as_json(record)
    else:
        click.echo(f"{record.id}: {record.state.value}{f': {record.reason}' if record.reason else ''}")
    return exit_code(record.state, dev=record.mode == "dev")


def _more(snapshots: list[SnapshotInfo], forks: list[Run]) -> list[tuple[str, str]]:
    """Facts beside the run's own: its newest snapshots, and what began with them."""
    newest = [("snapshot", stored(info)) for info in snapshots[: -_NEWEST - 1 : -1]]
    return [*newest, *(("child", f"{fork.id}, {came_from(fork.origin)}") for fork in forks if fork.origin)]


def _print(lines: list[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
