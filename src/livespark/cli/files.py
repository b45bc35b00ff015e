"""The files of snapshots: read where they lie on this machine, else fetched through the server."""

import re
import shutil
import tarfile
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from livespark import settings
from livespark.client import Client
from livespark.errors import Conflict, LivesparkError
from livespark.protocol.ids import RunId
from livespark.protocol.snapshots import SnapshotInfo
from livespark.snapshots.damage import Damaged
from livespark.snapshots.folder import Folder
from livespark.snapshots.opening import OpenSnapshot
from livespark.transport.address import is_loopback

__all__ = ("Files",)

_OURS: Final = re.compile(r"\d+\.json|objects/[0-9a-f]+\.(safetensors|pickle)", re.ASCII)


class Files:
    """Opens snapshots; what was fetched is gone when it is left. Not safe across threads."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._home = settings.load()
        self._fetched = tempfile.TemporaryDirectory(prefix="livespark-")
        self._here: bool | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._fetched.cleanup()

    def open(self, run: RunId, info: SnapshotInfo) -> OpenSnapshot:
        """The snapshot with every byte verified. Raises Damaged, and LivesparkError where there is no room for it."""
        return Folder(self._folder(run, info.number)).open(info.number)

    def _folder(self, run: RunId, number: int) -> Path:
        folder = self._home.run_dir(run) / "snapshots"
        return folder if self._is_here() and folder.is_dir() else self._fetch(run, number)

    def _is_here(self) -> bool:
        """Whether the server is that of this machine and home."""
        if self._here is None:
            local = is_loopback(self._client.api.address().url)
            self._here = local and Path(self._client.server().home) == self._home.home
        return self._here

    def _fetch(self, run: RunId, number: int) -> Path:
        folder = Path(self._fetched.name) / run / str(number)
        archive = folder / "snapshot.tar"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._client.run(run).download_snapshot(number, archive)
            with tarfile.open(archive, "r:") as tar:
                _unpack(tar, folder)
            archive.unlink()
        except Conflict as error:  # The server has found it damaged.
            raise Damaged(error.detail) from None
        except tarfile.TarError as error:
            raise Damaged(f"what the server sent of {run}@{number} is no archive: {error}") from None
        except OSError as error:
            raise LivesparkError(f"{run}@{number} can't be fetched into {folder}: {error.strerror or error}") from None
        return folder


def _unpack(tar: tarfile.TarFile, folder: Path) -> None:
    """Only what a folder of snapshots has in it. Raises OSError, TarError."""
    (folder / "objects").mkdir(exist_ok=True)
    for member in tar:
        is_ours = member.isreg() and not member.issparse() and _OURS.fullmatch(member.name)
        content = tar.extractfile(member) if is_ours else None
        if content is not None:
            with (folder / member.name).open("wb") as file:
                shutil.copyfileobj(content, file)
