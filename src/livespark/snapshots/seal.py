"""The key by which a home knows its own snapshots again. Pickles are loaded only from those: they can execute code."""

import contextlib
import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path
from typing import Final

from livespark.transport.files import is_private

__all__ = ("fits", "home_key", "sealed")

_BYTES: Final = 32


def home_key(home: Path) -> bytes:
    """The 32 bytes of this home's key, made when there is none yet. Raises OSError, also for a key others can read."""
    path = home / "seal"
    if not path.exists():
        _make(path)
    if not is_private(path):
        raise PermissionError(f"{path} is not yours alone, so a seal made with it would prove nothing: remove the file")
    text = path.read_text("ascii", "replace").strip()
    if not re.fullmatch(f"[0-9a-f]{{{2 * _BYTES}}}", text):
        raise OSError(f"{path} does not hold a key: remove the file; pickles in older snapshots are then not loaded")
    return bytes.fromhex(text)


def sealed(body: bytes, key: bytes) -> str:
    """HMAC-SHA-256 of `body` as 64 hex digits; nothing without a key."""
    return hmac.new(key, body, hashlib.sha256).hexdigest() if key else ""


def fits(seal: str, body: bytes, key: bytes) -> bool:
    """Whether `seal` was made of `body` by somebody who has the key."""
    return bool(key) and hmac.compare_digest(seal, sealed(body, key))


def _make(path: Path) -> None:
    """Whole or not there. Whoever is first has made it for all."""
    draft = path.with_name(f".seal.{secrets.token_hex(8)}")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, secrets.token_hex(_BYTES).encode())
        os.fsync(fd)
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        os.close(fd)
        draft.unlink(missing_ok=True)
