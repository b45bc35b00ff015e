"""The Studio's files as they are served."""

from pathlib import Path

import pytest

from livespark.server.shell import PAGE_POLICY
from livespark.studio.assets import load
from tests.unit.server.asgi import ASSETS, clients

pytestmark = pytest.mark.anyio


async def test_the_page_is_served_without_a_token(tmp_path: Path) -> None:
    """At the root and for every run, known or not: it holds no data."""
    async with clients(tmp_path) as client:
        for path in ("/", "/r/quiet-otter", "/r/anything", "/r/quiet-otter?compare=calm-fox"):
            answer = await client.get(path, token="")
            assert (answer.status, answer.body) == (200, ASSETS["index.html"].body)
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            assert answer.headers["content-security-policy"] == PAGE_POLICY


def test_the_policy_is_strict() -> None:
    """Own files only, no inline script, no eval, no frames, Trusted Types."""
    rules = dict(rule.split(" ", 1) for rule in PAGE_POLICY.split("; "))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == rules["frame-ancestors"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert rules["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in PAGE_POLICY


async def test_files_have_their_type_and_are_not_sent_twice(tmp_path: Path) -> None:
    """An unchanged file is a 304."""
    async with clients(tmp_path) as client:
        answer = await client.get("/studio/app/main.js", token="")
        assert (answer.status, answer.body) == (200, b"export {};")
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        tag = answer.headers["etag"]
        for known in (tag, f'"other", {tag}'):
            again = await client.get("/studio/app/main.js", token="", headers=[("if-none-match", known)])
            assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
        assert (await client.get("/studio/app/main.js", headers=[("if-none-match", '"other"')])).status == 200


@pytest.mark.parametrize(
    "name", ["app/../index.html", "index.html", "app/main.js/", "app//main.js", "APP/main.js", "app/main.py"]
)
async def test_what_is_not_listed_is_not_served(tmp_path: Path, name: str) -> None:
    """Also what a file system would find."""
    async with clients(tmp_path) as client:
        assert (await client.get(f"/studio/{name}", token="")).status == 404


def test_every_file_of_the_studio_has_a_type() -> None:
    """The page is among them."""
    assets = load()
    assert assets["index.html"].content_type.startswith("text/html")
    assert all(asset.content_type for asset in assets.values())
