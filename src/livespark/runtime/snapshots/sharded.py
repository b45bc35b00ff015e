"""Tensors that are spread over processes: DTensor, ShardedTensor. Imported only with torch.

Theory: such a tensor is saved as the pieces of it that this process has, each an array like any other, and where in
the whole it lies. Which pieces these are, and which part of which goes where when they are put into a tensor that is
spread in another way, is the business of a port: `Shards`. The whole is not put together anywhere. The node:

    shards       `shape` of the whole, and `dtype`; `pieces`: `at`, the offset of each, and its `array`; `along`: the
                 dimension along which it is spread over each dimension of the mesh, None for none

As yet a run is one process: what is spread over several is refused.
"""

import sys
from typing import Any, Final, NamedTuple, Protocol

import torch

from livespark.runtime.snapshots.nodes import MISSING, Encoding, Node, Putting, Unfit, Unsavable

__all__ = ("KINDS", "Piece", "Shards", "encode", "is_sharded", "living_shards", "put", "room")


class Piece(NamedTuple):
    """A part of a tensor, and the offset of its first item in the whole, one number for each dimension."""

    at: tuple[int, ...]
    tensor: torch.Tensor


class Shards(Protocol):
    """What knows how a tensor is spread. Training thread."""

    def pieces(self, tensor: torch.Tensor) -> list[Piece]:
        """Those that this process saves: plain tensors, the memory of the whole."""

    def fill(self, tensor: torch.Tensor, pieces: list[Piece]) -> None:
        """Copy what this process needs of `pieces`, which together are the whole. Raises ValueError where they are
        not."""


def _shards() -> Shards:
    from livespark.runtime.snapshots import torch_checkpoint  # noqa: PLC0415 - the seam: it takes a second to import

    return torch_checkpoint.TorchShards()


def _kind(module: str, name: str) -> tuple[type, ...]:
    """The class, if the script has loaded it."""
    found = getattr(sys.modules.get(module), name, None)
    return (found,) if isinstance(found, type) else ()


def _spread_kinds() -> tuple[type, ...]:
    return (
        *_kind("torch.distributed.tensor", "DTensor"),
        *_kind("torch.distributed._shard.sharded_tensor", "ShardedTensor"),
    )


def is_sharded(value: Any) -> bool:
    """Whether the value may be spread over processes."""
    return isinstance(value, torch.Tensor) and isinstance(value, _spread_kinds())


def encode(encoder: Encoding, value: torch.Tensor, path: str) -> Node:
    """Raises Unsavable."""
    if (count := _processes(value)) > 1:
        raise Unsavable(f"{path} is spread over {count} processes, which can't be saved yet")
    form = {"shape": list(value.shape), "dtype": str(value.dtype).removeprefix("torch."), "along": _along(value)}
    node: dict[str, Node] = encoder.begin(value, {"$": "shards", **form})
    node["pieces"] = [
        {"at": list(piece.at), "array": encoder.node(piece.tensor, path)} for piece in _shards().pieces(value.detach())
    ]
    if value.requires_grad and value.is_leaf:
        node["requires_grad"] = True
        if value.grad is not None:
            node["gradient"] = encoder.node(value.grad, f"{path}.grad")
    return node


def _processes(value: Any) -> int:
    mesh = getattr(value, "device_mesh", None)
    if mesh is not None:
        return int(mesh.size())
    return int(torch.distributed.get_world_size(value._process_group))


def _along(value: Any) -> list[int | None]:
    return [getattr(placement, "dim", None) for placement in getattr(value, "placements", ())]


def put(putting: Putting, node: Node, living: Any, path: str) -> Any:
    """Into the living tensor. Raises Unfit, where there is none of that shape: the script decides how it is spread."""
    if not is_sharded(living):
        raise Unfit(f"{path or 'it'} is a tensor spread over processes in the snapshot, and not so in the script")
    if list(living.shape) != node["shape"]:
        raise Unfit(f"{path or 'it'} is {list(living.shape)} in the script and {node['shape']} in the snapshot")
    putting.begin(node, living)
    before, putting.borrows = putting.borrows, True
    try:
        pieces = [Piece(tuple(each["at"]), putting.fill(each["array"], MISSING, path)) for each in node["pieces"]]
    finally:
        putting.borrows = before
    try:
        with torch.no_grad():
            _shards().fill(living.detach(), pieces)
    except ValueError as error:
        raise Unfit(f"{path or 'it'} can't be put together: {error}") from None
    return _finish(putting, node, living, path)


def _finish(putting: Putting, node: Node, living: torch.Tensor, path: str) -> torch.Tensor:
    if living.is_leaf:
        if living.is_floating_point() or living.is_complex():
            living.requires_grad_(bool(node.get("requires_grad", False)))
        gradient = node.get("gradient")
        if gradient is not None or living.grad is not None:
            room_for_it = MISSING if gradient is None else room(gradient, living, living.grad)
            living.grad = None if gradient is None else putting.fill(gradient, room_for_it, path)
    return living


def living_shards(module: torch.nn.Module) -> Any:
    """The spread tensors of its `state_dict`, MISSING if none: only the script knows how they are spread."""
    if not any(map(is_sharded, module.parameters())):
        return MISSING
    return {name: tensor for name, tensor in module.state_dict().items() if is_sharded(tensor)}


def room(node: Node, like: Any, living: Any) -> Any:
    """What `node` can be put into: `living`; where there is none, a new tensor that is spread as `like` is, if `node`
    needs one."""
    if isinstance(node, dict) and node.get("$") == "shards" and not is_sharded(living):
        return _made(node, like) if hasattr(like, "device_mesh") else MISSING
    return MISSING if living is None else living


def _made(node: Node, like: Any) -> torch.Tensor:
    from torch.distributed import tensor  # noqa: PLC0415 - the seam: the script has loaded it

    placements = [tensor.Replicate() if dim is None else tensor.Shard(dim) for dim in node["along"]]
    made: torch.Tensor = tensor.empty(
        node["shape"],
        dtype=getattr(torch, node["dtype"]),
        device_mesh=like.device_mesh,
        placements=placements if len(placements) == len(like.placements) else like.placements,
    )
    return made


KINDS: Final = {"shards": put}
"""How a tagged node is put into a living value, by its kind."""
