"""The live line at the foot of the terminal: what a run shows now, in so many cells. No I/O.

    epoch 3/200 ▕███  ▏ batch 211/468   loss 0.213   1,840 steps/s   0:41 left in epoch        running

Where it gets narrow, the least important parts go first; the state is never dropped. Inner loops that take less than
two seconds only flicker, and are left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from livespark.cli.figures import cell_width, cut, duration, number, rate
from livespark.cli.plain import plain
from livespark.protocol.lifecycle import RunState
from livespark.protocol.live import Loop

__all__ = ("Picture", "render")

_GAP: Final = "   "
_BAR: Final = 10
_MOVING: Final = (RunState.RUNNING, RunState.PAUSING, RunState.STOPPING)
_BRIEF: Final = 2.0
_PARTIAL: Final = " ▏▎▍▌▋▊▉"


@dataclass
class Picture:
    """What there is to show."""

    state: RunState = RunState.QUEUED
    step: int | None = None
    loops: list[Loop] = field(default_factory=list)
    metrics: Mapping[str, float] = field(default_factory=dict)
    steps_per_second: float | None = None
    saved: str = ""
    trouble: str = ""


class _Part(NamedTuple):
    importance: int
    text: str


def render(picture: Picture, width: int, *, ascii_only: bool = False) -> str:
    """One line of at most `width` cells."""
    state = plain(picture.trouble or picture.state.value)
    parts = [_Part(part.importance, plain(part.text)) for part in _parts(picture, ascii_only) if part.text]
    while parts and _width(parts) + len(_GAP) + cell_width(state) + 2 > width:
        parts.remove(min(reversed(parts), key=lambda part: part.importance))
    left = cut("  " + _GAP.join(part.text for part in parts), width)
    room = width - cell_width(left)
    return left + " " * max(0, room - cell_width(state)) + cut(state, max(0, room))


def _parts(picture: Picture, ascii_only: bool) -> list[_Part]:
    moving = picture.state in _MOVING
    shown = sorted(picture.metrics, key=lambda name: "loss" not in name.lower())[:3]
    return [
        _Part(9, _progress(picture, ascii_only)),
        *(_Part(8 - 2 * place, f"{name} {number(picture.metrics[name])}") for place, name in enumerate(shown)),
        _Part(5, f"{rate(picture.steps_per_second)} steps/s" if moving and picture.steps_per_second else ""),
        _Part(1, f"saved {picture.saved}" if picture.saved else ""),
        _Part(7, _left(_lasting(picture.loops)) if moving else ""),
    ]


def _progress(picture: Picture, ascii_only: bool) -> str:
    if not picture.loops:
        return "" if picture.step is None else f"step {picture.step:,}"
    *outer, inner = _lasting(picture.loops)
    texts = [_position(loop, loop.index + 1) for loop in outer]
    bar = [_bar(inner, ascii_only)] if inner.total else []
    return " ".join([*texts, *bar, _position(inner, inner.index)])


def _lasting(loops: list[Loop]) -> list[Loop]:
    """The loops down to the first whose items pass quickly: one within it is over before it can be read."""
    quick = (place for place, loop in enumerate(loops, 1) if loop.rate and loop.rate * _BRIEF > 1.0)
    return loops[: next(quick, len(loops))]


def _position(loop: Loop, index: int) -> str:
    return f"{loop.key} {index:,}" if loop.total is None else f"{loop.key} {min(index, loop.total):,}/{loop.total:,}"


def _bar(loop: Loop, ascii_only: bool) -> str:
    eighths = round(min(1.0, loop.index / (loop.total or 1)) * _BAR * 8)
    full, rest = divmod(eighths, 8)
    if ascii_only:
        return f"[{'#' * full:<{_BAR}}]"
    return f"▕{'█' * full + (_PARTIAL[rest] if rest else ''):<{_BAR}}▏"


def _left(loops: list[Loop]) -> str:
    """The time left in the innermost loop, named by the loop around it."""
    inner = loops[-1] if loops else None
    if inner is None or inner.total is None or not inner.rate:
        return ""
    left = f"{duration((inner.total - inner.index) / inner.rate)} left"
    return f"{left} in {inner.parent}" if inner.parent else left


def _width(parts: list[_Part]) -> int:
    return sum(cell_width(part.text) for part in parts) + len(_GAP) * (len(parts) - 1)
