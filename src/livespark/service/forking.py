"""A new run made of an earlier one: what is submitted in its name, and what it has from there. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import replace

from livespark.protocol.runs import Fork, Reloading, Run, Submit
from livespark.protocol.snapshots import Origin, Snapshotting

__all__ = ("INHERITED", "child_of", "heir_of")

INHERITED: Final = frozenset(
    {
        "retries",
        "restart",
        *(f"reloading.{name}" for name in Reloading.__struct_fields__),
        *(f"snapshots.{name}" for name in Snapshotting.__struct_fields__),
    }
)
"""What a submit may name in `inherits`."""


def child_of(run: Run, submitted: Submit | None, fork: Fork, environment: Mapping[str, str]) -> Submit:
    """`submitted`: as the parent was, if that is still known; its environment is not once the run is settled, and
    `environment` takes its place."""
    parent = submitted or _seen(run)
    return replace(
        parent,
        key=fork.key,
        env=parent.env or {name: text for name, text in environment.items() if _is_text(name + text)},
        name=fork.name or parent.name,
        config=parent.config | fork.config,
        origin=Origin(run.id, fork.snapshot, fork.relation, fresh=fork.fresh),
    )


def heir_of(submit: Submit, parent: Submit | None) -> Submit:
    """The submit with all that it leaves to its parent, if that is still known."""
    for name in submit.inherits if parent else ():
        submit = _with(submit, parent, *name.split("."))
    return replace(submit, inherits=[])


def _with(mine: Any, theirs: Any, field: str, *part: str) -> Any:
    theirs = getattr(theirs, field)
    return replace(mine, **{field: _with(getattr(mine, field), theirs, *part) if part else theirs})


def _seen(run: Run) -> Submit:
    """A run of which only that is known what clients see."""
    return Submit(
        key="",
        entry=run.entry,
        cwd=run.cwd,
        python=run.python,
        env={},
        mode=run.mode,
        name=run.name,
        config=run.config,
        retries=run.retries,
    )


def _is_text(text: str) -> bool:
    """Whether JSON can hold it."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
