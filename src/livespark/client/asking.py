"""What every view of a run from outside is built on: where the run is, and how it is asked for something."""

import time
import uuid
from collections.abc import Callable
from typing import Final

from livespark.errors import Conflict, WaitTimeout
from livespark.protocol.commands import Answer, Ask, Command, CommandRecord
from livespark.protocol.ids import CommandId, RunId
from livespark.transport.http import AsyncApi

__all__ = ("AsyncAsking",)

_POLL: Final = 30.0


class AsyncAsking:
    """The run `id`."""

    def __init__(self, api: AsyncApi, id: RunId, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._api = api
        self._id = id
        self._clock = clock

    @property
    def id(self) -> RunId:
        return self._id

    async def ask(self, command: Command, *, timeout: float | None = None) -> Answer:
        """Send a command and return its answer, whatever that is. Raises WaitTimeout; the command goes on then."""
        deadline = None if timeout is None else self._clock() + timeout
        ask = Ask(CommandId(str(uuid.uuid4())), command)
        wait = self._share(deadline)
        try:
            record = await self._api.post(self._path("/commands"), CommandRecord, ask, wait=wait)
        except Conflict as error:  # The run has ended: the server refuses in its place.
            return Answer("refused", message=error.detail)
        while record.answer is None:
            wait = self._share(deadline)
            if wait <= 0:
                raise WaitTimeout(f"no answer within {timeout:g} seconds; the command goes on")
            path = self._path(f"/commands/{ask.id}")
            record = await self._api.get(path, CommandRecord, wait=wait, patient=True)
        return record.answer

    def _share(self, deadline: float | None) -> float:
        return _POLL if deadline is None else min(_POLL, deadline - self._clock())

    def _path(self, rest: str = "") -> str:
        return f"/api/runs/{self._id}{rest}"
