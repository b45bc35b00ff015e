"""In the SQLite file: what runs have told of their snapshots. The snapshots themselves lie in the runs' folders."""

from livespark.protocol.codec import decode
from livespark.protocol.ids import RunId
from livespark.protocol.snapshots import SnapshotInfo
from livespark.store.implied import LARGEST
from livespark.store.sqlite.part import Part

__all__ = ("SqliteSnapshots",)


class SqliteSnapshots(Part):
    """`store.base.Snapshots`."""

    async def list_snapshots(self, run: RunId) -> list[SnapshotInfo]:
        return [decode(row["body"], SnapshotInfo) for row in await self._readers.all("list_snapshots", id=run)]

    async def find_snapshot(self, run: RunId, number: int) -> tuple[SnapshotInfo, bool] | None:
        if not 0 < number <= LARGEST:
            return None
        row = await self._readers.first("find_snapshot", id=run, number=number)
        return (decode(row["body"], SnapshotInfo), not row["removed"]) if row else None
