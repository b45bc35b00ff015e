"""Messages of a run's event stream, `GET /api/runs/{run}/events`, one JSON object per SSE message.

Only `EventMessage` carries an SSE id (`<epoch>-<seq>`). All others are ephemeral: they do not move the cursor.
"""

from typing import Literal, TypeAlias

from msgspec import Struct

from livespark.protocol.events import Event
from livespark.protocol.ids import Epoch
from livespark.protocol.live import LiveDelta
from livespark.protocol.runs import Run

__all__ = (
    "End",
    "EventMessage",
    "Gap",
    "LiveMessage",
    "Output",
    "OutputMessage",
    "Reset",
    "StreamMessage",
    "Trouble",
)


class EventMessage(Struct, frozen=True, tag_field="is", tag="event"):
    seq: int
    time: float
    event: Event


class LiveMessage(Struct, frozen=True, tag_field="is", tag="live"):
    """First one of a connection: `full`. Later ones are merged."""

    live: LiveDelta


class Output(Struct, frozen=True, omit_defaults=True):
    """A piece of what the script wrote. `start` and `end` are byte offsets in the run's output.

    `text` where the bytes are UTF-8, else `base64`. `time`: Unix seconds.
    """

    start: int
    end: int
    stream: Literal["stdout", "stderr"]
    time: float
    text: str = ""
    base64: str = ""


class OutputMessage(Struct, frozen=True, tag_field="is", tag="output"):
    """Sent when the stream was asked for with `?output=OFFSET`. Resume with the last `end`."""

    output: Output


class Gap(Struct, frozen=True, tag_field="is", tag="gap"):
    """Events `first` to `last` were trimmed and can't be had any more."""

    first: int
    last: int


class Reset(Struct, frozen=True, tag_field="is", tag="reset"):
    """The cursor belonged to another epoch. Forget what you know; the run's events follow from the first kept."""

    epoch: Epoch
    run: Run


class Trouble(Struct, frozen=True, tag_field="is", tag="trouble"):
    """The server can't commit what the run reports, and says why; with an empty text it can again.

    Nothing is lost meanwhile: the worker keeps it.
    """

    text: str


class End(Struct, frozen=True, tag_field="is", tag="end"):
    """The run has ended and everything was delivered. The server closes; there is nothing to reconnect for."""

    run: Run


StreamMessage: TypeAlias = EventMessage | LiveMessage | OutputMessage | Gap | Reset | Trouble | End
