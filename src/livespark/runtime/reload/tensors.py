"""The content of tensors, kept and put back. Imported only when the script itself has imported torch."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

import torch

__all__ = ("Copies", "Uncopyable", "is_kept", "keep", "parts")

Copies: TypeAlias = dict[object, torch.Tensor]
"""The copies made so far by what they are copies of: tensors that are the same piece of memory share one."""


class Uncopyable(Exception):
    """Says what the tensor is, that it can't be copied."""


def is_kept(value: object) -> bool:
    """Whether the value is one for `keep`."""
    return isinstance(value, torch.Tensor | torch.Generator)


def keep(value: Any, copies: Copies) -> Iterator[Callable[[], object]]:
    """Copy the content where it is. -> what puts it back. Raises Uncopyable; what the device raises without room."""
    if isinstance(value, torch.Generator):
        yield partial(value.set_state, value.get_state())
        return
    if value.is_meta:
        return
    if torch.nn.parameter.is_lazy(value):
        raise Uncopyable("a lazy parameter without content")
    yield partial(_restore, value, _copied(value, copies), value.requires_grad)
    if value.is_leaf:
        yield partial(_restore_grad, value, value.grad)


def parts(value: Any) -> Iterator[tuple[str, Any]]:
    """What hangs on a tensor: its gradient, and what the script has put there."""
    if isinstance(value, torch.Tensor):
        if value.is_leaf and value.grad is not None:
            yield "grad", value.grad
        if attributes := getattr(value, "__dict__", None):
            yield "__dict__", attributes


def _copied(tensor: torch.Tensor, copies: Copies) -> torch.Tensor:
    key = _key(tensor)
    if key not in copies:
        try:
            with torch.no_grad():
                copies[key] = _without_repeats(tensor.detach()).clone()
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, NotImplementedError) as error:
            raise Uncopyable(f"a tensor that torch can't copy ({error!s:.100})") from None
    return copies[key]


def _key(tensor: torch.Tensor) -> object:
    if type(tensor) not in (torch.Tensor, torch.nn.Parameter) or tensor.layout is not torch.strided:
        return id(tensor)
    return (tensor.device, tensor.data_ptr() or id(tensor), tensor.dtype, tensor.shape, tensor.stride())


def _without_repeats(tensor: torch.Tensor) -> torch.Tensor:
    """An expanded tensor has elements that are the same memory; each of them once."""
    if tensor.layout is not torch.strided or 0 not in tensor.stride():
        return tensor
    return tensor[tuple(slice(1) if stride == 0 else slice(None) for stride in tensor.stride())]


def _restore(tensor: torch.Tensor, kept: torch.Tensor, requires_grad: bool) -> None:
    """In place where the shape is still the same; else the tensor, still the same object, gets memory of its own."""
    with torch.inference_mode(tensor.is_inference()), torch.no_grad():
        target = _without_repeats(tensor)
        same = (target.shape, target.dtype, target.device, target.layout)
        if same == (kept.shape, kept.dtype, kept.device, kept.layout):
            target.copy_(kept)
        else:
            tensor.data = kept.clone()
    if tensor.is_leaf and tensor.requires_grad != requires_grad:
        tensor.requires_grad_(requires_grad)


def _restore_grad(tensor: torch.Tensor, grad: torch.Tensor | None) -> None:
    if tensor.is_leaf and tensor.grad is not grad:
        tensor.grad = grad
