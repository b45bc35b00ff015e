"""Tokens in the SQLite file."""

from livespark.store.base import Credential
from livespark.store.sqlite import transactions
from livespark.store.sqlite.part import Part
from livespark.store.sqlite.rows import credential_of
from livespark.store.sqlite.writer import Transaction

__all__ = ("SqliteCredentials",)


class SqliteCredentials(Part):
    """`store.base.Credentials`."""

    async def add_credential(self, credential: Credential) -> None:
        await self._writer.do(lambda transaction: transactions.insert_credential(transaction, credential))

    async def replace_credential(self, credential: Credential) -> None:
        await self._writer.do(lambda transaction: transactions.replace_credential(transaction, credential))

    async def find_credential(self, digest: bytes) -> Credential | None:
        row = await self._readers.first("find_credential", digest=digest)
        return credential_of(row) if row else None

    async def drop_credential(self, digest: bytes) -> list[bytes]:
        return await self._writer.do(lambda transaction: transactions.drop_credential(transaction, digest))

    async def drop_expired(self, now: float) -> None:
        def drop(transaction: Transaction) -> None:
            transaction.execute("drop_expired", now=now)

        await self._writer.do(drop)
