"""The tensors of one moment, copied into host memory. Imported only when the script itself has imported torch.

A tensor of the host that is still what the last snapshot has of it shares that copy, so what is frozen costs memory
once. Else it is copied into memory that an earlier snapshot has left behind, if there is some of its shape: to touch
fresh memory costs several times what the copying does. A copy belongs to all snapshots that share it, and nobody
writes into it before the last of them has been released.
"""

from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final, TypeAlias

import torch

from livespark.runtime.reload.tensors import Copies, Uncopyable, is_plain
from livespark.runtime.snapshots.room import free_memory

__all__ = ("HostCopies",)

_Form: TypeAlias = tuple[torch.dtype, torch.Size, bool]
"""Copies of equal type, shape, and way of being pinned can stand in for each other."""

_SMALL: Final = 64 * 1024**2
_WORTH_SHARING: Final = 16 * 1024
"""Bytes; to copy less is as fast as to compare it."""
_SAMPLES: Final = 64
"""So many numbers from all over a tensor usually tell that it has changed."""


@dataclass(eq=False, slots=True)
class _Kept:
    """A copy, and how many snapshots it belongs to. `waits`: among those that can be written over, or was there."""

    tensor: torch.Tensor
    size: int
    users: int = 1
    waits: bool = False


class _Idle:
    """Copies that belong to no snapshot any more, to be written over: one snapshot's worth of them. Any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: dict[_Form, list[_Kept]] = {}
        self.size = 0

    def take(self, form: _Form) -> _Kept | None:
        """One of this form, for the caller alone."""
        with self._lock:
            waiting = self._waiting.get(form)
            while waiting:
                kept = waiting.pop()
                kept.waits = False
                if not kept.users:
                    kept.users = 1
                    self.size -= kept.size
                    return kept
            return None

    def share(self, kept: _Kept) -> bool:
        """One more snapshot has it. -> False: it is gone."""
        with self._lock:
            if not kept.users:
                if not kept.waits:
                    return False
                self.size -= kept.size
            kept.users += 1
            return True

    def is_alone(self, kept: _Kept) -> bool:
        """Whether the caller's snapshot is the only one that has it."""
        with self._lock:
            return kept.users == 1

    def leave(self, left: list[tuple[_Form, _Kept]], limit: int | None = None) -> None:
        """One snapshot less has them. `limit`: no more bytes than that stay here."""
        with self._lock:
            for form, kept in left:
                kept.users -= 1
                if not kept.users:
                    self.size += kept.size
                    if not kept.waits:
                        kept.waits = True
                        self._waiting.setdefault(form, []).append(kept)
            if limit is not None:
                self._trim(limit)

    def _trim(self, limit: int) -> None:
        for form in list(self._waiting):
            waiting = self._waiting[form]
            while waiting and self.size > limit:
                kept = waiting.pop(0)
                kept.waits = False
                self.size -= 0 if kept.users else kept.size
            if not waiting:
                del self._waiting[form]


def _is_late(tensor: torch.Tensor) -> bool:
    """Whether the copy can be queued on the device, behind the work there."""
    return tensor.is_cuda


class HostCopies(Copies):
    """The copies of one snapshot. Those of a CUDA device are complete only after `wait()`.

    `before`: the snapshot taken before, be it released or not. `size`: bytes of its own copies; `total`: of all.
    `free`: bytes of host memory that there are; asked before more than 64 MB are taken.
    """

    def __init__(
        self,
        before: "HostCopies | None" = None,
        late: Callable[[torch.Tensor], bool] = _is_late,
        free: Callable[[], int] = free_memory,
    ) -> None:
        super().__init__()
        self._is_late = late
        self._free = free
        self._taken = 0
        self._left: int | None = None
        self.size = self.total = 0
        self._idle: _Idle = before._idle if before else _Idle()
        self._earlier: dict[object, _Kept] = before._shareable if before else {}
        self._shareable: dict[object, _Kept] = {}
        self._own: list[tuple[_Form, _Kept]] = []
        self._streams: set[Any] = set()
        self._holders = 1
        self._lock = Lock()

    def wait(self) -> None:
        """All copies are complete; no more are made. Any thread, before the first that reads them."""
        for stream in self._streams:
            stream.synchronize()
        self._streams.clear()
        self._made.clear()
        self._sources.clear()
        self._earlier = {}

    def hold(self) -> None:
        """One more needs the copies until it calls `release`, as whoever made this does from the start. Any thread."""
        with self._lock:
            self._holders += 1

    def release(self) -> None:
        """One less needs the copies. After the last, what no other snapshot shares is written over by later ones."""
        with self._lock:
            self._holders -= 1
            if self._holders:
                return
        self._idle.leave(self._own, limit=self.total)
        self._own = []

    def _make(self, key: tuple[object, ...] | int, tensor: torch.Tensor) -> torch.Tensor:
        if not isinstance(key, tuple):
            tensor = tensor.detach().resolve_conj().resolve_neg()
            if not is_plain(tensor):
                return _odd(tensor)
        late, size = self._is_late(tensor), tensor.nbytes
        form = (tensor.dtype, tensor.shape, late)
        if late or size < _WORTH_SHARING:
            kept = self._fresh(form, tensor, size)
        else:
            kept = self._shareable[key] = self._shared(key, tensor, form) or self._fresh(form, tensor, size)
        self.total += size
        self._own.append((form, kept))
        return kept.tensor

    def _shared(self, key: object, tensor: torch.Tensor, form: _Form) -> _Kept | None:
        """The earlier copy, if the tensor still is what that says, or nobody else needs it."""
        kept = self._earlier.get(key)
        if kept is None or not self._idle.share(kept):
            return None
        if not _is_equal(tensor.detach(), kept.tensor):
            if not self._idle.is_alone(kept):
                self._idle.leave([(form, kept)])
                return None
            kept.tensor.copy_(tensor.detach())
            self.size += kept.size
        return kept

    def _fresh(self, form: _Form, tensor: torch.Tensor, size: int) -> _Kept:
        late = form[-1]
        kept = self._idle.take(form)
        if kept is None:
            self._ask_for(size)
            kept = _Kept(_room(tensor, late), size)
        kept.tensor.copy_(tensor.detach(), non_blocking=late)
        if tensor.is_cuda:
            self._streams.add(torch.cuda.current_stream(tensor.device))
        self.size += size
        return kept

    def _ask_for(self, size: int) -> None:
        """So much more memory is about to be taken. Raises MemoryError while there is still some, for the others."""
        self._taken += size
        if self._taken <= _SMALL:
            return
        if self._left is None:
            self._left = self._free() * 9 // 10 + self._taken - size
        if self._taken > self._left:
            raise MemoryError(f"a copy of the state needs more than the {self._left / 1e9:.1f} GB that are free")


def _room(tensor: torch.Tensor, pinned: bool) -> torch.Tensor:
    """Where no memory can be pinned, other memory does, too, only slower."""
    with torch.inference_mode(False) if torch.is_inference_mode_enabled() else nullcontext():
        if pinned:
            with suppress(RuntimeError):
                return torch.empty(tensor.shape, dtype=tensor.dtype, device="cpu", pin_memory=True)
        return torch.empty(tensor.shape, dtype=tensor.dtype, device="cpu")


def _odd(tensor: torch.Tensor) -> torch.Tensor:
    """A copy that torch makes as it can."""
    with torch.no_grad():
        tensor = tensor.detach()
        copy = tensor.clone() if tensor.device.type == "cpu" else tensor.cpu()
    if copy.is_meta or type(copy).__name__ == "FakeTensor":
        raise Uncopyable("a tensor without content")
    return copy


def _is_equal(tensor: torch.Tensor, kept: torch.Tensor) -> bool:
    """Bit for bit. -> False also if comparing would take longer than copying."""
    if not tensor.is_contiguous() or tensor.storage_offset() * tensor.itemsize % 8:
        return False
    one, other = tensor.view(-1).view(torch.uint8), kept.view(-1).view(torch.uint8)
    end = one.numel() // 8 * 8
    words, kept_words = one[:end].view(torch.int64), other[:end].view(torch.int64)
    step = max(1, words.numel() // _SAMPLES)
    return (
        torch.equal(words[::step], kept_words[::step])
        and torch.equal(words, kept_words)
        and torch.equal(one[end:], other[end:])
    )
