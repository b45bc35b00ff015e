"""The command as a whole: verbs, help, errors, exit codes, without a server."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from livespark.cli.main import VERBS, cli
from livespark.cli.report import exit_status
from livespark.errors import AuthenticationFailed, CallFailed, LivesparkError, SettingsError, UsageError, WaitTimeout
from livespark.version import __version__

ROOT = Path(__file__).resolve().parents[3]
NAMES = [name for verbs in VERBS.values() for name in verbs]


def livespark(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "livespark.cli.main", *words]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, timeout=60)


@pytest.mark.parametrize("name", NAMES)
def test_every_verb_is_what_the_table_says(name: str) -> None:
    """The line in the list of verbs is the first line of the verb's own help."""
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    (help,) = (verbs[name].help for verbs in VERBS.values() if name in verbs)
    assert (command.help or "").partition("\n")[0].replace("\f", "") == help


def test_help_names_every_verb_quickly_and_loads_nothing_heavy() -> None:
    """Under 250 ms on this machine, imports included."""
    started = time.perf_counter()
    assert all(f"  {name} " in livespark("--help").stdout for name in NAMES[:1])
    once = time.perf_counter() - started
    heavy = ("httpx2", "rich", "starlette", "torch")
    code = f"import sys, livespark.cli.main; print([name for name in {heavy} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert loaded.stdout == "[]\n"
    assert once < 2.0


def test_version() -> None:
    """The package's own."""
    assert livespark("--version").stdout == f"Livespark {__version__}\n"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["nope"], "No such command 'nope'. `livespark --help` tells more"),
        (["ps", "--nope"], "No such option"),
        (["dev"], "what shall run? Give a script, or -m MODULE"),
        (["dev", "nope.py"], "there is no script nope.py in"),
        (["set"], "Missing argument"),
        (["set", "otter"], "nothing to set"),
        (["ps", "--server", "ftp://x"], "'ftp://x' is no server address"),
        (["serve", "--port", "70000"], "70000"),
        (["run", "train.py", "--epochs", "3"], "options of the script go behind --. `livespark run --help`"),
        (["wait", "--timeout", "soon"], "'soon' is not a valid number of seconds"),
        (["run", __file__, "--config", "nope.json"], "nope.json can't be read: No such file or directory"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(words: list[str], text: str, home: Path) -> None:
    """Nothing is started, nothing of ours is traced back."""
    result = livespark(*words)
    assert result.returncode == 2
    assert result.stderr.startswith("livespark: ")
    assert result.stderr.count("\n") == 1
    assert text in result.stderr
    assert result.stdout == ""
    assert not home.exists()


def test_a_group_without_a_verb_shows_its_help() -> None:
    """On stderr, with exit code 2, and not as somebody's mistake in one line."""
    result = livespark("server")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("Usage: livespark server")
    assert result.stderr.endswith("Print a systemd user unit that starts the server at boot.\n")


def test_a_syntax_error_is_shown_with_its_line(tmp_path: Path, home: Path) -> None:
    """Exit code 2, and nothing was started."""
    script = tmp_path / "broken.py"
    script.write_text("def f(:\n")
    result = livespark("run", str(script))
    assert result.returncode == 2
    assert result.stderr.splitlines() == [f"livespark: {script}:1 invalid syntax", "    def f(:", "          ^"]
    assert not home.exists()


def test_a_server_that_does_not_answer_is_one_line_and_exit_code_1() -> None:
    """The address and what is wrong with it."""
    result = livespark("ps", LIVESPARK_SERVER="127.0.0.1:1")
    assert result.returncode == 1
    said = "livespark: no connection to the server at http://127.0.0.1:1: Connection refused. Is the address right"
    assert result.stderr.startswith(said)
    assert result.stderr.count("\n") == 1


def test_no_server_is_a_status_too(home: Path) -> None:
    """Looking does not start it; stopping what does not run is no error."""
    status = livespark("server", "status")
    assert (status.returncode, status.stderr) == (
        1,
        f"livespark: no server runs for {home}. It is started when it is needed\n",
    )
    assert json.loads(livespark("server", "status", "--json").stdout) == {"running": False, "home": str(home)}
    assert livespark("server", "stop").returncode == 0
    assert not home.exists()


def test_a_data_directory_that_can_not_be_used_is_one_line(tmp_path: Path) -> None:
    """Read-only, in the way: what to do is said."""
    (tmp_path / "file").touch()
    result = livespark("ps", LIVESPARK_HOME=str(tmp_path / "file" / "home"))
    assert result.returncode == 1
    assert "can't be used: a file stands in the way. Set LIVESPARK_HOME" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_disk_that_takes_nothing_is_one_line(home: Path) -> None:
    """Although the server that meets it can't even write its log."""
    command = f"ulimit -f 0; exec {sys.executable} -m livespark.cli.main ps"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert result.stderr == (
        f"livespark: the data directory {home} can't be used: File too large. Set LIVESPARK_HOME to another folder\n"
    )


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UsageError("a"), 2, "livespark: a\n"),
        (SettingsError("b"), 2, "livespark: b\n"),
        (LivesparkError("c"), 1, "livespark: c\n"),
        (AuthenticationFailed("too low a scope", status=403), 1, "livespark: too low a scope\n"),
        (WaitTimeout("d"), 1, "livespark: d\n"),
        (CallFailed("e", traceback="Traceback\n  x\n"), 1, "Traceback\n  x\nlivespark: e\n"),
        (KeyboardInterrupt(), 130, ""),
        (click.Abort(), 130, ""),
    ],
)
def test_errors_become_a_line_and_a_code(
    error: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Usage is 2, failure is 1, Ctrl-C is 130."""

    def fail() -> None:
        raise error

    assert exit_status(fail) == code
    assert capsys.readouterr().err == said


def test_a_commands_own_code_is_the_exit_code() -> None:
    """0 where it returns none."""
    assert exit_status(lambda: 3) == 3
    assert exit_status(lambda: None) == 0


def test_an_error_of_our_own_leaves_a_report(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line that says where it is; elsewhere if the data directory can't be written."""
    for folder in ("home", "nowhere"):
        if folder == "home":
            home.mkdir()
        else:
            home.chmod(0o500)
        assert exit_status(lambda: 1 // 0) == 1
        said = capsys.readouterr().err
        assert "ZeroDivisionError" in said
        assert said.count("\n") == 1
        path = Path(said.partition("The report is in ")[2].partition(";")[0])
        assert "1 // 0" in path.read_text()
        path.unlink()
    home.chmod(0o700)


def test_a_reader_that_has_gone_is_no_error() -> None:
    """`livespark --help | true` says nothing on stderr."""
    command = f"{sys.executable} -m livespark.cli.main --help | true"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert result.stderr == ""


def test_the_synchronous_twins_are_up_to_date() -> None:
    """What stands in the repository is what the generator makes."""
    command = [sys.executable, str(ROOT / "scripts" / "unasync"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stderr) == (0, "")
