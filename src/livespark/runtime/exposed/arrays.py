"""NumPy arrays and tensors. Neither library is imported here, and nothing is ever fetched from a device."""

import sys
from abc import abstractmethod
from typing import Any, Final

from livespark.runtime.exposed.budget import Meter
from livespark.runtime.exposed.containers import index_below
from livespark.runtime.exposed.kinds import Change, Leaf, Node, Reachable, Rule

__all__ = ("ArrayLeaf", "NumpyArray", "Tensor", "fill_tensor")

_NUMERIC: Final = {"b": bool, "i": int, "u": int, "f": float}


class ArrayLeaf(Leaf, Reachable):
    """Shown as one node. Without dimensions: as its number, edited in place. Elements are reached by their indices."""

    def show(self, value: Any, meter: Meter, /) -> Node:
        readable = self.element_type(value) is not None
        if not value.ndim and readable:
            return value.item()
        node = self._describe(value)
        count = self._count(value)
        if readable and count <= meter.budget.elements:
            meter.left -= count // 16
            node["data"] = self._data(value)
        return node

    def hint(self, value: Any, /) -> Any:
        return None if value.ndim else self.element_type(value)

    def find(self, owner: Any, segment: str, /) -> int:
        return index_below(segment, owner.shape[0] if owner.ndim else 0)

    def get(self, owner: Any, key: int, /) -> Any:
        return owner[key]

    def rule(self, owner: Any, _key: int, _item: Any, _hint: Any, /) -> Rule:
        return Rule(lock=self.lock(owner))

    @abstractmethod
    def element_type(self, value: Any) -> type | None:
        """The Python type of its elements, if they are numbers and at hand."""

    @abstractmethod
    def lock(self, value: Any) -> str:
        """Why elements can't be edited; "" where they can."""

    @abstractmethod
    def fill(self, value: Any, number: Any) -> Change:
        """Put `number` into an array without dimensions."""

    @abstractmethod
    def statistics(self, value: Any) -> dict[str, float] | None:
        """Minimum, maximum, mean and standard deviation, if the elements are numbers and at hand."""

    @abstractmethod
    def _describe(self, value: Any) -> dict[str, Any]: ...

    @abstractmethod
    def _count(self, value: Any) -> int: ...

    @abstractmethod
    def _data(self, value: Any) -> Any: ...


class NumpyArray(ArrayLeaf):
    """numpy.ndarray. Elements of derived classes are not read: their code could do anything."""

    def element_type(self, value: Any) -> type | None:
        return _NUMERIC.get(value.dtype.kind) if type(value) is sys.modules["numpy"].ndarray else None

    def lock(self, value: Any) -> str:
        if self.element_type(value) is None:
            return f"is an array of {value.dtype}"
        return "" if value.flags.writeable else "belongs to a read-only array"

    def put(self, owner: Any, key: int, value: Any, /) -> Change:
        old = owner[key]
        owner[key] = value
        return Change(lambda: owner.__setitem__(key, old))

    def fill(self, value: Any, number: Any) -> Change:
        old = value.item()
        value.fill(number)
        return Change(lambda: value.fill(old))

    def statistics(self, value: Any) -> dict[str, float] | None:
        if self.element_type(value) is None or not value.size:
            return None
        numbers = value.astype("float64")
        return _summary(numbers, numbers.std())

    def _describe(self, value: Any) -> dict[str, Any]:
        return {"$": "array", "shape": list(value.shape), "dtype": str(value.dtype)}

    def _count(self, value: Any) -> int:
        return int(value.size)

    def _data(self, value: Any) -> Any:
        return value.tolist()


class Tensor(ArrayLeaf):
    """torch.Tensor. Elements are at hand when they lie densely in main memory."""

    def element_type(self, value: Any) -> type | None:
        torch = sys.modules["torch"]
        if type(value) not in (torch.Tensor, torch.nn.Parameter) or value.device.type != "cpu":
            return None
        if value.layout is not torch.strided or value.is_quantized or value.dtype.is_complex:
            return None
        return float if value.dtype.is_floating_point else bool if value.dtype is torch.bool else int

    def lock(self, value: Any) -> str:
        if value.requires_grad:
            return "is a tensor that requires gradients"
        return "" if self.element_type(value) else f"is a tensor of {value.dtype} on {value.device}"

    def put(self, owner: Any, key: int, value: Any, /) -> Change:
        return fill_tensor(owner[key], value)

    def fill(self, value: Any, number: Any) -> Change:
        return fill_tensor(value, number)

    def statistics(self, value: Any) -> dict[str, float] | None:
        if self.element_type(value) is None or not value.numel():
            return None
        numbers = value.detach().double()
        return _summary(numbers, numbers.std(correction=0))

    def _describe(self, value: Any) -> dict[str, Any]:
        dtype = str(value.dtype).removeprefix("torch.")
        return {"$": "array", "shape": list(value.shape), "dtype": dtype, "device": str(value.device)}

    def _count(self, value: Any) -> int:
        return int(value.numel())

    def _data(self, value: Any) -> Any:
        return value.detach().tolist()


def fill_tensor(tensor: Any, number: Any) -> Change:
    """Put `number` into a tensor, in place, on whatever device it is; its storage stays where it is."""
    old = tensor.clone()
    tensor.fill_(number)
    return Change(lambda: tensor.copy_(old))


def _summary(numbers: Any, deviation: Any) -> dict[str, float]:
    return {
        "min": float(numbers.min()),
        "max": float(numbers.max()),
        "mean": float(numbers.mean()),
        "std": float(deviation),
    }
