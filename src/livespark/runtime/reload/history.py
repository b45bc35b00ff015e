"""What a reload looks like on the record: per file, the two versions' hashes and the difference between them."""

from difflib import unified_diff
from typing import Final

from livespark.protocol.events import FileChange
from livespark.runtime.reload.sources import Source

__all__ = ("describe_change",)

_LONGEST: Final = 200_000
"""Characters of a diff that are kept; the full texts are kept anyway."""


def describe_change(path: str, before: Source | None, after: Source) -> FileChange:
    """The change of the file shown as `path`; `before` is None where it is new."""
    old = before.text.splitlines(keepends=True) if before else []
    new = after.text.splitlines(keepends=True)
    lines = unified_diff(old, new, f"a/{path}" if before else "/dev/null", f"b/{path}")
    diff = "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
    return FileChange(path, before.digest if before else "", after.digest, _cut(diff))


def _cut(diff: str) -> str:
    return diff if len(diff) <= _LONGEST else f"{diff[:_LONGEST]}\n... the diff goes on ...\n"
