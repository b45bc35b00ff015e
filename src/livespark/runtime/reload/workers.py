"""DataLoader workers hold the code with which they were started; after an edit that concerns them they are replaced.

Theory: a multi-process iterator has sent some index batches to its workers and not got their items yet; all later
ones it still takes from its sampler's iterator. So it is enough to know the ones that are owed (`record_batches` keeps
them as they are sent), and the same batches come from new workers in the same order, whatever the sampler is. The
iterator stays the same object, with the content of a new one: whoever iterates over it, or holds it for the next epoch
(persistent workers), goes on with it.
"""

import sys
from collections.abc import Set
from itertools import chain
from multiprocessing import get_context
from types import SimpleNamespace
from typing import Any, Final
from weakref import WeakSet

from livespark.runtime.reload.reach import Reach

__all__ = ("record_batches", "renew_workers")

_MODULE: Final = "torch.utils.data.dataloader"
_SENT: Final = "_livespark_sent"
_live: Final[WeakSet[Any]] = WeakSet()
"""The multi-process iterators that have sent something."""


def record_batches() -> None:
    """From now on iterators remember what their workers owe them. Costs a function call per batch.

    To be called when the script has imported torch; until then, and a second time, nothing happens.
    """
    kind = getattr(sys.modules.get(_MODULE), "_MultiProcessingDataLoaderIter", None)
    if kind is not None and "_next_index" not in vars(kind) and hasattr(kind, "_next_index"):
        kind._next_index = _next_index


def renew_workers(changed: Set[tuple[str, str]]) -> list[str]:
    """Give new workers to all live iterators whose workers execute any of the `changed` definitions.

    `changed`: (file, qualified name); names of a module's values may be among them. Training thread, after the new code
    has been put in place. The items are those that would have come, from the next one on by the new code; only random
    numbers drawn in workers differ. An IterableDataset is iterated again as far as it has come. -> sentences about
    iterators that go on with their old workers. Raises what the new code raises on the way, and OSError if no process
    can be started; then that iterator goes on with its old workers.
    """
    return [text for iterator in list(_live) if changed and (text := _renewed(iterator, Reach(changed)))]


def _next_index(self: Any) -> Any:
    """Replaces the method of the same name of torch's iterator."""
    batch = next(self._sampler_iter)
    sent = vars(self).get(_SENT)
    if sent is None:
        sent = vars(self)[_SENT] = {}
        _live.add(self)
    elif len(sent) > 2 * self._prefetch_factor * self._num_workers:
        for index in [index for index in sent if index not in self._task_info]:
            del sent[index]
    sent[self._send_idx] = batch
    return batch


def _renewed(iterator: Any, reach: Reach) -> str:
    """-> why the iterator could not be given new workers; empty if it could, or needs none."""
    if iterator._shutdown or not reach.of([iterator._dataset, iterator._collate_fn, iterator._worker_init_fn]):
        return ""
    name = f"the DataLoader workers of a {type(iterator._dataset).__name__}"
    if any(base.__name__ in ("IterDataPipe", "MapDataPipe") for base in type(iterator._dataset).__mro__):
        return f"{name} go on with the old code: data pipes can't be taken up in the middle"
    if not vars(iterator)[_SENT].keys() >= iterator._task_info.keys():
        return f"{name} go on with the old code until the next epoch: they were started before anybody looked"
    _transplant(iterator, _again(iterator) if _is_stream(iterator) else _rest(iterator))
    return ""


def _is_stream(iterator: Any) -> bool:
    """Whether it is in the middle of an IterableDataset, whose workers hold the place."""
    return bool(iterator._task_info) and iterator._dataset_kind == sys.modules[_MODULE]._DatasetKind.Iterable


def _rest(iterator: Any) -> Any:
    """A new iterator over what `iterator` has not given yet, in the same order."""
    owed = [vars(iterator)[_SENT][index] for index in sorted(iterator._task_info)]
    rest = chain(owed, iterator._sampler_iter if owed else ())
    return type(iterator)(_loader(iterator, rest, iterator._base_seed + iterator._num_yielded))


def _again(iterator: Any) -> Any:
    """A new iterator over the same stream, with the same seed, brought to where `iterator` is."""
    seed = iterator._base_seed
    fixed = property(lambda _: seed, lambda *_: None)
    kind: Any = type(type(iterator).__name__, (type(iterator),), {"_base_seed": fixed})
    new = kind(_loader(iterator, iterator._index_sampler, seed))
    try:
        for _ in range(iterator._num_yielded):
            next(new, None)
    except BaseException:
        new._shutdown_workers()
        raise
    vars(new)["_base_seed"] = seed
    return new


def _transplant(iterator: Any, new: Any) -> None:
    """`iterator` becomes what `new` is, which is left as a shell."""
    signals = sys.modules["torch.utils.data._utils.signal_handling"]
    iterator._shutdown_workers()
    kept = {name: vars(iterator)[name] for name in ("_index_sampler", "_num_yielded")}
    content = {**vars(new), **kept}
    new.__dict__ = {"_shutdown": True, "_worker_pids_set": False, "_workers": []}
    signals._remove_worker_pids(id(new))
    iterator.__dict__ = content
    signals._set_worker_pids(id(iterator), tuple(worker.pid for worker in iterator._workers))
    _live.add(iterator)
    _live.discard(new)


def _loader(iterator: Any, batches: Any, seed: int) -> SimpleNamespace:
    """What an iterator asks of its DataLoader, as that was when `iterator` was made; `seed`: for its workers' seeds."""
    torch, method = sys.modules["torch"], iterator._workers[0]._start_method
    return SimpleNamespace(
        dataset=iterator._dataset,
        _dataset_kind=iterator._dataset_kind,
        _IterableDataset_len_called=iterator._IterableDataset_len_called,
        _auto_collation=iterator._auto_collation,
        drop_last=iterator._drop_last,
        _index_sampler=batches,
        num_workers=iterator._num_workers,
        pin_memory=iterator._pin_memory,
        pin_memory_device="",
        timeout=iterator._timeout,
        collate_fn=iterator._collate_fn,
        generator=torch.Generator().manual_seed(seed % 2**63),
        persistent_workers=iterator._persistent_workers,
        prefetch_factor=iterator._prefetch_factor,
        in_order=getattr(iterator, "_in_order", True),
        multiprocessing_context=get_context(method) if method else None,
        worker_init_fn=iterator._worker_init_fn,
    )
