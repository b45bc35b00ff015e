"""What makes a server *the* server of its home: the lock, the token, and the file that says where it listens."""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from livespark.errors import LivesparkError
from livespark.protocol.codec import Malformed, decode, encode
from livespark.service.access import new_token
from livespark.settings import Settings
from livespark.transport.files import is_private, private_folder, write_atomically
from livespark.transport.server_info import ServerRecord

__all__ = ("AlreadyServed", "HomeUnusable", "announced", "last_record", "local_token", "locked")

_ADVICE: Final = "Check its permissions and free space, or set LIVESPARK_HOME"


class AlreadyServed(LivesparkError):
    """A server already runs for this home."""


class HomeUnusable(LivesparkError):
    """The data directory can't be used; the text says why."""


@contextlib.contextmanager
def locked(settings: Settings) -> Iterator[None]:
    """Be the one server of this home for the length of the block. Raises AlreadyServed, HomeUnusable."""
    with _explained(settings.home):
        private_folder(settings.home)
        descriptor = os.open(settings.home / "server.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            record = last_record(settings)
            where = f": {record.url}" if record else ""
            raise AlreadyServed(f"a server already runs for {settings.home}{where}") from None
        yield
    finally:
        os.close(descriptor)


def local_token(settings: Settings) -> str:
    """The admin token of this home, made at the first start, and anew where others may know it. Raises HomeUnusable."""
    with _explained(settings.home), contextlib.suppress(FileExistsError):
        if not is_private(settings.token_file):
            settings.token_file.unlink(missing_ok=True)
        _write_new(settings.token_file, new_token())
    with _explained(settings.home):
        token = settings.token_file.read_text().strip()
    if len(token) < 32:
        raise HomeUnusable(f"the token file {settings.token_file} is damaged. Delete it and start again")
    return token


def last_record(settings: Settings) -> ServerRecord | None:
    """What this home's server, or the one before, wrote about itself."""
    try:
        record: ServerRecord = decode(settings.server_file.read_bytes(), ServerRecord)
    except (OSError, Malformed):
        return None
    return record


@contextlib.contextmanager
def announced(settings: Settings, record: ServerRecord) -> Iterator[None]:
    """Have `server.json` say where the server listens, until it ends. Raises HomeUnusable."""
    with _explained(settings.home):
        write_atomically(settings.server_file, encode(record))
    try:
        yield
    finally:
        settings.server_file.unlink(missing_ok=True)


def _write_new(path: Path, text: str) -> None:
    """Whole or not there: a token that a crash cut short would be worth nothing."""
    draft = path.with_name(f".token.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, text.encode())
        os.fsync(descriptor)
        os.link(draft, path)
    finally:
        os.close(descriptor)
        draft.unlink(missing_ok=True)


@contextlib.contextmanager
def _explained(home: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise HomeUnusable(f"the data directory {home} can't be used ({error.strerror or error}). {_ADVICE}") from None
