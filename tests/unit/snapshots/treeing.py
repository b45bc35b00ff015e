"""Values to trees, through JSON, and back: what the tests of trees share."""

from typing import Any

import msgspec
import torch
from torch import nn

from livespark.protocol.snapshots import ArrayEntry, SavedValue
from livespark.runtime.snapshots.putting import Putter
from livespark.runtime.snapshots.trees import Encoder, saved_value


class Snapshot:
    """Persisted values as they are on disk: JSON, bytes of arrays, pickles."""

    def __init__(self, sealed: bool = True) -> None:
        self.encoder = Encoder(lambda tensor: tensor.clone(memory_format=torch.contiguous_format))
        self.sealed = sealed
        self.values: dict[str, SavedValue] = {}

    def save(self, key: str, value: Any, made: dict[str, Any] | None = None) -> "Snapshot":
        saved = saved_value(self.encoder, key, value, made or {})
        self.values[key] = msgspec.json.decode(msgspec.json.encode(saved), type=SavedValue)
        return self

    def putter(self) -> Putter:
        """Everything that is written is read anew."""
        data = [bytearray(leaf.data()) for leaf in self.encoder.leaves]
        entries = [
            ArrayEntry(leaf.dtype, list(leaf.shape), "", 0, len(each))
            for leaf, each in zip(self.encoder.leaves, data, strict=True)
        ]
        return Putter(lambda index: memoryview(data[index]), self._pickle, entries)

    def put(self, key: str, living: Any, made_now: dict[str, Any] | None = None) -> tuple[Any, list[str]]:
        return self.putter().put(self.values[key], living, made_now or {}, key)

    def _pickle(self, index: int) -> bytes:
        if not self.sealed:
            raise ValueError("not sealed")
        return self.encoder.pickles[index]


def back(value: Any, living: Any) -> Any:
    """`value` saved and put into `living`."""
    restored, notes = Snapshot().save("it", value).put("it", living)
    assert notes == []
    return restored


class Net(nn.Module):
    """Tied weights, normalization, dropout, buffers of both kinds, attributes, and generators of its own."""

    scratch: torch.Tensor

    def __init__(self, hidden: int = 4) -> None:
        super().__init__()
        self.first = nn.Linear(4, hidden)
        self.norm = nn.BatchNorm1d(hidden)
        self.drop = nn.Dropout(0.3)
        self.second = nn.Linear(hidden, 4)
        if hidden == 4:
            self.second.weight = self.first.weight
        self.register_buffer("scratch", torch.zeros(3), persistent=False)
        self.register_buffer("late", None)
        self.generator = torch.Generator().manual_seed(torch.initial_seed() % 1000)
        self.calls, self.history = 0, [0.5]
        self.mean = torch.zeros(2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        self.scratch[0] += 1
        self.mean += 1
        self.late = torch.full((self.calls,), 2.0)
        self.history.append(self.history[-1] / 3)
        noise = torch.randn(x.shape, generator=self.generator, dtype=x.dtype)
        out: torch.Tensor = self.second(self.drop(self.norm(self.first(x + noise)).relu()))
        return out
