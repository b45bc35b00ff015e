"""After the script has unwound and runs again, its random generators go on where they were.

That is: at the item that the innermost loop goes on with, or else at the first checkpoint; and not where the script's
top seeds them anew.
"""

from livespark.runtime.level import Level
from livespark.runtime.positions import Position
from livespark.runtime.reload.generators import Generators, capture

__all__ = ("Continuation",)


class Continuation:
    """What the generators were like at the last unwinding. `place`: the loop at which they are put back; `left`: the
    innermost one then."""

    def __init__(self) -> None:
        self.place: Position | None = None
        self.left: Position | None = None
        self._until: tuple[Generators, Position] | None = None
        self._generators: Generators | None = None
        self._due = False

    def remember(self, levels: list[Level]) -> None:
        """The script has to go on like this, if it runs again."""
        self.remember_that(capture(), innermost(levels))

    def remember_that(self, generators: Generators, place: Position | None) -> None:
        """The script has to go on as it was at an earlier moment, if it runs again."""
        self._generators, self.left = generators, place

    def remember_until(self, generators: Generators, place: Position) -> None:
        """As `remember_that`, and whatever unwinds the script before it has come there."""
        self.remember_that(generators, place)
        self._until = generators, place

    def begin(self) -> None:
        """The script runs again."""
        self.place, self._due = self.left, True

    def begin_again(self) -> None:
        """The script runs again, and may not have come to where it had to go on."""
        if self._until:
            self.remember_that(*self._until)
            self.begin()

    def drop(self) -> None:
        """Somebody else sees to the generators."""
        self._due, self.place, self._until = False, None, None

    def arrive(self) -> None:
        """The script is on its way."""
        self._until = None
        self.end()

    def end(self) -> None:
        """The place has been reached, or the first checkpoint."""
        self.place = None
        if self._due and self._generators is not None:
            self._generators.restore()
        self._due = False


def innermost(levels: list[Level]) -> Position | None:
    """The script's innermost loop; None while a call is executed."""
    script = levels[0]
    return script.open[-1] if len(levels) == 1 and script.open else None
