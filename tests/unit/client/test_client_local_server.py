"""Finding and starting the local server: the real one, in processes of its own."""

import dataclasses
import errno
import json
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from livespark import settings
from livespark.errors import AuthenticationFailed, ServerUnavailable, UsageError, VersionMismatch
from livespark.settings import Settings
from livespark.transport import local_server
from livespark.transport.address import Address, is_loopback, normal_url
from livespark.transport.http_sync import Api
from livespark.transport.processes import process_id
from livespark.transport.server_info import ServerInfo


@pytest.fixture
def here(home: Path) -> Settings:
    return settings.load()


def info(address: Address) -> ServerInfo:
    with Api(lambda: address) as api:
        return api.get("/api/server", ServerInfo)


def server_of(here: Settings) -> psutil.Process:
    process = local_server.process(here)
    assert process is not None
    return process


def test_twenty_that_need_a_server_at_once_share_one(here: Settings) -> None:
    """Twenty processes find the same server, whoever started it."""
    code = (
        "import sys; from livespark import settings; from livespark.transport.local_server import locator;"
        "sys.stdin.read(); print(*locator(settings.load())()[:2])"
    )
    go, going = os.pipe()
    clients = [subprocess.Popen([sys.executable, "-c", code], stdin=go, stdout=subprocess.PIPE) for _ in range(20)]
    os.close(go)
    os.close(going)
    found = {client.communicate(timeout=60)[0].decode() for client in clients}
    assert {client.returncode for client in clients} == {0}
    assert len(found) == 1
    address = local_server.find(here)
    assert address is not None
    assert found == {f"{address.url} {address.token}\n"}
    servers = [p for p in psutil.process_iter(["cmdline"]) if "livespark.wiring" in (p.info["cmdline"] or [])]
    mine = [process for process in servers if process.environ().get("LIVESPARK_HOME") == str(here.home)]
    assert [process.pid for process in mine] == [info(address).pid]


def test_it_is_started_once_and_found_from_then_on(here: Settings) -> None:
    """In a session of its own, so that it outlives the terminal."""
    assert local_server.find(here) is None
    locate = local_server.locator(here)
    address = locate()
    assert locate() == address == local_server.find(here)
    assert info(address).home == str(here.home)
    assert os.getsid(info(address).pid) != os.getsid(0)
    assert server_of(here).pid == info(address).pid


def test_after_kill_9_the_stale_file_is_recognised(here: Settings) -> None:
    """A new server is started; the old file does not mislead."""
    local_server.start(here)
    old = server_of(here)
    old.kill()
    old.wait(10)
    assert here.server_file.exists()
    assert local_server.find(here) is None
    assert local_server.process(here) is None
    assert info(local_server.start(here)).pid != old.pid


def test_a_stranger_at_the_old_address_never_sees_the_token(here: Settings) -> None:
    """Who listens there is asked nothing unless it is the very process that the file names."""
    here.home.mkdir()
    here.token_file.write_text("secret")
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        stranger.settimeout(0.2)
        record = {"url": f"http://127.0.0.1:{stranger.getsockname()[1]}", "version": "0", "protocol": 1, "started": 1.0}
        here.server_file.write_text(json.dumps(record | {"pid": os.getpid(), "created": "another start"}))
        assert local_server.find(here) is None
        with pytest.raises(TimeoutError):
            stranger.accept()


@pytest.mark.parametrize("mode", [0o777, 0o1777])
def test_a_home_that_others_may_write_in_names_no_server(here: Settings, mode: int) -> None:
    """The file may be theirs."""
    here.home.mkdir()
    here.token_file.write_text("secret")
    process = psutil.Process()
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        stranger.settimeout(0.2)
        record = {"url": f"http://127.0.0.1:{stranger.getsockname()[1]}", "version": "0", "protocol": 1, "started": 1.0}
        record |= {"pid": process.pid, "created": process.create_time()}
        here.server_file.write_text(json.dumps(record))
        here.home.chmod(mode)
        assert local_server.find(here) is None
        with pytest.raises(TimeoutError):
            stranger.accept()


def test_another_protocol_is_named_before_anything_is_asked(here: Settings) -> None:
    """With the command that ends the old server."""
    here.home.mkdir()
    own = process_id(os.getpid())
    record = {"url": "http://127.0.0.1:1", "pid": own.pid, "created": own.created}
    here.server_file.write_text(json.dumps(record | {"version": "9.0", "protocol": 99, "started": 1.0}))
    with pytest.raises(VersionMismatch, match=r"Livespark 9.0 and speaks protocol 99, this one speaks 1. `livespark"):
        local_server.locator(here)()


def test_a_server_that_does_not_answer_is_named(here: Settings) -> None:
    """A stopped process holds the lock: the sentence says which, in bounded time."""
    local_server.start(here)
    process = server_of(here)
    process.suspend()
    try:
        with pytest.raises(ServerUnavailable, match=rf"process {process.pid}.* does not answer"):
            local_server.start(here, deadline=0.5, probe=0.2)
    finally:
        process.resume()


def test_why_it_did_not_start_is_in_the_sentence(here: Settings) -> None:
    """The last lines of its log."""
    here.home.mkdir()
    (here.home / "livespark.db").write_text("this is no database")
    with pytest.raises(ServerUnavailable, match=r"could not be started. .*server.log says: \S+"):
        local_server.start(here)


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EROFS, "it is read-only. Set LIVESPARK_HOME to a folder you can write"),
        (errno.EACCES, "you may not write there. Set LIVESPARK_HOME to a folder of your own"),
        (errno.ENOSPC, "the disk is full. Free some space, or set LIVESPARK_HOME to another disk"),
        (errno.EIO, "Input/output error. Set LIVESPARK_HOME to another folder"),
    ],
)
def test_a_home_that_can_not_be_used_is_one_sentence(here: Settings, number: int, advice: str) -> None:
    """What is wrong with it, and the way out."""
    sentence = local_server.unusable(here.home, OSError(number, os.strerror(number)))
    assert sentence == f"the data directory {here.home} can't be used: {advice}"


def test_a_file_in_the_way_of_the_home_is_said(here: Settings) -> None:
    """Before anything is started."""
    here.home.write_text("")
    with pytest.raises(ServerUnavailable, match="a file stands in the way"):
        local_server.start(here)


def test_a_given_server_is_taken_as_it_is(here: Settings) -> None:
    """Nothing is started; the local token goes to the local server only."""
    given = dataclasses.replace(here, server="example.org:4280", token="t")
    assert local_server.locator(given)() == Address("http://example.org:4280", "t")
    assert not here.home.exists()
    local = local_server.start(here)
    assert local_server.locator(dataclasses.replace(here, server=local.url))() == local
    elsewhere = dataclasses.replace(here, server="http://127.0.0.1:1")
    assert local_server.locator(elsewhere)() == Address("http://127.0.0.1:1", "")


def test_a_wrong_token_is_said_not_hidden(here: Settings) -> None:
    """No second server is started because of it."""
    local_server.start(here)
    with pytest.raises(AuthenticationFailed):
        local_server.locator(dataclasses.replace(here, token="wrong"))()


def test_many_threads_may_ask_at_once(here: Settings) -> None:
    """One process, many clients, one server."""
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: local_server.locator(here)(), range(8)))
    assert len(found) == 1


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("127.0.0.1:4280", "http://127.0.0.1:4280"),
        (" https://lab/ ", "https://lab"),
        ("http://[::1]:1", "http://[::1]:1"),
    ],
)
def test_addresses_as_people_write_them(text: str, url: str) -> None:
    """With or without a scheme, without a slash at the end."""
    assert normal_url(text) == url


@pytest.mark.parametrize(
    "text", ["", "ftp://x", "http://", "http://a:99999", "http://u:p@h", "http://h?x", "http://[::1"]
)
def test_what_is_no_address(text: str) -> None:
    """One sentence with an example."""
    with pytest.raises(UsageError, match="no server address; expected something like"):
        normal_url(text)


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:1", True),
        ("http://[::1]:1", True),
        ("http://localhost", True),
        ("http://127.evil.org", False),
    ],
)
def test_what_is_this_machine(url: str, here: bool) -> None:
    """By the parsed address, not by how it begins."""
    assert is_loopback(url) is here


def test_a_new_server_is_quick(here: Settings) -> None:
    """Far from its deadline."""
    started = time.monotonic()
    local_server.start(here)
    assert time.monotonic() - started < 10


def test_a_client_that_has_found_the_server_trusts_nobody_else_at_its_address(here: Settings) -> None:
    """The server dies between two requests and a stranger takes its port: it gets no byte, a new server is asked."""
    with Api(local_server.locator(here)) as api:
        old = api.get("/api/server", ServerInfo)
        address = api.address()
        server = server_of(here)
        server.kill()
        server.wait(10)
        host, port = address.url.removeprefix("http://").split(":")
        with socket.create_server((host, int(port))) as stranger:
            new = api.get("/api/server", ServerInfo)
            stranger.settimeout(5)
            connected, _ = stranger.accept()
            with connected:
                assert connected.recv(1024) == b""
        assert new.pid != old.pid
        assert api.address() != address
