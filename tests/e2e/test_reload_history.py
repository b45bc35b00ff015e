"""What a run's history tells of its edits: on the command line, and in the Studio in a real browser."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.editing import Editing, replace
from tests.e2e.stage import Stage, eventually
from tests.e2e.test_studio import Studio, state
from tests.unit.studio.chromium import chromium

MODEL = """\
class Net:
    def __init__(self):
        self.rate = 1

    def forward(self, x):
        return x * 1
"""
SCRIPT = """
    import time

    import livespark as spark
    import model

    net = spark.persist("net", model.Net)
    for step in spark.loop("step", range(10**9)):
        spark.log(loss=net.forward(step))
        time.sleep(0.005)
"""


def moves_on(run: Editing) -> int:
    """A step that runs the newest code, with steps before and behind it that do, too."""
    run.goes_on(10)
    step = run.step
    run.goes_on(10)
    return step


def test_the_exact_source_of_every_step_can_be_had(stage: Stage, tmp_path: Path) -> None:
    """After edits that were applied, refused (by the compiler and by a living object) and undone."""
    stage.write("model.py", MODEL)
    run = Editing.start(stage, SCRIPT)
    ran = [(moves_on(run), MODEL)]
    soft = run.save("model.py", ("x * 1", "x * 2  # ünïcode"))
    run.reloaded(1, kind="soft")
    ran.append((moves_on(run), soft))
    run.save("model.py", ("x * 2", "x * ("))
    assert "+        return x * (  # ünïcode\n" in run.reloaded(2, "refused")["files"][0]["diff"]
    ran.append((moves_on(run), soft))
    run.save("model.py", ("x * (", "x * 2"), ("self.rate = 1", "self.rate = 1\n        self.more = 2"))
    assert "more" in run.reloaded(3, "refused")["message"]
    ran.append((moves_on(run), soft))
    run.save("model.py", ("\n        self.more = 2", ""), ("x * 2", "x / 0"))
    assert run.reloaded(5, "undone")["error"]["type"] == "ZeroDivisionError"
    ran.append((moves_on(run), soft))
    hard = run.save("model.py", ("x / 0", "x * RATE"), ("class Net", "RATE = 3\n\n\nclass Net"))
    run.reloaded(6, kind="hard")
    ran.append((moves_on(run), hard))

    for step, text in ran:
        assert run.types("code", run.run, "--step", f"{step}", "model.py") == (0, text), step
    status, listed = run.types("code", run.run)
    rows = [line.split() for line in listed.splitlines()[1:]]
    assert status == 0
    assert [row[0] for row in rows] == ["1", "2", "3", "4", "5", "6"]
    words = " ".join(listed.split())
    for expected in ("soft applied model.Net.forward +1 -1", "refused model.py +1 -1", "undone", "hard applied"):
        assert expected in words, listed
    status, diff = run.types("code", run.run, "--diff", "1")
    assert status == 0
    assert "-        return x * 1\n+        return x * 2  # ünïcode\n" in diff
    folder = tmp_path / "then"
    assert run.types("code", run.run, "--step", f"{ran[0][0]}", "--into", str(folder))[0] == 0
    assert (folder / "model.py").read_text() == MODEL


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def studio(browser: Browser) -> Iterator[Studio]:
    studio = Studio(browser, viewport={"width": 1280, "height": 900})
    yield studio
    studio.context.close()


def opened(studio: Studio, run: Editing) -> Page:
    found = re.search(r"http://\S+#code=\S+", run.terminal.text)
    assert found
    return studio.open(found.group())


@pytest.mark.browser
@pytest.mark.timeout(240)
def test_the_studio_shows_edits(stage: Stage, studio: Studio, tmp_path: Path) -> None:
    """A syntax error's banner with its line; the diff in the Code tab, by the mark on the chart; the Reload button."""
    stage.write("model.py", MODEL)
    run = Editing.start(stage, SCRIPT)
    page = opened(studio, run)
    state(page, "running")
    run.goes_on(50)
    run.save("model.py", ("x * 1", "x * (1"))
    banner = page.get_by_label("The edit was not taken")
    expect(banner).to_contain_text("model.py:6")
    expect(banner).to_contain_text("'(' was never closed")
    expect(banner).to_contain_text("return x * (1")
    banner.get_by_role("button", name="What was edited").click()
    expect(page.get_by_role("region", name="Changes of model.py")).to_contain_text("return x * (1")
    state(page, "running")
    page.screenshot(path=tmp_path / "refused.png")

    run.save("model.py", ("x * (1", "x * 2"))
    expect(banner).to_have_count(0)
    expect(page.locator(".toast")).to_contain_text("reloaded (soft)")
    step = run.reloaded(2, kind="soft")["step"]
    run.goes_on(50)
    page.get_by_role("group", name="Marks on loss").focus()
    page.keyboard.press("ArrowLeft")
    tip = page.locator(".mark-tip")
    expect(tip).to_contain_text("model.Net.forward")
    expect(tip).to_contain_text(f"{step:,}")
    page.screenshot(path=tmp_path / "mark.png")
    page.keyboard.press("Enter")
    diff = page.get_by_role("region", name="Changes of model.py").first
    expect(diff).to_contain_text("return x * 2")
    page.screenshot(path=tmp_path / "code.png")

    page.get_by_role("button", name="Reload", exact=True).click()
    assert run.reloaded(3, kind="hard").get("files", []) == []
    state(page, "running")
    replace(stage.folder / "model.py", MODEL.replace("x * 1", "[][x]"))
    undone = page.get_by_label("The edit was taken back")
    expect(undone).to_contain_text("IndexError")
    expect(undone).to_contain_text("return [][x]")
    expect(undone.get_by_text("list index out of range").filter(visible=True)).to_have_count(1)
    page.screenshot(path=tmp_path / "undone.png")
    run.goes_on()
    studio.check(page)


@pytest.mark.browser
@pytest.mark.timeout(240)
def test_the_studio_leaves_out_the_item_that_raised(stage: Stage, studio: Studio) -> None:
    """By the button of a held run."""
    source = """
        import livespark as spark
        done = spark.persist("done", list)
        spark.expose(done=lambda: list(done))
        for item in spark.loop("item", range(4)):
            if item == 2:
                1 / 0
            done.append(item)
    """
    run = Editing.start(stage, source, until="held")
    page = opened(studio, run)
    state(page, "held")
    page.get_by_role("button", name="Skip the item and reload").click()
    state(page, "idle")
    assert eventually(lambda: run.call("done"), "the items") == [0, 1, 3]
    studio.check(page)
