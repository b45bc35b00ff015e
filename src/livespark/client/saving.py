"""A run's snapshots as seen from outside."""

import os
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from livespark.client.asking import AsyncAsking
from livespark.client.outcomes import result
from livespark.client.values import encode
from livespark.protocol.commands import Rewind, Snapshot
from livespark.protocol.runs import Fork, Run
from livespark.protocol.snapshots import SnapshotDetail, SnapshotInfo, SnapshotList

__all__ = ("AsyncSaving",)


class AsyncSaving(AsyncAsking):
    """Taking snapshots of a run, and what can be done with them. They are named by their numbers."""

    async def snapshot(self, label: str = "", *, timeout: float | None = None) -> SnapshotInfo:
        """Save the run's state; returns when it is durable. One with a label stays for ever.

        Raises CommandRefused with the reason.
        """
        return msgspec.convert(result(await self.ask(Snapshot(label), timeout=timeout)), SnapshotInfo)

    async def snapshots(self) -> list[SnapshotInfo]:
        """Those on disk, oldest first."""
        listed = await self._api.get(self._path("/snapshots"), SnapshotList)
        return listed.snapshots

    async def snapshot_detail(self, number: int) -> SnapshotDetail:
        """What a snapshot holds: arrays, plain values, config, code. Raises NotFound."""
        return await self._api.get(self._path(f"/snapshots/{number}"), SnapshotDetail)

    async def rewind(
        self,
        snapshot: int | None = None,
        *,
        step: int | None = None,
        values: Mapping[str, Any] | None = None,
        skip: bool = False,
        timeout: float | None = None,
    ) -> Any:
        """Put a state back and go on from there: that of `snapshot`, or of the newest not beyond `step`, or of the
        newest. Then `values` are set, as by `set`. `skip`: the items from there to here are left out. -> what the run
        answers.

        Raises CommandRefused with the reason; the run goes on as it was then.
        """
        command = Rewind(snapshot, step, encode(values or {}), skip)
        return result(await self.ask(command, timeout=timeout))

    async def remove_snapshot(self, number: int) -> None:
        """Take a snapshot away. Raises NotFound where there never was one of that number."""
        await self._api.delete(self._path(f"/snapshots/{number}"), SnapshotList)

    async def download_snapshot(self, number: int, path: str | os.PathLike[str]) -> None:
        """Write a snapshot's files as an uncompressed tar to `path`. Raises NotFound, OSError."""
        await self._api.download(self._path(f"/snapshots/{number}/download"), Path(path))

    async def fork(
        self,
        snapshot: int | None = None,
        *,
        config: Mapping[str, Any] | None = None,
        name: str = "",
        fresh: Iterable[str] = (),
    ) -> Run:
        """Start a second run from a snapshot (None: the newest good one) with the code that is on disk now. -> the new
        run.

        `config`: what differs from this run's. `fresh`: keys of persisted values that are made anew. Raises Invalid.
        """
        keys = [fresh] if isinstance(fresh, str) else list(fresh)
        fork = Fork(str(uuid.uuid4()), snapshot, encode(config or {}), name, fresh=keys)
        return await self._api.post(self._path("/fork"), Run, fork)
