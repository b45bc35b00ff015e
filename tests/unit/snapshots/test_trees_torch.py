"""Tensors, modules, scalers and loaders: saved, read, and put back to the bit."""

import warnings
from collections.abc import Callable
from typing import Any, cast

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, TensorDataset

from livespark.runtime.snapshots.plain import plain_values
from livespark.runtime.snapshots.putting import Unfit
from livespark.runtime.snapshots.trees import Unsavable
from tests.unit.snapshots.treeing import Net, Snapshot, back


def test_state_of_another_type_than_its_parameter_comes_back_to_the_bit() -> None:
    """bfloat16 parameters with float32 state, which torch itself would cast."""
    parameter = nn.Parameter(torch.randn(5, dtype=torch.bfloat16))
    optimizer = torch.optim.SGD([parameter], lr=0.1, momentum=0.9)
    optimizer.state[parameter] = {"momentum_buffer": torch.randn(5), "more": [torch.tensor(3), {"a": torch.ones(2)}]}
    other = nn.Parameter(torch.zeros(5, dtype=torch.bfloat16))
    living = torch.optim.SGD([other], lr=0.2, momentum=0.9)
    back(optimizer, living)
    state, expected = living.state[other], optimizer.state[parameter]
    assert state["momentum_buffer"].dtype is torch.float32
    assert torch.equal(state["momentum_buffer"], expected["momentum_buffer"])
    assert state["more"][0].item() == 3
    assert living.param_groups[0]["lr"] == 0.1


def test_state_is_laid_out_as_its_parameter_is() -> None:
    """A channels-last convolution's state is channels-last, too."""

    def make() -> tuple[nn.Conv2d, torch.optim.Optimizer]:
        net = nn.Conv2d(3, 4, 2).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return net, torch.optim.Adam(net.parameters())

    net, optimizer = make()
    net(torch.randn(1, 3, 4, 4)).sum().backward()
    optimizer.step()
    other, living = make()
    back((net, optimizer), (other, living))
    average = living.state[other.weight]["exp_avg"]
    assert average.stride() == other.weight.stride() == net.weight.stride()
    assert torch.equal(average, optimizer.state[net.weight]["exp_avg"])


def test_an_optimizer_of_the_same_family_takes_the_state() -> None:
    """A fork may turn Adam into AdamW: what makes the difference is the new code's."""
    parameter, other = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    optimizer, living = torch.optim.Adam([parameter], lr=0.1), torch.optim.AdamW([other], lr=0.1)
    parameter.sum().backward()
    made, made_now = plain_values(optimizer), plain_values(living)
    optimizer.step()
    _, notes = Snapshot().save("it", optimizer, made).put("it", living, made_now)
    assert [note.partition(":")[0] for note in notes] == ["it weight_decay", "it decoupled_weight_decay"]
    assert living.param_groups[0]["decoupled_weight_decay"] is True
    assert torch.equal(living.state[other]["exp_avg"], optimizer.state[parameter]["exp_avg"])


class Strange(torch.optim.SGD):
    """An optimizer with a way of its own to give and take its state, and a counter beside it."""

    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters, lr=0.1, momentum=0.9)
        self.counter = 0

    def state_dict(self) -> dict[str, Any]:
        return {"inner": super().state_dict(), "own": [1, 2]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        assert state_dict["own"] == [1, 2]
        super().load_state_dict(state_dict["inner"])


def test_an_optimizer_is_asked_where_it_has_a_way_of_its_own() -> None:
    net, other = nn.Linear(2, 2), nn.Linear(2, 2)
    optimizer, living = Strange(net.parameters()), Strange(other.parameters())
    net(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    optimizer.counter = 7
    back(optimizer, living)
    assert living.counter == 7
    assert torch.equal(living.state[other.weight]["momentum_buffer"], optimizer.state[net.weight]["momentum_buffer"])


def test_a_module_comes_back_with_what_its_state_dict_leaves_out() -> None:
    """Modes, frozen parameters, gradients under way, passing buffers, attributes."""
    net: Any = Net()
    other: Any = Net()
    for _ in range(3):
        net(torch.randn(2, 4)).sum().backward()
    net.norm.eval()
    net.first.bias.requires_grad_(False)
    net.norm.weight.grad = None
    other(torch.randn(2, 4)).sum().backward()
    grad = other.first.weight.grad
    back(net, other)
    assert (other.training, other.norm.training, other.drop.training) == (True, False, True)
    assert [name for name, each in other.named_parameters() if not each.requires_grad] == ["first.bias"]
    assert other.first.weight.grad is grad
    assert grad is not None
    assert net.first.weight.grad is not None
    assert torch.equal(grad, net.first.weight.grad)
    assert other.norm.weight.grad is None
    assert (other.calls, other.history, other.scratch.tolist()) == (3, net.history, [3.0, 0.0, 0.0])
    assert torch.equal(other.mean, net.mean)
    assert other.late.tolist() == [2.0, 2.0, 2.0]
    assert other.second.weight is other.first.weight
    assert torch.equal(other.generator.get_state(), net.generator.get_state())


def _parametrized() -> nn.Module:
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    nn.utils.parametrizations.spectral_norm(net[0])
    nn.utils.parametrizations.weight_norm(net[1])
    return net


def _lazy() -> nn.Module:
    return nn.Sequential(nn.LazyLinear(4), nn.LazyBatchNorm1d())


_WRAPPED: dict[str, Callable[[], nn.Module]] = {
    "parametrized": _parametrized,
    "averaged": lambda: AveragedModel(nn.Linear(3, 3), use_buffers=True),
    "parallel": lambda: nn.DataParallel(nn.Linear(3, 3)),
    "compiled": lambda: cast(nn.Module, torch.compile(nn.Linear(3, 3), backend="eager")),
    "bfloat16": lambda: nn.Linear(3, 3).bfloat16(),
    "double": lambda: nn.GRU(3, 3, bidirectional=True).double(),
    "embedding": lambda: nn.Embedding(9, 3, sparse=True),
    "attention": lambda: nn.TransformerEncoderLayer(4, 2, 8),
}


@pytest.mark.parametrize("kind", sorted(_WRAPPED))
def test_any_module_comes_back(kind: str) -> None:
    """Bit for bit, in the very same parameters."""
    net, other = _WRAPPED[kind](), _WRAPPED[kind]()
    held = list(other.parameters())
    back(net, other)
    assert all(one is two for one, two in zip(held, other.parameters(), strict=True))
    expected = net.state_dict()
    assert list(other.state_dict()) == list(expected)
    assert all(torch.equal(value, expected[name]) for name, value in other.state_dict().items())


@pytest.mark.parametrize("used", [False, True])
def test_a_lazy_module_comes_back(used: bool) -> None:
    """Before its first batch and after."""
    torch.manual_seed(0)
    net, other = _lazy(), _lazy()
    if used:
        net(torch.randn(2, 5))
    parameters = list(other.parameters())
    back(net, other)
    batch = torch.randn(2, 5)
    assert [one is two for one, two in zip(parameters, other.parameters(), strict=True)] == [True] * 4
    results = []
    for each in (net, other):
        torch.manual_seed(1)
        results.append(each(batch))
    assert torch.equal(*results)


def test_a_scaler_comes_back() -> None:
    scaler, other = (torch.amp.GradScaler("cpu", init_scale=64.0) for _ in range(2))
    net = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for value in (1.0, torch.inf, 1.0):
        scaler.scale(net(torch.full((1, 2), value)).sum()).backward()
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
    back(scaler, other)
    assert other.state_dict() == scaler.state_dict()
    assert scaler.get_scale() == 32.0
    back(torch.amp.GradScaler("cpu", enabled=False), torch.amp.GradScaler("cpu", enabled=False))


class Averages:
    """An object with a state of its own kind, tensors and objects in it."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {"shadow": torch.zeros(2), "counts": {1, 2}, "n": 0}

    def state_dict(self) -> dict[str, Any]:
        return self.state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.state = state


def test_any_object_with_a_state_comes_back() -> None:
    value = Averages()
    value.state |= {"shadow": torch.ones(2), "n": 3}
    living = Averages()
    assert back(value, living) is living
    assert (living.state["n"], living.state["counts"], living.state["shadow"].tolist()) == (3, {1, 2}, [1.0, 1.0])


def test_the_error_of_an_objects_own_state_is_told() -> None:
    class Broken(Averages):
        def state_dict(self) -> dict[str, Any]:
            if not self.state:
                raise KeyError("no")
            return self.state

        def load_state_dict(self, state: dict[str, Any]) -> None:
            raise KeyError("never")

    broken = Broken()
    snapshot = Snapshot().save("x", broken)
    with pytest.raises(Unfit, match=r"^the persisted value 'x' does not fit the snapshot: load_state_dict .*'never'"):
        snapshot.put("x", Broken())
    broken.state = {}
    with pytest.raises(Unsavable, match=r"^persist\('x'\) can't be saved: its state_dict\(\) raised KeyError\('no'\)$"):
        Snapshot().save("x", broken)


_TENSORS: dict[str, torch.Tensor] = {
    "zero-dimensional": torch.tensor(3.5),
    "empty": torch.empty(0, 3),
    "transposed": torch.arange(6.0).reshape(2, 3).T,
    "expanded": torch.tensor([1.0, 2.0]).expand(3, 2),
    "stepped": torch.arange(9)[1::3],
    "conjugated": torch.tensor([1 + 2j, 3 - 1j]).conj(),
    "negated": torch.tensor([1 + 2j, 3j]).conj().imag,
    "complex128": torch.tensor([1 + 2j], dtype=torch.complex128),
    "nan": torch.tensor([float("nan"), -0.0, float("inf")]),
    "channels-last": torch.randn(1, 2, 3, 4).to(memory_format=torch.channels_last),
    **{
        str(dtype): torch.arange(4).to(dtype)
        for dtype in (torch.bfloat16, torch.float16, torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz)
    },
    **{str(dtype): torch.tensor([0, 1, 7]).to(dtype) for dtype in (torch.uint16, torch.uint64, torch.int8, torch.bool)},
    "parameter": nn.Parameter(torch.ones(2)),
    "frozen": nn.Parameter(torch.ones(2), requires_grad=False),
    "leaf": torch.ones(2, requires_grad=True),
    "inner": torch.ones(2, requires_grad=True) * 2,
    "sparse": torch.tensor([[0.0, 1.0], [2.0, 0.0]]).to_sparse(),
}


def _bits(tensor: torch.Tensor) -> bytes:
    if tensor.layout is not torch.strided:
        tensor = tensor.to_dense()
    plain = tensor.detach().resolve_conj().resolve_neg().clone(memory_format=torch.contiguous_format)
    return bytes(plain.reshape(-1).view(torch.uint8).tolist())


@pytest.mark.parametrize("kind", sorted(_TENSORS))
@pytest.mark.parametrize("is_new", [False, True])
def test_any_tensor_comes_back(kind: str, is_new: bool) -> None:
    """To the bit, made new and into a living one."""
    value = _TENSORS[kind]
    with torch.no_grad():
        living = torch.zeros(value.shape, dtype=value.dtype)
    restored = back([value], [] if is_new else [living])[0]
    assert (restored.dtype, restored.shape) == (value.dtype, value.shape)
    assert _bits(restored) == _bits(value)
    assert restored.requires_grad == (value.requires_grad and value.is_leaf)
    if is_new:
        assert type(restored) is type(value)
    elif kind != "sparse":
        assert restored is living


def test_a_gradient_of_a_tensor_comes_back() -> None:
    value, living = torch.ones(2, requires_grad=True), torch.zeros(2, requires_grad=True)
    (value * 3).sum().backward()
    back(value, living)
    assert living.grad is not None
    assert living.grad.tolist() == [3.0, 3.0]


def test_the_same_memory_is_written_once() -> None:
    """Tied weights, and a tensor that is in two persisted values."""
    net = Net()
    copies: dict[int, torch.Tensor] = {}
    snapshot = Snapshot()
    snapshot.encoder._copy = lambda tensor: copies.setdefault(tensor.data_ptr(), tensor.clone())
    snapshot.save("net", net).save("weight", net.first.weight)
    assert sum(leaf.shape == (4, 4) for leaf in snapshot.encoder.leaves) == 1


def test_constants_of_torch_come_back() -> None:
    value = {"size": torch.Size([1, 2]), "type": torch.bfloat16, "device": torch.device("cpu"), "layout": torch.strided}
    assert back(value, {}) == value


def test_a_persisted_loader_saves_its_generators_and_not_its_data() -> None:
    """The data are there anyway, and may be large or not savable."""

    def make(seed: int) -> DataLoader[Any]:
        data = TensorDataset(torch.arange(10))
        data.lock = lambda: None  # type: ignore[attr-defined]
        return DataLoader(data, shuffle=True, generator=torch.Generator().manual_seed(seed))

    loader, living = make(1), make(2)
    list(loader)
    snapshot = Snapshot().save("loader", loader)
    assert sum(len(leaf.data()) for leaf in snapshot.encoder.leaves) < 20_000
    assert snapshot.put("loader", living) == (living, [])
    assert [batch[0].tolist() for batch in living] == [batch[0].tolist() for batch in loader]


_UNFIT: list[tuple[Any, Any, str]] = [
    (Net(8), Net(6), r"first\.weight is \[6, 4\] in the script and \[8, 4\] in the snapshot"),
    (
        {"a": [nn.Sequential(nn.Linear(1, 1))]},
        {"a": [nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))]},
        r"a\.0\.1\.weight is in the script and not in the snapshot",
    ),
    (
        nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1)),
        nn.Sequential(nn.Linear(1, 1)),
        r"1\.weight is in the snapshot and not in the script",
    ),
    ([nn.Linear(1, 1)], [], r"0 is a torch\.nn\.modules\.linear\.Linear in the snapshot, and not so in the script"),
    (
        torch.optim.SGD([torch.ones(1)], 0.1),
        torch.optim.Adam([torch.ones(1)], 0.1),
        r"it is a torch\.optim\.adam\.Adam in the script and a torch\.optim\.sgd\.SGD in the snapshot",
    ),
    (
        torch.optim.lr_scheduler.StepLR(torch.optim.SGD([torch.ones(1)], 0.1), 1),
        torch.optim.lr_scheduler.LinearLR(torch.optim.SGD([torch.ones(1)], 0.1)),
        r"it is a torch\S+LinearLR in the script and a torch\S+StepLR in the snapshot",
    ),
    ({"a": 1}, [1], "it is a list in the script and a dict in the snapshot"),
    (
        torch.optim.SGD([torch.ones(1)], 0.1),
        torch.optim.SGD([torch.ones(1), torch.ones(2)], 0.1),
        r"param_groups\.0 has 2 parameters in the script and 1 in the snapshot",
    ),
    (
        torch.optim.SGD([{"params": [torch.ones(1)]}, {"params": [torch.ones(1)]}], 0.1),
        torch.optim.SGD([torch.ones(1)], 0.1),
        "it has 1 parameter groups in the script and 2 in the snapshot",
    ),
]


@pytest.mark.parametrize(("value", "living", "text"), _UNFIT, ids=lambda v: type(v).__name__)
def test_what_does_not_fit_is_told_in_a_sentence(value: Any, living: Any, text: str) -> None:
    """Which value, where in it, and what differs."""
    with pytest.raises(Unfit, match=rf"^the persisted value 'it' does not fit the snapshot: {text}$"):
        Snapshot().save("it", value).put("it", living)


def test_a_module_of_another_number_type_takes_the_content_and_says_so() -> None:
    net, other = nn.Linear(2, 2), nn.Linear(2, 2).bfloat16()
    _, notes = Snapshot().save("net", net).put("net", other)
    assert notes == ["net: weight is bfloat16 in the script and float32 in the snapshot: converted"]
    assert torch.equal(other.weight, net.weight.bfloat16())


class Own(torch.Tensor):
    """A tensor of a class of the script."""


_ODD: dict[str, Callable[[], torch.Tensor]] = {
    "Own": lambda: torch.zeros(2).as_subclass(Own),
    "quantized": lambda: torch.quantize_per_tensor(torch.zeros(2), 0.1, 0, torch.qint8),
    "_mkldnn": lambda: torch.zeros(2, 2).to_mkldnn(),
}


@pytest.mark.parametrize("kind", sorted(_ODD))
def test_an_odd_tensor_is_named(kind: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = _ODD[kind]()
    with pytest.raises(Unsavable, match=rf"^persist\('x'\)\['a'\] is a tensor of a kind that .* \({kind}\)$"):
        Snapshot().save("x", {"a": value})
