"""What becomes of snapshots, as sentences for people. No I/O."""

from collections.abc import Iterator, Mapping
from typing import Final

from livespark.cli.figures import duration, number, size, spent
from livespark.protocol import codec
from livespark.protocol.events import Attempt, Number, Resumed, Rewound, SnapshotFailed
from livespark.protocol.lifecycle import RunState
from livespark.protocol.runs import Run
from livespark.protocol.snapshots import InMemory, Origin, SnapshotInfo

__all__ = (
    "again",
    "came_from",
    "failed",
    "kept",
    "key_metrics",
    "memory_row",
    "resumed",
    "rewound",
    "row",
    "stored",
    "taken",
    "why",
)

_WHY: Final = {
    "asked": "asked for",
    "every": "its time had come",
    "best": "the best so far",
    "stop": "at the stop",
    "signal": "at SIGTERM",
    "end": "at the end",
}
_RELATION: Final = {"resume": "resumed from", "fork": "fork of", "retry": "started again from"}
_BEGINNING: Final = {"resume": "goes on from", "fork": "branches off from", "retry": "goes on from"}
_KEY_METRICS: Final = 3


def taken(info: SnapshotInfo, name: str) -> str:
    """`quiet-otter@7 at step 1,622: 412 MB (31 MB new), training stood still for 14 ms`; `name` comes first."""
    label = f" ({info.label})" if info.label else ""
    new = "nothing new" if not info.written else f"{size(info.written)} new"
    amount = f"{size(info.size)} ({new})" if info.size else "no arrays"
    text = f"{name}{label}{_at(info.step)}: {amount}, training stood still for {spent(info.stall)}"
    return f"{text}; {info.message}" if info.message else text


def failed(event: SnapshotFailed) -> str:
    """Why there is none, and that nothing else is lost."""
    label = f" {event.label!r}" if event.label else ""
    message = event.message.rstrip(".")
    return f"no snapshot{label}{_at(event.step)}: {message}; training goes on, older ones are intact"


def rewound(event: Rewound) -> str:
    """`rewound from step 9,000 to 8,800 (snapshot 12, in memory, 41 ms)`, with the reason where it went by itself."""
    start = "" if event.from_step is None else f" from step {event.from_step:,}"
    end = "" if event.step is None else f" to {event.step:,}"
    place = "in memory" if event.in_memory else "from disk"
    text = f"rewound{start}{end} (snapshot {event.snapshot}, {place}, {spent(event.seconds)})"
    values = ", ".join(f"{path} = {_shown(node)}" for path, node in event.values.items())
    reason = f"{event.reason}: " if event.automatic and event.reason else ""
    return "; ".join(filter(None, (f"{reason}{text}", values, event.message)))


def resumed(event: Resumed) -> Iterator[str]:
    """Where the state comes from, and what did not come back."""
    origin = event.origin
    at = _at(origin.step if event.step is None else event.step)
    yield f"{_BEGINNING[origin.relation]} {_place(origin)}{at}"
    yield from event.notes


def again(event: Attempt) -> str:
    """How the process ended, and what is left."""
    error = (
        f" ({event.error.type}: {event.error.message})" if event.error and event.error.type not in event.reason else ""
    )
    when = f"in {spent(event.delay)}" if event.delay else "now"
    left = f"{event.left} attempt{'' if event.left == 1 else 's'}" if event.left else "no attempt"
    return f"{event.reason.rstrip('.')}{error}; starting again {when}, {left} left"


def kept(run: Run, newest: SnapshotInfo | None) -> str:
    """Where the state of an ended run is; empty where there is none, or nothing to go on with."""
    if newest is None or run.state is RunState.COMPLETED:
        return ""
    if newest.cause in ("stop", "signal"):
        where = f"state saved as {run.id}@{newest.number}"
    else:
        where = f"its newest state is {run.id}@{newest.number}{_at(newest.step)}"
    return f"{where}: livespark {run.mode} --resume {run.id}"


def came_from(origin: Origin) -> str:
    """`fork of quiet-otter@3`."""
    return f"{_RELATION[origin.relation]} {_place(origin)}"


def stored(info: SnapshotInfo) -> str:
    """`7 at step 1,622: 412 MB, at the stop (final)`."""
    label = f" ({info.label})" if info.label else ""
    return f"{info.number}{_at(info.step)}: {size(info.size)}, {why(info)}{label}"


def why(info: SnapshotInfo) -> str:
    """Why it was taken, in few words."""
    return _WHY[info.cause]


def row(info: SnapshotInfo, now: float, in_memory: bool) -> tuple[str, ...]:
    """One snapshot's line in a list."""
    step = "" if info.step is None else f"{info.step:,}"
    sizes = f"{size(info.size)} ({size(info.written)} new)" if 0 < info.written < info.size else size(info.size)
    memory = "in memory" if in_memory else ""
    age = duration(now - info.time)
    return (str(info.number), step, age, sizes, why(info), info.label, key_metrics(info.metrics), memory)


def memory_row(moment: InMemory, now: float) -> tuple[str, ...]:
    """The line of a snapshot that is not on disk."""
    step = "" if moment.step is None else f"{moment.step:,}"
    age = duration(now - moment.time)
    return (str(moment.number), step, age, size(moment.size), "", "", "", "in memory only")


def key_metrics(metrics: Mapping[str, Number]) -> str:
    """`loss 0.213  accuracy 0.91`: the first few, losses before others."""
    names = sorted(metrics, key=lambda name: "loss" not in name.lower())[:_KEY_METRICS]
    return "  ".join(f"{name} {_figure(metrics[name])}" for name in names)


def _place(origin: Origin) -> str:
    return origin.run if origin.snapshot is None else f"{origin.run}@{origin.snapshot}"


def _shown(node: object) -> str:
    value = codec.from_node(node)
    return number(value) if isinstance(value, float) else str(value)


def _figure(value: Number) -> str:
    return number(codec.from_number(value))


def _at(step: int | None) -> str:
    return "" if step is None else f" at step {step:,}"
