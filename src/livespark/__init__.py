"""The vocabulary of a training script: `import livespark as spark`.

Every name works attached to a server and detached (plain `python train.py`): a script never needs to know.
Importing it loads nothing heavy; what a script does not need (the client) is loaded when it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from livespark.errors import LivesparkError, SparkReloadError, SparkStopError
from livespark.runtime.controller import SparkController, SparkStatus
from livespark.runtime.exposed.declared import Slider, concurrent, read_only
from livespark.runtime.process import runtime as _runtime
from livespark.version import __version__

if TYPE_CHECKING:
    from livespark.client import AsyncClient, Client, RunProxy, request_hot_reload
    from livespark.client.connect import connect

__all__ = (
    "AsyncClient",
    "Client",
    "LivesparkError",
    "RunProxy",
    "Slider",
    "SparkController",
    "SparkReloadError",
    "SparkStatus",
    "SparkStopError",
    "__version__",
    "acheckpoint",
    "checkpoint",
    "clear_all_persisted",
    "clear_persisted",
    "concurrent",
    "config",
    "connect",
    "controller",
    "create_controller",
    "expose",
    "has_persisted",
    "log",
    "loop",
    "persist",
    "read_only",
    "request_hot_reload",
    "serve",
    "snapshot",
    "watch",
)

checkpoint = _runtime.core.checkpoint
acheckpoint = _runtime.acheckpoint
controller = create_controller = _runtime.controller
persist = _runtime.persisted.persist
has_persisted = _runtime.persisted.has_persisted
clear_persisted = _runtime.persisted.clear_persisted
clear_all_persisted = _runtime.clear_all_persisted
loop = _runtime.loops.loop
log = _runtime.journal.log
expose = _runtime.expose
serve = _runtime.serve
snapshot = _runtime.snapshot
watch = _runtime.watch
config = _runtime.config

_CLIENT: Final = frozenset({"AsyncClient", "Client", "RunProxy", "connect", "request_hot_reload"})


def __getattr__(name: str) -> Any:
    if name in _CLIENT:
        return getattr(import_module("livespark.client"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
