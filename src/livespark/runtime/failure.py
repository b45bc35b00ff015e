"""Exceptions as data: what happened, where, and what the variables were, as texts that keep nothing alive."""

import os
import reprlib
import site
import sys
import sysconfig
import traceback
from pathlib import Path
from types import FrameType, FunctionType, ModuleType, TracebackType
from typing import Any, Final

from livespark.errors import SparkSignal
from livespark.protocol.commands import Failure, Frame

__all__ = ("clean_traceback", "describe", "find_signal", "is_foreign", "where")

_OURS: Final = f"{Path(__file__).parents[1]}{os.sep}"
_INSTALLED: Final = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
_FOREIGN: Final = ("<", *(f"{folder}{os.sep}" for folder in {*_INSTALLED, *site.getsitepackages()}))
_FRAMES: Final = 60
_LOCALS: Final = 40
_MESSAGE: Final = 10_000
_TRACEBACK: Final = 60_000


def describe(error: BaseException) -> Failure:
    """`error` as data. Never raises, reads no tensor's values, and shows variables of the user's own code only."""
    trace = clean_traceback(error.__traceback__)
    frames = [_frame(frame, line) for frame, line in traceback.walk_tb(trace)]
    if isinstance(error, SyntaxError) and error.filename:
        frames.append(Frame(error.filename, error.lineno or 0, "", (error.text or "").strip()))
    return Failure(
        type=type(error).__name__,
        message=_cut(_message(error), _MESSAGE),
        traceback=_cut(_text(error, trace), _TRACEBACK),
        frames=frames if len(frames) <= _FRAMES else [*frames[: _FRAMES // 2], *frames[-_FRAMES // 2 :]],
    )


def clean_traceback(trace: TracebackType | None) -> TracebackType | None:
    """`trace` from where the user's code begins: without our runner's levels."""
    outer = trace
    while outer is not None and _is_machinery(outer.tb_frame):
        outer = outer.tb_next
    return outer or trace


def find_signal(error: BaseException) -> SparkSignal | None:
    """The stop or reload that unwinds in `error`: itself, or inside an exception group."""
    if isinstance(error, SparkSignal):
        return error
    if isinstance(error, BaseExceptionGroup):
        return next(filter(None, map(find_signal, error.exceptions)), None)
    return None


def where(thread: int | None) -> str:
    """Where a thread stands now, in the user's own code if it is anywhere there: `train.py:31 in fit`."""
    innermost = frame = sys._current_frames().get(thread or 0)
    while frame is not None and is_foreign(frame.f_code.co_filename):
        frame = frame.f_back
    frame = frame or innermost
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}" if frame else "an unknown place"


def is_foreign(file: str) -> bool:
    """Whether code in `file` is not the user's: ours, the standard library, an installed package."""
    return file.startswith((_OURS, *_FOREIGN))


def _is_machinery(frame: FrameType) -> bool:
    file = frame.f_code.co_filename
    return file.startswith((_OURS, "<frozen ")) or "/asyncio/" in file or file.endswith("/contextlib.py")


def _frame(frame: FrameType, line: int) -> Frame:
    code = frame.f_code
    summary = traceback.FrameSummary(code.co_filename, line, code.co_qualname)
    variables = {} if is_foreign(code.co_filename) else _variables(frame)
    return Frame(code.co_filename, line, code.co_qualname, summary.line or "", variables)


def _variables(frame: FrameType) -> dict[str, str]:
    shown = [
        (name, value)
        for name, value in frame.f_locals.items()
        if not name.startswith("__") and not isinstance(value, ModuleType | FunctionType | type)
    ]
    return {name: _SHORT.repr(value) for name, value in shown[:_LOCALS]}


class _Short(reprlib.Repr):
    """Short texts of anything. Arrays and tensors are told by shape: reading them may be slow, or fail."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxstring, self.maxlong, self.maxother = 3, 200, 60, 200

    def repr1(self, x: Any, level: int) -> str:
        try:
            if hasattr(x, "shape") and hasattr(x, "dtype"):
                return _array(x)
            return super().repr1(x, level)
        except Exception as error:
            return f"<{type(x).__name__}: its repr raised {type(error).__name__}>"


_SHORT: Final = _Short()


def _array(value: Any) -> str:
    device = getattr(value, "device", "cpu")
    where = "" if str(device) == "cpu" else f", {device}"
    return f"{type(value).__name__}(shape={tuple(value.shape)}, dtype={value.dtype}{where})"


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as second:
        return f"<its text raised {type(second).__name__}>"


def _text(error: BaseException, trace: TracebackType | None) -> str:
    try:
        return "".join(traceback.format_exception(type(error), error, trace))
    except Exception as second:
        return f"{type(error).__name__}: its traceback can't be shown, because that raised {type(second).__name__}\n"


def _cut(text: str, length: int) -> str:
    if len(text) <= length:
        return text
    return f"{text[: length // 4]}\n... {len(text) - length} characters left out ...\n{text[-length * 3 // 4 :]}"
