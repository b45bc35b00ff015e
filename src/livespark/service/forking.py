"""A new run made of an earlier one: what is submitted in its name. Pure."""

from collections.abc import Mapping

from msgspec.structs import replace

from livespark.protocol.runs import Fork, Run, Submit
from livespark.protocol.snapshots import Origin

__all__ = ("child_of",)


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
