"""The folder of snapshots as it should be: what is written is what is read, once, and in a format others read."""

import errno
import json
import os
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
import safetensors.numpy
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from livespark.snapshots import writing
from livespark.snapshots.damage import Damaged, Oversized
from livespark.snapshots.disk import Disk
from livespark.snapshots.folder import ArrayData, Folder
from livespark.snapshots.objects import ITEM_SIZES, SMALL, groups, layout, pieces
from tests.unit.snapshots.drafts import KEY, LARGE, array, content, draft, files, opened, some_bytes

DTYPES = {name: dtype for name, dtype in safetensors.torch._TYPES.items() if dtype is not None}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "snapshots", KEY)


def as_array(tensor: torch.Tensor, dtype: str) -> ArrayData:
    raw = tensor.contiguous().flatten().view(torch.uint8).numpy()
    return ArrayData(dtype, tuple(tensor.shape), lambda: raw.data)


def test_what_is_written_is_read(folder: Folder) -> None:
    """Arrays, pickles and the manifest come back as they were given, with sizes filled in."""
    given = [
        array(some_bytes(1, 10)),
        array(some_bytes(2, 3 * LARGE)),
        array(b""),
        array(some_bytes(3, 8), "F32", (2,)),
    ]

    info = folder.write(draft(4, given, [b"one", b"", b"one"], step=9, values={"net": {"a": [1, None, 2.5, "x"]}}))

    with folder.open(4) as snapshot:
        assert content(snapshot) == [bytes(each.data()) for each in given]
        assert [snapshot.pickle(index) for index in range(3)] == [b"one", b"", b"one"]
        assert snapshot.sealed
        assert snapshot.manifest.values["net"].tree == {"a": [1, None, 2.5, "x"]}
        assert [(entry.dtype, entry.shape) for entry in snapshot.manifest.arrays][3] == ("F32", [2])
        assert (snapshot.manifest.info.step, snapshot.manifest.info.size) == (9, info.size)
    objects = [each for each in files(folder.path) if each.startswith("objects/")]
    assert info.size == info.written == sum((folder.path / name).stat().st_size for name in objects)
    assert info.seconds > 0


def test_the_files_are_their_owners_only(folder: Folder) -> None:
    """Nobody else can read a snapshot, whatever the umask."""
    before = os.umask(0)
    try:
        folder.write(draft(1))
    finally:
        os.umask(before)

    modes = {each.stat().st_mode & 0o777 for each in folder.path.rglob("*")}
    assert modes == {0o600, 0o700}
    assert folder.path.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("dtype", sorted(DTYPES))
def test_safetensors_reads_every_object(folder: Folder, dtype: str) -> None:
    """Small and large arrays of every dtype, as safetensors sees them, are what was given."""
    made = [torch.empty(shape, dtype=DTYPES[dtype]) for shape in ((), (3, 0), (5,), (7, 3), (300, 300))]
    for tensor in made:
        flat = tensor.flatten().view(torch.uint8)
        flat.copy_(torch.arange(flat.numel()) % (2 if dtype == "BOOL" else 251))

    folder.write(draft(1, [as_array(tensor, dtype) for tensor in made]))

    for index, entry in enumerate(folder.read(1).arrays):
        found = safetensors.torch.load_file(folder.path / "objects" / f"{entry.object}.safetensors")
        tensor = found["array"] if made[index].numel() * made[index].itemsize >= SMALL else found[str(index)]
        assert (tensor.dtype, tensor.shape) == (made[index].dtype, made[index].shape)
        assert torch.equal(tensor.flatten().view(torch.uint8), made[index].flatten().view(torch.uint8))


def test_safetensors_knows_no_dtype_that_we_do_not() -> None:
    """Our table of item sizes is that of the library."""
    assert {name: dtype.itemsize for name, dtype in DTYPES.items()}.items() <= ITEM_SIZES.items()


@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(set(ITEM_SIZES) & set(DTYPES))), st.lists(st.integers(0, 6), max_size=3)),
        min_size=1,
        max_size=8,
    )
)
@settings(max_examples=100, deadline=None)
def test_small_arrays_share_a_file_and_lie_aligned(arrays: list[tuple[str, list[int]]]) -> None:
    """Whatever the mixture: the file is valid safetensors, and each array begins at a multiple of its item size."""
    described = [(dtype, tuple(shape)) for dtype, shape in arrays]
    (group,) = groups(described)
    plan = layout(group, [described[index] for index in group])
    parts = [memoryview(some_bytes(index, end - start)) for index, (start, end) in enumerate(plan.ranges)]
    data = b"".join(bytes(piece) for piece in pieces(plan.head, parts))

    found = safetensors.torch.load(data)

    assert len(data) == plan.size
    assert sorted(found) == sorted(map(str, range(len(arrays))))
    for part, index, (start, end) in zip(parts, group, plan.ranges, strict=True):
        assert data[start:end] == part
        assert start % ITEM_SIZES[described[index][0]] == 0
        assert found[str(index)].flatten().view(torch.uint8).numpy().tobytes() == part


def test_what_has_not_changed_is_not_written_again(folder: Folder) -> None:
    """A second snapshot of the same state takes no new bytes; a changed array takes only its own."""
    same = [array(some_bytes(index, LARGE)) for index in range(4)]
    first = folder.write(draft(1, same, [b"pickled"]))
    second = folder.write(draft(2, same, [b"pickled"]))
    third = folder.write(draft(3, [*same[:3], array(some_bytes(9, LARGE))], [b"pickled"]))

    assert first.written == first.size == second.size
    assert second.written == 0
    assert LARGE < third.written < LARGE + 500


def test_what_an_earlier_process_left_is_trusted_only_when_it_is_whole(folder: Folder) -> None:
    """A rotten object is not taken for the new snapshot, but written anew; a good one is taken."""
    folder.write(draft(1))
    rotten, good = sorted((folder.path / "objects").iterdir(), key=lambda each: each.stat().st_size)
    data = rotten.read_bytes()
    rotten.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    again = Folder(folder.path, KEY)

    info = again.write(draft(2, list(draft(1).arrays)))

    assert info.written == len(data)
    assert good.stat().st_size > info.written
    assert opened(again, 2) == opened(again, 1)


def test_what_has_been_verified_once_is_trusted(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects of an earlier process are read at the first snapshot that needs them, and not at the later ones."""
    folder.write(draft(1))
    again = Folder(folder.path, KEY)
    same = list(draft(1).arrays)
    assert again.write(draft(2, same)).written == 0
    monkeypatch.setattr(os, "readv", lambda *_: pytest.fail("it was read again"))

    assert again.write(draft(3, same)).written == 0


def test_what_was_mapped_can_be_written_and_outlives_everything(folder: Folder) -> None:
    """A mapping is private: the file does not change; and it stays when the snapshot is closed and swept away."""
    folder.write(draft(1))
    before = files(folder.path)
    with folder.open(1) as snapshot:
        views = [snapshot.array(0), snapshot.array(1)]
    expected = [bytes(view) for view in views]
    for view in views:
        view[0] ^= 0xFF

    assert files(folder.path) == before
    folder.remove([1])
    folder.collect()
    assert [bytes(view[1:]) for view in views] == [each[1:] for each in expected]


def test_many_arrays_need_few_descriptors(folder: Folder) -> None:
    """However many files a snapshot has, reading it one by one holds hardly any open."""
    folder.write(draft(1, [array(some_bytes(index, LARGE)) for index in range(40)]))
    before = psutil.Process().num_fds()

    with folder.open(1) as snapshot:
        read = [bytes(snapshot.array(index)) for index in range(40)]
        assert len(set(read)) == 40
        assert psutil.Process().num_fds() <= before + 1


def test_an_array_must_be_what_it_says(folder: Folder) -> None:
    """A view of another size is refused, and leaves nothing behind."""
    with pytest.raises(ValueError, match=r"an array of F32 \[3\] has 8 bytes, and not 12"):
        folder.write(draft(1, [array(some_bytes(0, LARGE)), array(b"12345678", "F32", (3,))]))

    assert files(folder.path) == {}


def test_what_could_not_be_read_again_is_not_written(folder: Folder) -> None:
    """A tree that is nested too deeply, or has too many parts, is refused when saving."""
    deep: list[object] = []
    for _ in range(400):
        deep = [deep]

    with pytest.raises(Oversized, match="nested more than 300 deep"):
        folder.write(draft(1, values={"net": deep}))
    with pytest.raises(Oversized, match="more than 4,000,000 parts"):
        folder.write(draft(1, values={"net": [0] * 4_000_001}))
    with pytest.raises(Oversized, match="more than 64 MiB"):
        folder.write(draft(1, values={"net": "x" * 64 * 1024**2}))
    assert files(folder.path) == {}


def test_giving_up_leaves_nothing(folder: Folder) -> None:
    """`on_object` hears how far it is, and by raising ends the writing."""
    folder.write(draft(1))
    before = files(folder.path)
    heard: list[int] = []

    def give_up(done: int) -> None:
        heard.append(done)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        folder.write(draft(2), give_up)

    assert heard[0] >= LARGE
    assert files(folder.path) == before


def test_giving_up_takes_nothing_from_others(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even an object that could not be verified just then, and has been written once more."""
    folder.write(draft(1))
    later = Folder(folder.path, KEY)

    def fail(*_: object) -> None:
        raise Damaged("too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(writing, "verify", fail)
        patch.setattr(Disk, "rename", _renaming_no_manifest)
        with pytest.raises(OSError, match="No space left"):
            later.write(replace(draft(1), manifest=draft(2).manifest))
    assert later.numbers() == [1]
    assert len(opened(later, 1)) == 2


def _renaming_no_manifest(_: Disk, path: Path, to: Path) -> None:
    if to.suffix == ".json":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    path.replace(to)


def test_removing_and_collecting(folder: Folder) -> None:
    """What only removed snapshots held goes; what others hold, and what is not ours, stays."""
    common = array(some_bytes(0, LARGE))
    for number in (1, 2, 3):
        folder.write(draft(number, [common, array(some_bytes(number, 2 * LARGE))]))
    (folder.path / "objects" / "notes.txt").write_text("mine")
    (folder.path / "objects" / ".new-0123").write_text("torn")
    (folder.path / ".new-4567").write_text("torn")

    assert folder.remove([1, 2, 9]) == [1, 2]
    assert folder.numbers() == [3]
    freed = folder.collect()

    assert 4 * LARGE < freed < 4 * LARGE + 1000
    assert len(opened(folder, 3)) == 2
    assert sorted(each.suffix for each in (folder.path / "objects").iterdir()) == [
        ".safetensors",
        ".safetensors",
        ".txt",
    ]
    assert folder.collect() == 0


def test_a_folder_that_can_not_be_listed_is_not_taken_for_an_empty_one(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else all objects would be swept up, as those that no manifest names."""
    folder.write(draft(1))
    real = Path.iterdir
    failing = [folder.path] * 3

    def iterdir(path: Path) -> Iterator[Path]:
        if path in failing:
            failing.remove(path)
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return real(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    with pytest.raises(OSError, match="Too many open files"):
        folder.collect()
    with pytest.raises(OSError, match="Too many open files"):
        folder.remove([1])
    assert folder.numbers() == []
    assert folder.numbers() == [1]
    assert len(opened(folder, 1)) == 2


def test_nothing_older_than_an_unreadable_manifest_is_collected(folder: Folder) -> None:
    """It may name any of that, so all of it stays until it is removed. What came later, it can't name."""
    for number in (1, 2):
        folder.write(draft(number))
    folder.remove([1])
    manifest = folder.path / "2.json"
    manifest.write_bytes(manifest.read_bytes()[:-5])
    for path in (manifest, *(folder.path / "objects").iterdir()):
        os.utime(path, (10**9, 10**9))

    assert folder.collect() == 0
    [sentence] = folder.damaged
    assert re.fullmatch("snapshot 2 of .* can't be used: the manifest is not as it was written", sentence)
    before = {path.name for path in (folder.path / "objects").iterdir()}
    folder.write(draft(3))
    folder.remove([3])
    written = sum(path.stat().st_size for path in (folder.path / "objects").iterdir() if path.name not in before)
    assert folder.collect() == written > 0
    assert {path.name for path in (folder.path / "objects").iterdir()} == before
    folder.remove([2])
    assert folder.collect() > 2 * LARGE
    assert folder.damaged == []


def test_collecting_follows_no_link(folder: Folder, tmp_path: Path) -> None:
    """Where the objects' folder is a link, what it leads to is somebody else's."""
    folder.write(draft(1))
    elsewhere = (folder.path / "objects").rename(tmp_path / "elsewhere")
    (folder.path / "objects").symlink_to(elsewhere)
    folder.remove([1])

    assert folder.collect() == 0
    assert len(list(elsewhere.iterdir())) == 2


def test_collecting_waits_for_a_write(tmp_path: Path) -> None:
    """Objects of a snapshot that is being written have no manifest yet, and are not collected."""

    class Slow(Disk):
        reached, go_on = threading.Event(), threading.Event()

        def rename(self, path: Path, to: Path) -> None:
            if to.name == "1.json":
                self.reached.set()
                assert self.go_on.wait(30)
            super().rename(path, to)

    disk = Slow()
    folder = Folder(tmp_path / "snapshots", KEY, disk)
    writer = threading.Thread(target=folder.write, args=[draft(1)])
    writer.start()
    assert disk.reached.wait(30)
    freed: list[int] = []
    collector = threading.Thread(target=lambda: freed.append(folder.collect()))
    collector.start()
    collector.join(0.3)
    assert collector.is_alive()
    disk.go_on.set()
    writer.join()
    collector.join()

    assert freed == [0]
    assert len(opened(folder, 1)) == 2


def test_the_newest_good_one(folder: Folder) -> None:
    """Damaged ones are left out with a sentence; bounds of number and step count."""
    for number in (1, 2, 3):
        folder.write(draft(number, step=10 * number))
    (folder.path / "3.json").write_text("{}")

    found, left_out = folder.newest_good()
    assert found is not None
    assert found.manifest.info.number == 2
    assert left_out == [f"snapshot 3 of {folder.path.parent.name} can't be used: the manifest is not as it was written"]
    assert [info.number for info in folder.infos()] == [1, 2]

    older, nothing = folder.newest_good(at_most=1)
    assert older is not None
    assert (older.manifest.info.number, nothing) == (1, [])
    by_step, _ = folder.newest_good(step=19)
    assert by_step is not None
    assert by_step.manifest.info.number == 1
    assert folder.newest_good(at_most=0) == (None, [])


def test_a_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    """Nothing has been saved yet: no numbers, no good one, nothing to sweep."""
    folder = Folder(tmp_path / "quiet-otter" / "snapshots")

    assert folder.numbers() == []
    assert folder.newest_good() == (None, [])
    assert folder.remove([1]) == []
    assert folder.collect() == 0
    with pytest.raises(Damaged, match=r"there is no snapshot 7 of quiet-otter\Z"):
        folder.open(7)


def test_a_snapshot_is_written_in_short_pieces_when_the_disk_takes_no_more(tmp_path: Path) -> None:
    """A write that takes only a part is gone on with."""

    class Short(Disk):
        def write(self, fd: int, data: bytes | bytearray | memoryview) -> int:
            return super().write(fd, memoryview(data)[:1000])

    folder = Folder(tmp_path / "snapshots", KEY, Short())
    folder.write(draft(1))

    assert opened(folder, 1) == [bytes(each.data()) for each in draft(1).arrays]


def test_a_snapshot_without_arrays(folder: Folder) -> None:
    """A run that persists a counter has a snapshot of one file."""
    folder.write(draft(1, []))

    assert list(files(folder.path)) == ["1.json"]
    assert opened(folder, 1) == []


def test_numpy_arrays_in_any_layout_of_items(folder: Folder) -> None:
    """A view need not be of bytes: its items are taken as they lie in memory."""
    numbers = np.arange(20_000, dtype=np.float64).reshape(100, 200)
    folder.write(draft(1, [ArrayData("F64", (100, 200), lambda: numbers.data)]))

    with folder.open(1) as snapshot:
        assert np.array_equal(np.frombuffer(snapshot.array(0)).reshape(100, 200), numbers)


def test_the_manifest_is_plain_json(folder: Folder) -> None:
    """Anybody's JSON parser reads it."""
    folder.write(draft(1))
    found = json.loads((folder.path / "1.json").read_text())

    assert sorted(found) == ["seal", "sha256", "snapshot"]
    assert found["snapshot"]["info"]["number"] == 1
