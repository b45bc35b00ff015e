"""Values put back from copies in host memory: exact, as often as wanted, in any order, and without growth."""

import gc
import tracemalloc
import weakref
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from livespark.runtime.reload.memory import Memory
from livespark.runtime.reload.tensors import _Form
from livespark.runtime.snapshots.host import HostCopies


class Run:
    """A net and its Adam, with gradients that are new tensors at each step, and what a loop notes down."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(64, 96), nn.Dropout(), nn.BatchNorm1d(96), nn.Linear(96, 4))
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=0.01)
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, 50)
        self.generator = torch.Generator().manual_seed(1)
        self.notes: dict[str, Any] = {"losses": [], "step": 0}

    @property
    def values(self) -> dict[str, Any]:
        return dict(vars(self))

    def step(self) -> float:
        self.optimizer.zero_grad()
        torch.manual_seed(self.notes["step"])
        loss = self.net(torch.randn(8, 64, generator=self.generator)).square().mean()
        loss.backward()
        self.optimizer.step()
        self.scheduler.step()
        self.notes["step"] += 1
        self.notes["losses"].append(loss.item())
        return float(loss.item())

    def grads(self) -> list[torch.Tensor]:
        return [parameter.grad for parameter in self.net.parameters() if parameter.grad is not None]


def _taken(run: Run, before: HostCopies | None = None) -> tuple[Memory, HostCopies]:
    copies = HostCopies(before)
    memory = Memory.take(run.values, copies)
    copies.wait()
    return memory, copies


def test_moments_are_put_back_in_any_order_and_again() -> None:
    """Older, newer, older: from each of them the losses are those that followed."""
    run = Run()
    moments, copies, losses = [], None, []
    for _ in range(4):
        memory, copies = _taken(run, copies)
        moments.append(memory)
        losses += [run.step() for _ in range(3)]
    for number in (3, 0, 2, 2, 0, 1, 3):
        moments[number].put_back({})
        assert run.notes["losses"] == losses[: 3 * number]
        assert [run.step() for _ in range(3)] == losses[3 * number : 3 * number + 3]
        assert moments[number].left_out == []


def test_the_objects_stay_the_same() -> None:
    """Parameters and optimizer state, and those gradients that are still there."""
    run = Run()
    run.step()
    state = run.optimizer.state[next(run.net.parameters())]["exp_avg"]
    parameters, gradients = list(run.net.parameters()), run.grads()
    memory, _ = _taken(run)
    run.step()
    memory.put_back({})
    assert all(one is other for one, other in zip(run.net.parameters(), parameters, strict=True))
    assert all(one is other for one, other in zip(run.grads(), gradients, strict=True))
    assert run.optimizer.state[parameters[0]]["exp_avg"] is state


def test_gradients_of_then_are_kept_as_numbers_only() -> None:
    """They would stay in the device's memory for as long as the snapshot is remembered."""
    run = Run()
    run.step()
    numbers = [grad.clone() for grad in run.grads()]
    first = run.net[0].weight.grad
    assert first is not None
    gone = weakref.ref(first)
    del first
    memory, _ = _taken(run)
    run.step()
    gc.collect()
    assert gone() is None
    for _ in range(2):
        memory.put_back({})
        assert all(map(torch.equal, run.grads(), numbers))
        run.optimizer.zero_grad()
        memory.put_back({})
        assert len(run.grads()) == len(numbers)
        assert all(map(torch.equal, run.grads(), numbers))
        run.step()


@pytest.mark.parametrize("learns", [True, False])
def test_no_gradient_comes_back_where_there_was_none(learns: bool) -> None:
    """What has been frozen since learns again, and what was frozen is frozen."""
    run = Run()
    run.net[0].weight.requires_grad_(learns)
    memory, _ = _taken(run)
    run.net[0].weight.requires_grad_(True)
    run.step()
    run.net[0].weight.requires_grad_(not learns)
    memory.put_back({})
    assert run.grads() == []
    assert run.net[0].weight.requires_grad == learns


def test_a_tensor_that_changed_its_shape_gets_memory_where_it_was() -> None:
    """With its strides. A copy on the host is no reason to move it there."""
    tensor = torch.empty(2, 3, 4, 5, device="meta").to(memory_format=torch.channels_last)
    form = _Form(tensor, Elsewhere())
    made = form.made()
    assert (made.device.type, made.stride(), made.shape) == ("meta", tensor.stride(), tensor.shape)


class Elsewhere:
    """Copies tensors of a device without content to the host."""

    def copy(self, tensor: Any, /) -> Any:
        return torch.zeros(tensor.shape)


def test_a_tensor_goes_back_to_its_memory_layout() -> None:
    """After it was replaced by another shape, and in place."""
    tensor = torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)
    wide = torch.arange(3.0).view(1, 3).expand(4, 3)
    numbers, stride = tensor.clone(), tensor.stride()
    memory = Memory.take({"x": [tensor, wide]}, HostCopies())
    wide[0, 0] = 7
    tensor.mul_(2)
    memory.put_back({})
    assert torch.equal(tensor, numbers)
    assert wide[:, 0].tolist() == [0, 0, 0, 0]
    tensor.data, wide.data = torch.zeros(7), torch.zeros(2)
    memory.put_back({})
    assert torch.equal(tensor, numbers)
    assert tensor.stride() == stride
    assert wide.tolist() == [[0, 1, 2]] * 4


def test_the_guard_still_copies_where_the_tensor_is() -> None:
    """Without copies given, views that are expanded stay so, and negated ones are exact."""
    base = torch.randn(3, dtype=torch.complex64)
    values = [base, base.conj(), base.conj().imag]
    expected = [value.clone().resolve_conj().resolve_neg() for value in values]
    for copies in (None, HostCopies()):
        memory = Memory.take({"x": values}, copies)
        base.zero_()
        memory.put_back({})
        assert all(torch.equal(one, other) for one, other in zip(values, expected, strict=True))


def test_a_failure_is_told_once() -> None:
    """However often it is tried."""
    array = np.arange(3)
    memory = Memory.take({"array": array})
    array.flags.writeable = False
    for _ in range(3):
        memory.put_back({})
    assert len(memory.left_out) == 1


def test_a_hundred_times_there_and_back_does_not_grow() -> None:
    """Neither in Python objects nor in bytes, those of tensors included."""
    run = Run()
    memory, copies = _taken(run)

    def once() -> None:
        nonlocal memory, copies
        run.step()
        newer, newer_copies = _taken(run, copies)
        memory.put_back({})
        newer.put_back({})
        copies.release()
        memory, copies = newer, newer_copies
        run.notes["losses"].clear()

    gc.freeze()  # what other tests have left is not counted
    tracemalloc.start()
    try:
        once()
        _counted()
        for _ in range(5):
            once()
        objects, tensor_bytes, python_bytes = _counted()
        for _ in range(100):
            once()
        grown = _counted()
    finally:
        tracemalloc.stop()
        gc.unfreeze()
    assert grown[0] <= objects + 50, "one that is left behind each time is more"
    assert grown[1] <= tensor_bytes
    assert grown[2] <= python_bytes + 30_000, "one moment that is kept alive takes twice as much"


def _counted() -> tuple[int, int, int]:
    """Objects, bytes in tensors, bytes in Python's own memory."""
    gc.collect()
    found = gc.get_objects()
    tensors = [each for each in found if type(each) in (torch.Tensor, nn.Parameter) and each.layout is torch.strided]
    storages = [each.untyped_storage() for each in tensors]
    sizes = {storage.data_ptr(): storage.nbytes() for storage in storages}
    return len(found), sum(sizes.values()), tracemalloc.get_traced_memory()[0]


@settings(max_examples=50, deadline=None)
@given(path=st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=12))
def test_any_walk_through_the_moments_is_exact(path: list[tuple[bool, int]]) -> None:
    """Taking, training and going back in any order; released memory is used again meanwhile."""
    run = Run()
    moments: list[tuple[Memory, HostCopies, list[float], list[torch.Tensor]]] = []
    before: HostCopies | None = None
    for takes, number in path:
        if takes:
            memory, before = _taken(run, before)
            state = [each.detach().clone() for each in run.net.state_dict().values()]
            moments.append((memory, before, list(run.notes["losses"]), state))
            if len(moments) > 3:
                moments.pop(0)[1].release()
            run.step()
        elif moments:
            memory, _, losses, state = moments[number % len(moments)]
            memory.put_back({})
            assert run.notes["losses"] == losses
            assert all(map(torch.equal, run.net.state_dict().values(), state))
            run.step()
