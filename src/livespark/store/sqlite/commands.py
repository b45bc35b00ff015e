"""In the SQLite file: what was asked of runs."""

from livespark.protocol.commands import Answer, Ask, CommandRecord
from livespark.protocol.ids import CommandId, RunId
from livespark.store.sqlite import reading, transactions
from livespark.store.sqlite.part import Part

__all__ = ("SqliteCommands",)


class SqliteCommands(Part):
    """`store.base.Commands`."""

    async def add_command(self, run: RunId, ask: Ask, actor: str, *, now: float) -> CommandRecord:
        return await self._writer.do(lambda transaction: transactions.add_command(transaction, run, ask, actor, now))

    async def get_command(self, run: RunId, id: CommandId) -> CommandRecord | None:
        return await self._readers.do(lambda connection: reading.command(connection, run, id))

    async def open_commands(self, run: RunId, after: int = 0) -> list[CommandRecord]:
        return await self._readers.do(lambda connection: reading.open_commands(connection, run, after))

    async def answer_command(self, run: RunId, id: CommandId, answer: Answer, *, now: float) -> None:
        await self._writer.do(lambda transaction: transactions.answer_command(transaction, run, id, answer, now))
