"""The random generators in the workers of a DataLoader: known at each of their items, and put back into new workers.

Theory: a worker makes its items one after the other, in advance. So what counts at a snapshot is not how its generators
stand, but how they stood when it had made the last item that was given. After each item it writes them into one
of a few slots of memory that it shares with the main process, in turn; there are more slots than items made in advance,
and the main process knows which item of whom it has given. It reads them at a snapshot only.
"""

import pickle
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, Final, NamedTuple

from livespark.runtime.reload.batches import MANY, MODULE, drawn_by, record_batches
from livespark.runtime.reload.generators import Generators, capture
from livespark.runtime.reload.owned import generators_of, put_states, states_of

__all__ = ("STATES", "States", "record_workers", "roles_of")

STATES: Final = "_livespark_states"
"""Attribute of what stands for a DataLoader: how the generators of each new worker stand."""

States = list[dict[str, Any] | None]
"""One for each worker, plain data; None for a worker that has not begun, or is to begin anew."""

_NAME: Final = "_livespark_roles"
_ROOM: Final = 32 * 1024
"""Bytes of one slot."""


class Slots(NamedTuple):
    """Shared memory of all workers. `heads`: [workers, slots, 2] int64: of which item, counted from 1, and how many
    bytes; `bodies`: [workers, slots, room] uint8."""

    heads: Any
    bodies: Any

    @classmethod
    def new(cls, workers: int, slots: int) -> "Slots":
        """Slots that child processes share."""
        torch = sys.modules["torch"]
        heads = torch.zeros((workers, slots, 2), dtype=torch.int64).share_memory_()
        return cls(heads, torch.empty((workers, slots, _ROOM), dtype=torch.uint8).share_memory_())

    def write(self, worker: int, count: int, content: bytes) -> None:
        """This worker stands so after item `count`. Content that has no room is left out, not the fact."""
        slot = count % self.heads.shape[1]
        if len(content) <= _ROOM:
            source = sys.modules["torch"].frombuffer(bytearray(content), dtype=self.bodies.dtype)
            self.bodies[worker, slot, : len(content)] = source
        self.heads[worker, slot] = sys.modules["torch"].tensor([count, len(content)])

    def read(self, worker: int, count: int) -> bytes | None:
        """What the worker wrote after item `count`; None if that is not there."""
        slot = count % self.heads.shape[1]
        found, size = self.heads[worker, slot].tolist()
        if found != count or size > _ROOM:
            return None
        return bytes(self.bodies[worker, slot, :size].tolist())


class Roles:
    """What the main process knows of the workers of one iterator. `asked`: the generators when the loader was asked
    for the iterator. `done`: items that each worker has made in earlier epochs."""

    def __init__(self, slots: Slots, before: States) -> None:
        self.asked = capture()
        self._slots = slots
        self._before = before
        self._done = [0] * len(before)

    def end_epoch(self, sent: int, turn: int) -> None:
        """An epoch in which `sent` batches went to the workers, the first to worker `turn`, is over."""
        self._done = self._counts(sent, turn)

    def states(self, given: int, turn: int) -> States | None:
        """How each worker stood when it had made the last of its items among the `given` ones; None if that is not
        known."""
        states: States = []
        for worker, count in enumerate(self._counts(given, turn)):
            content = self._slots.read(worker, count) if count else b""
            if content is None:
                return None
            states.append(pickle.loads(content) if count else self._before[worker])  # noqa: S301 - our own workers'
        return states

    def all_done(self, iterator: Any) -> States | None:
        """How each worker stands when it has made all it was asked for in the epoch that is over."""
        drawn = drawn_by(iterator)
        return self.states(iterator._send_idx, drawn.turn) if drawn else None

    def _counts(self, tasks: int, turn: int) -> list[int]:
        workers = len(self._done)
        return [
            done + (tasks + workers - 1 - (worker - turn) % workers) // workers
            for worker, done in enumerate(self._done)
        ]


class Recorder:
    """A `worker_init_fn`: the script's own, and then the worker's generators are put back, and written down from
    now on.

    Pickled into workers that are spawned.
    """

    def __init__(self, init: Callable[[int], object] | None, slots: Slots, states: States) -> None:
        self._init, self._slots, self._states = init, slots, states

    def __call__(self, worker: int) -> None:
        if self._init is not None:
            self._init(worker)
        self._worker = worker
        self._count = 0
        self._dataset = sys.modules["torch.utils.data"].get_worker_info().dataset
        kind = sys.modules[MODULE]._DatasetKind
        self._create = kind.create_fetcher
        kind.create_fetcher = staticmethod(self._create_fetcher)

    def _create_fetcher(self, kind: Any, dataset: Any, auto_collation: bool, collate: Any, drop_last: bool) -> Any:
        """torch's function: at the worker's start, and at that of each further epoch; for other loaders in it, too."""
        fetcher = self._create(kind, dataset, auto_collation, collate, drop_last)
        if dataset is self._dataset:
            self._own = generators_of(dataset, collate)
            self._put_back()
            fetcher.fetch = self._recorded(fetcher.fetch)
        return fetcher

    def _put_back(self) -> None:
        state, self._states[self._worker] = self._states[self._worker], None
        if state is not None:
            Generators.of(state["generators"]).restore()
            put_states(self._own, state["own"])

    def _recorded(self, fetch: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def fetch_and_record(batch: Any) -> Any:
            try:
                return fetch(batch)
            finally:
                self._count += 1
                content = {"generators": capture().state(), "own": states_of(self._own)}
                self._slots.write(self._worker, self._count, pickle.dumps(content, 5))

        return fetch_and_record


class _WithRecorder:
    """A DataLoader with another `worker_init_fn`."""

    def __init__(self, loader: Any, recorder: Recorder) -> None:
        self._loader = loader
        self.worker_init_fn = recorder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


def record_workers() -> None:
    """From now on the workers of new iterators over map-style datasets write down how their generators stand.

    Costs them about 0.1 ms per item, and 32 KiB of shared memory for each item made in advance. To be called when the
    script has imported torch's loaders; until then, and a second time, nothing happens.
    """
    record_batches()
    kind = getattr(sys.modules.get(MODULE), MANY, None)
    if kind is not None and not hasattr(kind, _NAME):
        setattr(kind, _NAME, None)
        kind.__init__ = _recording(kind.__init__)
        kind._reset = _counting(kind._reset)


def roles_of(iterator: Any) -> Roles | None:
    """What is known of an iterator's workers; None if nobody looks."""
    found: Roles | None = vars(iterator).get(_NAME)
    return found


def _recording(begin: Callable[..., None]) -> Callable[..., None]:
    """Replaces `__init__` of torch's multi-process iterator."""

    @wraps(begin)
    def record_and_begin(self: Any, loader: Any) -> None:
        if not _is_recorded(loader):
            begin(self, loader)
            return
        try:
            slots = Slots.new(loader.num_workers, loader.prefetch_factor + 2)
        except (RuntimeError, OSError):  # no room in /dev/shm: each snapshot says what it lacks
            begin(self, loader)
            return
        states = getattr(loader, STATES, None) or [None] * loader.num_workers
        vars(self)[_NAME] = Roles(slots, states)
        begin(self, _WithRecorder(loader, Recorder(loader.worker_init_fn, slots, states)))
        self._worker_init_fn = loader.worker_init_fn

    return record_and_begin


def _counting(reset: Callable[..., None]) -> Callable[..., None]:
    """Replaces `_reset`, with which each epoch of persistent workers begins."""

    @wraps(reset)
    def count_and_reset(self: Any, *args: Any, **options: Any) -> None:
        roles, drawn = roles_of(self), drawn_by(self)
        if roles and drawn and hasattr(self, "_send_idx"):
            roles.end_epoch(self._send_idx, drawn.turn)
        reset(self, *args, **options)

    return count_and_reset


def _is_recorded(loader: Any) -> bool:
    """Whether the main process can tell whose items it has given, and of a dataset that holds no place of its own."""
    kinds = {base.__name__ for base in type(loader.dataset).__mro__}
    is_map = loader._dataset_kind == sys.modules[MODULE]._DatasetKind.Map
    return is_map and getattr(loader, "in_order", True) and "MapDataPipe" not in kinds and loader.num_workers > 0
