"""Snapshots that rotted, and snapshots that somebody made to do harm: found, named, and nothing executed."""

import hashlib
import json
import os
import pickle
import socket
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import xxhash

from livespark.snapshots.damage import Damaged
from livespark.snapshots.folder import Folder
from livespark.snapshots.seal import sealed
from tests.unit.snapshots.drafts import KEY, LARGE, array, draft, opened, some_bytes

Change = Callable[[dict[str, Any]], object]
"""What to do to a manifest's body."""


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """With snapshot 1: arrays 0 and 1 are small, 2 is large; and a pickle."""
    made = Folder(tmp_path / "snapshots", KEY)
    arrays = [array(some_bytes(0, 40), "F32", (2, 5)), array(some_bytes(1, 24), "I64", (3,))]
    made.write(draft(1, [*arrays, array(some_bytes(2, LARGE), "F32", (LARGE // 4,))], [pickle.dumps("mine")]))
    return made


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << (bit % 8)
    return bytes(changed)


def test_every_flipped_bit_of_the_manifest_is_found(folder: Folder) -> None:
    """Wherever it is, in the hash and the seal, too."""
    path = folder.path / "1.json"
    data = path.read_bytes()
    for bit in range(8 * len(data)):
        path.write_bytes(flipped(data, bit))
        with pytest.raises(Damaged, match="the manifest is not as it was written"):
            folder.open(1)
    path.write_bytes(data)
    assert len(opened(folder, 1)) == 3


def test_flipped_bits_of_objects_are_found(folder: Folder, full: bool) -> None:
    """Every bit of small files, a sample of the large one's."""
    chance = Random(3)
    for path in (folder.path / "objects").iterdir():
        data = path.read_bytes()
        bits: Any = range(8 * len(data))
        if len(data) > 1000:
            bits = [*bits[:600], *(chance.randrange(8 * len(data)) for _ in range(5_000 if full else 300)), bits[-1]]
        for bit in bits:
            path.write_bytes(flipped(data, bit))
            with pytest.raises(Damaged, match=rf"objects/{path.name} is not as it was written|another header"):
                folder.open(1)
        path.write_bytes(data)
    assert len(opened(folder, 1)) == 3


def test_truncated_and_prolonged_files_are_found(folder: Folder) -> None:
    """A file that lost its end, or all, or got more, or is gone."""
    for name in folder.files(1):
        path = folder.path / name
        data = path.read_bytes()
        for changed in (data[:-1], data[: len(data) // 2], data[:1], b"", data + b"\0", data * 2):
            path.write_bytes(changed)
            with pytest.raises(Damaged):
                folder.open(1)
        path.unlink()
        with pytest.raises(Damaged, match=r"is missing|there is no snapshot 1"):
            folder.open(1)
        path.write_bytes(data)
    assert len(opened(folder, 1)) == 3


def test_what_changes_after_it_was_verified_is_not_used(folder: Folder) -> None:
    """Between opening and reading, a file may be replaced, shortened or removed."""
    with folder.open(1) as snapshot:
        for each in (folder.path / "objects").iterdir():
            each.write_bytes(each.read_bytes()[:-1])
        for index in range(3):
            with pytest.raises(Damaged, match="changed since it was verified"):
                snapshot.array(index)
        with pytest.raises(Damaged, match="changed since it was verified"):
            snapshot.pickle(0)


def test_a_file_that_the_disk_does_not_give_back(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bad sector is damage with a sentence."""

    def broken(fd: int, buffers: object) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "readv", broken)
    with pytest.raises(Damaged, match=r"1\.json can't be read: Input/output error"):
        folder.open(1)


def test_the_snapshot_of_another_home_opens_without_its_pickles(folder: Folder) -> None:
    """What is not sealed here has arrays and plain data, but no pickle is given out; nor is it a good one to resume."""
    for stranger in (Folder(folder.path, b"other"), Folder(folder.path)):
        with stranger.open(1) as snapshot:
            assert not snapshot.sealed
            assert len(snapshot.array(2)) == LARGE
            with pytest.raises(Damaged, match="it holds pickles and was not made in this Livespark home"):
                snapshot.pickle(0)
        found, left_out = stranger.newest_good()
        assert found is None
        assert "loading them would execute" in left_out[0]


def forge(folder: Folder, change: Change, key: bytes = b"", seal: str | None = None) -> None:
    """Snapshot 1 with another body, whose hash is right."""
    path = folder.path / "1.json"
    body = json.loads(path.read_bytes())["snapshot"]
    replaced = change(body)
    put_body(path, json.dumps(replaced if isinstance(replaced, dict) else body).encode(), key, seal)


def put_body(path: Path, body: bytes, key: bytes = b"", seal: str | None = None) -> None:
    seal = sealed(body, key) if seal is None else seal
    rest = f'"seal":"{seal}","snapshot":'.encode() + body + b"}\n"
    path.write_bytes(f'{{"sha256":"{hashlib.sha256(rest).hexdigest()}",'.encode() + rest)


def entry(index: int, **fields: Any) -> Change:
    return lambda body: body["arrays"][index].update(fields)


def first(**fields: Any) -> Change:
    return lambda body: body.update(fields)


def put_object(folder: Folder, data: bytes) -> str:
    name = xxhash.xxh3_128_hexdigest(data)
    (folder.path / "objects" / f"{name}.safetensors").write_bytes(data)
    return name


def deep(levels: int) -> Any:
    tree: list[Any] = []
    for _ in range(levels):
        tree = [tree]
    return tree


FORGERIES: dict[str, Change] = {
    "range beyond the file": entry(2, end=2 * LARGE, shape=[LARGE // 4 + 16]),
    "range before the file": entry(2, start=-64, end=LARGE - 64),
    "range that ends before it starts": entry(0, start=100, end=60),
    "range shifted by an item": entry(2, start=68, end=LARGE + 68),
    "range over the header": entry(0, start=0, end=40),
    "range of another array": lambda body: body["arrays"][0].update(
        start=body["arrays"][1]["start"], end=body["arrays"][1]["end"], dtype="I64", shape=[3]
    ),
    "arrays that overlap": lambda body: body["arrays"].append(dict(body["arrays"][0])),
    "name that leads up": entry(2, object="../../../../etc/passwd"),
    "absolute name": entry(2, object="/etc/passwd"),
    "name with a null": entry(2, object="0" * 31 + "\0"),
    "name with a line feed": entry(2, object="0" * 32 + "\n"),
    "name in capitals": lambda body: body["arrays"][2].update(object=body["arrays"][2]["object"].upper()),
    "empty name": entry(2, object=""),
    "huge shape": entry(2, shape=[2**40, 2**20]),
    "huge shape and range": entry(2, shape=[2**50], end=2**52 + 128),
    "shape beyond all numbers": entry(2, shape=[10**300]),
    "negative shape": entry(2, shape=[-1, -(LARGE // 4)]),
    "endless dimensions": entry(2, shape=[1] * 1_000_000),
    "shape that overflows": entry(2, shape=[2**56] * 64),
    "unknown dtype": entry(2, dtype="OBJECT"),
    "wider dtype": entry(2, dtype="F64"),
    "dtype of the same size": entry(2, dtype="I32"),
    "large array of two dtypes": lambda body: body["arrays"].append({**body["arrays"][2], "dtype": "I32"}),
    "other shape of the same size": entry(2, shape=[LARGE // 8, 2]),
    "pickle that leads up": first(pickles=["../../canary"]),
    "pickle that is not there": first(pickles=["0" * 64]),
    "another format": first(format=2),
    "another number": lambda body: body["info"].update(number=2),
    "run that leads up": first(run="../../quiet-otter"),
    "field that nobody knows": first(execute="rm -rf"),
    "field that is missing": lambda body: body.pop("values"),
    "tree deeper than the interpreter's stack": first(loops=deep(900)),
    "tree deeper than allowed": first(values={"net": {"type": "x", "tree": deep(400)}}),
}


CONSISTENT = {
    "huge shape and range",
    "dtype of the same size",
    "other shape of the same size",
    "pickle that is not there",
}
"""What only the objects disprove."""


@pytest.mark.parametrize("name", FORGERIES)
@pytest.mark.parametrize("key", [b"", b"other"], ids=["unsealed", "wrong seal"])
def test_forged_manifests_are_refused(folder: Folder, name: str, key: bytes) -> None:
    """However right the hash: Damaged, with a sentence, before any object is looked at, and for next to no memory."""
    forge(folder, FORGERIES[name], key)

    refused_cheaply(folder)
    if name in CONSISTENT:
        assert folder.read(1).info.number == 1
    else:
        with pytest.raises(Damaged):
            folder.read(1)


def refused_cheaply(folder: Folder, megabytes: int = 32) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(Damaged, match=r"snapshot 1 of .* can't be used: .+"):
            folder.open(1)
        assert tracemalloc.get_traced_memory()[1] < megabytes * 1024**2
    finally:
        tracemalloc.stop()
    found, left_out = folder.newest_good()
    assert found is None
    assert len(left_out) == 1


BODIES = {
    "an endless nest": b"[" * 10_000_000,
    "an endless nest where a tree is": b'{"format":1,"loops":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}",
    "millions of objects": b'{"format":1,"loops":[' + b"{}," * 10_000_000 + b"1]}",
    "a number without end": b'{"format":' + b"9" * 1_000_000 + b"}",
    "no text": b"\xff\xfe" * 1000,
    "half a character": b'{"run":"\\ud800"}',
    "nothing": b"",
    "two bodies": b'{"format":1},"snapshot":{"format":1}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_manifests_that_should_exhaust_the_reader_are_refused(folder: Folder, body: bytes) -> None:
    """Nothing is built of them; what is read is a few times the file's size at the most."""
    put_body(folder.path / "1.json", body)
    refused_cheaply(folder, megabytes=32 + 4 * len(body) // 1024**2)


def test_a_manifest_without_end_is_not_read(folder: Folder) -> None:
    """A file of a terabyte, all hole, is refused by its size."""
    os.truncate(folder.path / "1.json", 2**40)
    refused_cheaply(folder, megabytes=1)


def large_object(folder: Folder) -> Path:
    return folder.path / "objects" / f"{folder.read(1).arrays[2].object}.safetensors"


def replace_by_link(path: Path, tmp_path: Path) -> None:
    moved = path.rename(tmp_path / "elsewhere")
    path.symlink_to(moved)


def replace_by_device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def replace_by_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def replace_by_socket(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.unlink()
    monkeypatch.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)


def test_files_that_are_none_are_refused(folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Links out of the folder, also to devices, pipes that nobody writes to, sockets, folders: nothing is followed,
    nothing blocks."""
    path = large_object(folder)
    data = path.read_bytes()
    places: dict[str, Callable[[], object]] = {
        "link": lambda: replace_by_link(path, tmp_path),
        "device": lambda: replace_by_device(path),
        "pipe": lambda: replace_by_fifo(path),
        "socket": lambda: replace_by_socket(path, monkeypatch),
        "hole": lambda: os.truncate(path, 2**40),
    }
    for place in places.values():
        place()
        refused_cheaply(folder)
        path.unlink()
        path.write_bytes(data)
    path.unlink()
    path.mkdir()
    refused_cheaply(folder)


@pytest.mark.parametrize("name", ["1.json", "objects"])
def test_links_in_place_of_manifest_and_folder_are_refused(folder: Folder, tmp_path: Path, name: str) -> None:
    """Although what they lead to is the genuine thing."""
    replace_by_link(folder.path / name, tmp_path)
    refused_cheaply(folder)


def test_a_manifest_that_is_a_pipe_does_not_block(folder: Folder) -> None:
    """Opening it returns at once."""
    replace_by_fifo(folder.path / "1.json")
    refused_cheaply(folder)


def test_headers_that_lie_are_refused(folder: Folder) -> None:
    """An object whose hash is right, but whose header says something else than the manifest, would deceive other
    readers."""
    genuine = large_object(folder).read_bytes()
    lies = [
        genuine.replace(b"F32", b"I32", 1),
        (2**63).to_bytes(8, "little") + genuine[8:],
        genuine.replace(b'"array"', b'"other"', 1),
        b"\0" * len(genuine),
    ]
    for lie in lies:
        assert len(lie) == len(genuine)
        forge(folder, entry(2, object=put_object(folder, lie)))
        with pytest.raises(Damaged, match="another header"):
            folder.open(1)


def test_a_pickle_elsewhere_is_not_reached(folder: Folder) -> None:
    """Although it is there, and its name its hash."""
    data = pickle.dumps("outside")
    name = hashlib.sha256(data).hexdigest()
    (folder.path.parent / f"{name}.pickle").write_bytes(data)
    forge(folder, first(pickles=[f"../../{name}"]))

    with pytest.raises(Damaged, match="a pickle's name is no hash"):
        folder.open(1)


class Canary:
    """Unpickling it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_no_planted_pickle_is_given_out(folder: Folder, tmp_path: Path) -> None:
    """Without a seal, with a wrong one, with that of the genuine manifest: refused. And opening executes nothing."""
    canary = tmp_path / "canary"
    data = pickle.dumps(Canary(canary))
    name = hashlib.sha256(data).hexdigest()
    (folder.path / "objects" / f"{name}.pickle").write_bytes(data)
    genuine = json.loads((folder.path / "1.json").read_bytes())["seal"]

    for seal in ("", "0" * 64, genuine):
        forge(folder, first(pickles=[name]), seal=seal)
        with folder.open(1) as snapshot:
            assert not snapshot.sealed
            with pytest.raises(Damaged, match="would execute"):
                snapshot.pickle(0)
        assert folder.newest_good()[0] is None
    assert not canary.exists()


def test_a_planted_pickle_under_a_genuine_name_is_found(folder: Folder, tmp_path: Path) -> None:
    """The seal covers the pickle's hash, so another content under its name is damage."""
    (path,) = (folder.path / "objects").glob("*.pickle")
    path.write_bytes(pickle.dumps(Canary(tmp_path / "canary")))

    with pytest.raises(Damaged, match=r"\.pickle is not as it was written"):
        folder.open(1)
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("index", [-1, 3, 10**9])
def test_there_are_only_so_many_arrays_and_pickles(folder: Folder, index: int) -> None:
    """An index out of a tree may be anything."""
    with folder.open(1) as snapshot:
        with pytest.raises(Damaged, match=f"it has no array {index}"):
            snapshot.array(index)
        with pytest.raises(Damaged, match=f"it has no pickle {index}"):
            snapshot.pickle(index)
