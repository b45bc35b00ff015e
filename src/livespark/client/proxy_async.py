"""A run for asyncio code: `await s.get("state.loss")`, `await s.call("train", epochs=3)`."""

from typing import Any

from livespark.client.handle import AsyncRunHandle
from livespark.client.values import snapshot
from livespark.protocol.lifecycle import RunState
from livespark.protocol.runs import Run

__all__ = ("AsyncRunProxy",)


class AsyncRunProxy(AsyncRunHandle):
    """One run. Commands wait for their answer; all of them raise CommandRefused where the run refuses."""

    def __repr__(self) -> str:
        return f"AsyncRunProxy({self.id!r})"

    async def run(self) -> Run:
        """The run's record as it is now."""
        return await self.fetch()

    async def status(self) -> RunState:
        """The run's state as it is now."""
        return (await self.fetch()).state

    async def values(self) -> dict[str, Any]:
        """All exposed values by the names of their bindings, as of one moment."""
        return snapshot(await self.live())
