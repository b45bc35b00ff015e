"""What a server says of itself, over HTTP and in its file."""

from msgspec import Struct

from livespark.protocol.runs import ProcessId

__all__ = ("Code", "ServerInfo", "ServerRecord")


class ServerRecord(Struct, frozen=True):
    """`server.json` in the data directory, while the server listens. `pid` and `created` identify its process
    (`protocol.runs.ProcessId`)."""

    url: str
    pid: int
    created: str
    version: str
    protocol: int
    started: float

    @property
    def process(self) -> ProcessId:
        return ProcessId(self.pid, self.created)


class ServerInfo(Struct, frozen=True):
    """Answer of `GET /api/server`. `runs`: live ones; `clients`: streams open now; `database`: where it lies."""

    version: str
    home: str
    started: float
    pid: int
    runs: int
    clients: int
    database: str


class Code(Struct, frozen=True):
    """Answer of `POST /api/codes`: signs a browser in, once, until `expires` (Unix seconds)."""

    code: str
    expires: float
