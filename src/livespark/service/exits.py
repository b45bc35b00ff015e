"""What it means that a run's process is gone without having said how it ended: cause, sentence, next step.

Exit statuses above 128 are a shell's way to say "signal n"; here both ways mean the same.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from livespark.engine.base import Exited, Gone
from livespark.protocol.lifecycle import RunState

__all__ = ("ENDINGS", "Ending", "explain")


class Ending(NamedTuple):
    """`cause` is one word for programs, the other two are for people."""

    cause: str
    sentence: str
    advice: str

    def __str__(self) -> str:
        return f"{self.sentence}. {self.advice}"


_LOG: Final = "The end of the log may tell more"
_PYTHON: Final = "Check the Python it was started with"
_AGAIN: Final = "Start the run again"

ENDINGS: Final[Mapping[int, Ending]] = {
    0: Ending("silent", "the process left with exit status 0 before the script was done", "Look for `os._exit`"),
    1: Ending("error", "the process ended with exit status 1 before it could report an error", _LOG),
    2: Ending("usage", "the process ended with exit status 2 before it could report an error", _LOG),
    126: Ending("not-executable", "the interpreter could not be executed", _PYTHON),
    127: Ending("not-found", "the interpreter was not found", _PYTHON),
    -1: Ending("hangup", "the process was ended by SIGHUP: its session was closed", _AGAIN),
    -2: Ending("interrupted", "the process was ended by SIGINT", _AGAIN),
    -3: Ending("quit", "the process was ended by SIGQUIT", _AGAIN),
    -4: Ending(
        "illegal-instruction",
        "the process crashed: illegal instruction (SIGILL)",
        "A library was built for another processor; reinstall it for this machine",
    ),
    -6: Ending("aborted", "the process aborted itself (SIGABRT): a native library gave up", _LOG),
    -7: Ending(
        "bus-error",
        "the process crashed: bus error (SIGBUS)",
        "Often /dev/shm is full, or the disk under a mapped file; free some space or use fewer DataLoader workers",
    ),
    -8: Ending("arithmetic", "the process crashed: arithmetic error in native code (SIGFPE)", _LOG),
    -9: Ending(
        "killed",
        "the process was killed (SIGKILL), maybe because the machine ran out of memory",
        "Look for `Out of memory` in `dmesg`; a smaller batch or fewer DataLoader workers need less",
    ),
    -11: Ending(
        "segfault",
        "the process crashed: segmentation fault (SIGSEGV)",
        "A native library is at fault; `python -X faulthandler` shows where",
    ),
    -13: Ending("broken-pipe", "the process was ended by SIGPIPE", _LOG),
    -15: Ending("terminated", "the process was ended by SIGTERM, maybe by the machine's shutdown", _AGAIN),
    -24: Ending("cpu-limit", "the process used up its CPU time limit (SIGXCPU)", "Raise `ulimit -t`"),
    -25: Ending("file-limit", "the process wrote a file beyond the size limit (SIGXFSZ)", "Raise `ulimit -f`"),
}

_LOST: Final = Ending("lost", "the process is gone and its exit status was lost", "The machine may have been restarted")
_RESTARTED: Final = Ending("restarted", "the machine was restarted while the run was going", _AGAIN)
_NEVER: Final = Ending("not-started", "the process was never seen running", f"Submit the run again. {_LOG}")


def explain(observation: Exited | Gone, state: RunState) -> Ending:
    """How the run ended that was in `state` when last heard of."""
    if isinstance(observation, Gone) and observation.restarted:
        return _RESTARTED
    if isinstance(observation, Gone):
        return _NEVER if state is RunState.STARTING else _LOST
    code = observation.code
    number = -code if code < 0 else code - 128 if 128 < code < 160 else 0
    if number:
        return ENDINGS.get(-number) or Ending("signal", f"the process was ended by signal {number}", _LOG)
    return ENDINGS.get(code) or Ending(
        "exit", f"the process ended with exit status {code} before the script was done", _LOG
    )
