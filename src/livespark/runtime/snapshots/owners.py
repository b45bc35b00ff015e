"""Random generators of loaders between their loops: another process takes them up, too, and workers that persist.

A loop that stands open goes on with its iterator (`loading`). But an epoch that has ended leaves something behind
for the next one: the generators that loaders, samplers and datasets hold, which the script makes anew when it runs
again. They are put back when the loop is entered for the first time, unless the script does something about them
itself, be it now (they do not stand as they stood when it entered the loop for the very first time) or as a rule
(they stood so again).
"""

import hashlib
import sys
from itertools import islice
from typing import Any, Final, NamedTuple
from weakref import ref

from livespark.runtime.reload.owned import put_states, states_of
from livespark.runtime.snapshots.loaders import (
    Tell,
    begin_afresh,
    can_describe,
    generators_in,
    is_loader,
    persist_again,
)
from livespark.runtime.snapshots.parts import parts_of
from livespark.runtime.snapshots.worker_states import roles_of

__all__ = ("Owners", "Path")

Path = tuple[tuple[str, int], ...]
"""A loop: key and occurrence of each loop around it, and its own."""

_MANY: Final = 64
"""Loops, and generators, of which something is known."""

_DIGEST: Final = 7
"""Bytes: the number is one that JSON holds."""

_BEGUN: Final = (
    "the loader of a {} has begun its epoch before its generators could be put back: the order of this epoch is "
    "another one. It would be the same if the loop got the loader itself"
)
_NOTHING: Final[dict[str, Any]] = {"made": {}, "states": {}, "fixed": [], "workers": None}
_OURS: Final = 2
"""References to an object that nobody else has: `_Held`'s, and that of the function that counts them."""


class Owners:
    """The loaders of the loops of one run. Training thread.

    `_known`: generators by identity; `_fixed`: those of them that the script itself puts into a state.
    """

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}
        self._fixed: set[int] = set()
        self._reruns = 0
        self._tell: Tell = lambda _: None
        self._loops: dict[Path, list[_Loader]] = {}
        self._before: dict[Path, list[dict[str, Any]]] = {}

    def entering(self, path: Path, iterable: Any, *, goes_on: bool) -> None:
        """A loop begins. `goes_on`: it stood open in the process before. Raises what a loader raises that begins."""
        loaders = [part for part in parts_of(iterable) if hasattr(part, "_dataset_kind")]
        if not loaders:
            return
        before = dict(enumerate(self._taken(path)))
        found = [generators_in(loader) for loader in loaders]
        made = {id(one): _digest(_state(one)) for generators in found for one in generators.values()}
        if not goes_on and _put([found[number] for number in before if number < len(found)], before, made):
            for number, loader in enumerate(loaders):
                self._begin_again(loader, before.get(number))
        self._note(found, before, made)
        self._loops.pop(path, None)
        self._loops[path] = [_Loader(*each, self._known) for each in zip(loaders, found, strict=True)]
        _shorten(self._loops)

    def rerun(self) -> None:
        """The script runs again from its top, which makes loaders anew."""
        self._reruns += 1

    def record(self, is_open: set[Path]) -> list[dict[str, Any]]:
        """Plain data for `put_back`. `is_open`: loops that have an iterator."""
        ahead = [{"path": path, "loaders": loaders} for path, loaders in self._before.items()]
        return ahead + [
            {"path": path, "loaders": [self._describe(loader, path in is_open) for loader in loaders]}
            for path, loaders in self._loops.items()
        ]

    def put_back(self, saved: list[dict[str, Any]], tell: Tell) -> None:
        """The loaders that are still there stand as recorded, at once; others when their loops are entered.

        `tell` hears then what could not be done exactly.
        """
        self._tell = tell
        self._before = {tuple((key, number) for key, number in loop["path"]): loop["loaders"] for loop in saved}
        for path, states in self._before.items():
            for loader, state in zip(self._loops.get(path, []), states, strict=False):
                put_states(loader.generators(), state["states"])

    def _taken(self, path: Path) -> list[dict[str, Any]]:
        """What was recorded of this loop, or else of the last one of its key that stood there."""
        same = [other for other in self._before if other[:-1] == path[:-1] and other[-1][0] == path[-1][0]]
        found = path if path in same else max(same, default=None)
        return [] if found is None else self._before.pop(found)

    def _begin_again(self, loader: Any, before: dict[str, Any] | None) -> None:
        if before is not None and before["workers"] is not None:
            persist_again(loader, before["workers"])
        elif can_describe(loader):
            begin_afresh(loader)
        elif hasattr(loader, "_sampler_iter"):
            self._tell(_BEGUN.format(type(loader._dataset).__name__))

    def _note(self, found: list[dict[str, Any]], before: dict[int, dict[str, Any]], made: dict[int, int]) -> None:
        noted: set[int] = set()
        for number, generators in enumerate(found):
            earlier = before.get(number, _NOTHING)
            for name, generator in generators.items():
                if id(generator) not in noted:
                    noted.add(id(generator))
                    self._note_one(name, generator, made[id(generator)], earlier["made"].get(name))
                if name in earlier["fixed"]:
                    self._fixed.add(id(generator))
        _shorten(self._known)

    def _note_one(self, name: str, generator: Any, made: int, earlier: int | None) -> None:
        known = self._known.get(id(generator))
        if known is None or known.reference() is not generator:
            like = any(each[1:] == (made, name, self._reruns) for each in self._known.values())
            first = made if earlier is None else earlier
            self._known[id(generator)] = _Known(_reference(generator), first, name, self._reruns)
            self._fixed.discard(id(generator))
        else:
            like = known.made == made and known.rerun == self._reruns
        if like:
            self._fixed.add(id(generator))

    def _describe(self, loader: "_Loader", is_open: bool) -> dict[str, Any]:
        alive = {name: each for name, each in loader.generators().items() if id(each) in self._known}
        return {
            "made": {name: self._known[id(each)].made for name, each in alive.items()},
            "states": states_of({name: each for name, each in alive.items() if id(each) not in self._fixed}),
            "fixed": [name for name, each in alive.items() if id(each) in self._fixed],
            "workers": None if is_open else loader.workers(),
        }


class _Known(NamedTuple):
    """A generator. `made`: how it stood when a loop was entered with it for the first time; in which `rerun` of the
    script that was."""

    reference: Any
    made: int
    name: str
    rerun: int


class _Loader:
    """What a loop was entered with; nothing lives longer for it."""

    def __init__(self, source: Any, generators: dict[str, Any], known: dict[int, _Known]) -> None:
        self._source = ref(source)
        self._references = {name: known[id(generator)].reference for name, generator in generators.items()}

    def generators(self) -> dict[str, Any]:
        """Those that are still there, by name."""
        return {name: found for name, reference in self._references.items() if (found := reference()) is not None}

    def workers(self) -> dict[str, Any] | None:
        """How the workers stand when they have made all they were asked for; None if they do not persist."""
        source = self._source()
        iterator = getattr(source, "_iterator", None) if is_loader(source) else source
        roles = roles_of(iterator) if getattr(iterator, "_persistent_workers", False) else None
        if iterator is None or roles is None or not can_describe(iterator):
            return None
        return {"count": iterator._num_workers, "seed": iterator._base_seed, "states": roles.all_done(iterator)}


class _Held:
    """A reference to what has no weak ones: to nothing, when nobody else has another."""

    def __init__(self, generator: Any) -> None:
        self._generator = generator

    def __call__(self) -> Any:
        return self._generator if sys.getrefcount(self._generator) > _OURS else None


def _reference(generator: Any) -> Any:
    try:
        return ref(generator)
    except TypeError:
        return _Held(generator)


def _put(found: list[dict[str, Any]], before: dict[int, dict[str, Any]], made: dict[int, int]) -> bool:
    """Put the generators back that the script has not done anything about. -> whether something is different now."""
    different = False
    for generators, saved in zip(found, before.values(), strict=False):
        saved_now = generators.keys() & saved["states"].keys()
        untouched = {name: generators[name] for name in saved_now if saved["made"][name] == made[id(generators[name])]}
        put_states(untouched, saved["states"])
        different = different or bool(untouched) or saved["workers"] is not None
    return different


def _shorten(kept: dict[Any, Any]) -> None:
    for old in list(islice(kept, max(0, len(kept) - _MANY))):
        del kept[old]


def _state(generator: Any) -> Any:
    return states_of({"": generator})[""]


def _digest(state: Any) -> int:
    return int.from_bytes(hashlib.blake2b(_bytes(state), digest_size=_DIGEST).digest())


def _bytes(state: Any) -> bytes:
    if isinstance(state, dict):
        return b"".join(key.encode() + _bytes(part) for key, part in sorted(state.items()))
    if isinstance(state, sys.modules["torch"].Tensor):
        return bytes(state.tolist())
    return state.tobytes() if hasattr(state, "tobytes") else repr(state).encode()
