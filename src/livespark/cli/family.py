"""Runs as a tree: what was resumed or forked from a run stands below it. No I/O."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from livespark.protocol.runs import Run

__all__ = ("Relative", "children", "tree")


class Relative(NamedTuple):
    """A run, and the branch of the tree on which it stands: `├ `, `└ `, behind `│ ` and blanks; empty for a root."""

    run: Run
    branch: str = ""


def tree(runs: Sequence[Run]) -> list[Relative]:
    """Every run once, right below its parent where that is among them, else where it stood."""
    known = {run.id for run in runs}
    below: dict[str, list[Run]] = {}
    for run in runs:
        parent = _parent(run)
        if parent in known:
            below.setdefault(str(parent), []).append(run)
    roots = [run for run in runs if _parent(run) not in known]
    return [relative for root in roots for relative in _from(root, below)]


def children(runs: Sequence[Run], parent: str) -> list[Run]:
    """The runs that began with the state of `parent`, oldest first."""
    return sorted((run for run in runs if _parent(run) == parent), key=lambda run: run.created)


def _from(root: Run, below: dict[str, list[Run]]) -> Iterator[Relative]:
    """A long line of resumed runs is deeper than Python's stack."""
    waiting = [Relative(root)]
    while waiting:
        relative = waiting.pop()
        yield relative
        above = relative.branch.replace("├", "│").replace("└", " ")
        forks = ("└ ", *("├ " for _ in below.get(relative.run.id, [])[1:]))
        waiting += map(Relative, reversed(below.get(relative.run.id, [])), (above + fork for fork in forks))


def _parent(run: Run) -> str | None:
    """The run whose state this one began with, if that is another one."""
    origin = run.origin
    return None if origin is None or origin.run == run.id else origin.run
