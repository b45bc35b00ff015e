"""The guard's memory: the same objects, with their content from before."""

import io
import random
import threading
import types
import warnings
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from livespark.runtime.reload.memory import Memory


class Net(nn.Module):
    """Tied weights, buffers that are saved and that are not, and a plain counter."""

    steps: torch.Tensor
    scratch: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.second = nn.Linear(4, 4)
        self.second.weight = self.first.weight
        self.norm = nn.BatchNorm1d(4)
        self.register_buffer("steps", torch.zeros(()))
        self.register_buffer("scratch", torch.zeros(3), persistent=False)
        self.counter = 3

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.counter += 1
        self.steps += 1
        self.scratch[0] += 1
        out: torch.Tensor = self.second(self.norm(self.first(x)).relu())
        return out


def _step(model: Any, optimizer: torch.optim.Optimizer, generator: torch.Generator) -> float:
    loss = model(torch.randn(8, 4, generator=generator)).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return float(loss.item())


_OPTIMIZERS: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9),
    "adam": lambda parameters: torch.optim.Adam(parameters, lr=0.1),
    "adamw-fused": lambda parameters: torch.optim.AdamW(parameters, lr=0.1, fused=True),
    "rmsprop": lambda parameters: torch.optim.RMSprop(parameters, lr=0.1, centered=True),
}


@pytest.mark.parametrize("wrapped", [lambda net: net, nn.DataParallel, partial(torch.compile, backend="eager")])
@pytest.mark.parametrize("before", [0, 3])
@pytest.mark.parametrize("optimizer", sorted(_OPTIMIZERS))
def test_training_continues_to_the_bit(optimizer: str, before: int, wrapped: Callable[[nn.Module], Any]) -> None:
    """With any state before, also none: what follows is what would have followed."""
    torch.manual_seed(0)
    model = wrapped(Net())
    adapted = _OPTIMIZERS[optimizer](model.parameters())
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(adapted, 20)
    generator = torch.Generator().manual_seed(1)
    values: dict[str, Any] = {"model": model, "optimizer": adapted, "scheduler": scheduler, "generator": generator}

    def train(steps: int) -> list[float]:
        losses = []
        for _ in range(steps):
            losses.append(_step(model, adapted, generator))
            scheduler.step()
        return losses

    train(before)
    parameters, state = list(model.parameters()), len(adapted.state)
    memory = Memory.take(values)
    expected = train(4)
    adapted.param_groups[0]["lr"] = 7.0
    model.eval()
    with torch.no_grad():
        parameters[0].fill_(torch.nan)
    memory.put_back(values)
    assert len(adapted.state) == state
    assert model.training
    assert all(one is other for one, other in zip(model.parameters(), parameters, strict=True))
    assert adapted.param_groups[0]["params"][0] is parameters[0]
    assert train(4) == expected
    assert memory.left_out == []


def test_a_module_gets_all_of_its_content_back() -> None:
    """Buffers that no state_dict has, plain attributes, exchanged layers, frozen parameters, gradients under way."""
    net: Any = Net()
    net(torch.ones(2, 4)).sum().backward()
    grad = net.first.weight.grad
    assert grad is not None
    numbers, layer = grad.clone(), net.second
    memory = Memory.take({"net": net})
    net(torch.ones(2, 4)).sum().backward()
    net.first.bias.grad = None
    net.first.weight.requires_grad_(False)
    net.second, net.extra = nn.Linear(4, 2), 1
    memory.put_back({})
    assert net.second is layer
    assert net.second.weight is net.first.weight
    assert (net.counter, net.steps.item(), net.scratch[0].item(), hasattr(net, "extra")) == (4, 1, 1, False)
    assert net.first.weight.requires_grad
    assert net.first.bias.grad is not None
    assert net.first.weight.grad is grad
    assert torch.equal(grad, numbers)


@pytest.mark.parametrize(
    "change", [lambda t: t.resize_(9), lambda t: setattr(t, "data", t.data.double()), lambda t: t.zero_()]
)
def test_a_tensor_that_changed_its_shape_or_type_is_still_the_same_object(change: Callable[[Any], object]) -> None:
    """What points at it goes on pointing at it."""
    tensor = torch.arange(6.0)
    memory = Memory.take({"x": [tensor]})
    change(tensor)
    memory.put_back({})
    memory.put_back({})
    assert tensor.tolist() == [0, 1, 2, 3, 4, 5]
    assert tensor.dtype is torch.float32


def test_views_stay_views() -> None:
    """Of the same storage, overlapping, expanded, and of inference mode."""
    base = torch.arange(6.0)
    row, wide = base.view(2, 3)[1], torch.ones(1, 3).expand(4, 3)
    with torch.inference_mode():
        frozen = torch.ones(2)
    memory = Memory.take({"x": (base, row, wide, frozen)})
    base.mul_(2)
    wide[0, 0] = 5
    with torch.inference_mode():
        frozen.zero_()
    memory.put_back({})
    assert base.tolist() == [0, 1, 2, 3, 4, 5]
    row[0] = 9
    assert base[3] == 9
    assert (wide.sum().item(), frozen.sum().item()) == (12, 2)


def test_what_is_shared_is_copied_once() -> None:
    """Two names for one piece of memory cost one copy."""
    tensor = torch.zeros(1000)
    copied: list[int] = []

    class Counting(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func is torch.ops.aten.clone.default:
                copied.append(args[0].numel())
            return func(*args, **(kwargs or {}))

    with Counting():  # type: ignore[no-untyped-call]
        Memory.take({"a": tensor, "b": tensor, "c": tensor.detach(), "d": tensor.view(-1)})
    assert copied == [1000]


@dataclass
class Box:
    """A plain object."""

    items: list[Any] = field(default_factory=list)
    name: str = "box"


@dataclass(frozen=True, slots=True)
class Slotted:
    """Frozen, and without a dict."""

    items: list[Any]
    number: int = 1


class Private:
    """With a slot whose name is mangled, and one that may be empty."""

    __slots__ = ("__hidden", "maybe")

    maybe: int

    def __init__(self) -> None:
        self.__hidden = 1

    def bump(self) -> int:
        self.__hidden += 1
        return self.__hidden


class Strict(dict[str, int]):
    """A dict that refuses to be written to."""

    def __setitem__(self, key: str, value: int) -> None:
        raise TypeError("never")


def test_containers_and_objects_get_their_content_back_in_place() -> None:
    """At any depth, and whatever their classes do when something is set."""
    slotted, private, strict = Slotted([1]), Private(), Strict(a=1)
    ordered, window = OrderedDict(a=1, b=2), deque([1, 2], maxlen=2)
    counts, groups = Counter("aab"), defaultdict(list, {"x": [1]})
    values: dict[str, Any] = {
        "all": [Box([Box([{"deep": {1, 2}}])]), slotted, private, strict, ordered, window, counts, groups],
        "raw": bytearray(b"abc"),
    }
    memory = Memory.take(values)
    before = repr((values["all"][0], slotted, strict, ordered, window, counts, groups))
    box = values["all"][0]
    inner = box.items[0].items[0]["deep"]
    inner.add(3)
    box.items[0].name, box.extra = "changed", 1
    slotted.items.append(2)
    object.__setattr__(slotted, "number", 5)
    private.bump()
    private.maybe = 1
    dict.update(strict, b=2)
    ordered.move_to_end("a")
    window.append(3)
    counts["z"] += 1
    groups["y"].append(1)
    values["raw"][:] = b"other"
    everything = values["all"]
    values["all"] = []
    memory.put_back(values)
    assert values["all"] is everything
    assert repr((values["all"][0], slotted, strict, ordered, window, counts, groups)) == before
    assert box.items[0].items[0]["deep"] is inner
    assert not hasattr(box, "extra")
    assert not hasattr(private, "maybe")
    assert private.bump() == 2
    assert values["raw"] == b"abc"
    assert memory.left_out == []


def test_keys_come_and_go() -> None:
    """Persisted since: removed. Cleared since: there again."""
    values = {"a": 1, "b": [2]}
    memory = Memory.take(values)
    del values["b"]
    values.update(a=5, c=[3])
    memory.put_back(values)
    assert values == {"a": 1, "b": [2]}


def test_cycles_and_shared_references_are_kept() -> None:
    """Everything is visited once."""
    shared: list[Any] = [1]
    loop: dict[str, Any] = {"shared": shared}
    loop["self"] = loop
    box = Box([loop, shared])
    values = {"box": box, "method": box.items.append, "partial": partial(print, shared)}
    memory = Memory.take(values)
    shared.append(2)
    loop.clear()
    box.items.clear()
    memory.put_back(values)
    assert box.items == [loop, shared]
    assert (loop["self"], loop["shared"], shared) == (loop, shared, [1])


def test_depth_is_no_limit() -> None:
    """No recursion."""
    deep: list[Any] = []
    for _ in range(20_000):
        deep = [deep]
    Memory.take({"deep": deep}).put_back({})


def test_arrays_and_random_generators() -> None:
    """NumPy's arrays, of objects too, and every kind of random generator."""
    array, objects = np.arange(6).reshape(2, 3), np.array([[1], None], dtype=object)
    generators: list[Any] = [random.Random(1), np.random.default_rng(1), np.random.RandomState(1), np.random.PCG64(1)]
    sampler = torch.Generator().manual_seed(3)
    fixed = np.arange(3)
    fixed.flags.writeable = False

    def draw() -> list[float]:
        one, two, three, four = generators
        last = float(torch.rand((), generator=sampler))
        return [one.random(), two.random(), three.normal(), float(four.random_raw()), last]

    memory = Memory.take({"all": [array, objects, generators, sampler, fixed]})
    expected = draw()
    array *= 3
    array.resize(3, 2, refcheck=False)
    objects[0].append(2)
    objects[1] = 4
    memory.put_back({})
    assert draw() == expected
    assert array.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert objects.tolist() == [[1], None]
    assert memory.left_out == []


def test_what_cannot_be_copied_is_left_alone_and_named(tmp_path: Path) -> None:
    """One sentence each, with the way to get there."""
    loader = DataLoader(TensorDataset(torch.arange(4.0)))
    memory_map = np.memmap(tmp_path / "map", dtype=np.int8, mode="w+", shape=(3,))
    file = io.StringIO("text")
    values = {
        "box": Box([threading.Lock(), (number for number in "abc")]),
        "data": {"file": file, "it": iter(loader), "map": memory_map, "thread": threading.Thread()},
        "lazy": nn.LazyLinear(3),
    }
    memory = Memory.take(values)
    memory_map[0] = 1
    memory.put_back(values)
    assert memory_map[0] == 1
    assert sorted(memory.left_out) == [
        "box.items[0] is a lock, which can't be copied: it stays as it is",
        "box.items[1] is an iterator (generator), which can't be copied: it stays as it is",
        "data['file'] is a file, which can't be copied: it stays as it is",
        "data['it'] is the iterator of a DataLoader, which can't be copied: it stays as it is",
        "data['map'] is a memory-mapped file, which can't be copied: it stays as it is",
        "data['thread'] is a thread or lock, which can't be copied: it stays as it is",
        "lazy._parameters['bias'] is a lazy parameter without content, which can't be copied: it stays as it is",
        "lazy._parameters['weight'] is a lazy parameter without content, which can't be copied: it stays as it is",
    ]


def test_a_loader_goes_back_with_its_generator() -> None:
    """The order of the next epoch is the one that would have been."""
    loader = DataLoader(TensorDataset(torch.arange(32)), shuffle=True, generator=torch.Generator().manual_seed(4))
    memory = Memory.take({"loader": loader})
    expected = [batch[0].item() for batch in loader]
    memory.put_back({})
    assert [batch[0].item() for batch in loader] == expected


def test_code_is_no_content() -> None:
    """Classes, functions and modules are none of the memory's business."""

    class Registry:
        known: list[int] = []  # noqa: RUF012 - a class attribute that is shared is the point

    values = {"class": Registry, "function": test_code_is_no_content, "module": types}
    memory = Memory.take(values)
    Registry.known.append(1)
    memory.put_back(values)
    assert Registry.known == [1]
    assert memory._restores == []


def test_an_object_that_refuses_keeps_what_it_has_and_the_others_get_theirs() -> None:
    """Going back goes as far as it can, and says where it did not."""
    array, box = np.arange(3), Box()
    memory = Memory.take({"array": array, "box": box})
    array[0], box.name = 9, "changed"
    array.flags.writeable = False
    memory.put_back({})
    assert box.name == "box"
    (sentence,) = memory.left_out
    assert sentence.startswith("array could not be put back: ValueError(")


def test_the_grad_scaler_goes_back() -> None:
    """Its scale, and how long it has been growing."""
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0, growth_interval=1)
    weight = nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([weight], lr=0.1)

    def step() -> float:
        scaler.scale(weight.sum()).backward()
        scaler.step(optimizer)
        scaler.update()
        return float(scaler.get_scale())

    assert step() == 16.0
    memory = Memory.take({"scaler": scaler})
    assert step() == 32.0
    memory.put_back({})
    assert (scaler.get_scale(), step()) == (16.0, 32.0)


_LEAVES = st.one_of(st.integers(), st.text(max_size=3), st.none())
_TREES = st.recursive(
    st.one_of(_LEAVES, st.lists(_LEAVES, max_size=3), st.sets(st.integers(), max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(max_size=3), inner, max_size=4),
        st.builds(Box, st.lists(inner, max_size=3)),
        st.builds(np.array, st.lists(st.integers(0, 9), max_size=3)),
        st.builds(torch.tensor, st.lists(st.integers(0, 9), max_size=3)),
    ),
    max_leaves=20,
)


def _spoil(value: Any, chance: random.Random) -> None:
    """Change whatever can be changed."""
    if isinstance(value, list):
        for item in value:
            _spoil(item, chance)
        value.insert(chance.randrange(len(value) + 1), "spoilt")
    elif isinstance(value, dict):
        for item in value.values():
            _spoil(item, chance)
        value["spoilt"] = value.pop(next(iter(value), ""), 0)
    elif isinstance(value, set):
        value.symmetric_difference_update({1, 2, 3})
    elif isinstance(value, Box):
        _spoil(value.items, chance)
        value.items, value.name = [], "spoilt"
    elif isinstance(value, np.ndarray | torch.Tensor):
        value += 1


@settings(max_examples=200)
@given(tree=_TREES, seed=st.integers())
def test_whatever_is_changed_is_put_back(tree: Any, seed: int) -> None:
    """For all values, with all that can be done to them."""
    values = {"tree": tree}
    before = repr(values)
    memory = Memory.take(values)
    _spoil(values, random.Random(seed))
    memory.put_back(values)
    assert repr(values) == before
    assert values["tree"] is tree


def test_nothing_is_kept_alive_by_the_walk_itself() -> None:
    """Copies belong to the memory; it goes, and they go."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        memory = Memory.take({"x": torch.ones(3, requires_grad=True) * 2})
    assert (memory._seen, memory._copies, memory._open) == ({}, None, [])
