"""DataLoader workers hold the code with which they were started; after an edit that concerns them they are replaced.

Theory: a multi-process iterator has sent some index batches to its workers and not got their items yet; all later
ones it still takes from its sampler's iterator. So it is enough to know the ones that are owed (`batches` notes them as
they are sent), and the same batches come from new workers in the same order, whatever the sampler is. The iterator
stays the same object, with the content of a new one: whoever iterates over it, or holds it for the next epoch
(persistent workers), goes on with it.
"""

import sys
from collections.abc import Set
from itertools import chain
from multiprocessing import get_context
from types import SimpleNamespace
from typing import Any, Final

from livespark.runtime.reload.batches import MANY, MODULE, ONE, drawn_by, go_on, live_iterators, replace_live
from livespark.runtime.reload.reach import Reach

__all__ = ("made_anew", "renew_workers", "seeded", "settings_of", "stand_in", "transplant")


def renew_workers(changed: Set[tuple[str, str]]) -> list[str]:
    """Give new workers to all live iterators whose workers execute any of the `changed` definitions.

    `changed`: (file, qualified name); names of a module's values may be among them. Training thread, after the new code
    has been put in place. The items are those that would have come, from the next one on by the new code; only random
    numbers drawn in workers differ. An IterableDataset is iterated again as far as it has come. -> sentences about
    iterators that go on with their old workers. Raises what the new code raises on the way, and OSError if no process
    can be started; then that iterator goes on with its old workers.
    """
    return [text for iterator in live_iterators() if changed and (text := _renewed(iterator, Reach(changed)))]


def _renewed(iterator: Any, reach: Reach) -> str:
    """-> why the iterator could not be given new workers; empty if it could, or needs none."""
    drawn = drawn_by(iterator)
    if drawn is None or not reach.of(
        [iterator._dataset, iterator._collate_fn, getattr(iterator, "_worker_init_fn", None)]
    ):
        return ""
    drawn.outdated = iterator._num_yielded
    if drawn.failed is not None or not iterator._num_workers or iterator._shutdown:
        return ""
    name = f"the DataLoader workers of a {type(iterator._dataset).__name__}"
    if any(base.__name__ in ("IterDataPipe", "MapDataPipe") for base in type(iterator._dataset).__mro__):
        return f"{name} go on with the old code: data pipes can't be taken up in the middle"
    if not drawn.sent.keys() >= iterator._task_info.keys():
        return f"{name} go on with the old code until the next epoch: they were started before anybody looked"
    transplant(iterator, _again(iterator) if _is_stream(iterator) else _rest(iterator), iterator._index_sampler)
    return ""


def _is_stream(iterator: Any) -> bool:
    """Whether it is in the middle of an IterableDataset, whose workers hold the place."""
    return bool(iterator._task_info) and iterator._dataset_kind == sys.modules[MODULE]._DatasetKind.Iterable


def _rest(iterator: Any) -> Any:
    """A new iterator over what `iterator` has not given yet, in the same order."""
    drawn: Any = drawn_by(iterator)
    owed = drawn.owed(iterator)
    new = made_anew(iterator, settings_of(iterator), chain(owed, iterator._sampler_iter if owed else ()))
    go_on(new, drawn, len(owed))
    return new


def _again(iterator: Any) -> Any:
    """A new iterator over the same stream, with the same seed, brought to where `iterator` is."""
    seed = iterator._base_seed
    new = seeded(type(iterator), stand_in(settings_of(iterator), iterator._index_sampler, seed), seed)
    try:
        for _ in range(iterator._num_yielded):
            next(new, None)
    except BaseException:
        new._shutdown_workers()
        raise
    return new


def seeded(kind: Any, loader: Any, seed: int) -> Any:
    """A new iterator of this kind whose workers have the seed that those of an earlier one had."""
    fixed = property(lambda _: seed, lambda *_: None)
    new = type(kind.__name__, (kind,), {"_base_seed": fixed})(loader)
    new.__class__ = kind
    new._base_seed = seed
    return new


def made_anew(iterator: Any, settings: SimpleNamespace, batches: Any) -> Any:
    """A new iterator with these settings over `batches`, to take the place of `iterator`."""
    kind = type(iterator)
    if bool(settings.num_workers) != bool(iterator._num_workers):
        kind = getattr(sys.modules[MODULE], MANY if settings.num_workers else ONE)
    return kind(stand_in(settings, batches, iterator._base_seed + iterator._num_yielded))


def transplant(iterator: Any, new: Any, sampler: Any) -> None:
    """`iterator` becomes what `new` is, which is left as a shell; `sampler` is that of its next epochs."""
    signals = sys.modules["torch.utils.data._utils.signal_handling"]
    if iterator._num_workers:
        iterator._shutdown_workers()
    content = {**vars(new), "_num_yielded": iterator._num_yielded, "_index_sampler": sampler}
    new.__dict__ = {"_shutdown": True, "_worker_pids_set": False, "_workers": []}
    iterator.__dict__ = content
    if not isinstance(new, type(iterator)):
        iterator.__class__ = type(new)
    replace_live(new, iterator)
    if workers := content.get("_workers"):
        signals._remove_worker_pids(id(new))
        signals._set_worker_pids(id(iterator), tuple(worker.pid for worker in workers))


def settings_of(source: Any) -> SimpleNamespace:
    """What an iterator asks of its DataLoader: from that, or from another iterator as its loader was when it began."""
    is_iterator = hasattr(source, "_dataset")
    workers = getattr(source, "_workers", None)
    method = workers[0]._start_method if workers else None
    context = (get_context(method) if method else None) if is_iterator else source.multiprocessing_context
    settings = {name: getattr(source, f"_{name}" if is_iterator else name, None) for name in _SETTINGS}
    return SimpleNamespace(
        **settings,
        in_order=getattr(source, "_in_order" if is_iterator else "in_order", True),
        multiprocessing_context=context,
        pin_memory_device="",
        _dataset_kind=source._dataset_kind,
        _IterableDataset_len_called=source._IterableDataset_len_called,
        _auto_collation=source._auto_collation,
    )


_SETTINGS: Final = (
    "dataset",
    "drop_last",
    "num_workers",
    "pin_memory",
    "timeout",
    "collate_fn",
    "persistent_workers",
    "prefetch_factor",
    "worker_init_fn",
)


def stand_in(settings: SimpleNamespace, batches: Any, seed: int) -> SimpleNamespace:
    """What stands for a DataLoader in the eyes of a new iterator. `seed`: for its workers' seeds."""
    generator = sys.modules["torch"].Generator().manual_seed(seed % 2**63)
    return SimpleNamespace(**vars(settings), _index_sampler=batches, generator=generator)
