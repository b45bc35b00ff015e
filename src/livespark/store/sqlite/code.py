"""In the SQLite file: the source that runs execute."""

from livespark.protocol.code import CodeFile
from livespark.protocol.ids import RunId
from livespark.store.base import StoredBody
from livespark.store.sqlite import reading
from livespark.store.sqlite.part import Part

__all__ = ("SqliteCode",)


class SqliteCode(Part):
    """`store.base.Code`."""

    async def code_at(self, run: RunId, *, seq: int | None = None, step: int | None = None) -> list[CodeFile]:
        return await self._readers.do(lambda connection: reading.code(connection, run, seq, step))

    async def get_text(self, run: RunId, hash: str) -> str | None:
        row = await self._readers.first("get_text", id=run, hash=hash)
        return row["text"].decode() if row else None

    async def read_reloads(self, run: RunId, after: int, limit: int) -> list[StoredBody]:
        return await self._readers.do(lambda connection: reading.reloads(connection, run, after, limit))
