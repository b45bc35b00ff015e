"""What a run has written, as a client gets it."""

from msgspec import Struct

from livespark.protocol.stream import Output

__all__ = ("OutputPage",)


class OutputPage(Struct, frozen=True):
    """Answer of `GET /api/runs/{run}/output`. `end`: how many bytes the run has written so far."""

    outputs: list[Output]
    end: int
