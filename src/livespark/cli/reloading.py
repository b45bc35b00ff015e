"""What became of a reload, as a sentence for people, and where a syntax error stands. No I/O."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from livespark.cli.figures import spent
from livespark.protocol.commands import Answer, Failure, Frame
from livespark.protocol.events import FileChange, Reloaded

__all__ = ("answered", "counted", "named", "place", "pointed", "reason", "sentence")

_MOST: Final = 3
_CARETS: Final = re.compile(r"\s*[~^]+\s*")
_WHERE: Final = re.compile(r" \([^()]*, line \d+\)\Z")
_FOREIGN: Final = ("/site-packages/", "/dist-packages/", "/lib/python", "<")


def sentence(event: Reloaded) -> str:
    """What the terminal says; several lines where a source line is shown."""
    if event.outcome == "refused":
        return _lines(f"not reloaded: {reason(event)}", event.error)
    if event.outcome == "undone":
        paths = _listed([file.path for file in event.files]) or "the code"
        return f"the edit of {paths} was taken back: {reason(event)}; the code from before runs again"
    raised = f"; it raised {reason(event)}" if event.error else ""
    note = f"; {event.message}" if event.message else ""
    return f"reloaded {_what(event)}{_how(event)}{_at(event.step)}{note}{raised}"


def answered(answer: Answer) -> str:
    """What came of asking for a reload, without the run's name."""
    value = answer.value if isinstance(answer.value, dict) else {}
    if answer.outcome != "applied":
        return _lines(answer.message, answer.error)
    if not value:
        return answer.message or f"reloaded{_at(answer.step)}"
    kind, changed = value.get("kind"), named(value.get("changed"))
    return f"reloaded{f' ({kind})' if kind else ''}{_at(answer.step)}{f': {changed}' if changed else ''}"


def reason(event: Reloaded) -> str:
    """Why it was refused or undone, or what was raised, in one line; empty where nothing was in the way."""
    message = event.message.partition("\n")[0]
    if event.error is None or (message and event.outcome == "refused"):
        return message
    where = place(event.error, event.files)
    if _is_syntax(event.error):
        return ": ".join(filter(None, (where, _WHERE.sub("", event.error.message))))
    text = f"{event.error.type}: {event.error.message}".partition("\n")[0].removesuffix(": ")
    return f"{text} ({where})" if where else text


def place(error: Failure, files: Sequence[FileChange] = ()) -> str:
    """`train.py:12`: the innermost level of an error in the user's own code; empty where there is none."""
    frame = _innermost(error)
    if frame is None:
        return ""
    known = (file.path for file in files if frame.file == file.path or frame.file.endswith(f"/{file.path}"))
    return f"{next(known, PurePosixPath(frame.file).name)}:{frame.line}"


def pointed(error: Failure | None) -> list[str]:
    """Of a syntax error, the source line and the caret below it, indented; of all else nothing."""
    if error is None or not _is_syntax(error):
        return []
    lines = error.traceback.splitlines()
    carets = next((index for index, line in enumerate(lines) if index and _CARETS.fullmatch(line)), None)
    if carets is None:
        return [f"    {frame.source}" for frame in error.frames[-1:] if frame.source]
    source = lines[carets - 1]
    indent = len(source) - len(source.lstrip())
    return [f"    {source[indent:]}", f"    {lines[carets][indent:]}"]


def named(changed: Any, most: int = _MOST) -> str:
    """What changed: the first few names, and how many more."""
    return _listed([str(name) for name in changed], most) if isinstance(changed, list) else ""


def counted(files: Sequence[FileChange]) -> str:
    """`+3 -1`: how many lines the diffs add and remove."""
    hunks = [f"\n{file.diff}".partition("\n@@")[2] for file in files]
    lines = [line for hunk in hunks for line in hunk.splitlines()]
    added, removed = (sum(line.startswith(sign) for line in lines) for sign in "+-")
    return f"+{added} -{removed}" if added or removed else ""


def _what(event: Reloaded) -> str:
    paths = [file.path for file in event.files]
    names = event.changed if len(paths) != 1 else [_within(name, paths[0]) for name in event.changed]
    if not paths and not names:
        return "without a change: the script runs again"
    return ": ".join(filter(None, (_listed(paths), named(names))))


def _within(name: str, path: str) -> str:
    """`Net.forward` for `model.Net.forward` in `model.py`."""
    module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    parts = module.split(".")
    for start in range(len(parts)):
        prefix = ".".join(parts[start:])
        if name.startswith(f"{prefix}."):
            return name.removeprefix(f"{prefix}.")
    return name.removeprefix("__main__.")


def _how(event: Reloaded) -> str:
    return f" ({', '.join(filter(None, (event.kind, spent(event.seconds))))})"


def _at(step: int | None) -> str:
    return "" if step is None else f" at step {step:,}"


def _lines(text: str, error: Failure | None) -> str:
    return "\n".join([text, *(line for line in pointed(error) if line not in text)])


def _listed(words: Sequence[str], most: int = _MOST) -> str:
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more


def _is_syntax(error: Failure) -> bool:
    return error.type in ("SyntaxError", "IndentationError", "TabError")


def _innermost(error: Failure) -> Frame | None:
    own = [frame for frame in error.frames if not any(part in frame.file for part in _FOREIGN)]
    frames = own or error.frames
    return frames[-1] if frames else None
