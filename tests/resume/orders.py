"""What a script under test asks of its own run, at an exact moment; for the scripts beside this file.

`ORDERS` in the environment: a JSON list of `[when, command]`, done one after the other. `when` is the number of the
pass in which the command is asked (passes are counted through the whole process, whatever is gone back to), or the
state that the run has to be in.
"""

import json
import os
import threading
import time
from typing import Any

from livespark.protocol import codec
from livespark.protocol.commands import Command, Delivery, Reload, Snapshot
from livespark.protocol.ids import CommandId
from livespark.runtime.process import runtime
from livespark.runtime.request import Request

__all__ = ("Orders",)


class Orders:
    """One per process, kept where running the script again does not make another."""

    def __init__(self) -> None:
        self.passes = 0
        self._orders: list[tuple[int | str, dict[str, Any]]] = json.loads(os.environ.get("ORDERS", "[]"))
        self._asked: list[Request] = []
        self._follower: threading.Thread | None = None
        self._wake_by_state()

    def pass_begins(self, *, at_once: bool = False) -> int:
        """-> the number of this pass. `at_once`: what is asked does not wait for the snapshots before it."""
        self.passes += 1
        if self._orders and self._orders[0][0] == self.passes and not at_once:
            self._await_snapshots()
        while self._orders and self._orders[0][0] == self.passes:
            self._ask(self._orders.pop(0)[1])
        self._wake_by_state()
        return self.passes

    def _await_snapshots(self) -> None:
        """Those asked for are on disk."""
        while runtime.core.saving or any(
            isinstance(each.command, Snapshot) and not each.answer for each in self._asked
        ):
            time.sleep(0.002)

    def _ask(self, fields: dict[str, Any]) -> None:
        number = len(self._asked) + 1
        command: Command = codec.decode(codec.encode(fields), Command)
        delivery = Delivery(number, CommandId(f"order-{number}"), "test", command)
        if isinstance(command, Reload):
            runtime.reloader.ask(command)
        self._asked.append(Request(command, runtime.core.outbox, delivery))
        runtime.core.ask(self._asked[-1])

    def _wake_by_state(self) -> None:
        is_awake = self._follower is not None and self._follower.is_alive()
        if self._orders and isinstance(self._orders[0][0], str) and not is_awake:
            self._follower = threading.Thread(target=self._follow_states, daemon=True)
            self._follower.start()

    def _follow_states(self) -> None:
        end = time.monotonic() + 60
        while self._orders and isinstance(self._orders[0][0], str):
            state, fields = self._orders[0]
            while runtime.core.status != state or any(each.answer is None for each in self._asked):
                assert time.monotonic() < end
                time.sleep(0.002)
            self._orders.pop(0)
            self._ask(fields)


orders = Orders()
