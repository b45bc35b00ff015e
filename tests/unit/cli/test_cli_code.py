"""The verbs reload and code against a real server, whose run's worker is played by the test."""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from livespark.cli import start
from livespark.cli.main import cli
from livespark.cli.report import exit_status
from livespark.cli.source import write_into
from livespark.errors import UsageError
from livespark.protocol.codec import decode, encode
from livespark.protocol.commands import Answer, Delivery, Failure
from livespark.protocol.events import Answered, Batch, Event, FileChange, Reloaded, Report, Source, Timed
from livespark.protocol.ids import RunId
from livespark.protocol.runs import Reloading, Submit
from livespark.protocol.sse import Parser
from livespark.settings import Settings
from livespark.testing.engine import FakeEngine
from livespark.wiring import serve
from tests.unit.cli.test_cli_reloading import syntax_error

SUBMIT: dict[str, Any] = {"key": "k", "entry": {"script": "train.py"}, "cwd": "/", "python": "python", "env": {}}
DIFF = "--- model.py\n+++ model.py\n@@ -1 +1 @@\n-x = 1\n+x = 2\n"
SOFT = Answer("applied", 2010, {"kind": "soft", "changed": ["model.Net.forward"]})


class Worker:
    """Speaks for the run `id`: reports what a test tells it, answers each command with `answer`."""

    def __init__(self, url: str, id: RunId, token: str) -> None:
        self.id = id
        self.asked: list[Delivery] = []
        self.answer = SOFT
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._number = 0
        self._lock = threading.Lock()

    def reports(self, *events: Event, time: float = 1_700_000_000.0) -> None:
        with self._lock:
            self._number += 1
            report = Report(1, [Batch(self._number, [Timed(time, event) for event in events])])
            answer = requests.post(f"{self._url}/api/worker/report", encode(report), headers=self._headers, timeout=10)
        assert answer.status_code == 200, answer.text

    def serve_commands(self, line: requests.Response) -> None:
        """Until the server ends the stream."""
        parser = Parser()
        for chunk in line.iter_content(None):
            for message in parser.feed(chunk):
                if message.event != "watch":
                    delivery: Delivery = decode(message.data, Delivery)
                    self.asked.append(delivery)
                    self.reports(Answered(delivery.id, delivery.number, self.answer))

    def line(self) -> requests.Response:
        return requests.get(f"{self._url}/api/worker/commands", headers=self._headers, stream=True, timeout=60)


@pytest.fixture
def worker(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    """The worker of the only run of the local server."""
    engine, said = FakeEngine(), list[str]()
    server = threading.Thread(target=lambda: serve(Settings(home=home), port=0, announce=said.append, engine=engine))
    server.start()
    _until(lambda: bool(said))
    url, admin = said[0].rpartition(" ")[2], {"Authorization": f"Bearer {(home / 'token').read_text()}"}
    id = RunId(requests.post(f"{url}/api/runs", json=SUBMIT, headers=admin, timeout=10).json()["id"])
    _until(lambda: id in engine.launches)
    worker = Worker(url, id, engine.launches[id].token)
    hello: dict[str, Any] = {"incarnation": 1, "pid": 7, "host": "h", "python": "3", "version": "0", "protocol": 1}
    requests.post(f"{url}/api/worker/hello", json=hello, headers=worker._headers, timeout=10)
    with worker.line() as line:
        listener = threading.Thread(target=worker.serve_commands, args=(line,))
        listener.start()
        yield worker
        requests.post(f"{url}/api/server/stop", headers=admin, timeout=10)
        listener.join(10)
    server.join(10)
    assert not server.is_alive()


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def livespark(*words: str, **more: Any) -> int:
    return exit_status(lambda: cli.main(args=words, prog_name="livespark", standalone_mode=False, **more))


def source(path: str, text: str, step: int | None = None) -> Source:
    return Source(path, hashlib.sha256(text.encode()).hexdigest(), step, text)


def test_a_reload_says_how_and_what(worker: Worker, capsys: pytest.CaptureFixture[str]) -> None:
    """Of what is on the run's disk; for people and as JSON."""
    assert livespark("reload", "--skip", "--clear", "net", "--clear", "optimizer") == 0
    assert capsys.readouterr().out == f"{worker.id}: reloaded (soft) at step 2,010: model.Net.forward\n"
    assert encode(worker.asked[0].command) == b'{"kind":"reload","skip":true,"clear":["net","optimizer"]}'
    assert livespark("reload", worker.id[:4], "--json") == 0
    assert json.loads(capsys.readouterr().out)["value"]["kind"] == "soft"


def test_files_of_this_machine_are_sent(worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With or without the run's name before them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.py").write_text("x = 2\n")
    for words in ((worker.id, "model.py"), ("./model.py",), ("model.py", str(tmp_path / "model.py"))):
        assert livespark("reload", *words) == 0
        assert encode(worker.asked[-1].command) == b'{"kind":"reload","files":{"model.py":"x = 2\\n"}}'
    assert livespark("reload", worker.id, "nope.py") == 2
    assert len(worker.asked) == 3


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_refusal_is_its_sentence_and_exit_code_1(
    worker: Worker, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    """A syntax error with its line and a caret below."""
    worker.answer = Answer("refused", message="model.py:1: invalid syntax", error=syntax_error("x = = 1\n"))
    assert livespark("reload", *options) == 1
    captured = capsys.readouterr()
    assert captured.err == "livespark: model.py:1: invalid syntax\n    x = = 1\n        ^\n"
    assert bool(captured.out) == bool(options)
    worker.answer = Answer("refused", message="Net has a new base class; restart the run")
    assert livespark("reload", *options) == 1
    assert capsys.readouterr().err == "livespark: Net has a new base class; restart the run\n"


def test_the_list_of_reloads(worker: Worker, capsys: pytest.CaptureFixture[str]) -> None:
    """Applied or not; nothing yet is said, too."""
    assert livespark("code") == 0
    assert capsys.readouterr().err.startswith("livespark: no reloads yet. Save a file")
    worker.reports(
        Reloaded("applied", "soft", 2010, 0.01, ["model.Net.forward"], [FileChange("model.py", diff=DIFF)]),
        Reloaded("refused", files=[FileChange("model.py")], error=Failure("SyntaxError", "no", "")),
    )
    assert livespark("code", worker.id) == 0
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ["#", "TIME", "STEP", "KIND", "OUTCOME", "CHANGED", "LINES", "MESSAGE"]
    assert first.split()[3:] == ["2,010", "soft", "applied", "model.Net.forward", "+1", "-1"]
    assert second.split()[3:] == ["refused", "model.py", "no"]
    assert livespark("code", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert [record["event"]["outcome"] for record in listed] == ["applied", "refused"]


def test_the_diffs_of_one_reload(worker: Worker, capsys: pytest.CaptureFixture[str]) -> None:
    """As they are, without colours where nobody sees them; a number that is none says how many there are."""
    worker.reports(Reloaded("applied", files=[FileChange("model.py", diff=DIFF), FileChange("big.py")]))
    assert livespark("code", worker.id, "--diff", "1") == 0
    assert capsys.readouterr().out == f"{DIFF}big.py: no diff was kept\n"
    assert livespark("code", "--diff", "1", "--json") == 0
    assert json.loads(capsys.readouterr().out)["event"]["files"][0]["diff"] == DIFF
    assert livespark("code", "--diff", "2") == 2
    assert capsys.readouterr().err == "livespark: there is no reload 2: the run has had 1 reload\n"
    assert livespark("code", "--diff", "1", "--step", "3") == 2


def test_a_diff_has_colours_on_a_terminal(
    worker: Worker, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless they are not wanted."""
    worker.reports(Reloaded("applied", files=[FileChange("model.py", diff=DIFF)]))
    assert livespark("code", "--diff", "1", color=True) == 0
    assert capsys.readouterr().out.splitlines()[2:] == [
        "\x1b[36m@@ -1 +1 @@\x1b[0m",
        "\x1b[31m-x = 1\x1b[0m",
        "\x1b[32m+x = 2\x1b[0m",
    ]
    monkeypatch.setenv("NO_COLOR", "1")
    assert livespark("code", "--diff", "1", color=True) == 0
    assert capsys.readouterr().out == DIFF


EVIL = "\x1b]0;gone\x07\x9b2J\u202e\r"
TAMED = r"\x1b]0;gone\x07\x9b2J\u202e"


def test_what_a_run_says_of_its_code_does_not_steer_the_terminal(
    worker: Worker, capfd: pytest.CaptureFixture[str]
) -> None:
    """Paths, names, messages and diffs; in the list, in a diff, in the answer to a reload, in a refusal."""
    change = FileChange(f"{EVIL}.py", diff=f"@@ -1 +1 @@\n-x\n+{EVIL}\n")
    worker.reports(Reloaded("undone", "soft", changed=[EVIL], files=[change], message=EVIL))
    worker.reports(source(f"{EVIL}.py", EVIL))
    worker.answer = Answer("applied", 1, {"kind": "soft", "changed": [EVIL]})
    assert livespark("code") == livespark("code", "--diff", "1") == livespark("code", "--step", "1") == 0
    assert livespark("reload") == 0
    worker.answer = Answer("refused", message=EVIL)
    assert livespark("reload") == 1
    captured = capfd.readouterr()
    assert captured.out.count(TAMED) == 5
    assert captured.err.count(TAMED) == 1
    assert not set(captured.out + captured.err) & set("\x1b\x07\x9b\u202e\r")


def test_a_source_is_shown_to_people_without_orders_for_the_terminal(
    worker: Worker, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever wants the bytes sends them elsewhere."""
    worker.reports(source("a.py", f"x\r\n\t{EVIL}.\n"))
    assert livespark("code", "a.py") == 0
    assert capfdbinary.readouterr().out == f"x\r\n\t{EVIL}.\n".encode()
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert livespark("code", "a.py") == 0
    assert capfdbinary.readouterr().out == f"x\n\t{TAMED}\\r.\n".encode()


def test_a_file_of_which_the_text_is_not_kept_is_listed(
    worker: Worker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It holds up neither the list nor the writing of the others, which names it."""
    worker.reports(source("a.py", "x\n"), Source("huge.py", "b" * 64))
    assert livespark("code", "--step", "1") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[1:]] == [["a.py", source("", "x\n").hash[:12], "1"], ["huge.py", "b" * 12]]
    assert livespark("code", "--into", str(tmp_path / "then")) == 0
    assert capsys.readouterr().err == (
        f"livespark: 1 file written into {tmp_path / 'then'}; the text of huge.py is not kept\n"
    )
    assert livespark("code", "huge.py") == 1


@pytest.mark.parametrize(
    ("words", "reloading"),
    [
        (["dev"], Reloading(watch=True)),
        (["dev", "--no-watch"], Reloading()),
        (["dev", "--guard", "10", "--guard-metric", "val_loss"], Reloading(True, 10, "val_loss")),
        (["run"], Reloading()),
        (["run", "--guard", "10"], Reloading(guard=10)),
    ],
)
def test_how_a_run_takes_new_code(words: list[str], reloading: Reloading, monkeypatch: pytest.MonkeyPatch) -> None:
    """`dev` watches the files unless told otherwise, `run` does not; either can be guarded."""
    submitted: list[Submit] = []

    async def follow(submit: Submit, server_url: str | None, *, show: bool, look: bool) -> int:
        submitted.append(submit)
        return 0

    monkeypatch.setattr(start, "_follow", follow)
    assert livespark(*words, __file__) == 0
    assert [submit.reloading for submit in submitted] == [reloading]
    assert livespark(*words, "--guard", "10001", __file__) == livespark(*words, "--guard", "-1", __file__) == 2


def test_the_source_of_a_step(worker: Worker, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Byte by byte; by path, or by what the path ends with."""
    worker.reports(source("lib/model.py", "x = 'å'\r\n"), source("train.py", "a\nb"), source("train.py", "c", 9))
    assert livespark("code", worker.id, "model.py", "--step", "8") == 0
    assert capfdbinary.readouterr().out == "x = 'å'\r\n".encode()
    assert livespark("code", "train.py") == 0
    assert capfdbinary.readouterr().out == b"c"
    assert livespark("code", "--step", "8") == 0
    lines = [line.split() for line in capfdbinary.readouterr().out.decode().splitlines()]
    assert lines[0] == ["PATH", "HASH", "LINES"]
    assert [(path, count) for path, _, count in lines[1:]] == [("lib/model.py", "1"), ("train.py", "2")]
    assert livespark("code", "train.py", "--step", "8", "--json") == 0
    assert json.loads(capfdbinary.readouterr().out)["text"] == "a\nb"
    assert livespark("code", "nope.py") == 2
    assert b"has not executed a file nope.py; there is lib/model.py, train.py" in capfdbinary.readouterr().err


def test_the_source_is_written_into_a_folder(
    worker: Worker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All of it, or, where a file is in the way, none."""
    worker.reports(source("lib/model.py", "m\n"), source("train.py", "t\r\n"))
    folder = tmp_path / "then"
    assert livespark("code", "--into", str(folder)) == 0
    assert (folder / "lib" / "model.py").read_bytes() == b"m\n"
    assert (folder / "train.py").read_bytes() == b"t\r\n"
    assert capsys.readouterr().err == f"livespark: 2 files written into {folder}\n"
    (folder / "lib" / "model.py").unlink()
    assert livespark("code", "--into", str(folder)) == 2
    assert "is there already; nothing was written" in capsys.readouterr().err
    assert not (folder / "lib" / "model.py").exists()


@pytest.mark.parametrize("path", ["../x.py", "/etc/x.py", "a/../../x.py", "link/x.py", "..", "", "a\0b"])
def test_nothing_is_written_outside_the_folder(tmp_path: Path, path: str) -> None:
    """Whatever a worker calls its files, and whatever links lie there."""
    folder = tmp_path / "into"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path)
    with pytest.raises(UsageError, match=r"does not lie within|is there already"):
        write_into(folder, {"good.py": "x", path: "y"})
    assert [each.name for each in folder.iterdir()] == ["link"]


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    """Also where it leads nowhere yet."""
    (tmp_path / "x.py").symlink_to(tmp_path / "elsewhere.py")
    with pytest.raises(UsageError, match="is there already"):
        write_into(tmp_path, {"x.py": "y"})
    assert not (tmp_path / "elsewhere.py").exists()
