"""One version of a file: its text, and what Python made of it."""

import hashlib
import importlib.util
from dataclasses import dataclass
from types import CodeType
from typing import Final

__all__ = ("Source", "compile_source", "compile_text", "decode", "digest_of", "lines_of")

_LONGEST_LINE: Final = 400


@dataclass(frozen=True)
class Source:
    """`digest` is the SHA-256 of `text` in UTF-8, in hex. Ends of lines in `text` are `\\n`, whatever the file has."""

    path: str
    text: str
    digest: str
    code: CodeType


def compile_source(path: str, data: bytes) -> Source:
    """The file at `path` with the content `data`, in the encoding that it declares. Any thread.

    Whatever is wrong with it is raised as a SyntaxError that tells file, line, column and text.
    """
    return compile_text(path, decode(path, data))


def compile_text(path: str, text: str) -> Source:
    """The file at `path` with the content `text`. Raises SyntaxError as `compile_source`."""
    try:
        code = compile(text, path, "exec", dont_inherit=True)
        return Source(path, text, digest_of(text), code)
    except SyntaxError as error:
        raise _located(error, path, text) from None
    except UnicodeEncodeError as error:
        raise _error("a half of a surrogate pair is no character", path, text, error.start) from None
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        message = str(error) or "it is nested too deeply to be compiled"
        raise _error(message, path, text, max(0, text.find("\0"))) from None


def decode(path: str, data: bytes) -> str:
    """The text of the file at `path`, in the encoding that it declares. Raises SyntaxError as `compile_source`."""
    try:
        return importlib.util.decode_source(data)
    except SyntaxError as error:
        raise _error(str(error.msg), path, data.decode("latin-1"), 0) from None
    except UnicodeDecodeError as error:
        message = f"{error.encoding} can't decode the byte 0x{error.object[error.start]:02x}: {error.reason}"
        raise _error(message, path, data.decode("ascii", "backslashreplace"), 0, _line(error)) from None
    except (LookupError, UnicodeError) as error:  # a codec that is none for texts, or one that tells no place
        raise _error(str(error), path, data.decode("latin-1"), 0) from None


def digest_of(text: str) -> str:
    """The name of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def lines_of(text: str) -> list[str]:
    """The lines as Python counts them, each with its end."""
    lines = [f"{line}\n" for line in text.split("\n")]
    return lines if text and not text.endswith("\n") else lines[:-1]


def _line(error: UnicodeDecodeError) -> int:
    return error.object.count(b"\n", 0, error.start) + 1


def _located(error: SyntaxError, path: str, text: str) -> SyntaxError:
    """The compiler's own error, with a line from `text`: by itself it takes the line from the disk, or none."""
    if error.lineno is None:
        return _error(error.msg, path, text, max(0, text.find("\0")))
    error.filename = path
    error.text = next(iter(lines_of(text)[max(0, error.lineno - 1) :]), "")
    _shorten(error)
    return error.with_traceback(None)


def _shorten(error: SyntaxError) -> None:
    """Of a very long line only the surroundings: the error is sent to everybody who watches."""
    line = error.text or ""
    if len(line) > _LONGEST_LINE:
        start = max(0, (error.offset or 1) - _LONGEST_LINE // 2)
        error.text = line[start : start + _LONGEST_LINE].rstrip("\n") + "\n"
        error.offset, error.end_offset = max(1, (error.offset or 1) - start), None


def _error(message: str, path: str, text: str, position: int, line: int = 0) -> SyntaxError:
    """An error at `position` in the text, or in the `line` (from 1)."""
    line = line or text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position) if position else 1
    shown = next(iter(text.split("\n")[line - 1 :]), "").replace("\0", "\ufffd")
    error = SyntaxError(message, (path, line, column, f"{shown}\n"))
    _shorten(error)
    return error
