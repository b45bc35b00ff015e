"""What workers report."""

from typing import Final

from livespark.protocol.events import Hello, Receipt, Report, Welcome
from livespark.protocol.ids import RunId
from livespark.protocol.lifecycle import RunState
from livespark.service.channels import Channel, Channels
from livespark.service.clock import Clock
from livespark.service.refusals import Refused
from livespark.store.base import BatchGap, Fenced, StorageFull, Store
from livespark.version import PROTOCOL, __version__

__all__ = ("Intake",)

_LARGEST: Final = 2**31 - 1


class Intake:
    def __init__(self, store: Store, clock: Clock, channels: Channels) -> None:
        self._store = store
        self._clock = clock
        self._channels = channels

    async def hello(self, run: RunId, hello: Hello) -> Welcome:
        """A worker has connected, maybe not for the first time. Raises Refused."""
        _check(hello)
        async with self._channels.open(run) as channel:
            channel.live.rebase()
            try:
                acknowledged = await self._store.greet(
                    run, hello.incarnation, pid=hello.pid, host=hello.host, now=self._clock.now()
                )
            except Fenced as error:
                raise Refused("fenced", str(error)) from None
            channel.acknowledged = acknowledged
            await self._heard(channel)
            return Welcome(acknowledged, channel.watchers)

    async def report(self, run: RunId, report: Report) -> Receipt:
        """Commit what is new. The receipt says up to which batch all is committed. Raises Refused."""
        if not 0 < report.incarnation <= _LARGEST:
            raise Refused("invalid", "`incarnation` must be a positive 32-bit number")
        async with self._channels.open(run) as channel:
            acknowledged = await self._append(channel, report)
            await self._heard(channel)
            resync = report.live is not None and not channel.show(report.live)
            return Receipt(acknowledged, channel.watchers, resync)

    async def _append(self, channel: Channel, report: Report) -> int:
        """A report without batches, ten times a second while somebody watches, does not go to the disk."""
        same = report.incarnation == channel.current.incarnation
        if same and not report.batches and channel.acknowledged is not None:
            return channel.acknowledged
        try:
            channel.acknowledged = await self._store.append_batches(
                channel.id, report.incarnation, report.batches, now=self._clock.now()
            )
        except Fenced as error:
            raise Refused("fenced", str(error)) from None
        except BatchGap as error:
            raise Refused("batch-gap", str(error), {"expected": error.expected}) from None
        except StorageFull as error:
            channel.say_trouble(str(error))
            raise
        channel.say_trouble("")
        return channel.acknowledged

    async def _heard(self, channel: Channel) -> None:
        channel.heard, channel.heard_at = self._clock.monotonic(), self._clock.now()
        if channel.current.state is RunState.LOST:
            await self._store.revive(channel.id, now=self._clock.now())


def _check(hello: Hello) -> None:
    if hello.protocol != PROTOCOL:
        raise Refused(
            "conflict",
            f"the worker's Livespark {hello.version} speaks protocol {hello.protocol}, the server's {__version__} "
            f"speaks {PROTOCOL}. Restart the server with `livespark server stop`; runs go on",
        )
    if not (0 < hello.incarnation <= _LARGEST and 0 < hello.pid <= _LARGEST):
        raise Refused("invalid", "`incarnation` and `pid` must be positive 32-bit numbers")
