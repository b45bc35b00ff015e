"""How much a walk over exposed values may show and cost."""

import time

from msgspec import Struct

__all__ = ("RESULT", "SAMPLE", "Budget", "Meter")


class Budget(Struct, frozen=True, kw_only=True):
    """Limits of one walk.

    `nodes`: entries altogether (texts and arrays count for their length); `items`: of one container; `depth`: levels
    below the root; `seconds`: processor time of this thread (twenty times as much may pass on the clock); `text`:
    characters of one text; `elements`: numbers of one array.
    """

    nodes: int = 5_000
    items: int = 500
    depth: int = 12
    seconds: float = 0.005
    text: int = 4_096
    elements: int = 1_024


SAMPLE = Budget()
"""Of what is watched all the time."""

RESULT = Budget(nodes=20_000, items=10_000, depth=32, seconds=0.5, text=65_536)
"""Of a call's result, which is asked for once."""

_PATIENCE = 20
_FIRST_SHARE = 0.8


class Meter:
    """A budget being used up. Time is the thread's own, because waiting for the interpreter's lock is nobody's cost."""

    def __init__(self, budget: Budget = SAMPLE) -> None:
        self.budget = budget
        self.left = budget.nodes
        self.late = False
        self._reserved = 0
        self._clock = time.perf_counter()
        self._thread = time.thread_time()

    @property
    def spent(self) -> int:
        """Nodes used up."""
        return self.budget.nodes - self.left

    def items(self) -> int:
        """How many items a container may show now."""
        return max(0, min(self.budget.items, self.left - self._reserved))

    def reserve(self, share: int, later: int) -> None:
        """Keep a part for those that come later, so that one large value can't hide them all."""
        self._reserved = min(share, self.budget.nodes // (later + 1)) * later

    def used(self) -> float:
        """Seconds of this thread since the start."""
        return time.thread_time() - self._thread

    def exhausted(self) -> bool:
        """Whether nothing more may be looked at. `late` tells afterwards whether time was the reason."""
        passed = time.perf_counter() - self._clock
        allowed = self.budget.seconds * (_FIRST_SHARE if self._reserved else 1.0)
        is_late = passed > allowed and (passed > allowed * _PATIENCE or self.used() > allowed)
        self.late |= is_late
        return is_late or self.left <= 0
