"""What the training thread is in the middle of."""

from livespark.protocol.commands import Failure
from livespark.protocol.lifecycle import RunState
from livespark.runtime.positions import Position, Scope
from livespark.runtime.request import Request

__all__ = ("Level",)


class Level:
    """The script, or a call that is executed at one of its checkpoints (or at one of another call's, and so on).

    A pause belongs to a level: a call asked for while the script is paused runs, and can be paused itself.
    `state` is RUNNING, IDLE or HELD. `standing`: the pause has been reached; `pauses`: who waits for that.
    `at_rest`: the level is at a checkpoint at which a hard reload may unwind it.
    """

    def __init__(self) -> None:
        self.state = RunState.RUNNING
        self.reason = ""
        self.error: Failure | None = None
        self.paused = False
        self.standing = False
        self.pauses: list[Request] = []
        self.at_rest = False
        self.scope = Scope()
        self.open: list[Position] = []

    @property
    def innermost(self) -> Scope:
        """The scope in which a loop that starts now stands."""
        return self.open[-1] if self.open else self.scope

    def rerun(self) -> None:
        """The code of this level is about to run from its top."""
        self.open.clear()
        self.scope.rerun()
        self.standing = False

    def drop_pause(self) -> None:
        """The pause is over, or was never reached; who waited for it has been answered."""
        self.pauses.clear()
        self.paused = self.standing = False
