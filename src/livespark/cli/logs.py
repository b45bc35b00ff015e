"""The verb that prints what a run has written."""

import sys

import click

from livespark.cli.options import connected, json_option, run_argument, server_option
from livespark.client import Client
from livespark.protocol import codec
from livespark.protocol.ids import RunId
from livespark.protocol.stream import Output, OutputMessage
from livespark.transport.position import Position, raw_output

__all__ = ("logs",)


@click.command()
@run_argument
@click.option("-f", "--follow", is_flag=True, help="Go on until the run ends.")
@json_option
@server_option
def logs(run: str | None, follow: bool, json_wanted: bool, server_url: str | None) -> None:
    """Print what a run has written.

    Both streams go to stdout, byte by byte as they were written. With --json: one piece a line.
    """
    with connected(server_url) as client:
        id = client.find(run).id
        if follow:
            _follow(client, id, json_wanted)
        else:
            for piece in client.run(id).output():
                _print(piece, json_wanted)


def _follow(client: Client, id: RunId, json_wanted: bool) -> None:
    for message in client.api.follow(f"/api/runs/{id}/events", Position(output=0, live=False)):
        if isinstance(message, OutputMessage):
            _print(message.output, json_wanted)


def _print(piece: Output, json_wanted: bool) -> None:
    sys.stdout.buffer.write(codec.encode(piece) + b"\n" if json_wanted else raw_output(piece))
    sys.stdout.buffer.flush()
