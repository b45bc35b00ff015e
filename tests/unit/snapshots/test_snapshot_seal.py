"""The key of a home: made once, private, and no other fits."""

import threading
from pathlib import Path

import pytest

from livespark.snapshots.seal import fits, home_key, sealed


def test_a_home_has_one_key(tmp_path: Path) -> None:
    """Whoever asks, and however many at once: the same 32 bytes, in a file of the owner's only."""
    found: list[bytes] = []
    barrier = threading.Barrier(8)

    def ask() -> None:
        barrier.wait()
        found.append(home_key(tmp_path))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8
    assert set(found) == {home_key(tmp_path)}
    assert len(found[0]) == 32
    assert (tmp_path / "seal").stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["seal"]


def test_homes_have_different_keys(tmp_path: Path) -> None:
    """A key is drawn, not derived."""
    for name in ("one", "other"):
        (tmp_path / name).mkdir()

    assert home_key(tmp_path / "one") != home_key(tmp_path / "other")


def test_a_seal_fits_its_body_and_key_only(tmp_path: Path) -> None:
    """Another body, another key, no key: it does not fit."""
    key = home_key(tmp_path)
    seal = sealed(b"body", key)

    assert fits(seal, b"body", key)
    assert not fits(seal, b"Body", key)
    assert not fits(seal, b"body", b"other")
    assert not fits("", b"body", key)
    assert not fits(sealed(b"body", b""), b"body", b"")


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """It would prove nothing."""
    home_key(tmp_path)
    (tmp_path / "seal").chmod(0o644)

    with pytest.raises(PermissionError, match="is not yours alone"):
        home_key(tmp_path)


@pytest.mark.parametrize("text", ["", "abc", "0" * 63, "0" * 65, "g" * 64, "\x00" * 64])
def test_a_broken_key_is_refused(tmp_path: Path, text: str) -> None:
    """Whatever got into the file, with what to do."""
    home_key(tmp_path)
    (tmp_path / "seal").write_text(text)

    with pytest.raises(OSError, match="does not hold a key: remove the file"):
        home_key(tmp_path)
