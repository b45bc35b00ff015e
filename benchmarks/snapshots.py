"""Snapshots: how long training stands still for one, and how soon it is back from memory.

The state is a net and its Adam: 100 tensors of 4 MB, and 2,000 of 1 KB. Everything is measured in one process, in turn;
the unit is a plain clone of the same tensors into fresh host memory, as whoever writes it by hand would begin. Fresh is
memory that the process has not touched yet, as the first snapshots need; reused is that of a snapshot that was let go.
"""

import argparse
import shutil
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from livespark.protocol.ids import RunId
from livespark.protocol.snapshots import Manifest, SavedValue, SnapshotInfo
from livespark.runtime.reload.memory import Memory, uncollected
from livespark.runtime.snapshots.host import HostCopies
from livespark.runtime.snapshots.trees import Encoder, saved_value
from livespark.snapshots.folder import ArrayData, Draft


class State:
    """`count` tensors of `numel` numbers: a third are parameters, the others what Adam notes about them."""

    def __init__(self, count: int, numel: int) -> None:
        self.net = nn.ParameterList([nn.Parameter(torch.randn(numel)) for _ in range(count // 3)])
        self.optimizer = torch.optim.Adam(self.net.parameters())
        for parameter in self.net.parameters():
            parameter.grad = torch.randn(numel)
        self.optimizer.step()
        self.optimizer.zero_grad()

    @classmethod
    def of_size(cls, megabytes: int) -> "State":
        return cls(102, megabytes * 1024 * 1024 // 4 // 102)

    @property
    def values(self) -> dict[str, Any]:
        return {"net": self.net, "optimizer": self.optimizer}

    def tensors(self) -> list[Tensor]:
        states = [tensor for state in self.optimizer.state.values() for tensor in state.values()]
        return [parameter.detach() for parameter in self.net.parameters()] + states

    def change(self) -> None:
        for tensor in self.tensors():
            tensor.add_(1)


class Taken(NamedTuple):
    """A snapshot, in memory and ready to be written."""

    memory: Memory
    copies: HostCopies
    draft: Draft


def take(state: State, before: HostCopies | None, number: int = 1) -> Taken:
    """All that happens while the training stands still."""
    with uncollected():
        copies = HostCopies(before)
        memory = Memory.take(state.values, copies)
        encoder = Encoder(copies.copy)
        values = {key: saved_value(encoder, key, value, {}) for key, value in state.values.items()}
        copies.wait()
    return Taken(memory, copies, _draft(number, values, encoder))


def _draft(number: int, values: dict[str, SavedValue], encoder: Encoder) -> Draft:
    info = SnapshotInfo(number, time.time(), "asked")
    manifest = Manifest(format=1, run=RunId("benchmark"), info=info, values=values, arrays=[])
    return Draft(manifest, list(map(ArrayData._make, encoder.leaves)), encoder.pickles)


class Contender(NamedTuple):
    """`prepare` is not measured. `limit` says what is wanted of it."""

    name: str
    run: Callable[[], object]
    limit: str = ""
    prepare: Callable[[], object] = lambda: None


def in_turn(title: str, contenders: list[Contender], state: State, rounds: int) -> None:
    """Each once a round, so that a machine that slows down slows all; the table gives medians, beside the first one."""
    times: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for _ in range(rounds):
        for contender in contenders:
            state.change()
            contender.prepare()
            begin = time.perf_counter()
            contender.run()
            times[contender.name].append(time.perf_counter() - begin)
    print(f"\n{title}")
    unit = times[contenders[0].name]
    for name, _, limit, _ in contenders:
        ratio = statistics.median(own / one for own, one in zip(times[name], unit, strict=True))
        print(f"{name:44}{statistics.median(times[name]) * 1e3:9.1f} ms{ratio:8.2f} x  {limit}")


class Snapshots:
    """What is measured of snapshots in memory. Those of fresh memory are kept, else the next would find theirs."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._kept: list[object] = []
        self._into = [tensor.clone() for tensor in state.tensors()]
        self._newest = take(state, None)
        self._unchanging = take(state, None)

    def clone(self) -> None:
        self._kept.append([tensor.clone() for tensor in self._state.tensors()])

    def copy(self) -> None:
        for one, other in zip(self._into, self._state.tensors(), strict=True):
            one.copy_(other)

    def take_fresh(self) -> None:
        self._kept.append(take(self._state, None))

    def take_reused(self) -> None:
        self._newest = take(self._state, self._newest.copies)

    def let_go(self) -> None:
        self._newest.copies.release()

    def take_first(self) -> None:
        self._unchanging = take(self._state, None)

    def take_unchanged(self) -> None:
        again = take(self._state, self._unchanging.copies)
        assert again.copies.size <= max(again.copies.total // 1000, 3_000_000), "it took new memory"

    def rewind(self) -> None:
        self._newest.memory.put_back({})

    def contenders(self) -> list[Contender]:
        return [
            Contender("plain clone, fresh memory", self.clone),
            Contender("plain copy into memory that is there", self.copy),
            Contender("snapshot, fresh memory", self.take_fresh, "at most 1.3 x"),
            Contender("snapshot, reused memory", self.take_reused, "at most 1.3 x", self.let_go),
            Contender(
                "snapshot, nothing has changed", self.take_unchanged, "at most 20 ms for 400 MB", self.take_first
            ),
            Contender("rewind from memory", self.rewind, "at most 1.5 x"),
        ]


def peers(state: State, folder: Path) -> list[Contender]:
    """What else puts such a state on disk; neither flushes it there. DCP writes behind the training, as we do."""
    import torch.distributed.checkpoint.state_dict_saver as dcp

    whole = {"net": state.net.state_dict(), "optimizer": state.optimizer.state_dict()}
    pending: list[Any] = []

    def settle() -> None:
        while pending:
            pending.pop().result()
        shutil.rmtree(folder / "peer", ignore_errors=True)

    def save() -> None:
        pending.append(dcp.async_save(whole, checkpoint_id=folder / "peer"))

    return [
        Contender("torch.save", lambda: torch.save(whole, folder / "peer.pt")),
        Contender("torch.distributed.checkpoint.async_save", save, "", settle),
    ]


@contextmanager
def one_rank() -> Iterator[None]:
    """What distributed checkpoints ask for."""
    import torch.distributed.distributed_c10d as distributed
    from torch._C._distributed_c10d import HashStore

    distributed.init_process_group("cpu:gloo", store=HashStore(), rank=0, world_size=1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        distributed.destroy_process_group()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=400)
    options = parser.parse_args()
    large, small = State.of_size(options.megabytes), State(2001, 256)
    with tempfile.TemporaryDirectory() as name, one_rank():
        for title, state in ((f"{options.megabytes} MB in 102 tensors", large), ("2,000 tensors of 1 KB", small)):
            contenders = [*Snapshots(state).contenders(), *peers(state, Path(name))]
            if state is small:
                contenders = [contender._replace(limit="") for contender in contenders]
            in_turn(title, contenders, state, options.rounds)


if __name__ == "__main__":
    main()
