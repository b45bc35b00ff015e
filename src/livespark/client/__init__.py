"""For people and programs outside a run: find it, read it, change it, call it.

The asynchronous half is the source of the other.
"""

from livespark.client.client import AsyncClient
from livespark.client.client_sync import Client
from livespark.client.connect import connect, request_hot_reload
from livespark.client.proxy import RunProxy
from livespark.client.proxy_async import AsyncRunProxy
from livespark.client.series import Series

__all__ = ("AsyncClient", "AsyncRunProxy", "Client", "RunProxy", "Series", "connect", "request_hot_reload")
