"""What every engine promises, shown with real processes on the local one."""

import base64
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from livespark.engine.base import Alive, Engine, EngineError, Exited, Gone
from livespark.engine.local import LocalEngine
from livespark.protocol import codec
from livespark.protocol.events import Notice, Timed
from livespark.protocol.ids import RunId
from livespark.protocol.runs import KeeperRecord, ProcessId
from livespark.protocol.stream import Output
from livespark.settings import Settings
from livespark.transport.processes import process_id
from livespark.transport.spool import Spool
from tests.contract.engine_worker import interpreter, launch_of, python_worker, until
from tests.processes import has_ended

RUN = RunId("quiet-otter")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home whose processes, should a test fail half-way, are ended."""
    yield tmp_path / "home"
    for process in ours(tmp_path):
        process.kill()


@pytest.fixture
def engine(home: Path) -> Engine:
    return LocalEngine(Settings(home=home))


def ours(folder: Path) -> list[psutil.Process]:
    """All processes that were started for runs in `folder`."""
    return [p for p in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(p.info["cmdline"] or ())]


def ended(engine: Engine) -> bool:
    return not isinstance(engine.observe(RUN), Alive)


def everything(engine: Engine) -> list[Output]:
    outputs: list[Output] = []
    while more := engine.output(RUN, outputs[-1].end if outputs else 0, 10**6):
        outputs += more
    return outputs


def raw(engine: Engine, stream: str) -> bytes:
    """All that was written to one stream."""
    parts = [output for output in everything(engine) if output.stream == stream]
    return b"".join(base64.b64decode(part.base64) if part.base64 else part.text.encode() for part in parts)


def record(home: Path) -> KeeperRecord:
    return codec.decode((home / "runs" / RUN / "keeper.json").read_bytes(), KeeperRecord)


def test_a_run_is_started_again(engine: Engine, home: Path, tmp_path: Path) -> None:
    """Each process is known for itself, the output goes on, spools of before are gone, snapshots stay."""
    run_dir = home / "runs" / RUN
    engine.start(launch_of(tmp_path, interpreter(tmp_path, "echo one; exit 3")))
    until(lambda: ended(engine), "the first end")
    assert engine.observe(RUN) == Exited(3)
    Spool(run_dir / "spool-1").append([Timed(1.0, Notice("info", "a", "b"))])
    assert [incarnation for incarnation, _ in engine.leftovers(RUN)] == [1]
    (run_dir / "snapshots").mkdir()
    engine.start(
        launch_of(
            tmp_path,
            interpreter(tmp_path, "echo two; while ! test -e $1/go; do sleep 0.01; done; exit 4"),
            incarnation=2,
        )
    )
    assert isinstance(engine.observe(RUN), Alive)
    assert list(engine.leftovers(RUN)) == []
    (run_dir / "go").write_text("")
    until(lambda: ended(engine), "the second end")
    assert engine.observe(RUN) == Exited(4)
    assert raw(engine, "stdout") == b"one\ntwo\n"
    assert engine.snapshots(RUN).path == run_dir / "snapshots"
    engine.forget(RUN)
    assert (run_dir / "snapshots").is_dir()


def test_a_restart_of_the_machine_is_known(engine: Engine, home: Path, tmp_path: Path) -> None:
    """From the mark of the keeper's start; a process that is merely gone is no sign of one."""
    engine.start(launch_of(tmp_path, interpreter(tmp_path, "exit 0")))
    until(lambda: ended(engine), "the end")
    (home / "runs" / RUN / "exit.json").unlink()
    until(lambda: engine.observe(RUN) == Gone(), "the keeper's end")
    pid, _, ticks = record(home).keeper.created.rpartition(":")
    assert pid or sys.platform != "linux"
    before = ProcessId(record(home).keeper.pid, f"another-boot:{ticks}" if pid else "1.0")
    (home / "runs" / RUN / "keeper.json").write_bytes(codec.encode(KeeperRecord(1, before, before)))
    assert engine.observe(RUN) == Gone(restarted=True)


@pytest.mark.parametrize(("commands", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", -9), ("kill -15 $$", -15)])
def test_the_exit_status_is_known(engine: Engine, tmp_path: Path, commands: str, code: int) -> None:
    """How the process ended is reported: its status, or the signal as a negative number."""
    engine.start(launch_of(tmp_path, interpreter(tmp_path, commands)))
    until(lambda: ended(engine), "the end")
    assert engine.observe(RUN) == Exited(code)
    assert engine.signal(RUN, signal.SIGTERM) is False


def test_output_is_complete_and_marked(engine: Engine, tmp_path: Path) -> None:
    """Both streams arrive whole, non-UTF-8 bytes included, each piece with its stream and offsets without a hole."""
    program = (
        "import os\n"
        "for n in range(2000):\n"
        "    os.write(1, b'out %d \\xff\\xfe\\n' % n)\n"
        "    os.write(2, ('err %d \\u20ac\\n' % n).encode())\n"
    )
    engine.start(launch_of(tmp_path, python_worker(tmp_path, program)))
    until(lambda: ended(engine), "the end")
    assert raw(engine, "stdout") == b"".join(b"out %d \xff\xfe\n" % n for n in range(2000))
    assert raw(engine, "stderr").decode() == "".join(f"err {n} €\n" for n in range(2000))
    outputs = everything(engine)
    assert [output.start for output in outputs] == [0, *(output.end for output in outputs)][:-1]
    assert abs(outputs[-1].time - time.time()) < 60


def test_the_worker_gets_exactly_what_the_launch_says(engine: Engine, home: Path, tmp_path: Path) -> None:
    """Directory, environment and argument are those of the launch; standard input is empty; signals act as usual."""
    program = (
        "import os, signal, sys\n"
        "print(os.getcwd(), os.environ['MARK'], sys.argv[1], repr(sys.stdin.read()))\n"
        "print('HOME' in os.environ, 'LIVESPARK_PIPES' in os.environ, os.getsid(0) == os.getpgid(0) == os.getpid())\n"
        "print(signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGHUP), signal.getsignal(signal.SIGCHLD))\n"
    )
    engine.start(launch_of(tmp_path, python_worker(tmp_path, program)))
    until(lambda: ended(engine), "the end")
    assert raw(engine, "stdout").decode().splitlines() == [
        f"{tmp_path} from the launch {home / 'runs' / RUN} ''",
        "False False True",
        "0 0 0" if sys.version_info < (3, 12) else "Handlers.SIG_DFL Handlers.SIG_DFL Handlers.SIG_DFL",
    ]
    assert raw(engine, "stderr") == b""


def test_a_signal_reaches_the_whole_group(engine: Engine, home: Path, tmp_path: Path) -> None:
    """SIGTERM ends the script and its children, not the keeper, which still writes down the end."""
    engine.start(launch_of(tmp_path, interpreter(tmp_path, "sleep 1000 & echo $!; sleep 1000")))
    until(lambda: len(raw(engine, "stdout")) > 0, "the child")
    child = psutil.Process(int(raw(engine, "stdout")))
    observed = engine.observe(RUN)
    assert isinstance(observed, Alive)
    assert observed.pid == record(home).worker.pid  # type: ignore[union-attr]
    assert engine.signal(RUN, signal.SIGTERM) is True
    until(lambda: ended(engine), "the end")
    assert engine.observe(RUN) == Exited(-signal.SIGTERM)
    until(lambda: has_ended(child), "the child's end")


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_the_keeper_takes_no_notice_of_signals(engine: Engine, home: Path, tmp_path: Path, number: int) -> None:
    """A signal to the keeper changes nothing."""
    go = tmp_path / "go"
    engine.start(launch_of(tmp_path, interpreter(tmp_path, f"until [ -e {go} ]; do sleep 0.05; done; exit 5")))
    os.kill(record(home).keeper.pid, number)
    os.kill(record(home).keeper.pid, number)
    go.touch()
    until(lambda: ended(engine), "the end")
    assert engine.observe(RUN) == Exited(5)


def test_a_grandchild_that_holds_the_pipes_does_not_delay_the_end(engine: Engine, tmp_path: Path) -> None:
    """Whoever keeps stdout open after the script's end is waited for a second, no longer."""
    engine.start(launch_of(tmp_path, interpreter(tmp_path, "sleep 30 & echo $!; exit 3")))
    begun = time.monotonic()
    until(lambda: ended(engine), "the end")
    assert time.monotonic() - begun < 8
    assert engine.observe(RUN) == Exited(3)
    psutil.Process(int(raw(engine, "stdout"))).kill()


def test_another_engine_adopts_the_run(engine: Engine, home: Path, tmp_path: Path) -> None:
    """A second engine on the same home sees the run, its output and its end, and can signal it."""
    engine.start(
        launch_of(tmp_path, interpreter(tmp_path, "echo hello; trap 'exit 9' TERM; while :; do sleep 0.05; done"))
    )
    other = LocalEngine(Settings(home=home))
    assert other.observe(RUN) == engine.observe(RUN)
    until(lambda: raw(other, "stdout") == b"hello\n", "the output")
    assert other.signal(RUN, signal.SIGTERM)
    until(lambda: ended(other), "the end")
    assert other.observe(RUN) == engine.observe(RUN) == Exited(9)


def test_a_run_outlives_the_process_that_started_it(engine: Engine, home: Path, tmp_path: Path) -> None:
    """The starter is killed; the run goes on, and its end is found later."""
    go = tmp_path / "go"
    launch = launch_of(tmp_path, interpreter(tmp_path, f"until [ -e {go} ]; do sleep 0.05; done; exit 6"))
    (tmp_path / "launch").write_bytes(codec.encode(launch))
    program = (
        "import os, sys; from pathlib import Path; from livespark.protocol import codec\n"
        "from livespark.settings import Settings\n"
        "from livespark.protocol.runs import Launch; from livespark.engine.local import LocalEngine\n"
        "launch = codec.decode(Path(sys.argv[2]).read_bytes(), Launch)\n"
        "LocalEngine(Settings(home=Path(sys.argv[1]))).start(launch)\nos.kill(os.getpid(), 9)\n"
    )
    starter = subprocess.run([sys.executable, "-c", program, home, tmp_path / "launch"], check=False)
    assert starter.returncode == -signal.SIGKILL
    assert isinstance(engine.observe(RUN), Alive)
    go.touch()
    until(lambda: ended(engine), "the end")
    assert engine.observe(RUN) == Exited(6)


NUMBERED = """
import os, time
stop = RUN_DIR / "stop"
n = 0
while not stop.exists() or n < 3000:
    os.write(1 + n % 2, b"%d\\n" % n)
    n += 1
    if n % 50 == 0:
        time.sleep(0.001)
(RUN_DIR / "count").write_text(str(n))
pipes.drain()
"""


@pytest.mark.parametrize("attempt", range(10))
def test_no_byte_is_lost_when_the_keeper_is_killed(engine: Engine, home: Path, tmp_path: Path, attempt: int) -> None:
    """Kill -9 of the keeper while the script writes on: every line is in the log, once."""
    engine.start(launch_of(tmp_path, python_worker(tmp_path, NUMBERED)))
    run_dir = home / "runs" / RUN
    until(lambda: (run_dir / "output.log").stat().st_size > 100 + 777 * attempt, "some output")
    keeper = psutil.Process(record(home).keeper.pid)
    keeper.kill()
    written = (run_dir / "output.log").stat().st_size
    assert isinstance(engine.observe(RUN), Alive)
    until(lambda: (run_dir / "output.log").stat().st_size > written, "output after the keeper's death")
    (run_dir / "stop").touch()
    until(lambda: ended(engine), "the end")
    assert engine.observe(RUN) == Gone()
    count = int((run_dir / "count").read_text())
    lines = (raw(engine, "stdout") + raw(engine, "stderr")).decode().splitlines()
    assert sorted(map(int, lines)) == list(range(count))


def test_a_keeper_killed_before_the_last_words(engine: Engine, home: Path, tmp_path: Path) -> None:
    """What a worker writes just before its end, its keeper long dead, is in the log."""
    program = "import time\nwhile not (RUN_DIR / 'go').exists(): time.sleep(0.01)\nprint('last words')\n"
    engine.start(launch_of(tmp_path, python_worker(tmp_path, program)))
    os.kill(record(home).keeper.pid, signal.SIGKILL)
    (home / "runs" / RUN / "go").touch()
    until(lambda: ended(engine), "the end")
    assert raw(engine, "stdout") == b"last words\n"
    assert engine.signal(RUN, signal.SIGTERM) is False


def test_forked_children_let_go_of_the_pipes(engine: Engine, tmp_path: Path) -> None:
    """A child made by fork has no reading ends, and its end disturbs nothing."""
    program = (
        "import os, sys\nends = [os.readlink(f'/dev/fd/{fd}') for fd in (1, 2)] if sys.platform == 'linux' else []\n"
        "if os.fork() == 0:\n"
        "    mine = [os.readlink(f'/dev/fd/{fd}') for fd in os.listdir('/dev/fd') if os.path.exists(f'/dev/fd/{fd}')]\n"
        "    print(sum(end in ends for end in mine)); sys.exit(0)\n"
        "os.wait(); print('parent')\n"
    )
    engine.start(launch_of(tmp_path, python_worker(tmp_path, program)))
    until(lambda: ended(engine), "the end")
    assert engine.observe(RUN) == Exited(0)
    expected = "2\nparent\n" if sys.platform == "linux" else "0\nparent\n"
    assert raw(engine, "stdout").decode() == expected


def missing_python(folder: Path) -> tuple[str, str]:
    return str(folder / "no" / "python"), str(folder)


def missing_cwd(folder: Path) -> tuple[str, str]:
    return interpreter(folder, "exit 0"), str(folder / "gone")


def python_is_a_directory(folder: Path) -> tuple[str, str]:
    return str(folder), str(folder)


def python_is_no_program(folder: Path) -> tuple[str, str]:
    (folder / "text").write_text("hello")
    (folder / "text").chmod(0o755)
    return str(folder / "text"), str(folder)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (missing_python, "interpreter .*/no/python can't be executed"),
        (missing_cwd, "directory .*/gone can't be entered"),
        (python_is_a_directory, "interpreter .* can't be executed"),
        (python_is_no_program, "could not be started: Exec format error"),
    ],
)
def test_what_cannot_be_started_is_said_in_a_sentence(
    engine: Engine, tmp_path: Path, make: object, sentence: str
) -> None:
    """A missing interpreter or directory is an error with a reason, and leaves no process."""
    python, cwd = make(tmp_path)  # type: ignore[operator]
    launch = launch_of(tmp_path, python)
    launch = codec.decode(codec.encode(launch).replace(codec.encode(launch.cwd), codec.encode(cwd), 1), type(launch))
    with pytest.raises(EngineError, match=sentence):
        engine.start(launch)
    until(lambda: ended(engine), "the keeper's end")
    assert engine.observe(RUN) == Gone()
    assert engine.signal(RUN, signal.SIGTERM) is False


def test_a_home_that_cannot_be_written_is_said_in_a_sentence(tmp_path: Path) -> None:
    """Where the run's directory can't be made, the error names it."""
    (tmp_path / "home").write_text("a file")
    with pytest.raises(EngineError, match=r"can't be started: .*home"):
        LocalEngine(Settings(home=tmp_path / "home")).start(launch_of(tmp_path, sys.executable))


def test_a_full_disk_is_said_in_a_sentence(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the launch can't be written down, nothing is started."""

    def fail(*args: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", fail)
    with pytest.raises(EngineError, match=r"No space left on device .*room"):
        engine.start(launch_of(tmp_path, sys.executable))
    assert ours(tmp_path) == []


def test_a_process_of_the_same_number_is_a_stranger(engine: Engine, home: Path, tmp_path: Path) -> None:
    """When the number belongs to a later process, the run is gone and nobody is signalled."""
    engine.start(launch_of(tmp_path, interpreter(tmp_path, "exit 0")))
    until(lambda: ended(engine), "the end")
    run_dir = home / "runs" / RUN
    with subprocess.Popen(["sleep", "100"], start_new_session=True) as stranger:
        itself = process_id(stranger.pid)
        for process, known in ((ProcessId(stranger.pid, "another start"), False), (itself, True)):
            (run_dir / "exit.json").unlink(missing_ok=True)
            (run_dir / "keeper.json").write_bytes(codec.encode(KeeperRecord(1, process, process)))
            assert isinstance(engine.observe(RUN), Alive) is known
            assert engine.signal(RUN, 0) is known
        stranger.kill()


def test_only_the_newest_incarnation_counts(engine: Engine, tmp_path: Path) -> None:
    """Started again, the run is alive; the end of the earlier incarnation is forgotten."""
    engine.start(launch_of(tmp_path, interpreter(tmp_path, "exit 1")))
    until(lambda: ended(engine), "the end")
    engine.start(launch_of(tmp_path, interpreter(tmp_path, "exec sleep 100"), incarnation=2))
    assert isinstance(engine.observe(RUN), Alive)
    engine.signal(RUN, signal.SIGKILL)
    until(lambda: ended(engine), "the end")
    assert engine.observe(RUN) == Exited(-signal.SIGKILL)


def test_leftovers_come_in_order_and_can_be_forgotten(engine: Engine, home: Path, tmp_path: Path) -> None:
    """All spools are read, oldest incarnation first; forgetting removes them and the secrets, not the output."""
    engine.start(launch_of(tmp_path, interpreter(tmp_path, "echo hello"), incarnation=10))
    until(lambda: ended(engine), "the end")
    run_dir = home / "runs" / RUN
    for incarnation in (10, 9):
        spool = Spool(run_dir / f"spool-{incarnation}")
        for n in (1, 2):
            spool.append([Timed(1.0, Notice("info", "n", f"{incarnation}.{n}"))])
        spool.close()
    (run_dir / "spool-10.new").write_bytes(b"half a file")
    found = [(n, batch.number, batch.events[0].event) for n, batch in engine.leftovers(RUN)]
    assert [(n, number, event.text) for n, number, event in found if isinstance(event, Notice)] == [
        (9, 1, "9.1"),
        (9, 2, "9.2"),
        (10, 1, "10.1"),
        (10, 2, "10.2"),
    ]
    engine.forget(RUN)
    engine.forget(RUN)
    assert list(engine.leftovers(RUN)) == []
    assert b"secret" not in b"".join(path.read_bytes() for path in run_dir.iterdir())
    assert engine.observe(RUN) == Exited(0)
    assert raw(engine, "stdout") == b"hello\n"


def test_an_unknown_run_is_gone(engine: Engine) -> None:
    """A run that was never started here has no process, no output and no leftovers."""
    assert engine.observe(RUN) == Gone()
    assert engine.output(RUN, 0, 100) == []
    assert list(engine.leftovers(RUN)) == []
    assert engine.signal(RUN, signal.SIGTERM) is False
    engine.forget(RUN)


def test_files_are_for_the_owner_alone(engine: Engine, home: Path, tmp_path: Path) -> None:
    """The run's directory is 0700 and every file in it 0600."""
    engine.start(launch_of(tmp_path, interpreter(tmp_path, "echo hello")))
    until(lambda: ended(engine), "the end")
    run_dir = home / "runs" / RUN
    assert run_dir.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in run_dir.iterdir()} == dict.fromkeys(
        ["launch.json", "keeper.json", "exit.json", "keeper.log", "output.log", "output.idx"], 0o600
    )


def test_no_zombies_remain(engine: Engine, home: Path, tmp_path: Path) -> None:
    """Once the end has been observed, the keeper's process is gone altogether."""
    engine.start(launch_of(tmp_path, interpreter(tmp_path, "exit 0")))
    keeper = record(home).keeper.pid
    until(lambda: engine.observe(RUN) == Exited(0) and not psutil.pid_exists(keeper), "the burial")
