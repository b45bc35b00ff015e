"""The composition root of the control half: which store, which engine, one server process.

`python -m livespark.wiring` is how the command line starts the server on demand, detached; `serve` is `livespark
serve`.
"""

import asyncio
import logging
import logging.handlers
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from livespark.engine.base import Engine
from livespark.engine.local import LocalEngine
from livespark.errors import LivesparkError
from livespark.server.app import make_app
from livespark.server.guard import own_hosts
from livespark.server.hosting import Host
from livespark.server.instance import AlreadyServed, announced, last_record, local_token, locked
from livespark.server.listening import bind, url_of
from livespark.server.placing import database_path, mounts
from livespark.service.service import Service
from livespark.settings import Settings, load
from livespark.store.sqlite import SqliteStore
from livespark.studio.assets import load as load_studio
from livespark.transport.files import private
from livespark.transport.processes import own_process
from livespark.transport.server_info import ServerRecord
from livespark.version import PROTOCOL, __version__

__all__ = ("main", "serve")

_LOG_BYTES: Final = 2 * 1024**2
_LOG_FILES: Final = 3
_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_log: Final = logging.getLogger("livespark")

Announce = Callable[[str], None]


def serve(
    settings: Settings,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    announce: Announce,
    engine: Engine | None = None,
) -> int:
    """Be the server of this home until it is stopped. -> exit code: 0, or 2 where it could not be (announced in one
    line)."""
    try:
        _serve(settings, host, port, announce, engine)
    except LivesparkError as error:
        announce(str(error))
        return 2
    return 0


def main() -> int:
    """The server on demand. That another one runs already is as good as success."""
    try:
        _serve(load(), "127.0.0.1", None, lambda _: None, None)
    except AlreadyServed as error:
        _print(str(error))
        return 0
    except LivesparkError as error:
        _print(str(error))
        return 2
    return 0


def _serve(settings: Settings, host: str, port: int | None, announce: Announce, engine: Engine | None) -> None:
    with locked(settings), _logging(settings):
        asyncio.run(_run(settings, host, port, announce, engine or LocalEngine(settings)))


async def _run(settings: Settings, host: str, port: int | None, announce: Announce, engine: Engine) -> None:
    token = local_token(settings)
    last = last_record(settings)
    path, sentence = database_path(settings.home, mounts())
    with bind(host, port, int(last.url.rpartition(":")[2]) if last else None) as listener:
        async with SqliteStore(path, limit=settings.database_limit) as store:
            service = Service(settings, store, engine, database=str(path))
            await service.access.install(token, "local")
            async with service:
                server = _host(service, listener)
                url = url_of(listener)
                with server.signals(), announced(settings, _record(url)):
                    _say(announce, f"Livespark {__version__} serves {settings.home} on {url}", sentence)
                    await server.serve()
    _log.info("the server has ended")


def _host(service: Service, listener: socket.socket) -> Host:
    """uvicorn closes its copy of the listener first of all. Ours stays: until the very end the port is nobody else's,
    who would be taken for this server."""
    hosts = own_hosts(listener.getsockname()[1], [url_of(listener).removeprefix("http://")])
    server = Host(make_app(service, load_studio(), lambda: hosts), listener.dup(), service.close_streams)
    service.leave = server.leave
    return server


def _say(announce: Announce, *lines: str) -> None:
    for line in filter(None, lines):
        announce(line)
        _log.info("%s", line)


def _record(url: str) -> ServerRecord:
    process = own_process()
    return ServerRecord(url, process.pid, process.created, __version__, PROTOCOL, time.time())


@contextmanager
def _logging(settings: Settings) -> Iterator[None]:
    handler = _Log(settings.home / "server.log", maxBytes=_LOG_BYTES, backupCount=_LOG_FILES, encoding="utf-8")
    handler.setFormatter(logging.Formatter(_FORMAT))
    loggers = [logging.getLogger(name) for name in ("livespark", "uvicorn", "asyncio")]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
        handler.close()


class _Log(logging.handlers.RotatingFileHandler):
    """For its owner's eyes only."""

    def _open(self) -> Any:
        return open(self.baseFilename, self.mode, encoding=self.encoding, opener=private)


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
