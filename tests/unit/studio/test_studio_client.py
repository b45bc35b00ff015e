"""The JavaScript client and the page's pure modules, run by Node where there is one, else by Chromium."""

import json
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from livespark.protocol import codec, paths
from tests.unit.protocol.test_sse import CASES
from tests.unit.studio.chromium import chromium
from tests.unit.studio.feed import Feed
from tests.unit.studio.keeping import snapshot
from tests.unit.studio.stand_in import StandIn, encoded

JS = Path(__file__).parent / "js"
SEGMENTS = [["state", "lr"], ["a"], [""], ["", ""], ["a.b", "c"], ["\\", "."], ["a\\.b", "\\\\", ""], ["ä.ö", "0"]]
VALUES: list[Any] = [
    float("nan"),
    float("-inf"),
    2**63,
    -(2**53) - 1,
    {"$": 1, "$$x": [None, True]},
    b"\x00\xff",
    [0.1, "x", {}],
]


def vectors() -> dict[str, Any]:
    """What Python says, for JavaScript to agree with."""
    return {
        "cases": [{"name": name, "wire": encoded(wire), "messages": messages} for name, wire, messages in CASES],
        "paths": [{"segments": segments, "path": paths.join(segments)} for segments in SEGMENTS],
        "nodes": [codec.to_node(value) for value in VALUES],
    }


def in_node(node: str, server: StandIn) -> list[dict[str, str]]:
    done = subprocess.run([node, JS / "node.mjs", server.url], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    results: list[dict[str, str]] = json.loads(done.stdout)
    return results


def in_chromium(server: StandIn) -> list[dict[str, str]]:
    with chromium() as browser:
        page = browser.new_page()
        page.goto(server.url)
        results: list[dict[str, str]] = page.evaluate(
            "async (url) => (await import(`${url}/tests/unit/studio/js/all.mjs`)).runAll(url)", server.url
        )
        return results


def test_client_and_pure_modules() -> None:
    """Every JavaScript test passes in Node, or in Chromium where there is no Node."""
    node = shutil.which("node")
    with StandIn(vectors()) as server:
        server.feeds["refusing"] = refusing = Feed("refusing")
        refusing.answer = {"outcome": "refused", "message": "model.py:31: unexpected indent"}
        server.feeds["keeping"] = keeping = Feed("keeping")
        keeping.snapshots = [snapshot(3, 300), snapshot(7, 1622)]
        keeping.answer = {"outcome": "applied", "step": 1622, "value": keeping.snapshots[1]}
        results = in_node(node, server) if node else in_chromium(server)

    assert len(results) > 50
    assert {result["name"]: result["error"] for result in results if result["error"]} == {}


FUZZ = """async ({url, names}) => {
  const {SseParser} = await import(`${url}/src/livespark/studio/client/sse.js`);
  const HEARD = ["message", "x", "y"];
  const native = (name) => new Promise((resolve) => {
    const source = new EventSource(`${url}/streams/${name}`), seen = [];
    for (const type of HEARD)
      source.addEventListener(type, ({data, lastEventId}) => seen.push([type, data, lastEventId]));
    source.addEventListener("error", () => (source.close(), resolve(seen)));
  });
  const ours = async (name) => {
    const bytes = new Uint8Array(await (await fetch(`${url}/streams/${name}`)).arrayBuffer());
    const parser = new SseParser(), seen = [];
    for (const byte of bytes) seen.push(...parser.feed(new Uint8Array([byte])));
    return seen.map(({event, data, id}) => [event, data, id]).filter(([event]) => HEARD.includes(event));
  };
  const wrong = [];
  for (const name of names) {
    const [a, b] = await Promise.all([native(name), ours(name)]);
    if (JSON.stringify(a) !== JSON.stringify(b)) wrong.push([name, a, b]);
  }
  return wrong;
}"""
PIECES = [
    *[
        b"data",
        b"event",
        b"id",
        b"retry",
        b":",
        b": ",
        b" ",
        b"\n",
        b"\n\n",
        b"\r",
        b"\r\n",
        b"\n\r",
        b"\0",
        b"x",
        b"y",
    ],
    *[b"1", b"data: a\n", b"data\n", b"id: 7\n", b"event: x\n", b"event: y\n", b"\xef\xbb\xbf", b"\xff", "ä".encode()],
    *["\u2028".encode(), "😀".encode()[:2]],
]

NOT_AS_THE_STANDARD_SAYS = (b"\xef\xbb\xbf\n", b"\xef\xbb\xbf\r")
"""Chromium 156 takes a line end right behind the byte order mark for the first character of a line."""


@pytest.mark.browser
def test_parser_against_the_browser(full: bool) -> None:
    """On random streams the parser dispatches exactly what Chromium's own EventSource does."""
    source = random.Random(20261122)
    wires = [b"".join(source.choices(PIECES, k=source.randrange(1, 40))) for _ in range(3000 if full else 300)]
    streams = {str(number): wire for number, wire in enumerate(wires) if not wire.startswith(NOT_AS_THE_STANDARD_SAYS)}
    with StandIn({}) as server, chromium() as browser:
        server.streams = streams
        page = browser.new_page()
        page.goto(server.url)

        assert page.evaluate(FUZZ, {"url": server.url, "names": list(streams)}) == []
