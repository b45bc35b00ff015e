"""Runs the program to its end, and decides what comes after each of its ends.

Two tables in code: `classify` says how one execution of the script ended; `Runner._after` what follows: staying
`idle` or `held` (mode `dev`), running again (reload), or the end of the run.
"""

import contextlib
import gc
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from livespark.errors import LivesparkError, SparkReloadError, SparkStopError, UsageError
from livespark.protocol.commands import Failure
from livespark.protocol.lifecycle import RunState, exit_code
from livespark.protocol.runs import Entry
from livespark.protocol.snapshots import Cause
from livespark.runtime.core import Core
from livespark.runtime.failure import clean_traceback, describe, find_signal
from livespark.runtime.program import Program, locate
from livespark.runtime.reload.preparation import syntax_sentence
from livespark.runtime.reload.reloader import Reloader
from livespark.runtime.reload.sources import Sources
from livespark.runtime.reload.undo import Refusal

__all__ = ("Ending", "Runner", "classify")


@dataclass(frozen=True)
class Ending:
    """How one execution of the script ended."""

    how: Literal["returned", "raised", "stopped", "reloads"]
    reason: str = ""
    error: Failure | None = None


_RETURNED: Final = Ending("returned")


def classify(error: BaseException | None) -> Ending:
    """The ending that `error` means; None: the script returned."""
    signal = error and find_signal(error)
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return _RETURNED
    if isinstance(signal, SparkStopError):
        return Ending("stopped")
    if isinstance(signal, SparkReloadError):
        return Ending("reloads")
    if isinstance(error, SystemExit):
        return Ending("raised", f"the script ended with exit status {error.code}", describe(error))
    failure = describe(error)
    return Ending("raised", f"{failure.type}: {failure.message}".rstrip(": "), failure)


class Runner:
    """One run of a program. `stay`: remain after the script's end and after an exception.

    `settle` is called before either, `restart` before the program runs again, `linger` before the run ends, `opened`
    when the program has been found and compiled."""

    def __init__(
        self,
        core: Core,
        reloader: Reloader,
        *,
        stay: bool,
        settle: Callable[[], None],
        restart: Callable[[], None],
        linger: Callable[[], None] = lambda: None,
        opened: Callable[[Sources], None] = lambda _: None,
    ) -> None:
        self._core = core
        self._reloader = reloader
        self._stay = stay
        self._settle = settle
        self._restart = restart
        self._linger = linger
        self._opened = opened

    def run(self, entry: Entry) -> int:
        """Execute the program that `entry` names until the run has ended. -> the exit status for the process."""
        try:
            program = locate(entry)
        except UsageError as error:
            return self._finish(_unfit(error))
        except Exception as error:
            return self._finish(self._caught(error))
        return self.execute(program)

    def execute(self, program: Program) -> int:
        """Execute `program` until the run has ended. -> the exit status for the process."""
        try:
            self._opened(self._reloader.open(program))
        except (SyntaxError, LivesparkError) as error:
            return self._finish(_unfit(error))
        program.enter()
        self._core.begin()
        while (ending := self._after(self._execute())).how == "reloads":
            self._restart()
        return self._finish(ending)

    def _execute(self) -> Ending:
        try:
            self._reloader.execute()
        except BaseException as error:
            if self._core.inert:
                raise
            self._core.escape.close()
            return self._caught(error)
        self._core.escape.close()
        return self._noted(_RETURNED)

    def _caught(self, error: BaseException) -> Ending:
        ending = self._noted(classify(error))
        if ending.error:
            if not isinstance(error, Refusal):
                _print(error)
            if self._reloader.undo(error):
                ending = Ending("reloads")
            else:
                self._core.levels[0].scope.note_exception()
        traceback.clear_frames(error.__traceback__)
        error.__traceback__ = None
        return ending

    def _noted(self, ending: Ending) -> Ending:
        """A script that swallows a reload, or raises while it unwinds, is reloaded all the same."""
        return Ending("reloads") if self._core.renewal == "unwinding" and not self._core.stopping else ending

    def _after(self, ending: Ending) -> Ending:
        """What follows an execution: the same, or what ended the time after it."""
        if "OutOfMemory" in (ending.error.type if ending.error else ""):
            _free_memory()
        gc.collect(1)  # the whole heap would take a tenth of a second with torch loaded
        if not self._stay or self._core.inert or self._core.stopping or ending.how not in ("returned", "raised"):
            return ending
        self._settle()
        ending = self._serve(RunState.IDLE if ending.how == "returned" else RunState.HELD, ending)
        while ending.how == "raised":  # not the script: what was asked could not be done, and the state is still there
            self._core.let_go(ending.reason)
            ending = self._serve(RunState.HELD, ending)
        return ending

    def _serve(self, state: RunState, ending: Ending) -> Ending:
        """Stay. -> what ended that."""
        try:
            self._core.serve(state, ending.reason, ending.error)
        except BaseException as error:
            self._core.escape.close()
            return classify(error)
        return ending

    def _last_cause(self, ending: Ending) -> Cause | None:
        """Why the state is saved before the run ends; None if it is not, or has been."""
        if ending.how == "returned" and self._core.begun and not self._core.farewell:
            return "end"
        return self._core.last_cause if ending.how in ("returned", "stopped") else None

    def _finish(self, ending: Ending) -> int:
        if self._core.inert:
            return 0
        self._linger()
        self._settle()
        self._core.snapshots.farewell(self._last_cause(ending))
        end = {"returned": RunState.COMPLETED, "raised": RunState.FAILED}.get(ending.how, RunState.STOPPED)
        return exit_code(self._core.finish(end, ending.reason, ending.error))


def _free_memory() -> None:
    """What the script's frames held has been let go of; the device's allocator gives it back."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def _unfit(error: SyntaxError | LivesparkError) -> Ending:
    """There is no program to run; says so on stderr."""
    if isinstance(error, SyntaxError):
        traceback.print_exception(type(error), error, None)
        return Ending("raised", syntax_sentence(error), describe(error))
    print(f"livespark: {error}", file=sys.stderr)
    return Ending("raised", str(error))


def _print(error: BaseException) -> None:
    """As Python does for an exception that nobody caught. Whatever stderr or the hook do, the end is reported."""
    with contextlib.suppress(Exception):
        if isinstance(error, SystemExit):
            return None if isinstance(error.code, int) else print(error.code, file=sys.stderr)
        trace = clean_traceback(error.__traceback__)
        try:
            sys.excepthook(type(error), error.with_traceback(trace), trace)
        except BaseException:
            traceback.print_exception(type(error), error, trace)
    return None
