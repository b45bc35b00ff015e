"""Code that does the same as what runs, but comes from an earlier version of its file.

An edit elsewhere in a file makes new code objects of all its functions. Those that only the collector could find keep
the old ones, which do the same; at the next edit that changes them they have to be found by these.
"""

from types import CodeType
from weakref import ref

__all__ = ("Lineage",)


class Lineage:
    """The earlier code objects of code that has not changed. Keeps none of them alive."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[ref[CodeType], tuple[ref[CodeType], ...]]] = {}

    def note(self, old: CodeType, new: CodeType) -> None:
        """`new` takes the place of `old`, and does the same."""
        key = id(new)
        if new is not old:
            former = tuple(ref(each) for each in (*self.of(old), old))
            self._known[key] = ref(new, lambda _: self._known.pop(key, None)), former

    def of(self, code: CodeType) -> list[CodeType]:
        """The earlier ones that live, oldest first."""
        known = self._known.get(id(code))
        return [former for each in known[1] if (former := each()) is not None] if known else []
