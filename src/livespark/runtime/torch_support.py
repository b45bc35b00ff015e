"""Reading tensors. Imported only when the script itself has imported torch.

A tensor on the CPU is read at once. One on another device is detached and copied there (an alias would change with
the next step, an attached one keeps the graph), and fetched by the link's thread: one stacked copy per batch, on a
stream of its own. So the training thread never waits for the device.
"""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

import torch

from livespark.runtime.scalars import Late, Scalar, refuse_shape

__all__ = ("fetch", "is_late", "read")


def is_late(tensor: torch.Tensor) -> bool:
    """Whether reading the tensor would wait for a device."""
    return not tensor.is_cpu


def read(name: object, value: Any, late: Callable[[torch.Tensor], bool] = is_late) -> Scalar | None:
    """The number in a tensor, or what it will be fetched from; None for what is no tensor."""
    if not isinstance(value, torch.Tensor):
        return None
    if value.numel() != 1:
        raise refuse_shape(name, value.shape)
    if value.is_complex() or value.is_meta:
        raise TypeError(f"log: the metric {name!r} is a complex or meta tensor, which holds no real number")
    if value.dtype is torch.bool:
        value = value.to(torch.uint8)
    if late(value):
        return Late(value.detach().reshape(()).clone(), _stream(value))
    number: int | float = value.item()
    return number


def fetch(late: Sequence[Late]) -> list[int | float]:
    """The numbers, in order. Waits for the devices, but for none of the work queued there after the copies."""
    numbers: list[int | float] = []
    for (device, _), group in groupby(late, lambda each: (each.copy.device, each.copy.dtype)):
        numbers += _fetch(device, list(group))
    return numbers


def _fetch(device: torch.device, late: list[Late]) -> list[int | float]:
    if device.type != "cuda":
        return torch.stack([each.copy for each in late]).cpu().tolist()
    side = torch.cuda.Stream(device)
    for stream in {each.stream for each in late}:
        side.wait_stream(stream)
    with torch.cuda.stream(side):
        stacked = torch.stack([each.copy for each in late])
        host = torch.empty(stacked.shape, dtype=stacked.dtype, pin_memory=True)
        host.copy_(stacked, non_blocking=True)
    side.synchronize()
    return host.tolist()


def _stream(tensor: torch.Tensor) -> Any:
    return torch.cuda.current_stream(tensor.device) if tensor.is_cuda else None
