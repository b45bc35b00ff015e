"""How a use case says no. The server makes an HTTP problem of it; the code is one of `protocol.problems.PROBLEMS`."""

from typing import Any

from livespark.errors import LivesparkError

__all__ = ("Refused", "no_such_command", "no_such_run")


class Refused(LivesparkError):
    """The request can't be met; `code` says which kind of reason, the text which reason."""

    def __init__(self, code: str, detail: str, data: Any = None) -> None:
        super().__init__(detail)
        self.code = code
        self.data = data


def no_such_run(run: str) -> Refused:
    return Refused("run-not-found", f"there is no run {run[:64]!r}. `livespark ps --all` lists the runs")


def no_such_command(run: str, id: str) -> Refused:
    return Refused("command-not-found", f"run {run} was never asked a command {id[:64]!r}")
