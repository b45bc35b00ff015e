"""Tensors that are not just numbers in memory, and memory that is not there."""

import gc
from collections.abc import Callable
from typing import Any

import pytest
import torch

from livespark.runtime.reload.memory import Memory
from livespark.runtime.reload.tensors import Uncopyable
from livespark.runtime.snapshots.host import HostCopies


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor", "ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.tensor([[0.0, 2.0]]).to_sparse(),
        lambda: torch.quantize_per_tensor(torch.tensor([1.0, 2.0]), 0.5, 1, torch.quint8),
        lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.strided),
    ],
    ids=["sparse", "quantized", "nested"],
)
def test_odd_tensors_are_copied_as_torch_can(make: Callable[[], torch.Tensor]) -> None:
    """The copy does not change with the original."""
    tensor = make()
    copy = HostCopies().copy(tensor)
    before = str(tensor)
    _ = tensor.copy_(torch.zeros(2)) if tensor.is_quantized else tensor.mul_(3)
    assert str(tensor) != before
    assert str(copy) == before


def test_what_has_no_content_can_not_be_copied() -> None:
    """It says so, and is no crash."""
    with pytest.raises(Uncopyable, match="a tensor that torch can't copy"):
        HostCopies().copy(torch.empty(3, device="meta"))


def test_no_room_is_not_taken_for_a_tensor_that_can_not_be_copied() -> None:
    """A snapshot without it would be silently incomplete."""
    with pytest.raises(MemoryError):
        HostCopies().copy(torch.empty(1).expand(1 << 46))


@pytest.mark.parametrize("collects", [True, False])
def test_the_collection_of_garbage_is_as_it_was(collects: bool) -> None:
    """Also after a failure."""

    class Full:
        def copy(self, _tensor: Any, /) -> Any:
            assert not gc.isenabled()
            raise MemoryError

    before = gc.isenabled()
    (gc.enable if collects else gc.disable)()
    try:
        with pytest.raises(MemoryError):
            Memory.take({"x": torch.ones(3)}, Full())
        assert gc.isenabled() == collects
    finally:
        (gc.enable if before else gc.disable)()
