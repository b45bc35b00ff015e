"""Iterators of torch's DataLoader as plain data, and made again from it, without fetching an item twice.

Theory: which batches come follows from the sampler and from the generators' states of two moments (`reload.batches`);
what the items in them are, from the generators in the workers (`worker_states`), or from those of the process. So of
a map-style dataset only the sampler is iterated over again. The batches that the workers had been asked for, and had
not given, are kept as they are. A stream is iterated over again from its beginning, with the same seeds.
"""

import sys
from collections.abc import Callable, Iterable
from itertools import chain, islice
from typing import Any, Final

from livespark.runtime.reload.batches import MANY, MODULE, ONE, TURN, Drawn, Moment, drawn_by, go_on
from livespark.runtime.reload.generators import Generators
from livespark.runtime.reload.owned import generators_of, generators_of_sampler, put_states, states_of
from livespark.runtime.reload.workers import seeded, settings_of, stand_in, transplant
from livespark.runtime.snapshots.items import copy_of, is_plain
from livespark.runtime.snapshots.worker_states import STATES, roles_of

__all__ = (
    "Tell",
    "begin_afresh",
    "can_describe",
    "describe_loader",
    "generators_in",
    "is_loader",
    "made_again",
    "persist_again",
)

_OTHERS: Final = "the random numbers drawn in the DataLoader workers of a {} will be others: {}"
_SHAPE: Final = (
    "the batches of a {} have another size now: the loop goes on after as many batches, which hold other items"
)
_UNKNOWN: Final = "how their generators stand is not known"
_NUMBER: Final = "there is another number of them now"

Tell = Callable[[str], object]


def is_loader(value: Any) -> bool:
    """Whether it is a DataLoader that nobody has changed the iteration of."""
    kind = getattr(sys.modules.get(MODULE), "DataLoader", None)
    return kind is not None and isinstance(value, kind) and type(value).__iter__ is kind.__iter__


def can_describe(value: Any) -> bool:
    """Whether it is an iterator of torch's own kinds that has been observed from its beginning."""
    kinds = {getattr(sys.modules.get(MODULE), name, None) for name in (MANY, ONE)}
    drawn = drawn_by(value) if type(value) in kinds else None
    return drawn is not None and drawn.whole


def describe_loader(iterator: Any, notes: list[str]) -> dict[str, Any]:
    """How the iterator stands, for `made_again`. `notes`: grows by what will not go on exactly."""
    drawn: Any = drawn_by(iterator)
    lost, owed = drawn.lost(iterator), drawn.owed(iterator)
    left = copy_of([*lost, *owed]) if is_plain([*lost, *owed]) else []
    return {
        "kind": "map" if _is_map(iterator) else "stream",
        "given": iterator._num_yielded,
        "drawn": drawn.count - len(lost) - len(owed) + len(left),
        "left": left,
        "began": _as_data(drawn.began),
        "first": drawn.first and _as_data(drawn.first),
        "content": drawn.content,
        "own": states_of(generators_in(iterator)),
        "seed": iterator._base_seed,
        "shape": _shape(iterator),
        "workers": _workers(iterator, drawn, len(lost), notes),
    }


def made_again(source: Any, state: dict[str, Any], skip: int, tell: Tell) -> Any:
    """An iterator that gives what the described one would have given, but for the first `skip` items.

    `source`: the DataLoader, or an iterator of its that has just begun; that one is it then. Raises what the
    sampler and the stream raise. The process's generators are disturbed.
    """
    if state["shape"] != _shape(source):
        tell(_SHAPE.format(type(settings_of(source).dataset).__name__))
        state = {**state, "left": [], "drawn": state["given"]}
    make = _map_again if state["kind"] == "map" else _stream_again
    new = make(source, state, skip, tell)
    put_states(generators_in(source), state["own"])
    new._num_yielded = state["given"] + skip
    new._index_sampler = source._index_sampler
    if is_loader(source):
        if source.persistent_workers:
            source._iterator = new
        return new
    source._num_yielded = new._num_yielded
    transplant(source, new, source._index_sampler)
    return source


def begin_afresh(iterator: Any) -> None:
    """The iterator has just begun, with own generators that have been put back since: it begins once more."""
    drawn, roles = drawn_by(iterator), roles_of(iterator)
    assert drawn is not None
    (roles.asked if roles else drawn.began.generators).restore()
    loader = stand_in(settings_of(iterator), iterator._index_sampler, 0)
    loader.generator = drawn.generator
    transplant(iterator, type(iterator)(loader), iterator._index_sampler)


def persist_again(source: Any, workers: dict[str, Any]) -> None:
    """Give the loader, or its iterator that has just begun, workers that stand as those that it had.

    `workers`: `count`, `seed`, and the `states` after the epochs before.
    """
    settings = settings_of(source)
    if workers["count"] != settings.num_workers or not settings.persistent_workers:
        return
    loader = stand_in(settings, (), workers["seed"])
    setattr(loader, STATES, workers["states"] and list(workers["states"]))
    new = seeded(getattr(sys.modules[MODULE], MANY), loader, workers["seed"])
    new._index_sampler = source._index_sampler
    if is_loader(source):
        source._iterator = new
        return
    roles, drawn = roles_of(source), drawn_by(source)
    transplant(source, new, source._index_sampler)
    if roles:
        roles.asked.restore()
    loader.generator, loader._index_sampler = drawn and drawn.generator, source._index_sampler
    source._num_yielded = 0
    source._reset(loader)


def _map_again(source: Any, state: dict[str, Any], skip: int, tell: Tell) -> Any:
    drawn = _drawn(source, state)
    rest = drawn.draw_again(source._index_sampler)
    put_states(generators_in(source), state["own"])
    new = _begun(source, islice(chain(copy_of(state["left"]), rest), skip, None), state, skip, tell)
    go_on(new, drawn, len(state["left"]) - skip)
    return new


def _begun(source: Any, batches: Iterable[Any], state: dict[str, Any], skip: int, tell: Tell) -> Any:
    """A new iterator over these batches, whose workers go on as those of the described one."""
    settings, workers = settings_of(source), state["workers"]
    name, count = type(settings.dataset).__name__, settings.num_workers
    kind = getattr(sys.modules[MODULE], MANY if count else ONE)
    fits = workers is not None and workers["count"] == count and workers["states"] is not None
    if not count or not fits:
        if (workers["count"] if workers else 0) != count:
            tell(_OTHERS.format(name, _NUMBER))
        return kind(stand_in(settings, batches, state["seed"] + state["given"] + 1))
    loader = stand_in(settings, batches, state["seed"])
    setattr(loader, TURN, (workers["turn"] + skip) % count)
    setattr(loader, STATES, list(workers["states"]))
    return seeded(kind, loader, state["seed"])


def _stream_again(source: Any, state: dict[str, Any], skip: int, tell: Tell) -> Any:
    settings = settings_of(source)
    if bool(state["workers"]) != bool(settings.num_workers):
        tell(_OTHERS.format(type(settings.dataset).__name__, _NUMBER))
    drawn = _drawn(source, state)
    drawn.began.restore(source._index_sampler)
    put_states(generators_in(source), state["content"])
    kind = getattr(sys.modules[MODULE], MANY if settings.num_workers else ONE)
    new = seeded(kind, stand_in(settings, source._index_sampler, state["seed"]), state["seed"])
    next(islice(new, state["given"] + skip, state["given"] + skip), None)
    vars(new)[drawn.NAME] = drawn
    return new


def _workers(iterator: Any, drawn: Drawn, lost: int, notes: list[str]) -> dict[str, Any] | None:
    count = iterator._num_workers
    if not count:
        return None
    given = iterator._rcvd_idx - lost
    roles = roles_of(iterator)
    states = roles.states(given, drawn.turn) if roles else None
    if states is None and (_is_map(iterator) or drawn.later):
        notes.append(_OTHERS.format(type(iterator._dataset).__name__, _UNKNOWN))
    return {"count": count, "turn": (drawn.turn + given) % count, "states": states}


def _shape(source: Any) -> list[Any]:
    size = getattr(source._index_sampler, "batch_size", None)
    return [source._auto_collation, size if isinstance(size, int) else None]


def _is_map(iterator: Any) -> bool:
    kinds = sys.modules[MODULE]._DatasetKind
    return bool(iterator._dataset_kind == kinds.Map)


def generators_in(source: Any) -> dict[str, Any]:
    """The generators of a loader, or of that of an iterator, of its sampler and of its dataset, each once, by path."""
    if not hasattr(source, "_sampler_iter"):
        dataset, collate, generator = source.dataset, source.collate_fn, source.generator
    else:
        drawn = drawn_by(source)
        dataset, collate, generator = source._dataset, source._collate_fn, drawn and drawn.generator
    found = {f"sampler.{path}": each for path, each in generators_of_sampler(source._index_sampler).items()}
    own = {} if generator is None else {"loader": generator}
    found = {**own, **found, **generators_of(dataset, collate)}
    names = {id(generator): name for name, generator in reversed(found.items())}
    return {name: generator for name, generator in found.items() if names[id(generator)] == name}


def _as_data(moment: Moment) -> dict[str, Any]:
    return {"generators": moment.generators.state(), "own": moment.own}


def _moment(state: dict[str, Any]) -> Moment:
    return Moment(Generators.of(state["generators"]), state["own"])


def _drawn(source: Any, state: dict[str, Any]) -> Drawn:
    """The record that the described iterator had, of another loader now."""
    drawn = Drawn(())
    drawn.count = state["drawn"]
    drawn.began, drawn.first = _moment(state["began"]), state["first"] and _moment(state["first"])
    drawn.generator = generators_in(source).get("loader")
    drawn.content = state["content"]
    return drawn
