"""Snapshots in the Studio, in a real browser, on real runs: taken, gone back to, forked, resumed, saved and deleted."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.stage import Stage, eventually
from tests.e2e.test_studio import Studio, started, state, step
from tests.unit.studio.chromium import chromium

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

SCRIPT = """
    import time

    import livespark as spark

    config = spark.config(rate=0.5)
    state = spark.persist("state", lambda: {"sum": 0.0})
    optimizer = spark.persist("optimizer", lambda: {"lr": config.rate})
    spark.expose(optimizer=optimizer)
    for number in spark.loop("step", range(10**9)):
        state["sum"] += optimizer["lr"]
        spark.log({"loss": 1 / (1 + state["sum"]), "number": number}, step=number)
        time.sleep(0.005)
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def studio(browser: Browser) -> Iterator[Studio]:
    studio = Studio(browser)
    yield studio
    studio.context.close()


def open_snapshots(stage: Stage, studio: Studio) -> Page:
    page = studio.open(started(stage, SCRIPT))
    state(page, "running")
    page.get_by_role("tab", name="Snapshots").click()
    return page


def take(page: Page, label: str) -> Locator:
    """Takes a snapshot with this label; -> its line."""
    page.get_by_label("Label of the snapshot").fill(label)
    page.keyboard.press("Enter")
    expect(page.locator(".snap-top .deed")).to_contain_text("the training stood still for")
    line = page.locator(".snap").filter(has_text=label)
    expect(line).to_be_visible()
    return line


def test_there_and_back(stage: Stage, studio: Studio) -> None:
    """A snapshot is taken; training goes on; the run goes back to it with another rate, and its curve branches off."""
    page = open_snapshots(stage, studio)
    expect(page.get_by_text("No snapshots yet")).to_be_visible()
    eventually(lambda: step(page) > 20, "some steps")
    line = take(page, "early")
    saved = next(info for info in stage.get(f"/api/runs/{stage.run_id()}/snapshots")["snapshots"])["step"]
    eventually(lambda: step(page) > saved + 200, "steps beyond the snapshot")

    line.get_by_role("button", name="Rewind").click()
    page.get_by_label("Change a number, too").select_option("optimizer.lr")
    page.get_by_label("optimizer.lr", exact=True).last.fill("0.25")
    page.get_by_role("button", name="Rewind to step").click()
    expect(line.locator(".deed").first).to_contain_text("rewound to step")
    (event,) = [found["event"] for found in stage.events(stage.run_id()) if found["event"]["type"] == "rewound"]
    assert event["step"] == saved
    assert event["from_step"] > saved + 200
    state(page, "running")
    eventually(lambda: stage.live(stage.run_id())["optimizer.lr"] == 0.25, "the other rate")
    seen = step(page)
    eventually(lambda: step(page) > seen, "the step to grow again")
    page.get_by_role("group", name="Marks on loss").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".mark-tip").first).to_contain_text("rewound from step")
    studio.check(page)


def test_a_fork_is_a_relative(stage: Stage, studio: Studio) -> None:
    """A fork with another rate opens its own page, which names its parent and compares with it in one click."""
    page = open_snapshots(stage, studio)
    eventually(lambda: step(page) > 20, "some steps")
    parent = stage.run_id()
    line = take(page, "start")

    line.get_by_role("button", name="Fork").click()
    page.get_by_label("rate", exact=True).fill("0.125")
    page.get_by_role("button", name="Start the fork").click()
    page.wait_for_url(lambda address: "/r/" in address and not address.endswith(f"/r/{parent}"))
    state(page, "running")
    family = page.get_by_role("region", name="Relatives of this run")
    expect(family).to_contain_text(f"forked from {parent} at snapshot")
    family.get_by_role("button", name=f"Compare with {parent}").click()
    expect(page.locator(".legend")).not_to_contain_text("reading")
    child = page.url.split("/r/")[1].partition("?")[0]
    page.reload()
    expect(page.locator(".legend")).to_contain_text(parent)
    eventually(lambda: stage.live(child).get("optimizer.lr") == 0.125, "the new config to count")
    page.goto(page.url.split("/r/")[0])
    expect(page.locator("tr", has_text=child)).to_contain_text(f"forked from {parent}")
    studio.check(page)


def test_saved_deleted_and_resumed(stage: Stage, studio: Studio, tmp_path: Path) -> None:
    """An archive is downloaded; a snapshot is deleted; the stopped run is resumed from the one that its stop took."""
    page = open_snapshots(stage, studio)
    eventually(lambda: step(page) > 20, "some steps")
    line = take(page, "gone soon")
    line.locator(".snap-head").click()
    expect(line.locator(".snap-detail")).to_contain_text("optimizer")

    with page.expect_download() as download:
        line.get_by_role("button", name="Download").click()
    download.value.save_as(tmp_path / "saved.tar")
    with tarfile.open(fileobj=io.BytesIO((tmp_path / "saved.tar").read_bytes())) as archive:
        assert any(name.endswith(".json") for name in archive.getnames())
    line.get_by_role("button", name="Delete").click()
    line.get_by_role("button", name="Press again").click()
    expect(line).to_have_count(0)

    page.get_by_role("button", name="Stop the run").click()
    page.get_by_role("button", name="Press again").click()
    state(page, "stopped")
    last = page.locator(".snap").filter(has_text="the run was stopped")
    stopped_at = stage.run(stage.run_id())["step"]
    parent = page.url
    last.get_by_role("button", name="Resume").click()
    page.wait_for_url(lambda address: "/r/" in address and address != parent)
    state(page, "running")
    eventually(lambda: step(page) > stopped_at, "the run to go on from where it stood")
    expect(page.get_by_role("region", name="Relatives of this run")).to_contain_text("resumes")
    studio.check(page)
