"""The verbs of saved state, with a server played by the test."""

import errno
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from livespark.cli import beginning, look, rewind, snapshot, start
from livespark.cli.files import Files
from livespark.cli.main import cli
from livespark.cli.report import exit_status
from livespark.client.choose import choose
from livespark.errors import Conflict, NotFound
from livespark.protocol.codec import encode
from livespark.protocol.commands import Answer, Command
from livespark.protocol.ids import Epoch, RunId
from livespark.protocol.lifecycle import RunState
from livespark.protocol.live import LiveDoc
from livespark.protocol.runs import Entry, Run, Submit
from livespark.protocol.snapshots import InMemory, Manifest, Origin, SavedValue, SnapshotDetail, SnapshotInfo
from livespark.service.checks import check
from livespark.snapshots.damage import Damaged
from livespark.snapshots.folder import Draft, Folder
from livespark.snapshots.opening import OpenSnapshot
from livespark.transport.address import Address

OTTER = RunId("quiet-otter")
INFOS = [
    SnapshotInfo(3, 1000.0, "every", 1000, size=5000),
    SnapshotInfo(5, 2000.0, "asked", 8800, "final", 412_000_000, 31_000_000, 0.0142, metrics={"loss": 0.25}),
    SnapshotInfo(7, 3000.0, "stop", 9000, size=5000),
]


def record(id: str, state: RunState, folder: Path, **more: Any) -> Run:
    more |= {"config": {"lr": 0.1, "width": 64}, "python": "/no/python", "created": 1.0}
    entry = Entry("train.py", args=["--epochs", "3"])
    return Run(RunId(id), id, "dev", state, Epoch("0000abcd"), entry=entry, cwd=str(folder), **more)


class Server:
    """Stands for a client and its server."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.listed = [record(OTTER, RunState.STOPPED, folder)]
        self.infos = list(INFOS)
        self.memory: list[InMemory] = []
        self.files = Folder(home / "runs" / OTTER / "snapshots")
        self.home = str(home)
        self.asked: list[Any] = []
        self.answer = Answer("applied", 8800)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass

    @property
    def api(self) -> "Server":
        return self

    def address(self) -> Address:
        return Address("http://127.0.0.1:4280", "secret")

    def server(self) -> "Server":
        return self

    def find(self, wanted: str | None = None) -> Run:
        return choose(self.listed, wanted)

    def runs(self, *, alive: bool = False) -> list[Run]:
        return self.listed

    def run(self, id: str) -> "PlayedRun":
        return PlayedRun(self)


class PlayedRun:
    def __init__(self, server: Server) -> None:
        self._server = server

    def snapshot(self, label: str = "", *, timeout: float | None = None) -> SnapshotInfo:
        self._server.asked.append((label, timeout))
        return INFOS[1]

    def snapshots(self) -> list[SnapshotInfo]:
        return self._server.infos

    def live(self) -> LiveDoc:
        return LiveDoc(memory=self._server.memory)

    def snapshot_detail(self, number: int) -> SnapshotDetail:
        info = next(each for each in self._server.infos if each.number == number)
        return SnapshotDetail(info, {"net": "train:Net"}, {"net": [("w", "F32", [2], 8)]}, {"net": []})

    def remove_snapshot(self, number: int) -> None:
        self._server.asked.append(number)

    def download_snapshot(self, number: int, path: Path) -> None:
        self._server.asked.append(path)
        with tarfile.open(path, "w") as tar:
            for file in sorted(self._server.files.path.rglob("*")):
                tar.add(file, file.relative_to(self._server.files.path), recursive=False)

    def ask(self, command: Command, *, timeout: float | None = None) -> Answer:
        self._server.asked.append(command)
        return self._server.answer


@pytest.fixture
def server(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The server of this machine, with one run that has ended."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "train.py").write_text("pass\n")
    server = Server(tmp_path / "theirs", home)
    for module in (beginning, look, rewind, snapshot):
        monkeypatch.setattr(module, "connected", lambda _url: server)
    return server


@pytest.fixture
def submitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Submit]:
    """What would have been started, from another folder than the run's."""
    found: list[Submit] = []

    async def follow(submit: Submit, server_url: str | None, **how: bool) -> int:
        found.append(submit)
        return 0

    monkeypatch.setattr(start, "_follow", follow)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "other.py").write_text("pass\n")
    monkeypatch.chdir(tmp_path / "mine")
    return found


@pytest.fixture
def says(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Execute a command line; -> its output, after a look at its exit code."""

    def execute(*words: str, code: int = 0, err: bool = False) -> str:
        result = exit_status(lambda: cli.main(args=words, prog_name="livespark", standalone_mode=False))
        out, said = capsys.readouterr()
        assert result == code, out + said
        return said if err or code else out

    return execute


Says = Callable[..., str]
TAKEN = "quiet-otter@5 (final) at step 8,800: 412 MB (31 MB new), training stood still for 14 ms\n"


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ([], ("", None)),
        (["quiet"], ("", None)),
        (["quiet", "--label", "final"], ("final", None)),
        (["--label", "final", "--timeout", "3"], ("final", 3.0)),
        (["take", "quiet"], ("", None)),
    ],
)
def test_a_snapshot_is_taken(server: Server, says: Says, words: list[str], asked: tuple[str, float | None]) -> None:
    """With or without a run's name, a label, or the verb's own word."""
    assert says("snapshot", *words) == TAKEN
    assert server.asked == [asked]
    assert json.loads(says("snapshot", *words, "--json")) == json.loads(encode(INFOS[1]))


def test_help_of_the_group_is_no_snapshot(server: Server, says: Says) -> None:
    """Nothing is taken by who only looks."""
    assert "livespark snapshot ls" in says("snapshot", "--help")
    assert server.asked == []


def test_snapshots_are_listed(server: Server, says: Says, tmp_path: Path) -> None:
    """On disk, in memory, or both, as long as there is a process; for people and as JSON."""
    server.memory = [InMemory(7, 3000.0, 9000, 5000), InMemory(8, 3500.0, 9500, 5000)]
    for without in (RunState.STOPPED, RunState.QUEUED, RunState.STARTING):
        server.listed[0] = record(OTTER, without, tmp_path)
        assert "in memory" not in says("snapshot", "ls")
    server.listed[0] = record(OTTER, RunState.RUNNING, tmp_path)
    lines = [line.split() for line in says("snapshot", "ls").splitlines()]
    assert lines[0] == ["#", "STEP", "AGE", "SIZE", "WHY", "LABEL", "METRICS", "MEMORY"]
    assert [line[0] for line in lines[1:]] == ["3", "5", "7", "8"]
    assert lines[2][-5:] == ["asked", "for", "final", "loss", "0.25"]
    assert lines[3][-2:] == ["in", "memory"]
    assert lines[4][-3:] == ["in", "memory", "only"]
    shown = json.loads(says("snapshot", "ls", "quiet", "--json"))
    assert [each["number"] for each in shown["snapshots"]] == [3, 5, 7]
    assert [each["number"] for each in shown["memory"]] == [7, 8]
    server.infos, server.memory = [], []
    assert "quiet-otter has no snapshots yet" in says("snapshot", "ls", err=True)


def test_one_is_shown(server: Server, says: Says) -> None:
    """By label, by step, the newest; a wrong one is told what there is."""
    assert says("snapshot", "show", "quiet@final").startswith("snapshot  quiet-otter@5 at step 8,800")
    assert says("snapshot", "show", "quiet").startswith("snapshot  quiet-otter@7")
    assert json.loads(says("snapshot", "show", "@step:8999", "--json"))["info"]["number"] == 5
    said = says("snapshot", "show", "quiet@9", code=2)
    assert said == "livespark: quiet-otter has no snapshot 9; it has 3, 5 (final), 7\n"
    assert "there is no run 'loud'" in says("snapshot", "show", "loud@9", code=1)


def test_some_are_removed(server: Server, says: Says) -> None:
    """Only those that are named; all must be there before the first goes."""
    assert says("snapshot", "rm", "quiet@3", "quiet@final", "@3") == "quiet-otter@3: removed\nquiet-otter@5: removed\n"
    assert server.asked == [3, 5]
    assert "say which one, as in RUN@7" in says("snapshot", "rm", "quiet", code=2)
    assert "has no snapshot 9" in says("snapshot", "rm", "quiet@3", "quiet@9", code=2)
    assert "name runs, not snapshots" in says("snapshot", "rm", "--all-but-labelled", "quiet@3", code=2)
    assert server.asked == [3, 5]
    says("snapshot", "rm", "--all-but-labelled", "quiet")
    assert server.asked == [3, 5, 3, 7]


def write(server: Server, *values: dict[str, Any]) -> None:
    """Snapshots 1, 2, ... on disk and in the server's list."""
    server.infos = []
    server.files.path.parent.mkdir(parents=True)
    for number, each in enumerate(values, 1):
        info = SnapshotInfo(number, 1000.0, "asked", 100 * number)
        saved = {key: SavedValue("t", tree) for key, tree in each.items()}
        server.infos.append(server.files.write(Draft(Manifest(1, OTTER, info, saved, []))))


def test_two_are_compared(server: Server, says: Says) -> None:
    """For people and as JSON; equal ones say so."""
    write(server, {"lr": 0.1}, {"lr": 0.05}, {"lr": 0.05})
    assert says("snapshot", "diff", "quiet@1", "quiet@2") == "values\n  lr  0.1 -> 0.05\n"
    changes = json.loads(says("snapshot", "diff", "@1", "@2", "--json"))
    assert changes["values"] == [{"name": "lr", "before": 0.1, "after": 0.05}]
    assert says("snapshot", "diff", "quiet@2", "quiet@3", err=True) == "livespark: they are the same, bit for bit\n"


@pytest.mark.parametrize("far", [False, True])
def test_one_is_exported(server: Server, says: Says, tmp_path: Path, far: bool) -> None:
    """Where the files lie here they are read in place, else fetched."""
    write(server, {"lr": 0.1})
    server.home = "/elsewhere" if far else server.home
    said = says("snapshot", "export", "quiet@1", str(tmp_path / "out"))
    assert said.startswith(f"{tmp_path / 'out' / 'state.json'}  ")
    assert json.loads((tmp_path / "out" / "state.json").read_text())["values"] == {"lr": 0.1}
    assert [path.name for path in server.asked] == (["snapshot.tar"] if far else [])
    assert not any(path.exists() for path in server.asked)


def test_an_archive_writes_nowhere_else(
    server: Server, says: Says, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a server puts into it; and what is no archive is said to be none."""
    write(server, {"lr": 0.1})
    server.home = "/elsewhere"
    (tmp_path / "evil").write_text("x")

    def hostile(_run: PlayedRun, number: int, path: Path) -> None:
        with tarfile.open(path, "w") as tar:
            for name in ("../../evil.json", "/tmp/evil.json", "objects/../../evil", "evil"):
                tar.add(tmp_path / "evil", name)
            link = tarfile.TarInfo("1.json")
            link.type, link.linkname = tarfile.SYMTYPE, str(server.files.path / "1.json")
            tar.addfile(link)
        server.asked.append(path)

    monkeypatch.setattr(PlayedRun, "download_snapshot", hostile)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    before = sorted(tmp_path.rglob("*"))
    says("snapshot", "verify", "quiet@1", code=1)
    says("snapshot", "export", "quiet@1", str(tmp_path / "out"), code=1)
    monkeypatch.setattr(PlayedRun, "download_snapshot", lambda _run, _number, path: path.write_bytes(b"no"))
    assert "is no archive" in says("snapshot", "export", "quiet@1", str(tmp_path / "out"), code=1)
    assert sorted(tmp_path.rglob("*")) == before
    assert len(server.asked) == 2


def test_no_room_for_what_is_fetched_is_no_damage(server: Server, says: Says, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither where it arrives nor where it is unpacked."""
    write(server, {"lr": 0.1})
    server.home = "/elsewhere"

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    for place, name in ((shutil, "copyfileobj"), (PlayedRun, "download_snapshot")):
        monkeypatch.setattr(place, name, full)
        said = says("snapshot", "verify", "quiet@1", code=1)
        assert said.startswith("livespark: quiet-otter@1 can't be fetched into ")
        assert said.endswith(": No space left on device\n")


def test_damage_is_found(server: Server, says: Says) -> None:
    """One by one; the exit code says whether all are good."""
    write(server, {"lr": 0.1}, {"lr": 0.2})
    assert [line.split()[-1] for line in says("snapshot", "verify", "quiet").splitlines()] == ["good", "good"]
    path = server.files.path / "2.json"
    path.write_bytes(path.read_bytes().replace(b"0.2", b"0.3"))
    assert says("snapshot", "verify", "quiet@1").startswith("quiet-otter@1 at step 100: ")
    for words in (("quiet@2",), ()):
        assert says("snapshot", "verify", *words, code=1) == ""


@pytest.mark.parametrize("error", [Damaged("there is no such snapshot"), NotFound("there is none", status=404)])
def test_what_is_removed_while_others_are_verified_is_not_damaged(
    server: Server, says: Says, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """A living run replaces its oldest ones."""
    write(server, {"lr": 0.1}, {"lr": 0.2})
    opened = Files.open

    def removed(files: Files, run: RunId, info: SnapshotInfo) -> OpenSnapshot:
        if info.number == 1:
            server.infos = server.infos[1:]
            raise error
        return opened(files, run, info)

    monkeypatch.setattr(Files, "open", removed)
    lines = says("snapshot", "verify", "quiet").splitlines()
    assert [line.split(": ")[-1] for line in lines] == ["removed meanwhile", "good"]


def test_damage_is_found_far_away(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the server refuses to send is one damaged snapshot; the others are verified all the same."""
    write(server, {"lr": 0.1}, {"lr": 0.2})
    server.home = "/elsewhere"
    send = PlayedRun.download_snapshot

    def download(run: PlayedRun, number: int, path: Path) -> None:
        if number == 1:
            raise Conflict("snapshot 1 of quiet-otter is damaged", status=409, code="conflict")
        send(run, number, path)

    monkeypatch.setattr(PlayedRun, "download_snapshot", download)
    words = ["snapshot", "verify", "quiet"]
    assert exit_status(lambda: cli.main(args=words, prog_name="livespark", standalone_mode=False)) == 1
    damaged, good = capsys.readouterr().out.splitlines()
    assert damaged == "quiet-otter@1: damaged: snapshot 1 of quiet-otter is damaged"
    assert good.startswith("quiet-otter@2 at step 200: ")


SUMMARY = {"snapshot": 12, "step": 8800, "from_step": 9000, "in_memory": True, "in_place": False, "seconds": 0.041}


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ([], {}),
        (["quiet", "--to", "12"], {"snapshot": 12}),
        (["--to", "final"], {"snapshot": 5}),
        (["--step", "8800", "--skip"], {"step": 8800, "skip": True}),
        (
            ["--set", "optimizer.lr=1e-4", "--set", "x=nan"],
            {"values": {"optimizer.lr": 1e-4, "x": {"$": "float", "v": "nan"}}},
        ),
    ],
)
def test_a_run_is_rewound(server: Server, says: Says, words: list[str], command: dict[str, Any]) -> None:
    """To a number, which may be in memory alone, a label, a step, the newest; the answer is a sentence."""
    server.answer = Answer("applied", 8800, SUMMARY)
    assert says("rewind", *words) == "rewound from step 9,000 to 8,800 (snapshot 12, in memory, 41 ms)\n"
    assert json.loads(encode(server.asked[0])) == {"kind": "rewind"} | command
    assert json.loads(says("rewind", *words, "--json"))["value"] == SUMMARY


def test_a_rewind_that_is_refused(server: Server, says: Says, tmp_path: Path) -> None:
    """In the run's own words; what makes no sense is not asked for."""
    server.answer = Answer("refused", 9000, message="there is no snapshot 99: there are 3 (step 1000)")
    server.listed = [record(OTTER, RunState.RUNNING, tmp_path)]
    assert says("rewind", "--to", "99", code=1) == f"livespark: {server.answer.message}\n"
    asked = len(server.asked)
    assert "give one of them" in says("rewind", "--to", "3", "--step", "1", code=2)
    assert "has no snapshot labelled 'nope'" in says("rewind", "--to", "nope", code=2)
    assert "no assignment" in says("rewind", "--set", "lr", code=2)
    assert len(server.asked) == asked
    server.answer = Answer("applied", 8800)
    assert says("rewind") == "quiet-otter: rewound to step 8,800\n"


def test_who_asks_an_ended_run_learns_how_to_go_on(server: Server, says: Says, tmp_path: Path) -> None:
    """A refusal by a living one is passed on as it is."""
    server.answer = Answer("refused", None, message="run quiet-otter has ended (stopped)")
    hint = f"livespark: {server.answer.message}. `livespark run --resume quiet-otter` goes on from its newest snapshot"
    assert says("rewind", "quiet", code=1).startswith(hint)
    server.listed = [record(OTTER, RunState.RUNNING, tmp_path)]
    assert says("rewind", "quiet", code=1) == f"livespark: {server.answer.message}\n"


def test_a_run_is_resumed_as_it_was(server: Server, says: Says, submitted: list[Submit], tmp_path: Path) -> None:
    """Its script, arguments, folder and hyperparameters; its newest good snapshot, which the run itself finds."""
    for verb in ("run", "dev"):
        says(verb, "--resume", "quiet", "--set", "lr=0.5", "--fresh", "opt")
    for submit in submitted:
        assert submit.entry == Entry("train.py", args=["--epochs", "3"])
        assert submit.cwd == str(tmp_path / "theirs")
        assert submit.config == {"lr": 0.5, "width": 64}
        assert submit.origin == Origin(OTTER, None, "resume", None, ["opt"])
    assert [submit.mode for submit in submitted] == ["run", "dev"]


def test_what_is_not_said_is_as_in_the_run_before(server: Server, says: Says, submitted: list[Submit]) -> None:
    """Option by option; a run that begins with nothing has nothing to go by."""
    says("run", "--resume", "quiet", "--keep", "9", "--retries", "0", "--guard", "3")
    said = {"snapshots.keep", "retries", "reloading.guard"}
    assert not said & set(submitted[0].inherits)
    assert {"snapshots.every_steps", "snapshots.rewind", "restart", "reloading.metric"} <= set(submitted[0].inherits)
    says("run", "other.py", "--keep", "9")
    assert submitted[1].inherits == []
    for submit in submitted:
        check(submit)


@pytest.mark.parametrize(
    ("words", "entry", "folder"),
    [
        (["--resume", "quiet@5"], Entry("train.py", args=["--epochs", "3"]), "theirs"),
        (["--resume", "quiet@final", "--", "--epochs", "9"], Entry("train.py", args=["--epochs", "9"]), "theirs"),
        (["other.py", "--resume", "quiet@step:8800"], Entry("other.py"), "mine"),
    ],
)
def test_a_certain_snapshot_is_resumed(
    server: Server, says: Says, submitted: list[Submit], tmp_path: Path, words: list[str], entry: Entry, folder: str
) -> None:
    """By number, label, step; with other arguments, or another script."""
    says("run", *words)
    assert (submitted[0].entry, submitted[0].cwd) == (entry, str(tmp_path / folder))
    assert submitted[0].origin == Origin(OTTER, 5, "resume", 8800)


def test_what_can_not_be_resumed(server: Server, says: Says, submitted: list[Submit], tmp_path: Path) -> None:
    """A run that goes on, one without snapshots, one whose script is gone: each says what to do."""
    assert "quiet-otter has no snapshot 9; it has" in says("run", "--resume", "quiet@9", code=2)
    (tmp_path / "theirs" / "train.py").unlink()
    assert f"there is no script train.py in {tmp_path / 'theirs'}" in says("run", "--resume", "quiet", code=2)
    (tmp_path / "theirs").rmdir()
    assert "does not exist any more; name the script" in says("run", "--resume", "quiet", code=2)
    server.listed = [record(OTTER, RunState.PAUSED, tmp_path)]
    said = says("run", "--resume", "quiet", code=2)
    assert "quiet-otter is still paused: `livespark stop quiet-otter` ends it, `livespark fork quiet-otter`" in said
    server.listed, server.infos = [record(OTTER, RunState.FAILED, tmp_path)], []
    assert "quiet-otter has no snapshot yet" in says("run", "--resume", "quiet@final", code=2)
    assert submitted == []


def test_a_run_that_died_before_it_told_of_its_snapshot_is_resumed(
    server: Server, says: Says, submitted: list[Submit]
) -> None:
    """What lies on disk counts, which the server looks at; the list is of what was told."""
    server.infos = []
    says("run", "--resume", "quiet")
    assert submitted[0].origin == Origin(OTTER)


def test_a_fork_is_started(server: Server, says: Says, submitted: list[Submit], tmp_path: Path) -> None:
    """Also of a run that goes on; as `dev` does; with its own code, numbers and name."""
    server.listed = [record(OTTER, RunState.RUNNING, tmp_path / "theirs")]
    says("fork", "quiet@5", "--set", "lr=0.01", "--name", "slower", "--no-watch", "--keep", "9")
    says("fork", "quiet@final", "other.py", "--fresh", "opt", "--", "--keep", "9")
    one, other = submitted
    assert (one.entry.script, one.cwd, one.mode, one.name) == ("train.py", str(tmp_path / "theirs"), "dev", "slower")
    assert one.config == {"lr": 0.01, "width": 64}
    assert (one.reloading.watch, one.snapshots.keep) == (False, 9)
    assert one.origin == Origin(OTTER, 5, "fork", 8800)
    assert (other.entry, other.cwd) == (Entry("other.py", args=["--keep", "9"]), str(tmp_path / "mine"))
    assert other.origin == Origin(OTTER, 5, "fork", 8800, ["opt"])


def test_relatives_are_listed_and_shown(server: Server, says: Says, tmp_path: Path) -> None:
    """Below their parent in `ps`; a run's sheet has its origin, its newest snapshots, its children."""
    origin = Origin(OTTER, 5, "fork", 8800)
    server.listed = [record("brave-lynx", RunState.RUNNING, tmp_path, origin=origin), *server.listed]
    lines = says("ps").splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["quiet-otter", "stopped"], ["└", "brave-lynx"]]
    assert lines[2].endswith("train.py --epochs 3  (fork of quiet-otter@5)")
    sheet = says("show", "quiet").splitlines()
    assert [line.split()[1] for line in sheet if line.startswith("snapshot")] == ["7", "5", "3"]
    assert [line for line in sheet if line.startswith("child")] == ["child     brave-lynx, fork of quiet-otter@5"]
    assert "origin    fork of quiet-otter@5 at step 8,800" in says("show", "brave")
    assert json.loads(says("show", "quiet", "--json"))["children"] == ["brave-lynx"]
