"""Snapshots on disk: how soon the state is back from there, and what writing costs the training that goes on.

The state is that of `snapshots.py`, 400 MB. The files are in the page cache when they are read. Writing is beside a
real training loop with one thread, in turn with the same loop alone; with `--greedy` the writing thread does not step
back behind the training.
"""

import argparse
import statistics
import tempfile
import threading
import time
from pathlib import Path

from snapshots import Contender, State, in_turn, take
from training import Training, timed

from livespark.runtime.snapshots import writer as writing
from livespark.runtime.snapshots.putting import Putter
from livespark.snapshots.folder import Draft, Folder


def from_disk(state: State, rounds: int, folder: Path) -> None:
    """Reading, verifying and putting in, against reading by safetensors and copying."""
    from safetensors.torch import load_file, save_file

    snapshots = Folder(folder / "snapshots")
    snapshots.write(take(state, None).draft)
    tensors = state.tensors()
    plain = folder / "plain.safetensors"
    save_file({str(number): tensor for number, tensor in enumerate(tensors)}, plain)

    def load() -> None:
        for name, tensor in load_file(plain).items():
            tensors[int(name)].copy_(tensor)

    def restore() -> None:
        with snapshots.open(1) as found:
            putter = Putter(found.array, found.pickle, found.manifest.arrays)
            for key, value in state.values.items():
                putter.put(found.manifest.values[key], value, {}, key)

    contenders = [
        Contender("safetensors.torch.load_file and copy_", load),
        Contender("open, verify and put back", restore, "at most 1.3 x"),
    ]
    in_turn("from disk", contenders, state, rounds)


def while_writing(state: State, rounds: int, folder: Path) -> None:
    """Steps of a small net with one thread, in turn with nothing and with a snapshot being written."""
    training, writer = Training(), writing.Writer(print)
    snapshots = Folder(folder / "written")
    plain, busy, written = [], [], []
    for number in range(rounds):
        state.change()
        job = Job(snapshots, take(state, None, number).draft)
        plain.append(timed(lambda _: training.step(), 500))
        writer.write(job.write)
        busy.append(_until(job.done, training))
        written.append(job.seconds)
        snapshots.remove([number])
        snapshots.collect()
    slower = statistics.median(one / other for one, other in zip(busy, plain, strict=True)) - 1
    print(f"\nwhile a snapshot is written ({statistics.median(written):.2f} s)")
    print(f"{'a training step takes longer by':44}{slower:11.1%}  at most 5 %")


class Job:
    """Writes one snapshot."""

    def __init__(self, folder: Folder, draft: Draft) -> None:
        self._folder, self._draft = folder, draft
        self.done = threading.Event()
        self.seconds = 0.0

    def write(self) -> None:
        try:
            self.seconds = self._folder.write(self._draft).seconds
        finally:
            self.done.set()


def _until(done: threading.Event, training: Training) -> float:
    """Seconds per step meanwhile."""
    begin, steps = time.perf_counter(), 0
    while not done.is_set():
        training.step()
        steps += 1
    return (time.perf_counter() - begin) / steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=400)
    parser.add_argument("--greedy", action="store_true")
    options = parser.parse_args()
    if options.greedy:
        writing._be_modest = lambda: None
    state = State.of_size(options.megabytes)
    with tempfile.TemporaryDirectory() as name:
        from_disk(state, options.rounds, Path(name))
        while_writing(state, options.rounds, Path(name))


if __name__ == "__main__":
    main()
