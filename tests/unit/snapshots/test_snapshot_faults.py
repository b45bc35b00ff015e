"""Disks that fail, and power that does: whatever call it hits, older snapshots stay, and a later one can be written."""

import errno
import itertools
import os
import threading
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import psutil
import pytest

from livespark.snapshots.disk import Disk
from livespark.snapshots.folder import Draft, Folder
from tests.unit.snapshots.drafts import KEY, LARGE, array, draft, files, opened, some_bytes


class FailingDisk(Disk):
    """Fails at call `at`, with `lasting` at all later ones, too. Does not flush: nobody pulls the plug here."""

    def __init__(self) -> None:
        self.at: int | None = None
        self.number, self.calls, self.lasting = errno.EIO, 0, False
        self._lock = threading.Lock()

    def break_at(self, at: int, number: int, *, lasting: bool) -> None:
        self.at, self.number, self.lasting, self.calls = at, number, lasting, 0

    def heal(self) -> None:
        self.at = None

    def make_folder(self, path: Path) -> None:
        self._count()
        super().make_folder(path)

    def create(self, path: Path) -> int:
        self._count()
        return super().create(path)

    def write(self, fd: int, data: bytes | bytearray | memoryview) -> int:
        try:
            self._count()
        except OSError:
            super().write(fd, memoryview(data)[: len(data) // 2])
            raise
        return super().write(fd, data)

    def fsync(self, fd: int) -> None:
        self._count()

    def rename(self, path: Path, to: Path) -> None:
        self._count()
        super().rename(path, to)

    def remove(self, path: Path) -> None:
        self._count()
        super().remove(path)

    def sync_folder(self, path: Path) -> None:
        self._count()

    def _count(self) -> None:
        with self._lock:
            self.calls += 1
            fails = self.at is not None and (self.calls == self.at or (self.lasting and self.calls > self.at))
        if fails:
            raise OSError(self.number, os.strerror(self.number))


def long_draft(number: int) -> Draft:
    """One that takes about a hundred calls."""
    arrays = [array(some_bytes(100 * number + index, LARGE)) for index in range(24)]
    return draft(number, [array(some_bytes(0, LARGE)), *arrays], [b"pickle %d" % number])


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS], ids=errno.errorcode.get)
def test_a_failing_disk_costs_the_new_snapshot_only(tmp_path: Path, number: int, lasting: bool) -> None:
    """At each call, of which there are a hundred: an error, what was there is as it was, and a later write works."""
    disk = FailingDisk()
    folder = Folder(tmp_path / "snapshots", KEY, disk)
    folder.write(long_draft(1))
    before, expected = files(folder.path), opened(folder, 1)
    calls = calls_of_second_write(folder, disk)
    assert calls >= 100
    descriptors = psutil.Process().num_fds()

    for at in range(1, calls + 1):
        disk.break_at(at, number, lasting=lasting)
        with pytest.raises(OSError, match=os.strerror(number)):
            folder.write(long_draft(2))
        disk.heal()
        if lasting:
            folder.remove([2])
            folder.collect()
        assert files(folder.path) == before

    assert psutil.Process().num_fds() == descriptors
    assert opened(folder, 1) == expected
    folder.write(long_draft(2))
    assert opened(folder, 2) == [bytes(each.data()) for each in long_draft(2).arrays]


def calls_of_second_write(folder: Folder, disk: FailingDisk) -> int:
    disk.calls = 0
    folder.write(long_draft(2))
    calls = disk.calls
    folder.remove([2])
    folder.collect()
    return calls


def test_a_disk_that_fails_at_the_first_snapshot(tmp_path: Path) -> None:
    """Also the folders may be impossible to make; later they are made."""
    for at in range(1, 15):
        disk = FailingDisk()
        folder = Folder(tmp_path / str(at), KEY, disk)
        disk.break_at(at, errno.ENOSPC, lasting=False)
        with pytest.raises(OSError, match="No space left"):
            folder.write(draft(1))
        disk.heal()

        assert files(folder.path) == {}
        folder.write(draft(1))
        assert len(opened(folder, 1)) == 2


class Operation(NamedTuple):
    """Something that was done: `what` to file `file`, or to the names in `folder`."""

    what: str
    folder: str = ""
    file: int = 0
    name: str = ""
    to: str = ""
    data: bytes = b""


class RecordingDisk(Disk):
    """Writes down what is done, so that a power failure after any part of it can be played."""

    def __init__(self) -> None:
        self.done: list[Operation] = []
        self._files: dict[int, int] = {}
        self._numbers = itertools.count(1)

    def create(self, path: Path) -> int:
        fd = super().create(path)
        self._files[fd] = next(self._numbers)
        self.done.append(Operation("create", str(path.parent), self._files[fd], path.name))
        return fd

    def write(self, fd: int, data: bytes | bytearray | memoryview) -> int:
        taken = super().write(fd, data)
        self.done.append(Operation("write", file=self._files[fd], data=bytes(data[:taken])))
        return taken

    def fsync(self, fd: int) -> None:
        self.done.append(Operation("fsync", file=self._files[fd]))

    def rename(self, path: Path, to: Path) -> None:
        super().rename(path, to)
        self.done.append(Operation("rename", str(path.parent), name=path.name, to=to.name))

    def remove(self, path: Path) -> None:
        super().remove(path)
        self.done.append(Operation("remove", str(path.parent), name=path.name))

    def sync_folder(self, path: Path) -> None:
        self.done.append(Operation("sync", str(path)))


def after_power_failure(done: list[Operation], survives: Callable[[], bool], random: Random) -> dict[str, bytes]:
    """The files on disk: what was flushed, and of what was not whatever `survives`, in part."""
    content: dict[int, bytes] = {}
    flushed: dict[int, bytes] = {}
    names: dict[str, dict[str, int]] = {}
    pending: dict[str, list[Operation]] = {}
    for each in done:
        if each.what == "write":
            content[each.file] = content.get(each.file, b"") + each.data
        elif each.what == "fsync":
            flushed[each.file] = content.get(each.file, b"")
        elif each.what == "sync":
            apply(names.setdefault(each.folder, {}), pending.pop(each.folder, []))
        else:
            pending.setdefault(each.folder, []).append(each)
    for folder, left in pending.items():
        apply(names.setdefault(folder, {}), [each for each in left if survives()])
    return {
        f"{folder}/{name}": flushed.get(file, content.get(file, b"")[: random.randrange(1000)])
        for folder, inside in names.items()
        for name, file in inside.items()
    }


def apply(names: dict[str, int], operations: list[Operation]) -> None:
    for each in operations:
        if each.what == "create":
            names[each.name] = each.file
        elif each.what == "remove":
            names.pop(each.name, None)
        elif each.name in names:
            names[each.to] = names.pop(each.name)


@pytest.mark.parametrize("survivors", ["none", "all", "some"])
def test_a_power_failure_leaves_no_torn_snapshot(tmp_path: Path, survivors: str) -> None:
    """After any call: all snapshots that are there open, and so does the last one that was acknowledged."""
    disk, acknowledged = RecordingDisk(), [(0, 0)]
    source = tmp_path / "source"
    folder = Folder(source, KEY, disk)
    removed: list[tuple[int, int]] = []
    for number in range(1, 6):
        same = [array(some_bytes(number // 3, LARGE)), array(some_bytes(number, 50))]
        folder.write(draft(number, same, [b"a pickle"]))
        acknowledged.append((len(disk.done), number))
        gone = folder.remove([number - 2])
        removed += [(len(disk.done), each) for each in gone]
        folder.collect()
    random = Random(7)
    survives: dict[str, Any] = {"none": lambda: False, "all": lambda: True, "some": lambda: random.random() < 0.5}

    for moment in range(len(disk.done) + 1):
        left = after_power_failure(disk.done[:moment], survives[survivors], random)
        copy = put_down(left, source, tmp_path / f"after-{moment}")
        least = max(number for when, number in acknowledged if when <= moment)
        assert all(len(opened(copy, number)) == 2 for number in copy.numbers()), moment
        assert max(copy.numbers(), default=0) >= least, moment
        assert not {number for when, number in removed if when <= moment} & set(copy.numbers()), moment
        copy.write(draft(9))
        assert len(opened(copy, 9)) == 2


def test_names_that_a_dead_process_left_are_flushed(tmp_path: Path) -> None:
    """Its objects are whole and are taken, but their names may not have reached the disk."""
    Folder(tmp_path / "snapshots", KEY).write(draft(1))
    (tmp_path / "snapshots" / "1.json").unlink()
    disk = RecordingDisk()
    folder = Folder(tmp_path / "snapshots", KEY, disk)

    assert folder.write(draft(1)).written == 0

    assert disk.done[0] == Operation("sync", str(folder.path / "objects"))
    assert [each.what for each in disk.done[1:]] == ["create", "write", "fsync", "rename", "sync"]


def test_objects_go_only_after_their_manifest_has_gone_for_good(tmp_path: Path) -> None:
    """Else a power failure might bring the manifest back, and not the objects."""
    disk = RecordingDisk()
    folder = Folder(tmp_path / "snapshots", KEY, disk)
    folder.write(draft(1))
    disk.remove(folder.path / "1.json")
    disk.done.clear()

    folder.collect()

    assert [each.what for each in disk.done] == ["sync", "remove", "remove"]


def put_down(left: dict[str, bytes], source: Path, target: Path) -> Folder:
    (target / "objects").mkdir(parents=True)
    for name, data in left.items():
        (target / Path(name).relative_to(source)).write_bytes(data)
    return Folder(target, KEY, FailingDisk())
