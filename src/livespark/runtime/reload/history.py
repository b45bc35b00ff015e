"""What a reload looks like on the record: per file, the two versions' hashes and the difference between them."""

from collections.abc import Iterator
from difflib import Match, SequenceMatcher
from typing import Final

from livespark.protocol.events import FileChange
from livespark.runtime.reload.sources import Source

__all__ = ("describe_attempt", "describe_change")

_LONGEST: Final = 200_000
"""Characters of a diff that are kept; the full texts are kept anyway."""

_EFFORT: Final = 2_000_000
"""Lines that are looked at in search of equal ones: some tenths of a second, during which the training waits often."""


def describe_change(path: str, before: Source | None, after: Source) -> FileChange:
    """The change of the file shown as `path`; `before` is None where it is new."""
    return FileChange(path, before.digest if before else "", after.digest, _diff(path, before, after.text))


def describe_attempt(path: str, before: Source | None, text: str | None) -> FileChange:
    """The change to a `text` that can't be compiled, and so is no version; None if it can't even be read."""
    return FileChange(path, before.digest if before else "", diff=_diff(path, before, text) if text else "")


def _diff(path: str, before: Source | None, text: str) -> str:
    old, new = before.text.splitlines(keepends=True) if before else [], text.splitlines(keepends=True)
    lines = _unified(old, new, f"a/{path}" if before else "/dev/null", f"b/{path}")
    diff = "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
    return _cut(diff)


class _Matcher(SequenceMatcher[str]):
    """Ends its search after a certain effort: what is left is taken as replaced. Otherwise it grows with the square of
    the lines."""

    effort = 0

    def find_longest_match(self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None) -> Match:
        self.effort += (ahi or 0) - alo
        if self.effort > _EFFORT:
            return Match(alo, blo, 0)
        return super().find_longest_match(alo, ahi, blo, bhi)


def _unified(old: list[str], new: list[str], before: str, after: str) -> Iterator[str]:
    """As `difflib.unified_diff`."""
    for number, group in enumerate(_Matcher(None, old, new).get_grouped_opcodes()):
        if number == 0:
            yield f"--- {before}\n"
            yield f"+++ {after}\n"
        (_, low, _, start, _), (_, _, high, _, end) = group[0], group[-1]
        yield f"@@ -{_range(low, high)} +{_range(start, end)} @@\n"
        for tag, low, high, start, end in group:
            if tag == "equal":
                yield from (f" {line}" for line in old[low:high])
                continue
            yield from (f"-{line}" for line in old[low:high])
            yield from (f"+{line}" for line in new[start:end])


def _range(start: int, stop: int) -> str:
    length = stop - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"


def _cut(diff: str) -> str:
    return diff if len(diff) <= _LONGEST else f"{diff[:_LONGEST]}\n... the diff goes on ...\n"
