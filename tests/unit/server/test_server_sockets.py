"""The server on a real socket: what no well-behaved client sends, streams, and a quick end."""

import asyncio
import json
from pathlib import Path

import pytest

from livespark.protocol import sse
from livespark.protocol.events import Metrics
from livespark.server import hosting
from livespark.server.stream import EventStream
from tests.unit.server.asgi import Server, hosted
from tests.unit.service.stage import eventually

pytestmark = pytest.mark.anyio


async def talk(server: Server, data: bytes, *, patience: float = 5.0) -> bytes:
    """What the server answers to `data` until it closes, or until nothing more comes after the first answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    received = b""
    try:
        writer.write(data)
        async with asyncio.timeout(patience):
            while piece := await reader.read(65536):
                received += piece
                if _is_whole(received):
                    break
    except (TimeoutError, ConnectionError):
        pass
    finally:
        writer.close()
    return received


def _is_whole(received: bytes) -> bool:
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
    return bool(lengths) and len(body) >= lengths[0]


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def request(server: Server, line: str, *headers: str, token: bool = True) -> bytes:
    sent = [line, *headers, *([f"Authorization: Bearer {server.client.token}"] if token else [])]
    return "\r\n".join([*sent, "", ""]).encode("latin-1")


LINES = [
    *(
        "GET",
        "GET /",
        "GET  / HTTP/1.1",
        " GET / HTTP/1.1",
        "G\0T / HTTP/1.1",
        "GET /\0 HTTP/1.1",
        "/ HTTP/1.1",
    ),
    *(
        "GET / HTTP/1.1 extra",
        "get / http/1.1",
        "GET\t/\tHTTP/1.1",
        "\x16\x03\x01\x02\x00\x01\x00",
        "PRI * HTTP/2.0",
        "SSH-2.0-x",
    ),
    *(
        "GET /\xff HTTP/1.1",
        "GET /a b HTTP/1.1",
        "GET " + "/" * 70_000 + " HTTP/1.1",
        "GET /%zz HTTP/1.1",
        "GET /%ff%fe HTTP/1.1",
    ),
    *(
        "GET //evil/api/health HTTP/1.1",
        "GET http://evil/api/health HTTP/1.1",
        "GET /api/../api/health HTTP/1.1",
        "GET ? HTTP/1.1",
    ),
    *(
        "CONNECT 127.0.0.1:80 HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "GET /api%2fhealth%00 HTTP/1.1",
        "GET /api/health%2f..%2f HTTP/1.1",
    ),
]
HEADERS = [
    *(
        "Host: {host}\r\nHost: {host}",
        "Host: evil",
        "Host:",
        "X: y",
        "Host : {host}",
        "Host: {host}\r\n X: folded",
        ": x\r\nHost: {host}",
    ),
    *(
        "Host: {host}\r\nContent-Length: -1",
        "Host: {host}\r\nContent-Length: 1, 2",
        "Host: {host}\r\nContent-Length: x",
    ),
    *(
        "Host: {host}\r\nContent-Length: 5\r\nContent-Length: 6",
        "Host: {host}\r\nTransfer-Encoding: gzip",
        "Host: {host}/",
    ),
    *(
        "Host: {host}\r\nTransfer-Encoding: chunked, chunked",
        "Host: {host}\r\nX: " + "y" * 70_000,
        "Host: a/b?#",
        "Host: {host}@evil",
    ),
    *(
        "Host: {host}\r\n" + "X: y\r\n" * 5000 + "Z: z",
        "Host: {host}\r\nX\0: y",
        "Host: {host}\r\nX: \0",
        "Host: localhost",
        "Host: [::1",
    ),
    *(
        "Host: {host}\r\nUpgrade: h2c\r\nConnection: Upgrade",
        "Host: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade",
    ),
    *("Host: {host}\r\nExpect: 200-maybe", "Host: {host}\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Proto: https"),
]
SERVED = ("Upgrade: ", "Expect: ", "X-Forwarded", "gzip", "X: y")


async def test_malformed_requests_reach_no_handler(tmp_path: Path) -> None:
    """Each is answered with an error in our shape, or the connection ends; the server goes on serving."""
    count = 0
    async with hosted(tmp_path) as server:
        host = f"127.0.0.1:{server.port}"
        for line in LINES:
            answer = await talk(server, request(server, line, f"Host: {host}"))
            assert status(answer) in (0, 400, 404, 405), (line[:50], answer[:200])
            assert status(answer) == 0 or _problem(answer)
            count += 1
        for headers in HEADERS:
            sent = request(server, "GET /api/health HTTP/1.1", headers.format(host=host))
            answer = await talk(server, sent)
            allowed = (200,) if any(word in headers for word in SERVED) else (0, 400, 421)
            assert status(answer) in (*allowed, 400), (headers[:50], answer[:200])
            assert status(answer) in (0, 200) or _problem(answer)
            count += 1
        good = request(server, "GET /api/server HTTP/1.1", f"Host: {host}")
        assert status(await talk(server, good)) == 200
    assert count >= 50


def _problem(answer: bytes) -> bool:
    problem = json.loads(answer.partition(b"\r\n\r\n")[2])
    return bool(problem["code"] and problem["detail"] and problem["status"] == status(answer))


async def test_half_a_request_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However slowly the rest dribbles in."""
    monkeypatch.setattr(hosting, "_HEAD_PATIENCE", 0.2)
    async with hosted(tmp_path) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)

        async def dribble() -> None:
            for byte in b"GET /api/health HTTP/1.1\r\nHost: 127.0.0.1":
                writer.write(bytes([byte]))
                await asyncio.sleep(0.02)

        dribbling = asyncio.create_task(dribble())
        async with asyncio.timeout(3):
            assert await reader.read() == b""
        dribbling.cancel()
        writer.close()
        silent, other = await asyncio.open_connection("127.0.0.1", server.port)
        async with asyncio.timeout(3):
            assert await silent.read() == b""
        other.close()


async def test_silent_connections_do_not_keep_the_owner_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of those that show no token only the newest are kept; those that have shown one stay, also between requests."""
    monkeypatch.setattr(hosting, "room", lambda: 32)
    async with hosted(tmp_path) as server:
        run = await server.client.stage.running()
        stream = await Stream.open(server, f"/api/runs/{run}/events")
        kept = await asyncio.open_connection("127.0.0.1", server.port)
        good = request(server, "GET /api/server HTTP/1.1", f"Host: 127.0.0.1:{server.port}")
        kept[1].write(good)
        await kept[0].readuntil(b"}")
        silent = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(200)]
        for _, writer in silent[::2]:
            writer.write(request(server, "POST /api/session HTTP/1.1", "Content-Length: 9", token=False) + b"{")
        assert status(await talk(server, good)) == 200
        kept[1].write(good)
        assert (await kept[0].readuntil(b"}")).startswith(b"HTTP/1.1 200")
        await eventually(lambda: sum(reader.at_eof() or bool(reader.exception()) for reader, _ in silent) >= 150)
        stream.writer.write(b"")
        assert await stream.chunk()
        for _, writer in [*silent, kept, (stream.reader, stream.writer)]:
            writer.transport.abort()


async def test_connections_are_kept_for_the_next_request(tmp_path: Path) -> None:
    """Also after an error, and after a body that nobody read."""
    async with hosted(tmp_path) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        host = f"Host: 127.0.0.1:{server.port}"
        for line, body, expected in (
            ("GET /api/health HTTP/1.1", b"", b"200"),
            ("GET /nothing HTTP/1.1", b"", b"404"),
            ("POST /api/nothing HTTP/1.1", b"x" * 300_000, b"404"),
            ("GET /api/health HTTP/1.1", b"", b"200"),
        ):
            writer.write(request(server, line, host, f"Content-Length: {len(body)}") + body)
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            assert head.split(b" ")[1] == expected
            length = next(
                int(each.split(b":")[1]) for each in head.split(b"\r\n") if each.startswith(b"content-length")
            )
            await reader.readexactly(length)
        writer.close()


class Stream:
    """A raw SSE client."""

    def __init__(self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.server = server
        self.parser = sse.Parser()

    @classmethod
    async def open(cls, server: Server, path: str, *, token: str = "", headers: tuple[str, ...] = ()) -> "Stream":
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
        token = token or server.client.token
        sent = request(
            server,
            f"GET {path} HTTP/1.1",
            f"Host: 127.0.0.1:{server.port}",
            f"Authorization: Bearer {token}",
            *headers,
            token=False,
        )
        writer.write(sent)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        return cls(server, reader, writer)

    async def chunk(self) -> bytes:
        """The next piece; b"" at the end."""
        size = int(await self.reader.readuntil(b"\r\n"), 16)
        return (await self.reader.readexactly(size + 2))[:-2]

    async def until_end(self) -> None:
        """Until the answer is complete."""
        last = b""
        while not last.endswith(b"\r\n0\r\n\r\n"):
            piece = await self.reader.read(65536)
            assert piece, "the answer broke off"
            last = (last + piece)[-16:]


async def test_streams_end_within_a_second_when_their_credential_is_revoked(tmp_path: Path) -> None:
    """All twenty of them, and the token opens no new one."""
    async with hosted(tmp_path) as server:
        stage = server.client.stage
        run = await stage.running()
        local = await stage.service.access.authenticate(server.client.token)
        assert local is not None
        issued = await stage.service.access.spend(stage.service.access.new_code(local).secret)
        path = f"/api/runs/{run}/events"
        streams = [await Stream.open(server, path, token=issued.secret) for _ in range(20)]
        other = await Stream.open(server, path)
        await eventually(lambda: stage.service.access.streams == 21)
        await stage.service.access.revoke(issued.credential.digest)
        async with asyncio.timeout(1):
            await asyncio.gather(*(stream.until_end() for stream in streams))
        assert stage.service.access.streams == 1
        refused = request(
            server,
            f"GET {path} HTTP/1.1",
            f"Host: 127.0.0.1:{server.port}",
            f"Authorization: Bearer {issued.secret}",
            token=False,
        )
        assert status(await talk(server, refused)) == 401
        for stream in [*streams, other]:
            stream.writer.close()


async def test_a_client_that_leaves_is_forgotten(tmp_path: Path) -> None:
    """Its stream, its subscription, its place among the watchers."""
    async with hosted(tmp_path) as server:
        stage = server.client.stage
        run = await stage.running()
        streams = [await Stream.open(server, f"/api/runs/{run}/events") for _ in range(5)]
        await eventually(lambda: stage.service.access.streams == 5)
        assert (await stage.run(run)).watchers == 5
        for stream in streams:
            stream.writer.transport.abort()
        await eventually(lambda: stage.service.access.streams == 0)
        assert (await stage.run(run)).watchers == 0


async def test_a_client_that_stops_reading_is_cut_off_and_harms_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others get every event meanwhile."""
    monkeypatch.setattr(EventStream.__init__, "__kwdefaults__", {"patience": 0.3})
    async with hosted(tmp_path) as server:
        stage = server.client.stage
        run = await stage.running()
        stuck = await Stream.open(server, f"/api/runs/{run}/events?live=0")
        lively = await Stream.open(server, f"/api/runs/{run}/events?live=0")
        seen = 0
        for number in range(2, 42):
            await stage.report(run, number, *(Metrics([step], [1.0], {"x" * 500: [0.5]}) for step in range(500)))
            while seen < (number - 1) * 500:
                seen += (await lively.chunk()).count(b'\ndata: {"is":"event"')
        await eventually(lambda: stage.service.access.streams == 1)
        stuck.writer.transport.abort()
        lively.writer.close()
        assert seen == 40 * 500 + 2


async def test_the_server_ends_quickly_with_streams_open(tmp_path: Path) -> None:
    """They end properly, so that their clients know to come again."""
    async with hosted(tmp_path) as server:
        run = await server.client.stage.running()
        streams = [await Stream.open(server, f"/api/runs/{run}/events") for _ in range(10)]
        began = asyncio.get_running_loop().time()
        server.leave()
        await asyncio.wait_for(server.task, 5)
        assert asyncio.get_running_loop().time() - began < 2
        for stream in streams:
            last = b""
            while piece := await stream.reader.read(65536):
                last = piece
            assert last.endswith(b"0\r\n\r\n")
            stream.writer.close()


async def test_the_server_ends_quickly_while_somebody_waits_for_an_answer(tmp_path: Path) -> None:
    """The wait ends, without the answer."""
    async with hosted(tmp_path) as server:
        run = await server.client.stage.running()
        await server.client.stage.ask(run, "a")
        path = f"GET /api/runs/{run}/commands/a?wait=60 HTTP/1.1"
        waiting = asyncio.create_task(talk(server, request(server, path, f"Host: 127.0.0.1:{server.port}")))
        channel = server.client.stage.service.channels.find(run)
        assert channel is not None
        await eventually(lambda: channel.users)
        server.leave()
        await asyncio.wait_for(server.task, 2)
        assert status(await waiting) == 200


async def test_answers_are_not_held_back(tmp_path: Path) -> None:
    """Requests in two pieces on one connection take no 40 ms each: Nagle's algorithm is off."""
    async with hosted(tmp_path) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        began = asyncio.get_running_loop().time()
        for _ in range(25):
            writer.write(
                request(server, "POST /api/codes HTTP/1.1", f"Host: 127.0.0.1:{server.port}", "Content-Length: 2")
            )
            await asyncio.sleep(0)
            writer.write(b"{}")
            assert b"200 OK" in await reader.readuntil(b"}")
        assert asyncio.get_running_loop().time() - began < 25 * 0.03
        writer.close()


async def test_a_stream_can_be_resumed_by_header(tmp_path: Path) -> None:
    """The header counts more than the query."""
    async with hosted(tmp_path) as server:
        stage = server.client.stage
        run = await stage.running()
        await stage.report(run, 2, *(Metrics([step], [1.0], {"x": [0.5]}) for step in range(5)))
        epoch = (await stage.run(run)).epoch
        path = f"/api/runs/{run}/events?live=0&after={epoch}-1"
        stream = await Stream.open(server, path, headers=(f"Last-Event-ID: {epoch}-5",))
        received = b""
        while received.count(b"id: ") < 2:
            received += await stream.chunk()
        ids = [message.id for message in sse.Parser().feed(received)]
        assert ids == [f"{epoch}-6", f"{epoch}-7"]
        stream.writer.close()
