"""With what state a run begins: the snapshot that is meant, and the run that it belongs to."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple

from livespark.cli.options import connected
from livespark.cli.pointing import Pointer, parse, pick
from livespark.client import Client
from livespark.errors import CommandRefused, UsageError
from livespark.protocol.ids import RunId
from livespark.protocol.lifecycle import TERMINAL
from livespark.protocol.runs import Run
from livespark.protocol.snapshots import Origin, SnapshotInfo

__all__ = ("Beginning", "begin", "find", "of_the_living")


class Beginning(NamedTuple):
    """The run whose state a new one begins with, and which state that is."""

    parent: Run
    origin: Origin


def begin(word: str, relation: Literal["resume", "fork"], fresh: tuple[str, ...], server_url: str | None) -> Beginning:
    """The beginning that a word names. Raises UsageError, RunNotFound."""
    pointer = parse(word)
    with connected(server_url) as client:
        parent = client.find(pointer.run)
        snapshots = [] if pointer.is_newest else client.run(parent.id).snapshots()
    if relation == "resume" and parent.state not in TERMINAL:
        raise UsageError(
            f"{parent.id} is still {parent.state.value}: `livespark stop {parent.id}` ends it, "
            f"`livespark fork {parent.id}` starts a second one beside it"
        )
    if pointer.is_newest:  # The run itself takes the newest good one, also one that it could not tell of any more.
        return Beginning(parent, Origin(parent.id, None, relation, fresh=list(fresh)))
    info = pick(snapshots, pointer, parent.id)
    return Beginning(parent, Origin(parent.id, info.number, relation, info.step, list(fresh)))


def find(client: Client, pointer: Pointer) -> tuple[Run, SnapshotInfo]:
    """The run and the snapshot that a pointer names. Raises UsageError, RunNotFound."""
    run = client.find(pointer.run)
    return run, pick(client.run(run.id).snapshots(), pointer, run.id)


@contextmanager
def of_the_living(client: Client, run: RunId) -> Iterator[None]:
    """What is asked within makes sense of a run that has not ended; who asks it of another learns how to go on."""
    try:
        yield
    except CommandRefused as error:
        if client.find(run).state not in TERMINAL:
            raise
        text = f"{error}. `livespark run --resume {run}` goes on from its newest snapshot, in a new run"
        raise CommandRefused(text) from None
