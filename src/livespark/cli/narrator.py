"""What a followed run's messages mean for the terminal: bytes to pass on, sentences to say, a picture to keep.

No I/O.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple, TypeAlias

from livespark.cli import reloading, saved
from livespark.cli.status_line import Picture
from livespark.protocol import codec
from livespark.protocol.commands import Call
from livespark.protocol.events import (
    Answered,
    Attempt,
    Commanded,
    Event,
    Metrics,
    Notice,
    Reloaded,
    Resumed,
    Rewound,
    SnapshotFailed,
    SnapshotsRemoved,
    Snapshotted,
    Status,
    Thinned,
)
from livespark.protocol.ids import CommandId
from livespark.protocol.lifecycle import TERMINAL, RunState
from livespark.protocol.live import LiveDoc, merge
from livespark.protocol.snapshots import SnapshotInfo
from livespark.protocol.stream import (
    End,
    EventMessage,
    Gap,
    LiveMessage,
    OutputMessage,
    Reset,
    StreamMessage,
    Trouble,
)
from livespark.transport.position import raw_output

__all__ = ("Effect", "Narrator", "Say", "Write")


class Write(NamedTuple):
    """Bytes that the script wrote."""

    stream: str
    data: bytes


class Say(NamedTuple):
    """A sentence of ours.

    `always`: also where a status line shows the state; `late`: when what was written before is out.
    """

    text: str
    always: bool = True
    late: bool = False


Effect: TypeAlias = Write | Say
_Saving: TypeAlias = Snapshotted | SnapshotsRemoved | SnapshotFailed | Rewound | Resumed | Attempt

_STATES: Final = {
    RunState.HELD: "held: the script has raised; its state is kept and can be read and called; "
    "save a fixed file, or `livespark reload`, to go on; Ctrl-C stops",
    RunState.IDLE: "the script has returned; waiting for calls; Ctrl-C stops",
    RunState.LOST: "the run has not been heard of for a while",
}
_QUIET: Final = (RunState.QUEUED,)
_STANDING: Final = (RunState.PAUSED, RunState.IDLE, RunState.HELD)


class Narrator:
    """Follows one run. `picture` is up to date after each `take`; `end` is the run's record once it has ended."""

    def __init__(self) -> None:
        self.picture = Picture()
        self.end: End | None = None
        self._live = LiveDoc()
        self._metrics: dict[str, float] = {}
        self._last_words = ""
        self._snapshots: dict[int, SnapshotInfo] = {}
        self._calls: set[CommandId] = set()
        self._interlude: RunState | None = None
        self._unsaid = ""

    def take(self, message: StreamMessage) -> list[Effect]:
        """What one message asks for."""
        return list(self._effects(message))

    def _effects(self, message: StreamMessage) -> Iterator[Effect]:
        if isinstance(message, OutputMessage):
            yield Write(message.output.stream, raw_output(message.output))
        elif isinstance(message, EventMessage):
            yield from self._event(message.event)
        elif isinstance(message, LiveMessage):
            self._show_live(message)
        elif isinstance(message, Gap):
            yield Say(f"events {message.first} to {message.last} were trimmed and can't be shown")
        elif isinstance(message, Reset):
            yield Say("the server has lost the run's earlier events; what follows is new")
        elif isinstance(message, Trouble):
            yield Say(f"warning: {message.text}" if message.text else "what the run reports is stored again")
        else:
            self.end = message
            self.picture.state = message.run.state
            newest = self._snapshots[max(self._snapshots)] if self._snapshots else None
            if text := "; ".join(filter(None, (self._last_words, saved.kept(message.run, newest)))):
                yield Say(text)

    def _event(self, event: Event) -> Iterator[Effect]:
        yield from self._overdue(event)
        if isinstance(event, Status):
            yield from self._status(event)
        elif isinstance(event, Commanded) and isinstance(event.command, Call):
            self._calls.add(event.id)
        elif isinstance(event, Answered):
            self._calls.discard(event.id)
        elif isinstance(event, Metrics):
            self._show_metrics(event)
        elif isinstance(event, Reloaded):
            yield Say(reloading.sentence(event))
        elif isinstance(event, _Saving):
            yield from self._saving(event)
        elif isinstance(event, Notice):
            yield Say(event.text if event.level == "info" else f"{event.level}: {event.text}")
        elif isinstance(event, Thinned):
            yield Say(f"{event.rows:,} metric rows of steps {event.first_step:,} to {event.last_step:,} were dropped")

    def _overdue(self, event: Event) -> Iterator[Effect]:
        """That the script is run again needs no words where what follows says why."""
        if self._unsaid and isinstance(event, Status | Notice | Reloaded | Rewound):
            unsaid, self._unsaid = self._unsaid, ""
            if not isinstance(event, Reloaded | Rewound):
                yield Say(unsaid, always=False)

    def _saving(self, event: _Saving) -> Iterator[Effect]:
        if isinstance(event, Snapshotted):
            yield from self._snapshotted(event.snapshot)
        elif isinstance(event, SnapshotsRemoved):
            self._snapshots = {n: info for n, info in self._snapshots.items() if n not in event.numbers}
        elif isinstance(event, SnapshotFailed):
            yield Say(f"warning: {saved.failed(event)}")
        elif isinstance(event, Rewound):
            self.picture.step = event.step
            yield Say(saved.rewound(event))
        elif isinstance(event, Resumed):
            self.picture.step = event.step
            yield from map(Say, saved.resumed(event))
        else:
            yield Say(saved.again(event))

    def _snapshotted(self, info: SnapshotInfo) -> Iterator[Effect]:
        """One that nobody has asked for is said only where no status line shows it."""
        self._snapshots[info.number] = info
        self.picture.saved = f"@{info.number}"
        yield Say(saved.taken(info, f"snapshot {info.number}"), always=info.cause == "asked")

    def _status(self, status: Status) -> Iterator[Effect]:
        before, self.picture.state = self.picture.state, status.state
        self.picture.step = self.picture.step if status.step is None else status.step
        if status.state in _QUIET or (status.state is before and not status.reason):
            return
        if self._is_interlude(status.state, before) or (status.state is RunState.STOPPING and status.error):
            return  # of an error, the attempt or the end that follows tells
        if status.state is RunState.RELOADING:
            self._unsaid = _sentence(status, before)
        elif status.state in TERMINAL:
            self._last_words = _sentence(status, before)
        else:
            yield Say(_sentence(status, before), status.state in _STATES, late=status.state in _STATES)

    def _is_interlude(self, state: RunState, before: RunState) -> bool:
        """A call executed by a run that stands: it runs for a moment, and stands again as before."""
        if state is RunState.RUNNING and before in _STANDING and self._calls:
            self._interlude = before
            return True
        standing, self._interlude = self._interlude, None
        return state is standing

    def _show_metrics(self, metrics: Metrics) -> None:
        last = {name: codec.from_number(values[-1]) for name, values in metrics.series.items() if values}
        self._metrics.update(last)
        self.picture.metrics = self._metrics
        self.picture.step = max(metrics.steps[-1], self.picture.step or 0) if metrics.steps else self.picture.step

    def _show_live(self, message: LiveMessage) -> None:
        merge(self._live, message.live)
        self.picture.loops = self._live.loops
        self.picture.steps_per_second = self._live.steps_per_second
        self.picture.step = self.picture.step if self._live.step is None else self._live.step


def _sentence(status: Status, before: RunState) -> str:
    text = status.state.value
    if status.state is RunState.RUNNING and before in (RunState.PAUSED, RunState.PAUSING):
        text = "running again"
    at = "" if status.step is None or status.state is RunState.STARTING else f" at step {status.step:,}"
    if status.state in _STATES:
        return f"{_STATES[status.state]}{f' ({status.reason})' if status.reason else ''}"
    return f"{text}{at}{f': {status.reason}' if status.reason else ''}"
