"""Scripts of every odd shape, whose text may change, for the tests beside this file; and what is asked of them."""

import json
from pathlib import Path
from textwrap import dedent
from typing import Any, Final

import pytest

from livespark.protocol.commands import Answer
from livespark.protocol.events import Answered, Notice
from livespark.protocol.ids import RunId
from livespark.protocol.snapshots import Origin, Snapshotting
from tests.resume.alone import Alone, Nursery

__all__ = ("BOTH", "DISK", "END", "MEMORY", "REWIND", "SNAPSHOT", "STOP", "Odd")

END: Final = Snapshotting(every_seconds=0)
MEMORY: Final = Snapshotting(every_seconds=0, on_end=False, memory=4)
DISK: Final = Snapshotting(every_seconds=0, on_end=False, memory=0)
BOTH: Final = pytest.mark.parametrize("policy", [MEMORY, DISK], ids=["memory", "disk"])
SNAPSHOT: Final = {"kind": "snapshot"}
REWIND: Final = {"kind": "rewind"}
STOP: Final = {"kind": "stop"}
_TOP = """\
import pathlib
import random
import re
import time
import numpy
import torch
import livespark as spark
from livespark.protocol.commands import Reload
from livespark.runtime.process import runtime
from livespark.runtime.request import Request
from tests.resume.orders import orders

"""


class Odd:
    """One script, whose text may change, and its processes."""

    def __init__(self, folder: Path, nursery: Nursery, text: str) -> None:
        self.script = folder / "odd.py"
        self.write(text)
        self.alone = Alone(folder / "run", self.script, nursery)

    def write(self, text: str) -> None:
        self.text = dedent(text)
        self.script.write_text(_TOP + self.text)

    def edit(self, old: str, new: str) -> None:
        assert old in self.text
        self.write(self.text.replace(old, new))

    def run(self, *orders: tuple[int | str, dict[str, Any]], policy: Snapshotting = MEMORY, **rest: Any) -> list[str]:
        """One process to its end. -> what it printed."""
        code, lines = self.alone.run(policy, ORDERS=json.dumps(orders), **rest)
        assert code in (0, 3), lines
        return lines

    def resume(self, *orders: tuple[int | str, dict[str, Any]], number: int | None = None, **rest: Any) -> list[str]:
        fresh = rest.pop("fresh", [])
        return self.run(*orders, origin=Origin(RunId("quiet-otter"), number, fresh=fresh), **rest)

    def told(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.alone.events() if isinstance(event, kind)]

    @property
    def notices(self) -> list[str]:
        return [event.text for event in self.told(Notice)]

    @property
    def answers(self) -> list[Answer]:
        return [event.answer for event in sorted(self.told(Answered), key=lambda event: event.number)]
