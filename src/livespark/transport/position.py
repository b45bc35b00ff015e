"""Where a reader of a run's event stream stands, so that a new connection goes on exactly there."""

import base64
from dataclasses import dataclass

from livespark.protocol import codec, sse
from livespark.protocol.ids import Cursor
from livespark.protocol.stream import Output, OutputMessage, Reset, StreamMessage

__all__ = ("Position", "raw_output")


@dataclass
class Position:
    """`cursor` is the last event's id ("": from the first); `output` the offset up to which output was read (None: not
    wanted).
    """

    cursor: str = ""
    output: int | None = None
    live: bool = True

    def headers(self) -> dict[str, str]:
        return {"Last-Event-ID": self.cursor} if self.cursor else {}

    def params(self) -> dict[str, str]:
        params = {} if self.output is None else {"output": str(self.output)}
        return params if self.live else params | {"live": "0"}

    def take(self, message: sse.Message) -> StreamMessage:
        """The message decoded; moves past it. Raises codec.Malformed."""
        decoded: StreamMessage = codec.decode(message.data, StreamMessage)
        if message.id:
            self.cursor = message.id
        if isinstance(decoded, OutputMessage):
            self.output = decoded.output.end
        elif isinstance(decoded, Reset):
            self.cursor = str(Cursor(decoded.epoch, 0))
        return decoded


def raw_output(output: Output) -> bytes:
    """The very bytes that the script wrote."""
    return base64.b64decode(output.base64) if output.base64 else output.text.encode()
