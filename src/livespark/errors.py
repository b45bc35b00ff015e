"""Every exception Livespark raises.

    Exception
    └── LivesparkError               what all others are; its text says what to do next
        ├── UsageError               the arguments are wrong; nothing was done
        ├── SettingsError            an environment variable or the config file is wrong
        ├── ServerUnavailable        no server answers, and none could be started
        │   └── VersionMismatch      a server answers that speaks another protocol
        ├── RequestRefused           the server answered with a problem (status, code, detail)
        │   ├── AuthenticationFailed 401, 403: token missing, wrong, expired, or of too low a scope
        │   ├── NotFound             404
        │   │   └── RunNotFound      no run of that name
        │   ├── Conflict             409: the state of the run does not allow it
        │   ├── Invalid              400, 413, 415, 421, 422: the request itself is wrong
        │   └── Unavailable          408, 425, 429, 5xx: worth another try; `retry_after` seconds if known
        ├── CommandRefused           the run refused the command; its answer says why
        │   └── Busy                 that function is already being executed
        ├── CallFailed               the called function raised; type, message and traceback are carried
        ├── OutcomeUnknown           the worker died between the command's start and its answer
        ├── ConnectionLost           the server could not be reached within the reconnect rules
        └── WaitTimeout              (also a TimeoutError) the wait ended; the run goes on

    BaseException
    └── SparkSignal                  not an Exception, so `except Exception` can't swallow it
        ├── SparkStopError           stop was asked: raised by checkpoint(); catching it and returning is a clean end
        └── SparkReloadError         a hard reload unwinds the script

Classes carry their data as attributes. A class without a message of its own shows the first line of its docstring.
"""

from typing import Any

__all__ = (
    "AuthenticationFailed",
    "Busy",
    "CallFailed",
    "CommandRefused",
    "Conflict",
    "ConnectionLost",
    "Invalid",
    "LivesparkError",
    "NotFound",
    "OutcomeUnknown",
    "RequestRefused",
    "RunNotFound",
    "ServerUnavailable",
    "SettingsError",
    "SparkReloadError",
    "SparkSignal",
    "SparkStopError",
    "Unavailable",
    "UsageError",
    "VersionMismatch",
    "WaitTimeout",
)


class LivesparkError(Exception):
    """Something Livespark could not do."""

    def __str__(self) -> str:
        return super().__str__() or (type(self).__doc__ or "").strip().splitlines()[0]


class UsageError(LivesparkError):
    """The arguments are wrong; nothing was done."""


class SettingsError(LivesparkError):
    """A setting is wrong; nothing was done."""


class ServerUnavailable(LivesparkError):
    """No Livespark server answers. `livespark server status` tells more."""


class VersionMismatch(ServerUnavailable):
    """The server speaks another protocol. Stop it with `livespark server stop` and try again."""


class RequestRefused(LivesparkError):
    """The server refused the request."""

    def __init__(
        self, detail: str, *, status: int, code: str = "", retry_after: float | None = None, data: Any = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status
        self.code = code
        self.retry_after = retry_after
        self.data = data


class AuthenticationFailed(RequestRefused):
    """The token is missing, wrong, expired, or of too low a scope."""


class NotFound(RequestRefused):
    """There is nothing of that name."""


class RunNotFound(NotFound):
    """There is no run of that name. `livespark ps --all` lists them."""


class Conflict(RequestRefused):
    """The state of the run does not allow it."""


class Invalid(RequestRefused):
    """The request itself is wrong."""


class Unavailable(RequestRefused):
    """The server can't answer now; worth another try."""


class CommandRefused(LivesparkError):
    """The run refused the command."""


class Busy(CommandRefused):
    """That function is already being executed."""


class CallFailed(LivesparkError):
    """The called function raised."""

    def __init__(self, message: str, *, type_name: str = "", traceback: str = "") -> None:
        super().__init__(message)
        self.type_name = type_name
        self.traceback = traceback


class OutcomeUnknown(LivesparkError):
    """The worker died between the command's start and its answer."""


class ConnectionLost(LivesparkError):
    """The server could not be reached within the reconnect rules. The run goes on without us."""


class WaitTimeout(LivesparkError, TimeoutError):
    """The wait ended; the run goes on."""


class SparkSignal(BaseException):
    """Unwinds the training script. Let it pass."""


class SparkStopError(SparkSignal):
    """Stop was asked. Catching this and returning is a clean end."""


class SparkReloadError(SparkSignal):
    """A hard reload unwinds the script; it runs again from its top with its persisted values."""
