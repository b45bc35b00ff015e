"""What keeps a place of its own: an iterable with `state_dict` and `load_state_dict`, such as torchdata's loader."""

import gc
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from livespark.runtime.reload.workers import transplant

__all__ = ("is_stateful", "load", "state_of")


def is_stateful(value: Any) -> bool:
    """Whether it can be asked for its place: by itself, or because it is an iterator of such a loader."""
    return hasattr(value, "state_dict") and (hasattr(value, "load_state_dict") or hasattr(value, "_dataset_kind"))


def state_of(value: Any) -> Any:
    """Its place, which nobody changes later. Raises what its own method raises."""
    return deepcopy(value.state_dict())


def load(source: Any, state: Any) -> Iterator[Any]:
    """`source` takes this place. -> its iterator; an iterator of a loader, that has just begun, becomes that itself."""
    is_iterator = hasattr(source, "_sampler_iter")
    loader = (_owner_of(source) if is_iterator else None) or source
    loader.load_state_dict(deepcopy(state))
    new: Any = iter(loader)
    if is_iterator and new is not source:
        given = new._num_yielded
        transplant(source, new, new._index_sampler)
        source._num_yielded = given
        loader._iterator = new = source
    iterator: Iterator[Any] = new
    return iterator


def _owner_of(iterator: Any) -> Any:
    """The loader that has made this iterator; None if there is none any more."""
    holders = [each for each in gc.get_referrers(iterator) if each is not iterator]
    for holder in [*holders, *(one for each in holders if isinstance(each, dict) for one in gc.get_referrers(each))]:
        if hasattr(holder, "load_state_dict") and getattr(holder, "_iterator", None) is iterator:
            return holder
    return None
