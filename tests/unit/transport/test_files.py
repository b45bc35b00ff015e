"""Files that are there whole or not at all."""

import os
import threading
from pathlib import Path

import pytest

from livespark.transport.files import write_atomically


def test_a_file_is_replaced_with_its_mode(tmp_path: Path) -> None:
    """The new content stands under the name, private by default, and nothing else is left."""
    path = tmp_path / "a.json"
    write_atomically(path, b"one")
    write_atomically(path, b"two", 0o640)
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk the old content stays and the draft goes."""
    path = tmp_path / "a.json"
    write_atomically(path, b"old")

    def fail(*args: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", fail)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_short_writes_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that takes a byte at a time still gets all of them."""
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, offset: real(fd, data[:1], offset))
    write_atomically(tmp_path / "a", b"hello")
    assert (tmp_path / "a").read_bytes() == b"hello"


def test_readers_never_see_a_part(tmp_path: Path) -> None:
    """Of two writers' contents a reader always sees one, whole."""
    path = tmp_path / "a"
    contents = {b"x" * 100_000, b"y" * 50_000}
    write_atomically(path, b"x" * 100_000)

    def write(content: bytes) -> None:
        for _ in range(100):
            write_atomically(path, content)

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert path.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [path]
