"""`spark.controller()`: the run's buttons, for the script itself and for the threads beside it."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any, Final

from livespark.errors import CommandRefused
from livespark.protocol.commands import Command, Pause, Reload, Resume, Stop
from livespark.protocol.lifecycle import RunState
from livespark.runtime.core import Core
from livespark.runtime.exposed.declared import concurrent
from livespark.runtime.reload.reloader import Reloader
from livespark.runtime.request import Request

__all__ = ("SparkController", "SparkStatus")


class SparkStatus(StrEnum):
    """The states that a run can see itself in."""

    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    RELOADING = "reloading"
    IDLE = "idle"
    HELD = "held"
    STOPPING = "stopping"


_SEEN_AS: Final = {
    RunState.STARTING: SparkStatus.RUNNING,
    RunState.COMPLETED: SparkStatus.IDLE,
    **{RunState(status.value): status for status in SparkStatus},
}


class SparkController:
    """Pauses, resumes, stops and reloads this process's run. One per process; every method works on any thread.

    When exposed, it works from outside, too: `spark.expose(ctrl=spark.controller())`, then `s.ctrl.pause()`.
    """

    def __init__(self, core: Core, reloader: Reloader, acheckpoint: Callable[[], Awaitable[None]]) -> None:
        self._core = core
        self._reloader = reloader
        self.checkpoint = core.checkpoint
        self.acheckpoint = acheckpoint

    @property
    def status(self) -> SparkStatus:
        """What the run is doing."""
        return _SEEN_AS.get(self._core.status, SparkStatus.STOPPING)

    @concurrent
    def pause(self) -> None:
        """Stand still at the next checkpoint; returns at once. Raises CommandRefused where nothing can be paused."""
        self._ask(Pause())

    @concurrent
    def resume(self) -> None:
        """Go on. Does nothing if the run is not paused; withdraws a pause that has not been reached."""
        self._ask(Resume())

    @concurrent
    def stop(self) -> None:
        """End at the next checkpoint. Returns at once."""
        self._ask(Stop())

    @concurrent
    def reload(self) -> None:
        """Take the code that is on disk now, keeping persisted values; where none has changed, run the script again.

        Returns at once. Raises CommandRefused for code that does not compile, and in a process that Livespark did
        not start.
        """
        command = Reload()
        self._reloader.ask(command)
        self._ask(command)

    def __livespark_bindings__(self) -> dict[str, Any]:
        """What is exposed of it: the buttons and the state."""
        return {
            "status": self.status.value,
            "pause": self.pause,
            "resume": self.resume,
            "stop": self.stop,
            "reload": self.reload,
        }

    def _ask(self, command: Command) -> None:
        request = Request(command, self._core.outbox)
        self._core.ask(request)
        if request.answer and request.answer.outcome == "refused":
            raise CommandRefused(request.answer.message)

    def __repr__(self) -> str:
        return f"<SparkController: {self.status}>"
