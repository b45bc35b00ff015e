"""What is served as the Studio: complete, plain, and within the content security policy."""

import re
from html.parser import HTMLParser
from posixpath import dirname, join, normpath
from typing import Final

import pytest

from livespark.studio.assets import PAGE, Asset, load

ASSETS: Final = load()
OWN: Final = sorted(name for name in ASSETS if name.endswith(".js") and not name.startswith("vendor/"))
IMPORT: Final = re.compile(r'^(?:import|export)\s(?:[^"`;]*?\sfrom\s)?"([^"]+)"', re.MULTILINE)


class Page(HTMLParser):
    """What the page refers to, and what it should not have."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[str] = []
        self.inline: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inline += [f"{tag} {name}" for name, _ in attrs if name.startswith("on") or name == "style"]
        self.files += [value for name, value in attrs if name in ("src", "href") and value]
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in ("script", "style") and data.strip():
            self.inline.append(data)


def text(name: str) -> str:
    return ASSETS[name].body.decode()


def test_every_file_has_its_content_type() -> None:
    """Names use forward slashes; each has a body and the type that browsers insist on; nothing else is served."""
    assert isinstance(ASSETS[PAGE], Asset)
    assert ASSETS[PAGE].content_type == "text/html; charset=utf-8"
    assert ASSETS["app/main.js"].content_type == "text/javascript; charset=utf-8"
    assert ASSETS["style/base.css"].content_type == "text/css; charset=utf-8"
    assert ASSETS["style/spark.svg"].content_type == "image/svg+xml"
    assert all(asset.body for asset in ASSETS.values())
    assert {name.split("/")[0] for name in ASSETS} == {PAGE, "app", "client", "style", "vendor"}
    assert not [name for name in ASSETS if name.endswith((".json", ".py")) or "\\" in name]


def test_the_page_refers_to_files_that_exist_and_holds_no_script_itself() -> None:
    """No inline script, style or handler; everything it loads is ours and served."""
    page = Page()
    page.feed(text(PAGE))

    assert page.inline == []
    assert page.files
    assert [name for name in page.files if name.removeprefix("/studio/") not in ASSETS] == []


@pytest.mark.parametrize("name", OWN)
def test_every_import_is_served(name: str) -> None:
    """Modules import relative paths that exist, and nothing from elsewhere."""
    for target in IMPORT.findall(text(name)):
        assert target.startswith("."), target
        assert normpath(join(dirname(name), target)) in ASSETS, target


def test_every_module_is_used() -> None:
    """What the page does not reach is not shipped."""
    reached: set[str] = set()
    waiting = ["app/main.js", "app/theme-early.js", "client/types.js"]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += [normpath(join(dirname(name), target)) for target in IMPORT.findall(text(name))]

    assert [name for name in OWN if name not in reached] == []


def test_the_client_needs_nobody() -> None:
    """The JavaScript client imports only itself, and touches no page."""
    for name in (name for name in OWN if name.startswith("client/")):
        assert [target for target in IMPORT.findall(text(name)) if not target.startswith("./")] == [], name
        assert not re.search(r"\b(document|window|localStorage|sessionStorage)\.", text(name)), name


@pytest.mark.parametrize("name", OWN)
def test_modules_are_small_and_safe(name: str) -> None:
    """At most 400 lines; text never becomes markup or code."""
    source = text(name)

    assert source.count("\n") <= 400
    for danger in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function("):
        assert danger not in source, danger
    assert "dangerouslySetInnerHTML" not in source


@pytest.mark.parametrize("name", sorted(name for name in ASSETS if name.startswith("style/") and name.endswith(".css")))
def test_colours_are_named(name: str) -> None:
    """Only tokens.css knows colours; both themes define the same ones."""
    if not name.endswith("tokens.css"):
        assert re.findall(r"#[0-9a-fA-F]{3,8}\b", text(name)) == []
        return
    light, dark = text(name).split(':root[data-theme="dark"]')
    colours = set(re.findall(r"(--[\w-]+): (?:#|rgb|0 )", light))
    assert set(re.findall(r"(--[\w-]+):", dark)) <= colours | {"--shadow", "--shadow-high"}
    assert colours - set(re.findall(r"(--[\w-]+):", dark)) == set()
