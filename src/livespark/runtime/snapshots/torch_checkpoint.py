"""How a tensor is spread, as `torch.distributed.checkpoint` knows it: its planners, and none of its files.

Its own files hold pickles, have random names, and are written whole each time. So its planners say which pieces a
process has, and which parts of which piece a tensor needs that is spread in another way; the pieces are kept like any
other array: named by their hash, verified, shared between snapshots, and readable without torch.
"""

import torch
from torch.distributed.checkpoint.default_planner import DefaultLoadPlanner, DefaultSavePlanner
from torch.distributed.checkpoint.metadata import (
    ChunkStorageMetadata,
    Metadata,
    TensorProperties,
    TensorStorageMetadata,
)
from torch.distributed.tensor import DTensor

from livespark.runtime.snapshots.sharded import Piece

__all__ = ("TorchShards",)

_NAME = "it"


class TorchShards:
    """`sharded.Shards` by the planners of `torch.distributed.checkpoint`. No process talks to another one.

    To plan takes longer than to copy a small tensor, so what one process has whole is not planned for.
    """

    def pieces(self, tensor: torch.Tensor) -> list[Piece]:
        if isinstance(tensor, DTensor) and tensor.device_mesh.size() == 1:
            with torch.no_grad():
                return [Piece((0,) * tensor.dim(), tensor.to_local())]
        planner = DefaultSavePlanner(flatten_state_dict=False)
        planner.set_up_planner({_NAME: tensor}, None, is_coordinator=True)
        found = []
        for item in planner.create_local_plan().items:
            data = planner.resolve_data(item)
            assert isinstance(data, torch.Tensor)
            found.append(Piece(tuple(item.index.offset or [0] * data.dim()), data.detach()))
        return found

    def fill(self, tensor: torch.Tensor, pieces: list[Piece]) -> None:
        by_offset = {piece.at: piece.tensor for piece in pieces}
        planner = DefaultLoadPlanner(flatten_state_dict=False)
        planner.set_up_planner({_NAME: tensor}, _metadata(tensor, pieces), is_coordinator=True)
        plan = planner.create_local_plan()
        for item in plan.items:
            source = by_offset[tuple(item.storage_index.offset or ())]
            for dim, (start, length) in enumerate(zip(item.storage_offsets, item.lengths, strict=True)):
                source = source.narrow(dim, start, length)
            target = planner.resolve_tensor(item).detach()
            target.copy_(source)
            planner.commit_tensor(item, target)


def _metadata(tensor: torch.Tensor, pieces: list[Piece]) -> Metadata:
    """Raises ValueError, where the pieces are not the whole tensor."""
    items = sum(piece.tensor.numel() for piece in pieces)
    if items != tensor.numel():
        raise ValueError(f"its pieces have {items:,} numbers, and not {tensor.numel():,}")
    chunks = [ChunkStorageMetadata(torch.Size(piece.at), piece.tensor.shape) for piece in pieces]
    whole = TensorStorageMetadata(TensorProperties(dtype=tensor.dtype), tensor.size(), chunks)
    return Metadata({_NAME: whole})
