"""DataLoader workers that hold code which has been replaced, until they are given the code that runs."""

from collections.abc import Callable

from livespark.runtime.reload.plan import Plan
from livespark.runtime.reload.workers import renew_workers

__all__ = ("StaleWorkers",)


class StaleWorkers:
    """True while some may be stale. `note` is told what can't be renewed, as a sentence. Training thread."""

    def __init__(self, note: Callable[[str], object]) -> None:
        self._note = note
        self._changed: frozenset[tuple[str, str]] = frozenset()

    def __bool__(self) -> bool:
        return bool(self._changed)

    def mark(self, plan: Plan) -> None:
        """What the plan concerns is other code now, or again."""
        self._changed |= plan.concerned

    def renew(self) -> None:
        """Start new workers. Raises what the dataset raises, and OSError."""
        for sentence in renew_workers(self._changed):
            self._note(sentence)
        self._changed = frozenset()

    def renew_if_possible(self) -> None:
        """Otherwise before the next loop."""
        try:
            self.renew()
        except Exception as error:
            cause = str(error).strip().rpartition("\n")[2]  # above it stands the worker's traceback
            self._note(f"DataLoader workers go on with the code that they have: {cause:.500}")
