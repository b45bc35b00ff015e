"""The verb that takes a run back to a snapshot's state."""

import click
import msgspec

from livespark.cli import pointing, saved, words
from livespark.cli.beginning import of_the_living
from livespark.cli.options import as_json, connected, json_option, run_argument, server_option, timeout_option
from livespark.cli.plain import plain
from livespark.client import Client
from livespark.client.outcomes import result
from livespark.client.values import encode
from livespark.errors import UsageError
from livespark.protocol.commands import Answer, Rewind
from livespark.protocol.events import Rewound
from livespark.protocol.ids import RunId
from livespark.protocol.snapshots import SnapshotInfo

__all__ = ("rewind",)


@click.command()
@run_argument
@click.option("--to", "place", metavar="N|LABEL", help="The snapshot of that number or label. Default: the newest.")
@click.option("--step", type=int, metavar="N", help="The newest snapshot that is not beyond this step.")
@click.option("--set", "assignments", multiple=True, metavar="PATH=VALUE", help="Change an exposed value then.")
@click.option("--skip", is_flag=True, help="Leave out the items from there to here.")
@timeout_option
@json_option
@server_option
def rewind(
    run: str | None,
    place: str | None,
    step: int | None,
    assignments: tuple[str, ...],
    skip: bool,
    timeout: float | None,
    json_wanted: bool,
    server_url: str | None,
) -> None:
    """Take a run back to a snapshot's state.

    It goes on from there: livespark rewind --step 8800 --set optimizer.lr=1e-4
    """
    if place is not None and step is not None:
        raise UsageError("--to names a snapshot and --step another one; give one of them")
    values = {path: encode(value) for path, value in words.pairs(assignments).items()}
    with connected(server_url) as client:
        id = client.find(run).id
        command = Rewind(_number(client, id, place), step, values, skip)
        answer = client.run(id).ask(command, timeout=timeout)
        if json_wanted:
            as_json(answer)
        with of_the_living(client, id):
            result(answer)
    if not json_wanted:
        click.echo(plain(_sentence(answer, id)))


def _number(client: Client, run: RunId, place: str | None) -> int | None:
    """A number may be that of a snapshot that is only in memory; the run knows. Raises UsageError."""
    if place is None:
        return None
    pointer = pointing.named(run, place)
    if pointer.number is not None:
        return pointer.number
    snapshots: list[SnapshotInfo] = client.run(run).snapshots()
    return pointing.pick(snapshots, pointer, run).number


def _sentence(answer: Answer, run: RunId) -> str:
    """The answer's value says what an event would say."""
    try:
        event = msgspec.convert(answer.value, Rewound)
    except msgspec.ValidationError:
        at = "" if answer.step is None else f" to step {answer.step:,}"
        return f"{run}: rewound{at}"
    return saved.rewound(msgspec.structs.replace(event, message=answer.message))
