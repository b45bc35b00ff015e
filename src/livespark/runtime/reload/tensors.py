"""The content of tensors, kept and put back. Imported only when the script itself has imported torch.

A gradient is kept as numbers and by a weak reference: most loops make new ones at each step, and those of then would
otherwise stay in the device's memory for as long as somebody remembers that step.
"""

import weakref
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import torch

if TYPE_CHECKING:
    from livespark.runtime.reload.memory import Copying

__all__ = ("Copies", "Uncopyable", "attributes", "has_memory", "is_kept", "is_plain", "keep", "keep_grad", "once")

_Restore: TypeAlias = Callable[[], object]

_PLAIN: Final = frozenset({torch.Tensor, torch.nn.Parameter})
_HOST_IS_FULL: Final = "DefaultCPUAllocator"
"""In what torch raises, a plain RuntimeError, when the host has no memory left."""


class Uncopyable(Exception):
    """Says what the tensor is, that it can't be copied."""


class Copies:
    """The copies of one moment, each where its tensor is. Tensors that are the same piece of memory share one."""

    def __init__(self) -> None:
        self._made: dict[tuple[object, ...] | int, torch.Tensor] = {}
        self._sources: list[torch.Tensor] = []
        """They live as long as their addresses stand for them."""

    def copy(self, tensor: torch.Tensor) -> torch.Tensor:
        """Nobody else will change it; of the same shape. Training thread.

        Raises Uncopyable; MemoryError or torch.OutOfMemoryError where there is no room.
        """
        try:
            key = _key(tensor)
            if key not in self._made:
                self._made[key] = self._make(key, tensor)
                self._sources.append(tensor)
            return self._made[key]
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, NotImplementedError) as error:
            if _HOST_IS_FULL in str(error):
                raise MemoryError(str(error)) from None
            raise Uncopyable(f"a tensor that torch can't copy ({error!s:.100})") from None

    def _make(self, _key: tuple[object, ...] | int, tensor: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            if is_plain(tensor) and 0 in tensor.stride():
                return tensor[once(tensor)].clone().expand(tensor.shape)
            return tensor.detach().clone()


def is_plain(tensor: torch.Tensor) -> bool:
    """Whether the tensor is nothing but numbers in memory, as its dtype, shape and strides say."""
    return (
        type(tensor) in _PLAIN
        and tensor.layout is torch.strided
        and not (tensor.is_quantized or tensor.is_nested or tensor.is_conj() or tensor.is_neg())
    )


def has_memory(tensor: torch.Tensor) -> bool:
    """Whether the numbers of a plain tensor are there: FSDP, for one, gives memory back that it needs again later.

    Torch itself reads and writes beyond the end of such memory.
    """
    storage, offset = tensor.untyped_storage().nbytes(), tensor.storage_offset() * tensor.itemsize
    if storage >= offset + tensor.nbytes or not tensor.numel():
        return True
    last = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    return storage >= offset + (last + 1) * tensor.itemsize


def _part_here(tensor: torch.Tensor) -> torch.Tensor:
    """Of a tensor that is spread over processes the part that this one has, the same memory; else the tensor."""
    if type(tensor) in _PLAIN or not hasattr(tensor, "to_local"):
        return tensor
    with torch.no_grad():
        part: torch.Tensor = tensor.to_local()
        return part


def once(tensor: torch.Tensor) -> tuple[slice, ...]:
    """An index that picks each element of an expanded tensor once: the repeated ones are the same memory."""
    return tuple(slice(1) if stride == 0 else slice(None) for stride in tensor.stride())


def is_kept(value: object) -> bool:
    """Whether the value is one for `keep`."""
    return isinstance(value, torch.Tensor | torch.Generator)


def keep(value: Any, copies: "Copying") -> _Restore | None:
    """Copy the content. -> what puts it back; None: there is none. Raises as `Copies.copy` does."""
    if isinstance(value, torch.Generator):
        return partial(value.set_state, value.get_state())
    if value.is_meta or (is_plain(value) and not has_memory(value)):
        return None
    if torch.nn.parameter.is_lazy(value):
        raise Uncopyable("a lazy parameter without content")
    return _Content(value, copies)


def keep_grad(value: Any, copies: "Copying") -> _Restore | None:
    """Copy the gradient. -> what puts it back, the same object if that still lives. Raises as `Copies.copy` does."""
    if not isinstance(value, torch.Tensor) or not value.is_leaf or value.grad is None or value.grad.is_meta:
        return None
    return partial(_restore_grad, value, weakref.ref(value.grad), _Form(value.grad, copies))


def attributes(value: Any) -> dict[str, Any] | None:
    """What the script has put on a tensor."""
    return getattr(value, "__dict__", None) if isinstance(value, torch.Tensor) else None


class _Form:
    """What is kept of a tensor. `_stride`: None for an odd one. `_kept` may be on another device."""

    __slots__ = ("_device", "_kept", "_requires_grad", "_stride")

    def __init__(self, tensor: torch.Tensor, copies: "Copying") -> None:
        part = _part_here(tensor)
        self._kept: torch.Tensor = copies.copy(part)
        self._device = part.device
        self._stride = part.stride() if is_plain(part) else None
        self._requires_grad = tensor.requires_grad

    def made(self) -> torch.Tensor:
        """A new tensor of this content, where the old one was."""
        kept, stride = self._kept, self._stride
        if stride is None or 0 in stride:
            return kept.to(self._device, copy=True)
        return torch.empty_strided(kept.shape, stride, dtype=kept.dtype, device=self._device).copy_(kept)

    def put_into(self, tensor: torch.Tensor) -> None:
        """In place where the shape is still the same; else it, still the same object, gets memory of its own."""
        part = _part_here(tensor)
        if is_plain(part) and not has_memory(part):
            return
        if self._fits(part) and _is_simple(part):
            part.detach().copy_(self._kept)
        else:
            self._put_into(part)
        if tensor.requires_grad != self._requires_grad and tensor.is_leaf:
            tensor.requires_grad_(self._requires_grad)

    def _put_into(self, tensor: torch.Tensor) -> None:
        with torch.inference_mode(tensor.is_inference()), torch.no_grad():
            if not self._fits(tensor):
                tensor.data = self.made()
            elif tensor.layout is not torch.strided:
                tensor.copy_(self._kept.to(tensor.device))
            else:
                tensor[once(tensor)].copy_(self._kept[once(tensor)])

    def _fits(self, tensor: torch.Tensor) -> bool:
        kept = self._kept
        return (
            tensor.shape == kept.shape
            and tensor.dtype is kept.dtype
            and tensor.layout is kept.layout
            and tensor.device == self._device
        )


class _Content(_Form):
    """Puts a tensor back, when it is called. One that had no gradient has none then."""

    __slots__ = ("_has_grad", "_tensor")

    def __init__(self, tensor: torch.Tensor, copies: "Copying") -> None:
        super().__init__(tensor, copies)
        self._tensor = tensor
        self._has_grad = tensor.is_leaf and tensor.grad is not None

    def __call__(self) -> None:
        tensor = self._tensor
        self.put_into(tensor)
        if not self._has_grad and tensor.is_leaf and tensor.grad is not None:
            tensor.grad = None


def _is_simple(tensor: torch.Tensor) -> bool:
    """Whether writing into it needs no care: most tensors, and nothing for them but the copying takes time."""
    return (
        type(tensor) in _PLAIN
        and tensor.is_contiguous()
        and not (tensor.is_inference() or torch.is_inference_mode_enabled() or 0 in tensor.stride())
    )


def _key(tensor: torch.Tensor) -> tuple[object, ...] | int:
    """What stands for the piece of memory, as long as the tensor lives; for an odd tensor an int."""
    if not is_plain(tensor):
        return id(tensor)
    return (tensor.device, tensor.data_ptr() or id(tensor), tensor.dtype, tensor.shape, tensor.stride())


def _restore_grad(tensor: torch.Tensor, held: "weakref.ref[torch.Tensor]", form: _Form) -> None:
    if not tensor.is_leaf:
        return
    grad = held()
    if grad is None and tensor is not _part_here(tensor):
        grad = torch.empty_like(tensor.detach())
        form.put_into(grad)
    elif grad is None:
        grad = form.made()
    else:
        form.put_into(grad)
    if tensor.grad is not grad:
        tensor.grad = grad
