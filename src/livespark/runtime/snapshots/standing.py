"""How the loops in a scope stand, as plain data, and back: in another process, or at an earlier time of this one."""

from collections.abc import Callable, Iterator
from typing import Any

from livespark.runtime.positions import Position, Scope
from livespark.runtime.reload.generators import Generators
from livespark.runtime.snapshots.items import copy_of, is_plain
from livespark.runtime.snapshots.loading import Saved, describe
from livespark.runtime.snapshots.owners import Path

__all__ = ("put_back", "record")


def record(scope: Scope) -> dict[str, Any]:
    """The loops' places and what is needed to take up their iterators. Training thread.

    Dicts, lists, tuples, numbers, texts, bytes, tensors and arrays, which nobody changes later. `notes`: sentences
    about what will not go on exactly.
    """
    notes: list[str] = []
    return {**_scope(scope, notes), "owners": scope.owners.record(set(_open(scope))), "notes": notes}


def put_back(scope: Scope, saved: dict[str, Any], tell: Callable[[str], object] = lambda _: None) -> None:
    """The loops stand as recorded; those that are new are gone. Their code has been left, and runs again.

    Iterators are made when the loops are entered again. `tell` hears then, as sentences, what could not be done
    exactly.
    """
    _put_scope(scope, saved, tell)
    scope.owners.put_back(saved["owners"], tell)


def _put_scope(scope: Scope, saved: dict[str, Any], tell: Callable[[str], object]) -> None:
    scope.forget()
    scope.past = dict(saved["past"])
    for loop in saved["loops"]:
        position = scope.add(loop["key"], loop["occurrence"])
        _put_loop(position, loop, tell)
        _put_scope(position, loop, tell)
        if "start" in loop:
            position.return_to(Generators.of(loop["start"]))


def _open(scope: Scope) -> Iterator[Path]:
    for position in scope.children.values():
        if not position.ended:
            yield position.path
            yield from _open(position)


def _scope(scope: Scope, notes: list[str]) -> dict[str, Any]:
    loops = [_loop(*name, position, notes) for name, position in scope.children.items()]
    return {"past": dict(scope.past), "loops": loops}


def _loop(key: str, occurrence: int, position: Position, notes: list[str]) -> dict[str, Any]:
    iterator, source, saved = position.place()
    begun = position.item is not None and not position.ended
    loop = {
        "key": key,
        "occurrence": occurrence,
        "index": position.index,
        "unfinished": position.unfinished or begun,
        "ended": position.ended,
        **_scope(position, notes),
    }
    if loop["unfinished"] and position.start is not None and not all(each.ended for each in position.children.values()):
        loop["start"] = position.start.state()
    if saved is not None:
        loop["iterator"] = saved.state
    elif iterator is not None and source is not None:
        loop["iterator"] = describe(iterator, source, position.index + begun, notes)
        if begun and source.generators and is_plain(position.item):
            loop["item"] = copy_of(position.item)
    return loop


def _put_loop(position: Position, loop: dict[str, Any], tell: Callable[[str], object]) -> None:
    state = loop.get("iterator")
    position.stand_as_saved(
        loop["index"],
        copy_of(loop.get("item")),
        None if state is None else Saved(state, tell),
        unfinished=loop["unfinished"],
        ended=loop["ended"],
    )
