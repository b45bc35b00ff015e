"""New source from outside, and a run's source and reloads as a client sees them, against a scripted server."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from livespark.client import AsyncClient, request_hot_reload
from livespark.client.sources import named, read_files
from livespark.errors import CommandRefused, NotFound, UsageError
from livespark.protocol.ids import Epoch, RunId
from livespark.protocol.lifecycle import RunState
from livespark.protocol.runs import Entry, Run
from tests.unit.client.scripted import Answer, ScriptedServer, problem
from tests.unit.client.test_client_http import RUN
from tests.unit.client.test_client_proxy import LIVE, Held, answered

SOFT = {"kind": "soft", "changed": ["model.Net.forward"]}


@pytest.fixture
def held() -> Iterator[Held]:
    it = Held()
    with it.server, it.api:
        it.server.always["/api/runs/otter"] = Answer(RUN | {"entry": {"script": "exp/train.py"}})
        yield it


def run(entry: Entry) -> Run:
    return Run(RunId("otter"), "otter", "dev", RunState.RUNNING, Epoch("0000abcd"), 1.0, entry, "/", "python")


def test_reloading_what_is_on_disk(held: Held) -> None:
    """The answer says how and what; a refusal is raised with its reason."""
    held.answers(answered(value=SOFT))
    assert held.run.reload() == SOFT
    assert held.command == {"kind": "reload"}
    held.run.reload(skip=True, clear=["net", "optimizer"])
    assert held.command == {"kind": "reload", "skip": True, "clear": ["net", "optimizer"]}
    held.run.reload(clear="net")
    assert held.command == {"kind": "reload", "clear": ["net"]}
    held.answers(answered("refused", message="model.py:31: unexpected indent"))
    with pytest.raises(CommandRefused, match="unexpected indent"):
        held.run.reload()


@pytest.mark.parametrize(
    ("source", "files"),
    [
        ("x = 1\n", {"exp/train.py": "x = 1\n"}),
        ({"": "x = 1\n", "exp/model.py": "y = 2\n"}, {"exp/train.py": "x = 1\n", "exp/model.py": "y = 2\n"}),
        (["model.py", "lib/../lib/data.py"], {"model.py": "m = 1\n", "lib/data.py": "d = 'å'\n"}),
        (Path("model.py"), {"model.py": "m = 1\n"}),
    ],
)
def test_sending_new_source(
    held: Held, source: Any, files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script's text, texts by path, or files of this machine."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "model.py").write_text("m = 1\n")
    (tmp_path / "lib" / "data.py").write_text("d = 'å'\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    held.answers(answered(value=SOFT))
    assert held.run.request_hot_reload(source, skip=True) == SOFT
    assert held.command == {"kind": "reload", "files": files, "skip": True}


def test_files_are_read_as_python_reads_them(tmp_path: Path) -> None:
    """By their coding cookie and without a byte order mark; a path elsewhere goes in full."""
    (tmp_path / "latin.py").write_bytes("# -*- coding: latin-1 -*-\nx = 'å'\r\n".encode("latin-1"))
    (tmp_path / "marked.py").write_bytes(b"\xef\xbb\xbfx = 1\n")
    (tmp_path / "broken.py").write_bytes(b"x = '\xff'\n")
    texts = read_files([tmp_path / "latin.py", str(tmp_path / "marked.py")])
    assert texts == {
        str(tmp_path / "latin.py"): "# -*- coding: latin-1 -*-\nx = 'å'\n",
        str(tmp_path / "marked.py"): "x = 1\n",
    }
    with pytest.raises(UsageError, match=r"broken\.py is no Python source"):
        read_files([tmp_path / "broken.py"])
    with pytest.raises(UsageError, match=r"nope\.py can't be read: No such file"):
        read_files([tmp_path / "nope.py"])
    with pytest.raises(UsageError, match="no file is named"):
        read_files([])


def test_what_could_be_meant_otherwise_is_refused() -> None:
    """The name of a file in place of a text; a text without a path where a module is executed."""
    with pytest.raises(UsageError, match=r"give \['train.py'\] to have it read"):
        named("train.py", run(Entry(script="train.py")))
    with pytest.raises(UsageError, match=r"executes the module pkg\.train; say which file"):
        named("x = 1\n", run(Entry(module="pkg.train")))
    assert named({"pkg/train.py": ""}, run(Entry(module="pkg.train"))) == {"pkg/train.py": ""}


def test_the_short_way(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    """One call: the run is found, the source sent, the connection closed."""
    held.answers(answered(value=SOFT))
    assert request_hot_reload({"model.py": "x\n"}, "otter", held.server.url, token="t", clear=["net"]) == SOFT
    assert held.command == {"kind": "reload", "files": {"model.py": "x\n"}, "clear": ["net"]}


def record(seq: int) -> dict[str, Any]:
    return {"seq": seq, "time": 1.5, "event": {"type": "reloaded", "outcome": "applied", "kind": "soft", "step": seq}}


def test_reloads_of_all_pages(held: Held) -> None:
    """Oldest first, with number and time."""
    held.server.always["/api/runs/otter/reloads?after=0"] = Answer({"reloads": [record(4), record(9)], "next": 9})
    held.server.always["/api/runs/otter/reloads?after=9"] = Answer({"reloads": [record(12)], "next": None})
    found = held.run.reloads()
    assert [(each.seq, each.time, each.event.step) for each in found] == [(4, 1.5, 4), (9, 1.5, 9), (12, 1.5, 12)]


def test_the_source_as_of_a_step(held: Held) -> None:
    """Texts by path; a text that nobody has is an error, not a hole."""
    files = [
        {"path": path, "hash": letter * 64, "seq": 3, "step": None, "size": 2}
        for path, letter in (("model.py", "a"), ("train.py", "b"))
    ]
    held.server.always["/api/runs/otter/code"] = Answer({"files": files})
    held.server.always["/api/runs/otter/code?step=7"] = Answer({"files": files[:1]})
    for letter in "ab":
        held.server.always[f"/api/runs/otter/code/{letter * 64}"] = Answer({"hash": letter * 64, "text": f"{letter}\n"})
    assert held.run.code() == {"model.py": "a\n", "train.py": "b\n"}
    assert held.run.code(step=7) == {"model.py": "a\n"}
    held.server.always[f"/api/runs/otter/code/{'b' * 64}"] = problem(404, "not-found", "no source")
    with pytest.raises(NotFound):
        held.run.code()


def test_a_binding_of_such_a_name_is_an_item(held: Held) -> None:
    """What a run exposes as `code` or `reload` is not lost."""
    held.shows(LIVE | {"values": {"code": 7}, "functions": {"reload": {}}})
    assert held.run["code"] == 7
    held.answers(answered(value=3))
    assert held.run["reload"]() == 3
    assert held.command == {"kind": "call", "function": "reload", "args": [], "kwargs": {}}


def test_the_same_for_asyncio() -> None:
    """Every one of them is there."""

    async def ask(server: ScriptedServer) -> Any:
        async with AsyncClient(server.url, token="t") as client:
            proxy = client.run("otter")
            return [await proxy.reload(), await proxy.request_hot_reload("x = 1\n"), await proxy.reloads()]

    with ScriptedServer(answered(value=SOFT)) as server:
        server.always["/api/runs/otter"] = Answer(RUN | {"entry": {"script": "train.py"}})
        server.always["/api/runs/otter/reloads?after=0"] = Answer({"reloads": [record(4)], "next": None})
        soft, sent, reloads = asyncio.run(ask(server))
        assert (soft, sent, [each.seq for each in reloads]) == (SOFT, SOFT, [4])
        bodies = [request.json()["command"] for request in server.requests if request.body]
        assert bodies[-1] == {"kind": "reload", "files": {"train.py": "x = 1\n"}}
