"""Copies of names that files hold of each other (`from m import NAME`) follow what the name means.

They are found by the importers' text, never by their value: two names may mean the same number for different reasons.
"""

from collections.abc import Callable, Mapping

from livespark.runtime.reload.namespaces import Changes, changes, names_of
from livespark.runtime.reload.plan import Copy
from livespark.runtime.reload.undo import Undo

__all__ = ("Copies",)


class Copies:
    """`holders`: by module, who holds copies of its names. `derive` executes what a module computes from names that it
    has imported, and tells what that changed."""

    def __init__(
        self,
        holders: Mapping[str, tuple[Copy, ...]],
        undo: Undo,
        derive: Callable[[str, frozenset[str]], Changes],
    ) -> None:
        self._holders = holders
        self._undo = undo
        self._derive = derive

    def follow(self, module: str, changed: Changes) -> None:
        """Names of `module` mean something else now; through however many files they have been handed on."""
        open_ends = [(module, changed)]
        while open_ends:
            module, changed = open_ends.pop()
            for importer, name, alias in self._holders.get(module, ()):
                taken = _starred(module, importer, changed) if name == "*" else _renamed(changed, name, alias)
                if rebound := self._rebind(importer, taken):
                    open_ends.append((importer, rebound | self._derive(importer, frozenset(rebound))))

    def _rebind(self, importer: str, taken: Changes) -> Changes:
        names = names_of(importer)
        rebound = changes(names, {name: value for name, (_, value) in taken.items()})
        for name, (_, value) in rebound.items():
            self._undo.set_item(names, name, value)
        return rebound


def _renamed(changed: Changes, name: str, alias: str) -> Changes:
    return {alias: changed[name]} if name in changed else {}


def _starred(module: str, importer: str, changed: Changes) -> Changes:
    """What `from module import *` gives: names that have changed, unless the importer has bound them otherwise."""
    names, theirs = names_of(module), names_of(importer)
    offered = names.get("__all__", [name for name in names if not name.startswith("_")])
    everything = changes({}, names) if "__all__" in changed else {}
    given = everything | changed
    return {
        name: given[name]
        for name in offered
        if name in given and (name not in theirs or theirs[name] is given[name][0])
    }
