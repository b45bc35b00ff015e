"""Items that can be kept as they are: plain numbers and texts, tensors and arrays, and collections of these."""

import sys
from copy import deepcopy
from typing import Any, Final

__all__ = ("copy_of", "is_plain")

_SIMPLE: Final = (bool, int, float, complex, str, bytes, type(None))
_DEEP: Final = 8


def is_plain(item: Any, deep: int = _DEEP) -> bool:
    """Whether it is nothing but data, of types that a snapshot keeps exactly."""
    kind = type(item)
    if kind in _SIMPLE:
        return True
    if kind in (list, tuple) and deep:
        return all(is_plain(part, deep - 1) for part in item)
    if kind is dict and deep:
        return all(type(key) in _SIMPLE and is_plain(part, deep - 1) for key, part in item.items())
    return _is_array(item)


def copy_of(item: Any) -> Any:
    """Of plain data: nobody else changes it."""
    return deepcopy(item)


def _is_array(item: Any) -> bool:
    torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy")
    if torch is not None and type(item) is torch.Tensor:
        return item.layout == torch.strided and not item.requires_grad
    if numpy is None:
        return False
    return (type(item) is numpy.ndarray and not item.dtype.hasobject) or isinstance(item, numpy.generic)
