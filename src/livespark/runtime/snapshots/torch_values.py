"""Tensors, generators, modules, optimizers and loaders as nodes and back. Imported only with torch."""

import ctypes
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import torch
from torch.utils.data import DataLoader

from livespark.protocol.snapshots import ArrayEntry
from livespark.runtime.reload.tensors import has_memory
from livespark.runtime.snapshots import loader_parts, modules, optimizers, sharded, stateful
from livespark.runtime.snapshots.nodes import MISSING, Encoding, Leaf, Node, Putting, Unfit, Unsavable

__all__ = ("KINDS", "encode", "plain_parts")

_NAMES: Final = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint64: "U64",
    torch.uint32: "U32",
    torch.uint16: "U16",
    torch.uint8: "U8",
    torch.bool: "BOOL",
    torch.complex64: "C64",
}
"""safetensors' names. A tensor of another type is saved as its bytes, with one dimension more."""
_DTYPES: Final = {name: dtype for dtype, name in _NAMES.items()}
_EXACT: Final = (torch.Tensor, torch.nn.Parameter)
_SMALL: Final = 8 * 1024
"""Bytes; to copy fewer is faster than to make a view of them, which needs a type of its own."""


def encode(encoder: Encoding, value: Any, path: str) -> Node:
    """MISSING for what is not torch's. Raises Unsavable."""
    if isinstance(value, torch.Tensor):
        return _tensor(encoder, value, path)
    if isinstance(value, torch.nn.Module):
        return modules.encode(encoder, value, path)
    if isinstance(value, torch.optim.Optimizer):
        return optimizers.encode(encoder, value, path)
    if isinstance(value, torch.Generator):
        node = encoder.begin(value, {"$": "generator", "of": "torch", "device": value.device.type})
        node["state"] = encoder.node(value.get_state(), path)
        return node
    if isinstance(value, DataLoader):
        return loader_parts.encode(encoder, value, path)
    return _constant(value)


def _constant(value: Any) -> Node:
    if isinstance(value, torch.Size):
        return {"$": "torch", "of": "Size", "v": list(value)}
    if isinstance(value, torch.dtype | torch.device):
        return {"$": "torch", "of": type(value).__name__, "v": str(value).removeprefix("torch.")}
    return MISSING


def _tensor(encoder: Encoding, value: torch.Tensor, path: str) -> Node:
    """Raises Unsavable."""
    if type(value) not in _EXACT or value.layout is not torch.strided or value.is_meta or value.is_quantized:
        return _odd_tensor(encoder, value, path)
    if not has_memory(value):
        raise Unsavable(f"{path} is a tensor whose memory has been given back")
    tensor = value.detach() if value.requires_grad else value
    if tensor.is_neg() or tensor.is_conj():
        tensor = tensor.resolve_conj().resolve_neg()
    node: dict[str, Node] = encoder.begin(value, {"$": "array", "i": encoder.tensor(tensor, _leaf)})
    if value.dtype not in _NAMES:
        node["dtype"] = str(value.dtype).removeprefix("torch.")
    if not value.is_cpu:
        node["device"] = value.device.type
    if type(value) is torch.nn.Parameter:
        node["parameter"] = True
    if value.requires_grad and value.is_leaf:
        node["requires_grad"] = True
        if value.grad is not None:
            node["gradient"] = encoder.node(value.grad, f"{path}.grad")
    return node


def _odd_tensor(encoder: Encoding, value: torch.Tensor, path: str) -> Node:
    if sharded.is_sharded(value):
        return sharded.encode(encoder, value, path)
    if torch.nn.parameter.is_lazy(value):
        return encoder.begin(value, {"$": "lazy", "of": type(value).__name__})
    if value.is_meta:
        return encoder.begin(value, {"$": "meta"})
    if value.layout is torch.sparse_coo:
        return _sparse(encoder, value, path)
    kind = type(value).__name__ if type(value) not in _EXACT else str(value.layout).removeprefix("torch.")
    raise Unsavable(f"{path} is a tensor of a kind that can't be saved ({'quantized' if value.is_quantized else kind})")


def _sparse(encoder: Encoding, value: torch.Tensor, path: str) -> Node:
    node = encoder.begin(value, {"$": "sparse", "shape": list(value.shape), "coalesced": value.is_coalesced()})
    plain = value.detach()
    node["indices"] = encoder.node(plain._indices(), f"{path}._indices()")
    node["values"] = encoder.node(plain._values(), f"{path}._values()")
    return node


def _leaf(copied: torch.Tensor, tensor: torch.Tensor) -> Leaf:
    """The leaf of a tensor. `copied`: its copy on the host, whose numbers are read when the leaf is written."""
    shape = tuple(tensor.shape)
    if name := _NAMES.get(tensor.dtype):
        return Leaf(name, shape, partial(_bytes, copied, shape))
    return Leaf("U8", (*shape, tensor.element_size()), partial(_bytes, copied, shape))


def _bytes(copied: torch.Tensor, shape: tuple[int, ...]) -> memoryview:
    """The memory of the tensor, which lives as long as the view; the bytes of a small one."""
    whole = copied if copied.shape == shape and copied.is_contiguous() else copied.expand(shape).contiguous()
    size = whole.nbytes
    if size < _SMALL:
        return memoryview(ctypes.string_at(whole.data_ptr(), size) if size else b"")
    memory: Any = (ctypes.c_char * size).from_address(whole.data_ptr())
    memory.owner = whole
    return memoryview(memory).cast("B")


def _put_tensor(putting: Putting, node: Node, living: Any, path: str) -> Any:
    """The living tensor if it has the same shape and type, else a new one."""
    source = _source(*putting.array(node["i"]), node.get("dtype"))
    if putting.is_free(living, type(living)) and _takes(living, source):
        with torch.inference_mode(living.is_inference()), torch.no_grad():
            living.copy_(source)
        return _finish(putting, node, living, path)
    if putting.borrows:
        return putting.begin(node, source)
    made = source.to(_device(node.get("device", "cpu")), copy=True)
    return _finish(putting, node, torch.nn.Parameter(made, False) if node.get("parameter") else made, path)


def _takes(living: Any, source: torch.Tensor) -> bool:
    return (
        type(living) in _EXACT
        and (living.shape, living.dtype, living.layout) == (source.shape, source.dtype, torch.strided)
        and not torch.nn.parameter.is_lazy(living)
        and not any(stride == 0 and size > 1 for size, stride in zip(living.shape, living.stride(), strict=True))
    )


def _finish(putting: Putting, node: Node, value: torch.Tensor, path: str) -> torch.Tensor:
    putting.begin(node, value)
    if value.is_leaf:
        if value.is_floating_point() or value.is_complex():
            value.requires_grad_(bool(node.get("requires_grad", False)))
        gradient = node.get("gradient")
        if gradient is not None or value.grad is not None:
            living = MISSING if value.grad is None else value.grad
            value.grad = None if gradient is None else putting.fill(gradient, living, path)
    return value


def _source(entry: ArrayEntry, data: memoryview, name: str | None) -> torch.Tensor:
    """The array, in the memory where it was read."""
    dtype = getattr(torch, name, None) if isinstance(name, str) else _DTYPES.get(entry.dtype)
    if not isinstance(dtype, torch.dtype):
        raise Unfit(f"the snapshot has a tensor of {name or entry.dtype}, which this torch does not know")
    shape = entry.shape[:-1] if name else entry.shape
    if not data.nbytes:
        return torch.empty(0, dtype=dtype).reshape(shape)
    return torch.frombuffer(data, dtype=torch.uint8).view(dtype).reshape(shape)


def _device(name: str) -> torch.device:
    """A device of that type if there is one, else the CPU."""
    module = getattr(torch, name, None)
    return torch.device(name if name != "cpu" and module is not None and module.is_available() else "cpu")


def _put_generator(putting: Putting, node: Node, living: Any, path: str) -> Any:
    """A generator of torch."""
    state = putting.fill(node["state"], MISSING, path)
    fits = isinstance(living, torch.Generator) and putting.is_free(living, type(living))
    fits = fits and living.device.type == node["device"]
    value = putting.begin(node, living if fits else torch.Generator(_device(node["device"])))
    value.set_state(state)
    return value


def _put_sparse(putting: Putting, node: Node, living: Any, path: str) -> Any:
    indices, values = (putting.fill(node[name], MISSING, path) for name in ("indices", "values"))
    made = torch.sparse_coo_tensor(
        indices, values, node["shape"], is_coalesced=node["coalesced"], check_invariants=True
    )
    if isinstance(living, torch.Tensor) and living.layout is torch.sparse_coo and living.shape == made.shape:
        with torch.no_grad():
            living.copy_(made)
        return putting.begin(node, living)
    return putting.begin(node, made)


def _put_unset(putting: Putting, node: Node, living: Any, _path: str) -> Any:
    """A tensor that had no content yet."""
    if isinstance(living, torch.Tensor):
        return putting.begin(node, living)
    if node["$"] == "lazy":
        lazy = torch.nn.UninitializedBuffer if node["of"] == "UninitializedBuffer" else torch.nn.UninitializedParameter
        return putting.begin(node, lazy())
    raise Unfit("a tensor on the meta device is in the snapshot, and not in the script")


def _put_constant(_putting: Putting, node: Node, _living: Any, _path: str) -> Any:
    if node["of"] == "Size":
        return torch.Size(node["v"])
    if node["of"] == "device":
        return torch.device(node["v"])
    dtype = getattr(torch, str(node["v"]), None)
    if not isinstance(dtype, torch.dtype):
        raise Unfit(f"the snapshot has the type {node['v']!r:.40}, which this torch does not know")
    return dtype


def _put_state(putting: Putting, node: Node, living: Any, path: str) -> Any:
    """What an object's `state_dict` gave, into one of the same kind."""
    if isinstance(living, torch.nn.Module):
        return modules.put(putting, node, living, path)
    if isinstance(living, torch.optim.Optimizer):
        return optimizers.put(putting, node, living, path)
    return stateful.put(putting, node, living, path)


def plain_parts(value: Any) -> Iterator[tuple[str, Any]] | None:
    """What may be configuration in a module or an optimizer; nothing in tensors and loaders; None for other values."""
    if isinstance(value, torch.nn.Module):
        return modules.plain_parts(value)
    if isinstance(value, torch.optim.Optimizer):
        return optimizers.plain_parts(value)
    return iter(()) if isinstance(value, torch.Tensor | torch.Generator | DataLoader) else None


KINDS: Final[dict[str, Callable[[Putting, Node, Any, str], Any]]] = {
    "array": _put_tensor,
    "generator": _put_generator,
    "sparse": _put_sparse,
    "lazy": _put_unset,
    "meta": _put_unset,
    "torch": _put_constant,
    "state": _put_state,
    "loader": loader_parts.put,
    **sharded.KINDS,
}
"""How a tagged node is put into a living value, by its kind."""
