"""Becoming the server of a home, and saying in one line why not."""

import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import pytest

from livespark.server import placing
from livespark.server.instance import HomeUnusable, local_token, locked
from livespark.server.listening import CannotListen, bind, url_of
from livespark.server.placing import NETWORK, Mount, database_path, kind_of_mount
from livespark.settings import Settings
from livespark.store.queries import MIGRATIONS
from livespark.testing.engine import FakeEngine
from livespark.wiring import serve


def until(condition: Callable[[], object], patience: float = 15.0) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


@contextmanager
def server(home: Path, prefix: str = "exec", *, patience: float = 10.0) -> Iterator["subprocess.Popen[str]"]:
    """The server as the command line starts it, once it listens; ended by SIGTERM."""
    process = _spawn(home, prefix)
    try:
        until(lambda: (home / "server.json").exists() or process.poll() is not None)
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=patience)


def _spawn(home: Path, prefix: str = "exec") -> "subprocess.Popen[str]":
    environment = os.environ | {"LIVESPARK_HOME": str(home)}
    command = ["/bin/sh", "-c", f'{prefix} "$0" "$@"', sys.executable, "-m", "livespark.wiring"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def can_listen(host: str, port: int) -> bool:
    try:
        bind(host, port, None).close()
    except CannotListen:
        return False
    return True


def refused(home: Path, *, host: str = "127.0.0.1", port: int | None = None) -> str:
    """The one line that `serve` says when it can't."""
    said: list[str] = []
    assert serve(Settings(home=home), host=host, port=port, announce=said.append, engine=FakeEngine()) == 2
    assert len(said) == 1
    assert "\n" not in said[0]
    return said[0]


def test_a_server_announces_itself_and_cleans_up(home: Path) -> None:
    """Address file and token for the owner only; SIGTERM is a clean end; the next one takes the same port."""
    urls = []
    for _ in range(2):
        with server(home) as process:
            record = json.loads((home / "server.json").read_text())
            assert record["pid"] == process.pid
            for name in ("server.json", "token", "livespark.db", "server.lock"):
                assert stat.S_IMODE((home / name).stat().st_mode) == 0o600
            assert stat.S_IMODE(home.stat().st_mode) == 0o700
            urls.append(record["url"])
        assert process.returncode == 0
        assert not (home / "server.json").exists()
    assert urls[0] == urls[1] or "4280" not in urls[1]
    assert (home / "token").read_text() not in (home / "server.log").read_text()


def test_until_the_end_the_port_is_nobody_elses(home: Path) -> None:
    """While the file names the server, nobody else can take its calls, though it takes none itself any more."""
    with server(home) as process:
        host, port = json.loads((home / "server.json").read_text())["url"].removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as slow:
            token = (home / "token").read_text()
            head = f"POST /api/runs HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\n"
            slow.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{{".encode())
            process.terminate()
            tries = 0
            while (home / "server.json").exists():
                assert not can_listen(host, int(port)) or not (home / "server.json").exists()
                tries += 1
                time.sleep(0.01)
            assert tries > 20
        process.wait(10)


def test_who_takes_all_connections_does_not_keep_the_owner_out(home: Path) -> None:
    """Three times as many silent connections as the server may have descriptors, and it answers at once."""
    with server(home, "ulimit -n 256; exec") as process:
        host, port = json.loads((home / "server.json").read_text())["url"].removeprefix("http://").split(":")
        token, silent = (home / "token").read_text(), []
        for _ in range(700):
            silent.append(socket.create_connection((host, int(port)), 10))
            silent[-1].sendall(b"GET / HT")
        for _ in range(5):
            began = time.monotonic()
            with socket.create_connection((host, int(port)), 10) as owner:
                head = f"GET /api/server HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\n\r\n"
                owner.sendall(head.encode())
                assert owner.recv(1024).startswith(b"HTTP/1.1 200")
            assert time.monotonic() - began < 5
        for each in silent:
            each.close()
        assert process.poll() is None
    assert "Too many open files" not in (home / "server.log").read_text()


def test_files_are_the_owners_only_whatever_the_umask(home: Path) -> None:
    """Also in a folder that others may read; and where others could write, they can't any more."""
    home.mkdir()
    home.chmod(0o777)
    with server(home, "umask 0; exec"):
        (home / "server.log").stat()
        loose = [path for path in home.rglob("*") if path.is_file() and stat.S_IMODE(path.stat().st_mode) != 0o600]
    assert loose == []
    assert stat.S_IMODE(home.stat().st_mode) == 0o755


def test_a_folder_that_everybody_uses_is_no_home(tmp_path: Path) -> None:
    """Such as /tmp: who can rename files there can take the server's place."""
    tmp_path.chmod(0o1777)
    sentence = refused(tmp_path)
    assert "it is not yours alone" in sentence
    assert "set LIVESPARK_HOME" in sentence
    assert list(tmp_path.iterdir()) == []
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o1777


@pytest.mark.parametrize("planted", ["link", "readable"])
def test_a_token_that_others_may_know_is_replaced(tmp_path: Path, planted: str) -> None:
    """One that stands in somebody else's file, or that could be read."""
    known = tmp_path / "known"
    known.write_text("x" * 43)
    settings = Settings(home=tmp_path / "home")
    settings.home.mkdir()
    if planted == "link":
        known.chmod(0o600)
        settings.token_file.symlink_to(known)
    else:
        known.chmod(0o644)
        known.rename(settings.token_file)
    token = local_token(settings)
    assert token != "x" * 43
    assert token == local_token(settings)
    assert stat.S_IMODE(settings.token_file.lstat().st_mode) == 0o600


def test_sigint_is_a_clean_end_too(home: Path) -> None:
    """As Ctrl-C in `livespark serve`."""
    with server(home) as process:
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


def test_one_server_per_home(home: Path) -> None:
    """A second one leaves at once, says where the first is, and does not count as a failure."""
    with server(home) as first:
        url = json.loads((home / "server.json").read_text())["url"]
        second = _spawn(home)
        _, said = second.communicate(timeout=15)
        assert second.returncode == 0
        assert said.strip() == f"a server already runs for {home}: {url}"
        assert refused(home) == said.strip()
        assert first.poll() is None


def test_of_many_started_at_once_one_serves(home: Path) -> None:
    """All others see that."""
    processes = [_spawn(home) for _ in range(5)]
    until(lambda: sum(process.poll() is None for process in processes) == 1 and (home / "server.json").exists())
    winner = next(process for process in processes if process.poll() is None)
    assert json.loads((home / "server.json").read_text())["pid"] == winner.pid
    winner.terminate()
    for process in processes:
        process.communicate(timeout=10)
    assert [process.returncode for process in processes] == [0] * 5


def test_after_kill_9_the_next_server_starts(home: Path) -> None:
    """Whatever the dead one left behind."""
    with server(home) as process:
        process.kill()
        process.wait()
    (home / ".token.123").touch()
    with server(home) as process:
        until(lambda: json.loads((home / "server.json").read_text())["pid"] == process.pid)


def test_a_port_in_use_is_said(home: Path) -> None:
    """And the server does not start elsewhere instead."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert refused(home, port=port).startswith(f"port {port} is in use")


def test_without_a_port_any_free_one_will_do() -> None:
    """The last one first, then the usual, then another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        listener = bind("127.0.0.1", None, port)
        assert listener.getsockname()[1] != port
        listener.close()
    again = bind("127.0.0.1", None, port)
    assert again.getsockname()[1] == port
    assert url_of(again) == f"http://127.0.0.1:{port}"
    again.close()


@pytest.mark.parametrize(
    ("host", "words"),
    [("0.0.0.0", "TLS"), ("::", "TLS"), ("192.168.1.7", "TLS"), ("example.org", "no address"), ("", "no address")],
)
def test_only_loopback_is_listened_on(home: Path, host: str, words: str) -> None:
    """Elsewhere TLS is needed, and the sentence says so."""
    assert words in refused(home, host=host)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.2", "::1", "[::1]"])
def test_loopback_has_many_names(host: str) -> None:
    """All of them can be listened on, where the machine has them."""
    with contextlib.suppress(CannotListen) if "::" in host else contextlib.nullcontext():
        listener = bind(host, 0, None)
        assert re.match(r"http://(127\.0\.0\.[12]|\[::1\]):\d+\Z", url_of(listener))
        listener.close()


def test_a_home_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """With the reason."""
    (tmp_path / "file").touch()
    for home in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/livespark")):
        assert "can't be used" in refused(home)


def test_a_damaged_database_is_said(home: Path) -> None:
    """And is not touched; the lock is free again afterwards."""
    home.mkdir()
    (home / "livespark.db").write_bytes(b"x" * 8192)
    assert "damaged" in refused(home)
    assert (home / "livespark.db").read_bytes() == b"x" * 8192
    with locked(Settings(home=home)):
        pass


def test_a_newer_versions_database_is_said(home: Path) -> None:
    """Nothing is changed."""
    home.mkdir()
    connection = sqlite3.connect(home / "livespark.db")
    connection.executescript(
        f"CREATE TABLE schema_version (version); INSERT INTO schema_version VALUES ({len(MIGRATIONS) + 1});"
    )
    connection.close()
    assert "newer Livespark" in refused(home)


def test_a_damaged_token_is_said(home: Path) -> None:
    """An empty one would open the server to everybody."""
    home.mkdir()
    (home / "token").touch(mode=0o600)
    assert "token" in refused(home)


def test_the_token_is_made_once(home: Path) -> None:
    """Also when several make it at the same time; by nobody but the owner can it be read."""
    home.mkdir()
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(local_token(Settings(home=home)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert len(found[0]) == 43
    assert stat.S_IMODE((home / "token").stat().st_mode) == 0o600


def test_a_serving_thread_can_be_stopped_over_http(home: Path) -> None:
    """`serve` returns 0 after `POST /api/server/stop`, outside of the main thread too."""
    said: list[str] = []
    codes: list[int] = []
    settings = Settings(home=home)
    thread = threading.Thread(
        target=lambda: codes.append(serve(settings, port=0, announce=said.append, engine=FakeEngine()))
    )
    thread.start()
    until(lambda: said)
    url = said[0].rpartition(" ")[2]
    host, port = url.removeprefix("http://").split(":")
    token = local_token(settings)
    head = f"POST /api/server/stop HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\n\r\n"
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode())
        assert connection.recv(12) == b"HTTP/1.1 200"
    thread.join(10)
    assert codes == [0]


MOUNTS = [Mount("/", "ext4"), Mount("/home", "nfs4"), Mount("/home/ada/local", "xfs"), Mount("/homeless", "tmpfs")]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/ada", "nfs4"),
        ("/home/ada/local/x", "xfs"),
        ("/homeless/x", "tmpfs"),
        ("/var", "ext4"),
        ("/home", "nfs4"),
    ],
)
def test_the_deepest_mount_counts(path: str, kind: str) -> None:
    """By whole names, not by prefix."""
    assert kind_of_mount(PurePosixPath(path), MOUNTS) == kind
    assert kind_of_mount(PurePosixPath(path), []) == ""


def test_on_a_network_file_system_the_database_is_local(tmp_path: Path) -> None:
    """In a private folder of this machine, the same at every start, another for another home; and it is said."""
    home, local = tmp_path / "home", tmp_path / "var"
    home.mkdir()
    local.mkdir()
    for kind in sorted(NETWORK):
        path, sentence = database_path(home, [Mount(str(tmp_path), kind)], local)
        assert path.is_relative_to(local)
        assert kind in sentence
        assert str(path) in sentence
    assert path == database_path(home, [Mount(str(tmp_path), "nfs")], local)[0]
    assert path != database_path(tmp_path, [Mount(str(tmp_path), "nfs")], local)[0]
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert database_path(home, [Mount("/", "ext4")], local) == (home / "livespark.db", "")


def test_a_local_folder_that_others_can_write_is_refused(tmp_path: Path) -> None:
    """Or one that is a link to somewhere."""
    mine = tmp_path / f"livespark-{os.getuid()}"
    mine.mkdir(mode=0o777)
    mine.chmod(0o777)
    with pytest.raises(HomeUnusable, match="private"):
        database_path(tmp_path, [Mount("/", "nfs")], tmp_path)
    mine.rmdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    mine.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HomeUnusable, match="private"):
        database_path(tmp_path, [Mount("/", "nfs")], tmp_path)


def test_the_mounts_of_this_machine_can_be_read() -> None:
    """At least the root is among them."""
    assert any(mount.path == "/" for mount in placing.mounts())
