"""A way out for stops and reloads in scripts that catch everything.

A bare `except:` in an endless loop would catch the signal at each checkpoint again. So when the script comes to a
checkpoint and no longer handles the signal raised at the one before, it has swallowed it; then the signal is raised
once more where the handler does not reach: by a trace function, at the next line that is executed behind the handler.
`finally` and `with` are left in peace, unless they never end. Python removes a trace function that raises; when the
frame has been left, a profile function puts it back, for handlers further out.
"""

import sys
from inspect import CO_COROUTINE
from opcode import opmap
from types import FrameType
from typing import Any, Final

from livespark.errors import SparkSignal
from livespark.runtime.failure import find_signal, is_foreign

__all__ = ("Escape",)

_MANY: Final = 20
"""Signals raised in one unwinding: more do not come from `finally` blocks with checkpoints."""
_UNSAFE: Final = frozenset(
    opmap[name]
    for name in (
        *("PUSH_EXC_INFO", "WITH_EXCEPT_START", "COPY", "POP_EXCEPT", "RERAISE"),
        *("END_ASYNC_FOR", "CLEANUP_THROW", "END_SEND"),
    )
    if name in opmap
)
"""Where a handler begins or ends, another exception would leave the interpreter with the one being handled."""


class Escape:
    """For the training thread; from the first signal of an unwinding until the script has been left."""

    def __init__(self) -> None:
        self._raised = 0
        self._kind: type[SparkSignal] = SparkSignal
        self._text = ""
        self._before: tuple[Any, Any] | None = None

    def note(self, signal: SparkSignal) -> SparkSignal:
        """`signal`, which a checkpoint is about to raise."""
        self._raised += 1
        if self._raised > 1 and (self._raised > _MANY or not (_is_handling() or _is_asynchronous())):
            self._kind, self._text = type(signal), str(signal)
            self._open(sys._getframe(1))
        return signal

    def close(self) -> None:
        """The script has been left."""
        self._raised = 0
        if self._before:
            trace, profile = self._before
            self._before = None
            sys.settrace(trace)
            sys.setprofile(profile)

    def _open(self, frame: FrameType | None) -> None:
        self._before = self._before or (sys.gettrace(), sys.getprofile())
        while frame is not None:
            if not is_foreign(frame.f_code.co_filename):
                frame.f_trace = self._trace
            frame = frame.f_back
        sys.setprofile(self._profile)
        sys.settrace(self._trace_coroutine)

    def _trace(self, frame: FrameType, event: str, _argument: object) -> Any:
        """In a frame of the script's."""
        safe = event == "line" and frame.f_code.co_code[frame.f_lasti] not in _UNSAFE
        if safe and (self._raised > _MANY or not _is_handling()):
            raise self._kind(self._text)
        return self._trace

    def _trace_coroutine(self, frame: FrameType, _event: str, _argument: object) -> Any:
        """Those that stand at an `await` are on no stack."""
        code = frame.f_code
        return self._trace if code.co_flags & CO_COROUTINE and not is_foreign(code.co_filename) else None

    def _profile(self, _frame: FrameType, event: str, _argument: object) -> None:
        if event == "return" and sys.gettrace() is None:
            sys.settrace(self._trace_coroutine)


def _is_handling() -> bool:
    """Whether an `except`, `finally` or `with` is dealing with a signal, or a generator is being closed."""
    error = sys.exception()
    while error is not None:
        if isinstance(error, GeneratorExit) or find_signal(error):
            return True
        error = error.__context__
    return False


def _is_asynchronous() -> bool:
    """Whether this is a task of an event loop: a signal raised in another one is not handled here."""
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and asyncio._get_running_loop() is not None
