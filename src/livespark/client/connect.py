"""The short way to a run."""

import weakref
from collections.abc import Iterable
from typing import Any

from livespark.client.client_sync import Client
from livespark.client.proxy import RunProxy
from livespark.client.sources import Code

__all__ = ("connect", "request_hot_reload")


def connect(run: str | None = None, server: str | None = None, *, token: str | None = None) -> RunProxy:
    """A proxy of a run: by id or beginning of an id, else the only live one, else the newest.

    `server`: its address; without it LIVESPARK_SERVER, else the local server, which is started when needed.
    Raises RunNotFound, ServerUnavailable, AuthenticationFailed, and UsageError where several runs could be meant.
    """
    client = Client(server, token=token)
    try:
        proxy = client.run(client.find(run).id)
    except BaseException:
        client.close()
        raise
    weakref.finalize(proxy, client.close)
    return proxy


def request_hot_reload(
    code_or_files: Code,
    run: str | None = None,
    server: str | None = None,
    *,
    token: str | None = None,
    skip: bool = False,
    clear: Iterable[str] = (),
) -> Any:
    """Send new source to a run, found as by `connect`: the script's text, texts by path, or a list of files.

    -> `{"kind": "soft" or "hard", "changed": [names]}`. Raises CommandRefused with the reason, and as `connect`.
    """
    with Client(server, token=token) as client:
        proxy = client.run(client.find(run).id)
        return proxy.request_hot_reload(code_or_files, skip=skip, clear=clear)
