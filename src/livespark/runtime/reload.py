"""Taking new source: what is checked before anything unwinds.

A reload that can't work is refused before the run notices: the program is compiled first, on the thread that asks.
Code that has been compiled waits here until the script has unwound.
"""

from types import CodeType

from livespark.errors import CommandRefused, UsageError
from livespark.runtime.program import Program

__all__ = ("Reloader", "syntax_sentence")


class Reloader:
    """Holds the program, if this process runs one, and the newest code of it that compiles."""

    def __init__(self, program: Program | None = None) -> None:
        self.program = program
        self._code: CodeType | None = None

    def prepare(self) -> None:
        """Compile the program as it is on disk now. Any thread. Raises CommandRefused with the reason."""
        if self.program is None:
            raise CommandRefused("there is nothing to reload: start the script with `livespark dev`")
        try:
            self._code = self.program.compile()
        except SyntaxError as error:
            raise CommandRefused(syntax_sentence(error)) from None
        except UsageError as error:
            raise CommandRefused(str(error)) from None

    def take(self) -> CodeType:
        """The newest code that compiled. Raises UsageError, SyntaxError as `Program.compile`, if there is none yet."""
        assert self.program is not None
        if self._code is None:
            self._code = self.program.compile()
        return self._code


def syntax_sentence(error: SyntaxError) -> str:
    """Where, and what: `model.py:31: unexpected indent`."""
    return f"{error.filename}:{error.lineno or 1}: {error.msg}"
