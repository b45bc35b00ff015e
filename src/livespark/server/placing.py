"""Where the database lies: in the home, unless that is on a network file system, where SQLite's locks and shared
memory fail."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Final, NamedTuple

import psutil

from livespark.server.instance import HomeUnusable

__all__ = ("NETWORK", "Mount", "database_path", "kind_of_mount", "mounts")

NETWORK: Final = frozenset(
    {
        "nfs",
        "nfs3",
        "nfs4",
        "cifs",
        "smb",
        "smb2",
        "smb3",
        "smbfs",
        "afs",
        "afpfs",
        "webdav",
        "9p",
        "ceph",
        "lustre",
        "gpfs",
    }
    | {
        "beegfs",
        "glusterfs",
        "pvfs2",
        "orangefs",
        "panfs",
        "davfs",
        "fuse.sshfs",
        "fuse.glusterfs",
        "fuse.ceph",
        "fuse.s3fs",
    }
    | {"fuse.rclone", "fuse.gcsfuse", "fuse.juicefs", "fuse.davfs2", "macfuse", "osxfuse", "ncpfs", "coda", "quobyte"}
)
_LOCAL: Final = Path("/var/tmp")


class Mount(NamedTuple):
    path: str
    kind: str


def mounts() -> list[Mount]:
    """The mounted file systems."""
    return [Mount(part.mountpoint, part.fstype.lower()) for part in psutil.disk_partitions(all=True)]


def kind_of_mount(path: PurePath, mounted: Sequence[Mount]) -> str:
    """The kind of the file system that `path` (resolved) is on; "" where none is known."""
    candidates = [mount for mount in mounted if path.is_relative_to(mount.path)]
    return max(candidates, key=lambda mount: len(mount.path)).kind if candidates else ""


def database_path(home: Path, mounted: Sequence[Mount], local: Path = _LOCAL) -> tuple[Path, str]:
    """The database's file, and a sentence about it where it is not in the home ("" where it is). Raises
    HomeUnusable."""
    resolved = home.resolve()
    kind = kind_of_mount(resolved, mounted)
    if kind not in NETWORK:
        return home / "livespark.db", ""
    name = hashlib.sha256(os.fsencode(resolved)).hexdigest()[:16]
    folder = _own_folder(_own_folder(local / f"livespark-{os.getuid()}") / name)
    path = folder / "livespark.db"
    return path, f"{home} is on a network file system ({kind}), so the database is on this machine: {path}"


def _own_folder(folder: Path) -> Path:
    """`folder`, made if needed, and nobody else's: others may write where it lies."""
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if folder.is_symlink() or not folder.is_dir() or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise HomeUnusable(f"{folder} is not a private folder of yours; remove it and start again")
    return folder
