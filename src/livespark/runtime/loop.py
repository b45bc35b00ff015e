"""`spark.loop`: iteration with a checkpoint between items, and a position that outlives a reload.

How a loop was left decides where it goes on. Closing a generator does not tell whether the loop over it was left by
`break` or by an exception; the consumer's current instruction does (`_broken`): `break` and `return` pop the
iterator, an exception unwinds at the instruction that raised. In between may stand generators that wrap ours; those
are closed at their `yield`.
"""

import sys
from collections.abc import Iterable, Iterator
from opcode import opmap
from types import FrameType
from typing import Final, TypeVar

from livespark.errors import UsageError
from livespark.runtime.core import Core
from livespark.runtime.positions import OnError, Position

__all__ = ("Loops",)

_T = TypeVar("_T")
_POPS: Final = frozenset(opmap[name] for name in ("POP_TOP", "POP_ITER") if name in opmap)
_YIELDS: Final = frozenset(opmap[name] for name in ("YIELD_VALUE", "RESUME"))


class Loops:
    """The loops of this process."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def loop(
        self, key: str, iterable: Iterable[_T], total: int | None = None, *, on_error: OnError = "again"
    ) -> Iterator[_T]:
        """Iterate over `iterable` with a checkpoint between items.

        The position is kept under `key`: after a hard reload the loop goes on with its next item, a loop around it
        with its current one; inner positions belong to the outer item. The live iterator goes on; a `range` is
        taken anew from the position, so that it can be made longer. `break` ends the loop. After an exception the
        item is done again, or with `on_error="skip"` left out. `total` is the number of items, where
        `len(iterable)` does not tell.
        """
        if not isinstance(key, str) or not key:
            raise UsageError(f"loop: the key must be a text that is not empty; got {key!r:.60}")
        if on_error not in ("again", "skip"):
            raise UsageError(f'loop({key!r}, ...): on_error is "again" or "skip"; got {on_error!r:.60}')
        if not self._core.is_mine():
            return iter(iterable)
        return self._items(key, iterable, _length(iterable) if total is None else total, on_error)

    def _items(self, key: str, iterable: Iterable[_T], total: int | None, on_error: OnError) -> Iterator[_T]:
        core = self._core
        position = self._open(key, total, on_error)
        attends = False
        try:
            core.reload.entering(position)
            items = position.items(iterable)
            del iterable  # where a live iterator goes on, a new one that it contains has workers of its own
            for position.item in items:
                if position.starts:
                    position.note_start()
                yield position.item
                position.item = None
                position.index += 1
                if position.seen:
                    position.forget()
                if core.pending:
                    attends = True
                    core.attend(boundary=True)
                    attends = False
            position.exhaust()
        except GeneratorExit:
            position.leave(broken=_broken(sys._getframe().f_back))
            raise
        except BaseException as error:
            if not attends:
                position.note_failure(error)
            raise
        finally:
            self._close(position)

    def _open(self, key: str, total: int | None, on_error: OnError) -> Position:
        self._core.note_explicit()
        level = self._core.levels[-1]
        position = level.innermost.enter(key)
        position.parent = level.open[-1].key if level.open else ""
        position.total, position.on_error = total, on_error
        level.open.append(position)
        return position

    def _close(self, position: Position) -> None:
        for level in self._core.levels:
            if position in level.open:
                level.open.remove(position)


def _length(iterable: Iterable[object]) -> int | None:
    try:
        return len(iterable)  # type: ignore[arg-type]
    except (TypeError, NotImplementedError):
        return None


def _broken(frame: FrameType | None) -> bool:
    """Whether the loop over a generator that is being closed from `frame` was left by `break` or `return`."""
    while frame is not None:
        instruction = frame.f_code.co_code[frame.f_lasti]
        if instruction not in _YIELDS:
            return instruction in _POPS
        frame = frame.f_back
    return False
