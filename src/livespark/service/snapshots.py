"""The snapshots of runs: seeing, removing, downloading, and beginning with one."""

import asyncio

from msgspec.structs import replace

from livespark.engine.base import Engine
from livespark.protocol.events import SnapshotsRemoved, Timed
from livespark.protocol.ids import RunId, is_run_id
from livespark.protocol.runs import Run
from livespark.protocol.snapshots import Origin, SnapshotDetail, SnapshotInfo, SnapshotList
from livespark.service.clock import Clock
from livespark.service.details import detail_of
from livespark.service.refusals import Refused
from livespark.snapshots.archive import Archive
from livespark.snapshots.damage import Damaged
from livespark.snapshots.folder import Folder
from livespark.store.base import StorageFull, Store

__all__ = ("Snapshots",)


class Snapshots:
    """The store knows what runs have told of them; they themselves lie in folders that the engine knows."""

    def __init__(self, store: Store, engine: Engine, clock: Clock) -> None:
        self._store = store
        self._engine = engine
        self._clock = clock
        self._removing = asyncio.Lock()

    async def on_disk(self, run: Run) -> SnapshotList:
        """Those on disk, oldest first."""
        return SnapshotList(await self._store.list_snapshots(run.id))

    async def detail(self, run: Run, number: int) -> SnapshotDetail:
        """Raises Refused, also for one that is damaged."""
        folder = await self._holding(run.id, number)
        try:
            return await asyncio.to_thread(lambda: detail_of(folder.read(number)))
        except Damaged as error:
            raise Refused("conflict", str(error)) from None

    async def archive(self, run: Run, number: int) -> Archive:
        """The snapshot as a tar, not read yet. Raises Refused, also for one that is damaged."""
        folder = await self._holding(run.id, number)
        try:
            return await asyncio.to_thread(Archive, folder, number)
        except (Damaged, OSError) as error:
            raise Refused("conflict", str(error)) from None

    async def remove(self, run: Run, number: int, actor: str) -> SnapshotList:
        """Take it away; a second time is as good as once. -> what is left. Raises Refused, StorageFull.

        What only it held is given back to the disk at once, or, while the run has a worker, by that one.
        """
        async with self._removing:
            await self._remove(run.id, number, actor)
        return await self.on_disk(run)

    async def origin(self, origin: Origin) -> Origin:
        """The same with its step, as far as that is known before the run finds its newest good one. Raises Refused."""
        run = await self._store.get_run(origin.run) if is_run_id(origin.run) else None
        if run is None:
            raise Refused("invalid", f"`origin.run`: there is no run {origin.run[:64]!r} to begin with the state of")
        if origin.snapshot is None:
            await self._need_any(run)
            return replace(origin, step=None)
        folder = await self._holding(run.id, origin.snapshot, "invalid")
        info = await asyncio.to_thread(_info, folder, origin.snapshot)
        return replace(origin, step=info.step)

    async def _remove(self, run: RunId, number: int, actor: str) -> None:
        folder, found = self._engine.snapshots(run), await self._store.find_snapshot(run, number)
        there = number in await asyncio.to_thread(folder.numbers)
        if found is None and not there:
            raise _unknown(run, number)
        try:
            await asyncio.to_thread(folder.remove, [number])
            if await self._store.is_settled(run):
                await asyncio.to_thread(folder.collect)
        except OSError as error:
            raise StorageFull(f"snapshot {number} of {run} can't be removed: {error.strerror or error}") from None
        if there or (found and found[1]):
            event = Timed(self._clock.now(), SnapshotsRemoved([number], actor))
            await self._store.append_events(run, [event])

    async def _need_any(self, run: Run) -> None:
        folder = self._engine.snapshots(run.id)
        if not await asyncio.to_thread(folder.numbers):
            raise Refused("invalid", f"run {run.id} has no snapshots, so nothing can begin with its state")

    async def _holding(self, run: RunId, number: int, code: str = "not-found") -> Folder:
        """The folder with the run's snapshot. Raises Refused where it is not there."""
        folder = self._engine.snapshots(run)
        numbers = await asyncio.to_thread(folder.numbers)
        if number not in numbers:
            raise _unknown(run, number, numbers, code)
        return folder


def _unknown(run: RunId, number: int, others: list[int] | None = None, code: str = "not-found") -> Refused:
    there = f"; it has {', '.join(map(str, others[-10:]))}" if others else ""
    return Refused(code, f"run {run} has no snapshot {number}{there}")


def _info(folder: Folder, number: int) -> SnapshotInfo:
    """What a snapshot says itself. Raises Refused for one that is damaged: no run could begin with it."""
    try:
        return folder.read(number).info
    except Damaged as error:
        raise Refused("invalid", str(error)) from None
