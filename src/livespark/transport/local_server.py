"""Finding the server to talk to; the local one of `LIVESPARK_HOME` is started when it does not run.

A `server.json` counts only when the process it names is that very process (number and start time) and what answers at
its address knows our token: after a kill -9 the file stays behind, and its port may belong to somebody else, who must
not get the token. So each new connection is looked at again before anything is sent (`Address.process`).
"""

import contextlib
import errno
import fcntl
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil

from livespark.errors import ServerUnavailable, VersionMismatch
from livespark.protocol import codec
from livespark.settings import Settings
from livespark.transport.address import Address, Locate, normal_url
from livespark.transport.files import is_private, private, private_folder
from livespark.transport.http_sync import Api
from livespark.transport.processes import alive
from livespark.transport.reconnect import Reconnect
from livespark.transport.server_info import ServerInfo, ServerRecord
from livespark.version import PROTOCOL

__all__ = ("find", "locator", "process", "read_record", "start", "unusable")

_DEADLINE: Final = 15.0
_STEP: Final = 0.02
_PROBE: Final = 5.0
_ADVICE: Final = {
    errno.EROFS: "it is read-only. Set LIVESPARK_HOME to a folder you can write",
    errno.EACCES: "you may not write there. Set LIVESPARK_HOME to a folder of your own",
    errno.EPERM: "you may not write there. Set LIVESPARK_HOME to a folder of your own",
    errno.ENOSPC: "the disk is full. Free some space, or set LIVESPARK_HOME to another disk",
    errno.EDQUOT: "your quota is used up. Free some space, or set LIVESPARK_HOME to another disk",
    errno.ENOTDIR: "a file stands in the way. Set LIVESPARK_HOME to a folder",
    errno.EEXIST: "a file stands in the way. Set LIVESPARK_HOME to a folder",
}


def locator(settings: Settings) -> Locate:
    """How to find the server that the settings name: the given one, else the local one, started if needed.

    Raises UsageError.
    """
    if settings.server is None:
        return lambda: find(settings) or start(settings)
    address = Address(normal_url(settings.server), settings.token or "")
    return lambda: address if address.token else _with_local_token(settings, address)


def find(settings: Settings, probe: float = _PROBE) -> Address | None:
    """The local server, if one runs and answers. Raises VersionMismatch, AuthenticationFailed."""
    record = read_record(settings)
    if record is None or not is_private(settings.home) or alive(record.process) is None:
        return None
    if record.protocol != PROTOCOL:
        raise VersionMismatch(
            f"the local server is Livespark {record.version} and speaks protocol {record.protocol}, this one speaks "
            f"{PROTOCOL}. `livespark server stop` ends it; runs go on"
        )
    address = Address(record.url, settings.token or _token(settings), record.process)
    try:
        with Api(lambda: address, timeout=probe, insist=Reconnect(attempts=0)) as api:
            info = api.get("/api/server", ServerInfo)
    except VersionMismatch:
        raise
    except ServerUnavailable:
        return None
    return address if info.pid == record.pid else None


def start(settings: Settings, deadline: float = _DEADLINE, probe: float = _PROBE) -> Address:
    """Start the local server, unless somebody else just has, and wait until it answers. Raises ServerUnavailable."""
    until = time.monotonic() + deadline
    try:
        with _starting(settings, until):
            return find(settings, probe) or _launch(settings, until, probe)
    except OSError as error:
        raise ServerUnavailable(unusable(settings.home, error)) from error


def read_record(settings: Settings) -> ServerRecord | None:
    """What the local server wrote about itself; None where there is nothing legible."""
    try:
        record: ServerRecord = codec.decode(settings.server_file.read_bytes(), ServerRecord)
    except (OSError, codec.Malformed):
        return None
    return record


def process(settings: Settings) -> psutil.Process | None:
    """The local server's process, whether it answers or not."""
    record = read_record(settings)
    return None if record is None else alive(record.process)


@contextlib.contextmanager
def _starting(settings: Settings, until: float) -> Iterator[None]:
    """At most one process at a time starts the server of this home."""
    private_folder(settings.home)
    descriptor = os.open(settings.home / "start.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while not _locked(descriptor):
            if time.monotonic() > until:
                raise ServerUnavailable(f"another process has been starting the server of {settings.home} for too long")
            time.sleep(_STEP)
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _launch(settings: Settings, until: float, probe: float) -> Address:
    log = settings.home / "server.log"
    before = log.stat().st_size if log.exists() else 0
    child = _spawn(settings, log)
    while time.monotonic() < until:
        ended = child.poll()
        if address := find(settings, probe):
            return address
        if ended == 0:  # It met a server that held the lock; that one may have been about to end.
            child = _spawn(settings, log)
        elif ended is not None:
            break
        time.sleep(_STEP if ended is None else 10 * _STEP)
    raise ServerUnavailable(_failure(settings, log, before))


def _spawn(settings: Settings, log: Path) -> "subprocess.Popen[bytes]":
    environment = {
        name: value for name, value in os.environ.items() if name not in ("LIVESPARK_SERVER", "LIVESPARK_TOKEN")
    }
    with open(log, "ab", opener=private) as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "livespark.wiring"],
            env=environment | {"LIVESPARK_HOME": str(settings.home)},
            cwd=settings.home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    threading.Thread(target=child.wait, name="livespark-reaper", daemon=True).start()
    return child


def _failure(settings: Settings, log: Path, before: int) -> str:
    record = read_record(settings)
    if record is not None and alive(record.process):
        return f"the local server (process {record.pid}) does not answer. `kill {record.pid}` ends it; runs go on"
    with log.open("rb") as file:
        file.seek(before)
        lines = [line.strip() for line in file.read()[-4096:].decode(errors="replace").splitlines() if line.strip()]
    if not lines and (error := _unwritable(settings.home)):
        return unusable(settings.home, error)
    said = " / ".join(lines[-3:]) or "nothing"
    return f"the local server could not be started. {log} says: {said}"


def _unwritable(home: Path) -> OSError | None:
    """Why nothing can be written there: a server that meets a full disk can't even say so in its log."""
    try:
        with tempfile.TemporaryFile(dir=home) as file:
            file.write(b"0")
    except OSError as error:
        return error
    return None


def unusable(home: Path, error: OSError) -> str:
    advice = _ADVICE.get(error.errno or 0, f"{error.strerror or error}. Set LIVESPARK_HOME to another folder")
    return f"the data directory {home} can't be used: {advice}"


def _token(settings: Settings) -> str:
    try:
        return settings.token_file.read_text().strip()
    except OSError as error:
        raise ServerUnavailable(
            f"the local server's token can't be read from {settings.token_file}: {error}"
        ) from error


def _with_local_token(settings: Settings, address: Address) -> Address:
    record = read_record(settings)
    if record is None or record.url != address.url or alive(record.process) is None:
        return address
    return Address(address.url, _token(settings), record.process)
