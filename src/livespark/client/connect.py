"""The short way to a run."""

import weakref

from livespark.client.client_sync import Client
from livespark.client.proxy import RunProxy

__all__ = ("connect",)


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
