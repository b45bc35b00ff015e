"""What is read out of a snapshot's files: differences, exports, whether they are whole."""

import builtins
import json
import math
import struct
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from livespark.cli import exporting
from livespark.cli.comparing import difference
from livespark.cli.contents import Array, Opaque, each, leaves, plain_data
from livespark.cli.detail import detail_lines
from livespark.errors import LivesparkError, UsageError
from livespark.protocol.codec import encode
from livespark.protocol.ids import RunId
from livespark.protocol.snapshots import Manifest, SavedValue, SnapshotDetail, SnapshotInfo
from livespark.snapshots.folder import ArrayData, Draft, Folder
from livespark.snapshots.opening import OpenSnapshot

OTTER = RunId("quiet-otter")


def array(index: int) -> dict[str, Any]:
    return {"$": "array", "i": index, "of": "torch"}


def floats(*numbers: float) -> ArrayData:
    data = struct.pack(f"<{len(numbers)}f", *numbers)
    return ArrayData("F32", (len(numbers),), lambda: memoryview(data))


class Writer:
    """Writes snapshots into one folder, numbered from 1."""

    def __init__(self, path: Path) -> None:
        self.folder = Folder(path)
        self._number = 0

    def __call__(
        self, values: dict[str, Any], *arrays: ArrayData, pickles: tuple[bytes, ...] = (), **more: Any
    ) -> OpenSnapshot:
        self._number += 1
        info = SnapshotInfo(self._number, 1000.0, "asked", 100 * self._number)
        saved = {key: SavedValue("train:Net", tree) for key, tree in values.items()}
        self.folder.write(Draft(Manifest(1, OTTER, info, saved, [], **more), arrays, pickles))
        return self.folder.open(self._number)


@pytest.fixture
def write(tmp_path: Path) -> Writer:
    return Writer(tmp_path / "snapshots")


NET: dict[str, Any] = {
    "$": "state",
    "type": "train:Net",
    "tree": {"fc.weight": array(0), "fc.bias": array(1)},
    "more": {"training": True},
}
OPTIMIZER: dict[str, Any] = {
    "$": "state",
    "type": "torch.optim.adam:Adam",
    "tree": {
        "state": {"$": "dict", "of": "dict", "items": [[0, {"step": array(2), "exp_avg": array(0)}]]},
        "param_groups": [{"lr": 0.1, "betas": {"$": "tuple", "items": [0.9, 0.999]}, "params": [0], "foreach": None}],
    },
}


@pytest.mark.parametrize(
    ("tree", "data"),
    [
        (0.5, 0.5),
        ([1, "a", None, True], [1, "a", None, True]),
        ({"$": "float", "v": struct.pack(">d", -math.inf).hex()}, -math.inf),
        ({"$": "int", "v": hex(-(2**80))}, -(2**80)),
        ({"$": "int", "v": hex(16**4000)}, hex(16**4000)),
        ({"$": "str", "v": "w6Q="}, "ä"),
        ({"$": "bytes", "v": "AAE="}, b"\0\1"),
        ({"$": "complex", "v": struct.pack(">dd", 1, -2).hex()}, 1 - 2j),
        ({"$": "path", "of": "PosixPath", "v": "/a/b"}, "/a/b"),
        ({"$": "float", "v": "nonsense"}, Opaque("a damaged float")),
        ({"$": "tuple", "items": [1, {"$": "set", "items": [2]}]}, (1, [2])),
        (
            {"$": "dict", "of": "Counter", "items": [[1, "a"], [{"$": "tuple", "items": [1]}, "b"]]},
            {1: "a", "(1,)": "b"},
        ),
        ({"$": "list", "i": 4}, Array(4)),
        ({"$": "object", "type": "train:Config", "id": 1, "attributes": {"lr": 0.1}}, {"lr": 0.1}),
        ({"$": "shards", "shape": [4], "pieces": [{"at": [0], "array": array(2)}]}, Array(2)),
        ({"$": "pickle", "i": 0, "type": "Odd"}, Opaque("pickle Odd")),
        ({"$": "global", "i": 0, "name": "m:f"}, Opaque("global m:f")),
        (NET, {"fc.weight": Array(0), "fc.bias": Array(1)}),
        (
            [{"$": "dict", "id": 1, "items": [["a", array(0)]]}, {"$": "ref", "id": 1}],
            [{"a": Array(0)}, {"a": Array(0)}],
        ),
        (
            {"$": "list", "id": 1, "items": [1, {"$": "ref", "id": 1}]},
            [1, Opaque("a part that contains itself")],
        ),
        ({"$": "ref", "id": 9}, Opaque("a part that contains itself")),
        ({"$": "generator", "of": "random", "state": [1, 2]}, {"state": [1, 2]}),
    ],
)
def test_a_tree_is_plain_data(tree: Any, data: Any) -> None:
    """Nothing of it is executed; what only Python knows is named."""
    assert plain_data(tree) == data


def test_a_tree_that_would_grow_without_end_is_refused() -> None:
    """Shared parts of shared parts, and what is nested too deeply."""
    bomb: Any = {"$": "list", "id": 0, "items": [0] * 10}
    for level in range(1, 12):
        bomb = {"$": "list", "id": level, "items": [bomb, *[{"$": "ref", "id": level - 1}] * 9]}
    deep: Any = 1
    for _ in range(250):
        deep = [deep]
    for tree in (bomb, deep):
        with pytest.raises(LivesparkError, match="too large, or nested too deeply"):
            plain_data(tree)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda part: (
            st.lists(part)
            | st.dictionaries(
                st.sampled_from(["$", "i", "v", "id", "items", "tree", "of", "x"]),
                part | st.sampled_from(["ref", "dict", "float", "int", "state", "array", "list", "tuple", "bytes"]),
            )
        ),
        max_leaves=20,
    )
)
def test_no_tree_breaks_the_reader(tree: Any) -> None:
    """Whoever has written it: data, or a sentence."""
    try:
        list(each(plain_data(tree)))
    except LivesparkError:
        return


def test_leaves_have_paths(write: Writer) -> None:
    """With what stands beside a state_dict."""
    found = dict(leaves(write({"net.work": NET}, floats(1), floats(2)).manifest))
    assert found == {
        r"net\.work.fc\.weight": Array(0),
        r"net\.work.fc\.bias": Array(1),
        r"net\.work.(training)": True,
    }


def test_two_snapshots_differ_in_what_has_changed(write: Writer) -> None:
    """Numbers with old and new, arrays by their bits, also where they lie in different files together with others."""
    values: dict[str, Any] = {"net": NET, "opt": OPTIMIZER, "step": 1, "gone": 3, "odd": [None]}
    facts: dict[str, Any] = {"config": {"lr": 0.1}, "packages": {"torch": "2.13"}, "python": "3.11.2"}
    before = write(values, floats(1, 2), floats(3), floats(0), code={"a.py": "0" * 64, "b.py": "1" * 64}, **facts)
    changed = json.loads(json.dumps(OPTIMIZER))
    changed["tree"]["param_groups"][0]["lr"] = 0.05
    wider = NET | {"tree": NET["tree"] | {"extra": array(3)}}
    values = {"net": wider, "opt": changed, "step": True, "odd": [None, None]}
    facts |= {"config": {"lr": 0.1, "warmup": 3}, "packages": {"torch": "2.14"}}
    arrays = floats(1, 2), floats(4), floats(1, 2, 3), floats(9)
    after = write(values, *arrays, code={"a.py": "2" * 64, "b.py": "1" * 64}, **facts)
    assert difference(before, after).lines() == [
        "values",
        "  opt.param_groups.0.lr  0.1 -> 0.05",
        "  step                   1 -> true",
        "  gone                   removed: 3",
        "  odd.1                  added: null",
        "",
        "arrays, 2 are the same",
        "  net.fc.bias       F32 [1], other content",
        "  opt.state.0.step  F32 [1] -> F32 [3]",
        "  net.extra         added: F32 [1]",
        "",
        "config",
        "  warmup  added: 3",
        "",
        "code",
        "  a.py  000000000000 -> 222222222222",
        "",
        "packages",
        "  torch  2.13 -> 2.14",
    ]


def test_equal_snapshots_do_not_differ(write: Writer) -> None:
    """NaN is as it was, too."""
    nan = {"$": "float", "v": struct.pack(">d", math.nan).hex()}
    one, other = (write({"net": NET, "best": nan}, floats(1), floats(2)) for _ in range(2))
    assert difference(one, other).lines() == []
    assert difference(one, other).same_arrays == 2


def test_differences_are_json(write: Writer) -> None:
    """Also of values that JSON has not; for people they are as they were."""
    odd = {"$": "complex", "v": struct.pack(">dd", 1, -2).hex()}
    one = write({"a": odd, "b": 1.0, "c": 1})
    infinity = {"$": "float", "v": struct.pack(">d", math.inf).hex()}
    other = write({"a": {"$": "bytes", "v": "AAE="}, "b": infinity, "c": {"$": "int", "v": hex(2**80)}})
    changes = difference(one, other)
    assert changes.lines() == [
        "values",
        "  a  (1-2j) -> \"b'\\\\x00\\\\x01'\"",
        "  b  1.0 -> Infinity",
        "  c  1 -> 1208925819614629174706176",
    ]
    assert len(json.loads(encode(changes))["values"]) == 3


def test_large_arrays_are_told_apart_by_their_names(write: Writer) -> None:
    """Nobody reads 400 MB to know what their file's name says."""
    large = floats(*range(20_000))
    one = write({"a": array(0), "b": array(1)}, large, floats(1))
    other = write({"a": array(0), "b": array(1)}, large, floats(2))
    read, original = list[int](), other.array

    def noted(index: int) -> memoryview:
        read.append(index)
        return original(index)

    other.array = noted  # type: ignore[method-assign]
    assert [change.name for change in difference(one, other).arrays] == ["b"]
    assert read == [1]


def test_an_export_needs_no_livespark(write: Writer, tmp_path: Path) -> None:
    """Modules as safetensors, optimizers as what torch loads without executing anything, the rest as JSON."""
    import torch

    pickled = {"$": "pickle", "i": 0, "type": "Odd"}
    values = {
        "net": NET,
        "opt": OPTIMIZER,
        "history": {"loss": [0.5, {"$": "float", "v": struct.pack(">d", math.nan).hex()}], "best": 3},
        "odd/../key": {"a": array(3), "raw": {"$": "bytes", "v": "AAE="}, "what": pickled},
        "STATE": {"w": array(4)},
    }
    scalar = ArrayData("BF16", (), lambda: memoryview(b"\x80\x3f"))
    empty = ArrayData("I64", (0, 3), lambda: memoryview(b""))
    snapshot = write(values, floats(1, 2), floats(3), scalar, empty, floats(7), pickles=(b"x",), config={"lr": 0.1})
    report = exporting.write(snapshot, tmp_path / "out" / "deep")
    assert [path.name for path, _ in report.written] == [
        "net.safetensors",
        "opt.pt",
        "odd_.._key.pt",
        "STATE-2.safetensors",
        "state.json",
    ]
    assert report.notes == ["left out: odd/../key.what, pickle Odd, which only the script can read"]
    out = tmp_path / "out" / "deep"
    net = load_file(out / "net.safetensors")
    assert {name: tensor.tolist() for name, tensor in net.items()} == {"fc.weight": [1.0, 2.0], "fc.bias": [3.0]}
    opt = torch.load(out / "opt.pt", weights_only=True)
    assert opt["param_groups"] == [{"lr": 0.1, "betas": (0.9, 0.999), "params": [0], "foreach": None}]
    step = opt["state"][0]["step"]
    assert (step.dtype, step.shape, step.item()) == (torch.bfloat16, torch.Size(), 1.0)
    odd = torch.load(out / "odd_.._key.pt", weights_only=True)
    assert (odd["a"].dtype, odd["a"].shape, odd["raw"], odd["what"]) == (torch.int64, (0, 3), b"\0\1", None)
    state = json.loads((out / "state.json").read_text())
    assert state["values"] == {"history": {"loss": [0.5, "nan"], "best": 3}}
    assert (state["run"], state["snapshot"], state["step"], state["config"]) == (OTTER, 1, 100, {"lr": 0.1})


def test_a_real_optimizer_takes_what_was_exported(write: Writer, tmp_path: Path) -> None:
    """`load_state_dict` of plain torch."""
    import torch

    parameter = torch.nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.Adam([parameter], lr=0.3)
    tree = json.loads(json.dumps(OPTIMIZER))
    tree["tree"]["state"]["items"][0][1]["exp_avg_sq"] = array(0)
    exporting.write(write({"opt": tree}, floats(1, 2), floats(0), floats(5)), tmp_path / "out")
    optimizer.load_state_dict(torch.load(tmp_path / "out" / "opt.pt", weights_only=True))
    assert optimizer.param_groups[0]["lr"] == 0.1
    assert optimizer.state[parameter]["exp_avg"].tolist() == [1.0, 2.0]


def test_what_is_in_the_way_is_left_alone(write: Writer, tmp_path: Path) -> None:
    """Nothing is overwritten, nothing half written."""
    snapshot = write({"net": NET}, floats(1), floats(2))
    (tmp_path / "state.json").write_text("mine")
    with pytest.raises(UsageError, match=r"state.json is there already; nothing was written"):
        exporting.write(snapshot, tmp_path)
    assert not (tmp_path / "net.safetensors").exists()
    with pytest.raises(UsageError, match="can't be made"):
        exporting.write(snapshot, tmp_path / "state.json" / "x")


def test_without_torch_all_but_torch_files_is_written(
    write: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the sentence says what is missing before anything is."""
    original = builtins.__import__

    def without_torch(name: str, *rest: Any) -> Any:
        if name == "torch":
            raise ImportError("no torch")
        return original(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_torch)
    exporting.write(write({"net": NET}, floats(1), floats(2)), tmp_path / "net")
    assert (tmp_path / "net" / "net.safetensors").exists()
    with pytest.raises(LivesparkError, match=f"{sys.executable} has no PyTorch"):
        exporting.write(write({"opt": OPTIMIZER}, floats(1), floats(2), floats(3)), tmp_path / "opt")
    assert not (tmp_path / "opt").exists()


def test_a_modules_attributes_are_shown_to_who_wants_all() -> None:
    """There are many, and they are rarely why somebody looks."""
    plain = [("training", True), ("attributes.0.stride", 1), ("[1].param_groups[0].params[2]", 2), ("attributes", 3)]
    detail = SnapshotDetail(SnapshotInfo(7, 1000.0, "stop"), {"net": "train:Net"}, {}, {"net": plain})
    assert detail_lines(OTTER, detail, 1090.0)[-3:] == [
        "  training                        true",
        "  attributes                      3",
        "  … 2 attributes; --all has them",
    ]
    assert detail_lines(OTTER, detail, 1090.0, whole=True)[-3].split() == ["attributes.0.stride", "1"]


def test_a_snapshot_in_detail() -> None:
    """What it is, each value with its arrays and numbers, config and code; of very many rows the first."""
    info = SnapshotInfo(7, 1000.0, "stop", 1622, "final", 412_000_000, metrics={"loss": 0.5})
    rows = [(f"layers.{number}", "F32", [8], 32) for number in range(300)]
    detail = SnapshotDetail(
        info,
        {"net": "train:Net", "n": "builtins:int"},
        {"net": [("fc.weight", "F32", [128, 64], 32768), *rows]},
        {"net": [("(training)", True)], "n": [("", 3)]},
        config={"lr": {"$": "float", "v": "nan"}},
        code={"train.py": "0" * 64},
        packages={"torch": "2.13"},
        python="3.11.2",
    )
    lines = detail_lines(OTTER, detail, 1090.0)
    assert lines[:7] == [
        "snapshot  quiet-otter@7 at step 1,622: 412 MB, at the stop (final)",
        "age       1:30",
        "metrics   loss 0.5",
        "python    3.11.2",
        "packages  torch 2.13",
        "",
        "net  train:Net",
    ]
    assert "  fc.weight   F32 [128, 64]  33 kB" in lines
    assert "  … 102 more; --json has them all" in lines
    assert lines[-7:] == ["    3", "", "config", "  lr  NaN", "", "code", "  train.py  000000000000"]
