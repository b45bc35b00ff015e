"""A snapshot as a tar: of known length, the same every time, and itself a folder of snapshots."""

import io
import tarfile
from pathlib import Path

import pytest

from livespark.snapshots.archive import Archive
from livespark.snapshots.damage import Damaged
from livespark.snapshots.folder import Folder
from livespark.snapshots.objects import layout
from tests.unit.snapshots.drafts import KEY, LARGE, array, draft, opened, some_bytes


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path / "snapshots", KEY)
    for number in (1, 2):
        arrays = [array(some_bytes(number, 17)), array(some_bytes(0, 40 * LARGE)), array(some_bytes(number, LARGE))]
        made.write(draft(number, arrays, [b"a pickle"]))
    return made


def test_an_unpacked_archive_is_a_folder_of_snapshots(folder: Folder, tmp_path: Path) -> None:
    """It holds the one snapshot, whole, and its seal."""
    with tarfile.open(fileobj=io.BytesIO(b"".join(Archive(folder, 2)))) as tar:
        tar.extractall(tmp_path / "unpacked", filter="data")
    unpacked = Folder(tmp_path / "unpacked", KEY)

    assert unpacked.numbers() == [2]
    assert opened(unpacked, 2) == opened(folder, 2)
    with unpacked.open(2) as snapshot:
        assert snapshot.pickle(0) == b"a pickle"
    assert unpacked.collect() == 0


def test_the_length_is_known_before(folder: Folder) -> None:
    """And the bytes are the same each time, in chunks."""
    archive = Archive(folder, 1)
    chunks = list(archive)

    assert archive.size == sum(map(len, chunks))
    assert max(map(len, chunks)) <= 1024**2
    assert b"".join(Archive(folder, 1)) == b"".join(chunks)


def test_no_chunk_is_empty(tmp_path: Path) -> None:
    """Also where a file ends with a block of the tar: an empty chunk would be its end for whoever sends it."""
    folder = Folder(tmp_path / "snapshots")
    head = len(layout([0], [("U8", (LARGE,))]).head)
    folder.write(draft(1, [array(some_bytes(1, LARGE + 512 - head % 512))]))

    assert folder.open(1).array(0).nbytes + head == (folder.path / folder.files(1)[1]).stat().st_size
    assert (folder.path / folder.files(1)[1]).stat().st_size % 512 == 0
    assert all(map(len, Archive(folder, 1)))


def test_files_beyond_what_old_tars_can_say(folder: Folder) -> None:
    """The length of a file of many gigabytes fits into its head."""
    from livespark.snapshots import archive

    head = archive._head("objects/x.safetensors", 2**40)

    assert len(head) == 512
    assert tarfile.TarInfo.frombuf(head, "utf-8", "strict").size == 2**40


def test_a_snapshot_that_is_not_complete_can_not_be_downloaded(folder: Folder) -> None:
    """It is said before the first byte."""
    name = folder.files(1)[1]
    (folder.path / name).unlink()

    with pytest.raises(Damaged, match=f"{name} is missing"):
        Archive(folder, 1)
    with pytest.raises(Damaged, match="there is no snapshot 9"):
        Archive(folder, 9)


def test_a_file_that_shrinks_meanwhile_breaks_the_archive_off(folder: Folder) -> None:
    """Rather than sending something else."""
    archive = Archive(folder, 1)
    path = folder.path / folder.files(1)[1]
    path.write_bytes(path.read_bytes()[:-100])

    with pytest.raises(Damaged, match="became shorter"):
        list(archive)
