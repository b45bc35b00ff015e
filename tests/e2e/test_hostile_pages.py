"""Pages of strangers in a real browser: under a name that resolves to this machine, and on another port of it."""

import http.server
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.e2e.stage import Stage
from tests.unit.studio.chromium import chromium

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

SCRIPT = "import livespark as spark\nspark.expose(one=lambda: 1)\nspark.serve()\n"
STRANGER = "evil.example"
KINDS = (
    *("image", "form", "text form", "no-cors post", "json post", "json get", "stream", "socket", "frame", "script"),
    *("worker", "delete"),
)
ATTACK = """
async ([kind, target, run]) => {
  const url = `${target}/api/runs/${run}/commands`, body = JSON.stringify({id: kind, command: {kind: "stop"}});
  const after = (thing, good, bad, resolve) => {
    thing[good] = () => resolve("got it");
    thing[bad] = () => resolve("refused");
  };
  const element = (name, fields) => Object.assign(document.createElement(name), fields);
  const post = (type, mode) => fetch(url, {method: "POST", mode, body, headers: {"content-type": type}});
  const submitted = (enctype) => new Promise((resolve) => {
    const frame = element("iframe", {name: `f${Math.random()}`, onload: () => resolve("sent")});
    const form = element("form", {method: "POST", action: url, enctype, target: frame.name});
    form.append(element("input", {name: '{"id":"f","command":{"kind":"stop"},"x":"', value: '"}'}));
    document.body.append(frame, form);
    form.submit();
  });
  const read = async (answer) => (answer.type === "opaque" ? "sent" : `got ${answer.status}`);
  const tries = {
    image: () => new Promise((resolve) => {
      after(element("img", {src: `${target}/studio/style/spark.svg`}), "onload", "onerror", resolve);
    }),
    form: () => submitted("application/x-www-form-urlencoded"),
    "text form": () => submitted("text/plain"),
    "no-cors post": () => post("text/plain", "no-cors").then(read),
    "json post": () => post("application/json", "cors").then(read),
    "json get": () => fetch(`${target}/api/health`).then(read),
    stream: () => new Promise((resolve) => {
      const source = new EventSource(`${target}/api/runs/${run}/events`, {withCredentials: true});
      after(source, "onopen", "onerror", resolve);
    }),
    socket: () => new Promise((resolve) => {
      after(new WebSocket(target.replace("http", "ws") + `/api/runs/${run}/events`), "onopen", "onerror", resolve);
    }),
    frame: () => new Promise((resolve) => {
      const loaded = () => resolve(`framed ${frame.contentDocument}`);
      const frame = element("iframe", {src: `${target}/r/${run}`, onload: loaded});
      document.body.append(frame);
    }),
    script: () => new Promise((resolve) => {
      const script = element("script", {src: `${target}/studio/app/main.js`, type: "module"});
      after(script, "onload", "onerror", resolve);
      document.body.append(script);
    }),
    worker: () => new Promise((resolve) => {
      try { after(new Worker(`${target}/studio/app/main.js`), "onmessage", "onerror", resolve); }
      catch { resolve("refused"); }
    }),
    delete: () => fetch(url, {method: "DELETE"}).then(read),
  };
  const late = new Promise((resolve) => setTimeout(resolve, 4000, "no answer"));
  return Promise.race([tries[kind]().catch(() => "refused"), late]);
}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(f"--host-resolver-rules=MAP {STRANGER} 127.0.0.1") as browser:
        yield browser


@contextmanager
def elsewhere() -> Iterator[int]:
    """A web server on another port, with an empty page; -> the port."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"<!doctype html><title>kittens</title>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join()


def served(stage: Stage) -> tuple[str, str, str]:
    """A run in a server; -> the server's address, the run, the code that signs in."""
    stage.write("train.py", SCRIPT)
    found = re.search(r"(http://\S+)/r/(\S+)#code=(\S+)", stage.dev("train.py").text)
    assert found
    stage.reaches(found[2], "idle")
    return found[1], found[2], found[3]


def test_a_name_that_leads_here_is_not_our_name(stage: Stage, browser: Browser) -> None:
    """DNS rebinding: the browser takes page and server for one origin; the server does not."""
    target, run, code = served(stage)
    rebound = target.replace("127.0.0.1", STRANGER)
    page = browser.new_page()
    answer = page.goto(f"{rebound}/r/{run}#code={code}")
    assert answer is not None
    assert answer.status == 421
    token = (stage.home / "token").read_text().strip()
    attempts = """async ([run, code, token]) => {
      const headers = {authorization: `Bearer ${token}`, "content-type": "application/json"};
      const ask = (path, options) => fetch(path, options).then((answer) => answer.status, () => 0);
      return Promise.all([
        ask("/api/session", {method: "POST", headers, body: JSON.stringify({code})}),
        ask("/api/runs", {headers}), ask(`/api/runs/${run}/events`, {headers}), ask("/api/health"), ask("/"),
        ask(`/api/runs/${run}/commands`,
            {method: "POST", headers, body: JSON.stringify({id: "x", command: {kind: "stop"}})}),
      ]);
    }"""
    assert page.evaluate(attempts, [run, code, token]) in ([421] * 6, [0] * 6)
    page.close()
    assert stage.run(run)["state"] == "idle"
    session = stage.http.post(f"{target}/api/session", json={"code": code})
    assert session.status_code == 200, "the stranger has spent the code"


def test_a_page_on_another_port_reaches_nothing(stage: Stage, browser: Browser) -> None:
    """A dozen ways in which a page can make requests elsewhere: none gets an answer, none has an effect."""
    target, run, _ = served(stage)
    before = stage.run(run)["last_seq"]
    with elsewhere() as port:
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}/")
        outcomes = {kind: page.evaluate(ATTACK, [kind, target, run]) for kind in KINDS}
        page.close()
    assert not [kind for kind, outcome in outcomes.items() if outcome.startswith("got")], outcomes
    assert outcomes["frame"] in ("framed null", "no answer"), outcomes
    after = stage.run(run)
    assert (after["state"], after["last_seq"]) == ("idle", before)


def test_no_secret_travels_in_an_address(stage: Stage, browser: Browser) -> None:
    """Signing in takes the code out of the address bar, and neither code nor token is in any URL or Referer."""
    target, run, code = served(stage)
    page = browser.new_page()
    sent: list[tuple[str, str]] = []
    page.on("request", lambda request: sent.append((request.url, json.dumps(request.headers))))
    page.goto(f"{target}/r/{run}#code={code}")
    page.locator(".state .pill").wait_for()
    kept = page.evaluate("JSON.stringify({...sessionStorage, ...localStorage})")
    token = re.search(r"[\w-]{43}", kept)
    assert token
    assert token[0] != code
    assert code not in page.url
    assert len(sent) > 10
    assert not [url for url, _ in sent if token[0] in url or code in url.partition("#")[0]]
    assert not [headers for _, headers in sent if json.loads(headers).get("referer")]
    assert stage.http.post(f"{target}/api/session", json={"code": code}).status_code == 401
    page.close()


XSS = "<img src=x onerror=alert(1)><script>alert(2)</script>"
HOSTILE_SCRIPT = f"""
    import sys
    import livespark as spark
    import time

    EVIL = {XSS!r}


    def evaluate(times: int = 1, how: str = EVIL) -> dict:
        return {{EVIL: [EVIL]}}


    evaluate.__doc__ = EVIL
    spark.expose(**{{"evaluate": evaluate, "values": {{EVIL: EVIL, "[31m" + EVIL: 1}}}})
    print(EVIL, "\x1b[31m", EVIL)
    print(EVIL, file=sys.stderr)
    for step in spark.loop(EVIL, range(20)):
        spark.log({{EVIL: step, "javascript:alert(3)": step}})
        time.sleep(0.01)
    raise RuntimeError(EVIL)
"""


def test_whatever_a_script_says_stays_text(stage: Stage, browser: Browser) -> None:
    """Names of runs, files, metrics, loops, values; logs, documentation, errors: nothing becomes markup."""
    script = "<img src=x onerror=alert(4)>.py"
    stage.write(script, HOSTILE_SCRIPT)
    terminal = stage.dev(f"./{script}", "--name", XSS)
    address = re.search(r"http://\S+#code=\S+", terminal.text)
    assert address
    troubles: list[str] = []
    page = browser.new_page()
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("dialog", lambda dialog: troubles.append(dialog.message))
    page.add_init_script(
        "document.addEventListener('securitypolicyviolation', (event) => (window.broken ??= []).push(event.blockedURI))"
    )
    page.goto(address[0])
    page.locator(".state .pill", has_text="held").wait_for(timeout=60_000)
    page.get_by_text("onerror=alert(1)").first.wait_for()
    page.wait_for_function("document.body.innerText.split('<img src=x onerror').length > 8")
    assert page.locator("img[src=x], body script").count() == 0
    assert page.evaluate("window.broken ?? []") == []
    assert troubles == []
    page.close()
