"""Copies of tensors in host memory, seen from code that must not import torch."""

import sys
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

__all__ = ("Copies", "Copy", "new_copies")

Copy: TypeAlias = Callable[[Any], Any]
"""Gives a tensor's copy on the host, contiguous, which nobody will change; the same for the same piece of memory."""


class Copies(Protocol):
    """The copies that one snapshot has made, see `host.HostCopies`."""

    @property
    def size(self) -> int: ...
    @property
    def total(self) -> int: ...
    def copy(self, tensor: Any, /) -> Any: ...
    def wait(self) -> None: ...
    def hold(self) -> None: ...
    def release(self) -> None: ...


class _NoCopies:
    """Where the script has not imported torch, there is no tensor."""

    size = total = 0

    def copy(self, tensor: Any, /) -> Any:
        raise TypeError(f"{type(tensor).__name__} is no tensor")

    def wait(self) -> None: ...
    def hold(self) -> None: ...
    def release(self) -> None: ...


def new_copies(before: Copies | None) -> Copies:
    """For a new snapshot; what has not changed since `before` is shared with it."""
    if "torch" not in sys.modules:
        return _NoCopies()
    from livespark.runtime.snapshots.host import HostCopies  # noqa: PLC0415 - the seam: the script has loaded torch

    return HostCopies(before if isinstance(before, HostCopies) else None)
