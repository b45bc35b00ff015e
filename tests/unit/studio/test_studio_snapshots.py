"""Snapshots in the Studio, in a real browser: taking, going back, forking, branches on the charts, and relatives."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.unit.studio.chromium import chromium
from tests.unit.studio.feed import Feed
from tests.unit.studio.keeping import ARCHIVE, snapshot
from tests.unit.studio.stand_in import StandIn

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

BEGIN: Final = """
sessionStorage.setItem("livespark-token", "secret");
window.violations = [];
document.addEventListener("securitypolicyviolation", ({violatedDirective, blockedURI}) =>
  window.violations.push([violatedDirective, blockedURI]));
"""
NAMELESS: Final = """
[...document.querySelectorAll("button, a, input, select, summary, [tabindex]")]
  .filter((element) => element.checkVisibility({visibilityProperty: true}))
  .filter((element) => !(element.ariaLabel || element.innerText?.trim() || element.labels?.length || element.title))
  .map((element) => element.outerHTML)
"""
INK: Final = """
(canvas, [from, to]) => {
  const {width, height} = canvas;
  const data = canvas.getContext("2d").getImageData(0, 0, width, height).data;
  const [left, right] = [0.18, 0.98].map((part) => part * width);
  const column = (part) => Math.round(left + part * (right - left));
  let most = 0;
  for (let x = column(from); x < column(to); x += 1) {
    for (let y = Math.round(height * 0.15); y < height * 0.75; y += 1) {
      const [red, green, , alpha] = data.slice(4 * (y * width + x), 4 * (y * width + x) + 4);
      if (green - red > 40) most = Math.max(most, alpha);
    }
  }
  return most;
}
"""
"""How opaque the accent's strongest point is between two parts of a chart's width."""
HOSTILE: Final = "<img src=x onerror=alert(1)>"
FIELDS: Final = {"optimizer.lr": {"shape": {"type": "float"}}, "name": {"shape": {"type": "str"}}}


@dataclass
class Stage:
    """A page on a run that the test tells what happens."""

    server: StandIn
    feed: Feed
    page: Page
    troubles: list[str] = field(default_factory=list)

    def took(self, number: int, step: int | None, **more: Any) -> None:
        info = snapshot(number, step, **more)
        self.feed.snapshots.append(info)
        self.feed.push(type="snapshotted", snapshot=info)

    def metrics(self, first: int, last: int, value: float = 1.0) -> None:
        steps = list(range(first, last, 10))
        series = {"loss": [value + step / 10_000 for step in steps]}
        self.feed.push(type="metrics", steps=steps, times=[1.0 * step for step in steps], series=series)

    def open(self, query: str = "") -> Page:
        self.server.feeds[self.feed.record["id"]] = self.feed
        self.page.goto(f"{self.server.url}/r/{self.feed.record['id']}{query}")
        return self.page

    def snapshots(self) -> Page:
        self.open().get_by_role("tab", name="Snapshots").click()
        return self.page

    def item(self, number: int) -> Locator:
        return self.page.locator(".snap").filter(has=self.page.locator(".snap-number", has_text=f"{number}"))

    def commands(self) -> list[dict[str, Any]]:
        return list(self.server.about("otter")["commands"])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def stage(browser: Browser) -> Iterator[Stage]:
    """Nothing may go wrong unnoticed: no script error, no dialog, nothing that the security policy has to stop."""
    context = browser.new_context()
    context.add_init_script(BEGIN)
    with StandIn({}) as server:
        stage = Stage(server, Feed("otter"), context.new_page())
        stage.page.on("pageerror", lambda error: stage.troubles.append(str(error)))
        stage.page.on("dialog", lambda dialog: stage.troubles.append(dialog.message))
        yield stage
        assert stage.troubles == []
        assert stage.page.evaluate("window.violations") == []
        context.close()


def test_an_empty_panel_teaches(stage: Stage) -> None:
    """Before the first snapshot the panel says what one is for and how to take it; an ended run, how it would have."""
    page = stage.snapshots()

    expect(page.get_by_text('spark.snapshot("before the change")')).to_be_visible()
    expect(page.get_by_text("livespark dev --snapshot-every 500 train.py")).to_be_visible()
    stage.feed.push(type="status", state="completed")
    expect(page.get_by_role("heading", name="No snapshots", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Take snapshot")).to_have_count(0)


def test_snapshots_are_listed_newest_first_with_what_they_are(stage: Stage) -> None:
    """Number, step, cause or label, the watched metrics first, size and what of it was new, and whether in memory."""
    stage.feed.live = {"memory": [{"number": 7, "time": 1.0, "step": 1622}]}
    stage.took(3, 1000, metrics={"lr": 0.1, "x": 1, "y": 2, "val/loss": 0.25})
    stage.took(7, 1622, cause="asked", label="before", written=0)
    stage.took(8, None, message="value cache could not be saved: a file handle")
    page = stage.snapshots()

    expect(page.locator(".snap-number")).to_have_text(["8", "7", "3"])
    expect(stage.item(3)).to_contain_text("step 1,000")
    expect(stage.item(3)).to_contain_text("scheduled")
    expect(stage.item(3)).to_contain_text("412 MB, 31 MB new")
    expect(stage.item(3).locator(".snap-metric").first).to_have_text("val/loss 0.25", use_inner_text=True)
    expect(stage.item(7)).to_contain_text("before")
    expect(stage.item(7)).to_contain_text("412 MB, nothing new")
    expect(page.locator(".tag", has_text="in memory")).to_have_count(1)
    expect(stage.item(8)).to_contain_text("no step")
    expect(stage.item(8)).to_contain_text("incomplete")
    expect(page.locator(".snap-sums")).to_have_text("3 on disk, 62 MB written · 1 in memory")
    expect(page.locator(".timeline circle")).to_have_count(2)
    stage.feed.push(type="status", state="completed")
    expect(page.locator(".snap-sums")).to_have_text("3 on disk, 62 MB written")
    expect(page.locator(".tag", has_text="in memory")).to_have_count(0)


def test_the_metric_of_the_best_comes_first(stage: Stage) -> None:
    stage.feed.record["best"] = "max:bleu"
    stage.took(3, 1000, metrics={"loss": 0.1, "test/bleu": 31.5})

    stage.snapshots()
    expect(stage.item(3).locator(".snap-metric").first).to_have_text("test/bleu 31.50", use_inner_text=True)


def test_the_server_knows_of_older_ones(stage: Stage) -> None:
    """What the record no longer tells comes from the server's list, once; what was removed does not come back."""
    stage.feed.snapshots = [snapshot(1, 10), snapshot(2, 20)]
    stage.took(5, 50)
    stage.feed.push(type="snapshots-removed", numbers=[2])
    page = stage.snapshots()

    expect(page.locator(".snap-number")).to_have_text(["5", "1"])


def test_taking_one_by_button_key_and_label(stage: Stage) -> None:
    """Each asks once, shows that it is under way, and then what became of it, or why not."""
    info = snapshot(9, 1622)
    stage.feed.answer = {"outcome": "applied", "step": 1622, "value": info}
    page = stage.snapshots()
    expect(page.locator(".state .pill")).to_have_text("running")

    page.get_by_label("Label of the snapshot").fill(" best ")
    page.keyboard.press("Enter")
    expect(page.locator(".snap-top .deed")).to_contain_text("snapshot 9 at step 1,622: 412 MB, 31 MB new")
    expect(page.get_by_label("Label of the snapshot")).to_have_value("")
    page.get_by_role("tab", name="Snapshots").focus()
    page.keyboard.press("k")
    expect(page.locator(".toast")).to_contain_text("snapshot 9 at step 1,622")
    stage.feed.answer = {"outcome": "refused", "message": "nothing is persisted"}
    page.get_by_role("button", name="Take a snapshot").click()
    expect(page.locator(".toast")).to_have_text("snapshot: nothing is persisted")
    page.get_by_role("button", name="Take snapshot", exact=True).click()
    expect(page.locator(".snap-top .deed")).to_have_text("refused: nothing is persisted")
    failure = {"type": "SnapshotFailed", "message": "no space left on device"}
    stage.feed.answer = {"outcome": "failed", "error": failure}
    page.get_by_role("button", name="Take snapshot", exact=True).click()
    expect(page.locator(".snap-top .deed")).to_have_text("failed: no space left on device")
    page.get_by_role("button", name="Take a snapshot").click()
    expect(page.locator(".toast")).to_have_text("snapshot: no space left on device")
    kinds = [(command["kind"], command.get("label", "")) for command in stage.commands()]
    assert kinds == [("snapshot", "best"), *[("snapshot", "")] * 5]


def test_going_back_with_a_number_changed(stage: Stage) -> None:
    """The form offers exposed numbers only; it can leave items out and save the present first; refusals are told."""
    stage.feed.live = {"step": 2000, "values": {"optimizer.lr": 0.1, "name": "x"}, "fields": FIELDS}
    stage.took(7, 1622)
    page = stage.snapshots()

    stage.item(7).get_by_role("button", name="Rewind").click()
    form = page.locator(".snap-form")
    expect(form).to_contain_text("go back from step 2,000 to step 1,622")
    form.get_by_role("button", name="Cancel").focus()
    page.keyboard.press("Escape")
    expect(form).to_have_count(0)
    expect(stage.item(7).get_by_role("button", name="Rewind")).to_be_focused()
    page.keyboard.press("Enter")
    expect(form.get_by_label("Change a number, too").locator("option")).to_have_text(["none", "optimizer.lr"])
    form.get_by_label("Change a number, too").select_option("optimizer.lr")
    form.get_by_label("optimizer.lr", exact=True).fill("quick")
    form.get_by_role("button", name="Rewind to step 1,622").click()
    expect(stage.item(7).locator(".deed").first).to_have_text("refused: optimizer.lr: quick is not a number")
    form.get_by_label("optimizer.lr", exact=True).fill("3e-4")
    form.get_by_label("Skip the items in between").check()
    form.get_by_label("Take a snapshot of where it is now").check()
    stage.feed.answer = {"outcome": "refused", "message": "the run is stopping"}
    form.get_by_role("button", name="Rewind to step 1,622").click()
    expect(stage.item(7).locator(".deed").first).to_have_text("refused: the run is stopping")
    expect(form.get_by_role("button", name="Rewind to step 1,622")).to_be_focused()
    form.get_by_label("Take a snapshot of where it is now").uncheck()
    stage.feed.answer = {"outcome": "applied", "step": 1622}
    page.keyboard.press("Enter")
    expect(stage.item(7).locator(".deed").first).to_have_text("rewound to step 1,622")
    expect(form).to_have_count(0)
    assert stage.commands() == [
        {"kind": "snapshot", "label": "before the rewind to 7"},
        {"kind": "rewind", "snapshot": 7, "values": {"optimizer.lr": 3e-4}, "skip": True},
    ]


def test_a_fork_leads_to_the_new_run(stage: Stage) -> None:
    """Its form holds the config as it was saved; only what differs is sent; refused, it may be tried again."""
    stage.feed.record["config"] = {"lr": 0.5}
    stage.feed.detail = stage.feed.detail | {"config": {"lr": 0.1, "optimizer": "adam", "deep": [1, 2]}}
    stage.took(7, 1622)
    page = stage.snapshots()

    stage.item(7).get_by_role("button", name="Fork").click()
    form = page.locator(".snap-form")
    expect(form.get_by_label("deep")).to_have_value("[1,2]")
    expect(form.get_by_label("lr")).to_have_value("0.1")
    form.get_by_label("lr").fill("3e-4")
    form.get_by_label("deep").fill("[1")
    form.get_by_role("button", name="Start the fork").click()
    expect(stage.item(7).locator(".deed").first).to_have_text("refused: deep: [1 can't be read; it was [1,2]")
    form.get_by_label("deep").fill("[1,2]")
    form.get_by_label("Name", exact=True).fill("twin")
    form.get_by_label("Name of another entry").fill("warmup")
    form.get_by_label("Value of the other entry").fill("50")
    stage.feed.refusal = "the folder /project is gone"
    form.get_by_role("button", name="Start the fork").click()
    expect(stage.item(7).locator(".deed").first).to_have_text("refused: the folder /project is gone")
    stage.feed.refusal = ""
    stage.server.feeds["twin"] = Feed("twin")
    form.get_by_role("button", name="Start the fork").click()
    page.wait_for_url("**/r/twin")
    first, second = stage.server.about("otter")["forks"]
    assert first == second
    assert first | {"key": ""} == {
        "key": "",
        "name": "twin",
        "snapshot": 7,
        "config": {"lr": 3e-4, "warmup": 50},
    }


def test_an_ended_run_is_resumed(stage: Stage) -> None:
    """There is no way back in it, but a way on, to a new run's page."""
    stage.feed.record["state"] = "stopped"
    stage.took(7, 1622, cause="stop")
    stage.server.feeds["calm-fox"] = Feed("calm-fox")
    page = stage.snapshots()

    expect(stage.item(7)).to_contain_text("the run was stopped")
    expect(page.get_by_role("button", name="Rewind")).to_have_count(0)
    stage.feed.refusal = "the disk is full"
    stage.item(7).get_by_role("button", name="Resume").click()
    expect(stage.item(7)).to_contain_text("refused: the disk is full")
    stage.feed.refusal = ""
    stage.item(7).get_by_role("button", name="Resume").click()
    page.wait_for_url("**/r/calm-fox")
    first, second = stage.server.about("otter")["forks"]
    assert first == second
    assert (second["snapshot"], second["relation"]) == (7, "resume")


def test_what_a_snapshot_holds(stage: Stage) -> None:
    """Values with types, arrays and plain values, config, code and packages; hostile texts stay texts."""
    stage.feed.detail = {
        "types": {"net": HOSTILE, "best": "dict"},
        "arrays": {"net": [["w", "F32", [128, 64], 32768], ["b", "BF16", [], 2]]},
        "plain": {"best": [[HOSTILE, 0.91]]},
        "config": {"lr": 0.1},
        "code": {"train.py": "abcdef" * 8},
        "packages": {"torch": "2.13.0"},
        "python": "3.11.7",
    }
    stage.took(7, 1622, label=HOSTILE, metrics={HOSTILE: "nan"}, message=HOSTILE)
    page = stage.snapshots()

    page.locator(".snap-head").focus()
    page.keyboard.press("Enter")
    detail = page.locator(".snap-detail")
    expect(detail).to_contain_text("scheduled; the training stood still for 14 ms, durable after 900 ms")
    expect(detail.locator("summary")).to_have_count(5)
    for summary in detail.locator("summary").all():
        summary.click()
    cells = [row.locator("td").all_inner_texts() for row in detail.locator("tbody tr").all()]
    assert cells == [["w", "F32", "128 × 64", "32.8 kB"], ["b", "BF16", "scalar", "2 B"]]
    expect(detail).to_contain_text("2 arrays, 32.8 kB")
    expect(detail.locator(".snap-pairs").first).to_contain_text(HOSTILE)
    expect(detail).to_contain_text("abcdefabcdef")
    expect(detail).to_contain_text("packages, Python 3.11.7")
    assert page.evaluate("document.images.length") == 0


def test_a_download_keeps_the_token_out_of_addresses(stage: Stage) -> None:
    """The browser saves the archive under a name that tells what it is; a refusal is told."""
    stage.took(7, 1622)
    page = stage.snapshots()
    stage.item(7).locator(".snap-head").click()

    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "otter-7.tar"
    assert download.value.path().read_bytes() == ARCHIVE
    assert all("secret" not in address for address in stage.server.about("otter")["addresses"])
    expect(page.locator(".snap-detail .deed")).to_have_text(f"saved, {len(ARCHIVE)} B")
    stage.feed.snapshots.clear()
    page.get_by_role("button", name="Download").click()
    expect(page.locator(".snap-detail .deed")).to_have_text("refused: there is no snapshot 7")


def test_deleting_asks_first(stage: Stage) -> None:
    """One press arms, another deletes; the line goes when the record says so."""
    stage.took(7, 1622)
    stage.took(8, 1700)
    page = stage.snapshots()
    stage.item(7).locator(".snap-head").click()

    page.get_by_role("button", name="Delete snapshot 7").click()
    expect(page.locator(".snap")).to_have_count(2)
    page.get_by_role("button", name="Press again to delete snapshot 7").click()
    expect(page.locator(".snap-number")).to_have_text(["8"])
    expect(page.get_by_role("list", name="Snapshots, newest first")).to_be_focused()
    page.get_by_role("tab", name="Events").click()
    expect(page.locator(".event", has_text="snapshot 7 removed")).to_contain_text("by ada")


def ink(page: Page, low: float, high: float) -> int:
    """How strong this run's colour is between two parts of the chart's width, from 0 to 255."""
    return int(page.locator("canvas").first.evaluate(INK, [low, high]))


def test_a_rewind_draws_a_new_branch_and_mutes_the_old_one(stage: Stage) -> None:
    """Beyond the step gone back to, the older curve is pale; the new one is not; hovering tells which is which."""
    stage.metrics(0, 2000)
    page = stage.open()
    value = page.locator(".chart-value")
    expect(value).to_have_text("1.199")
    page.wait_for_function("document.querySelector('canvas')")
    before = ink(page, 0.6, 0.95)
    stage.took(3, 1000)
    stage.feed.push(type="rewound", snapshot=3, step=1000, from_step=1990, seconds=0.04)
    stage.metrics(1010, 1500, 2.0)

    expect(value).to_have_text("2.149")
    box = page.locator(".u-over").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 90)
    reading = page.locator(".chart-step")
    expect(reading).to_contain_text("earlier branch")
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 90)
    expect(reading).to_contain_text("· earlier branch 1.1")
    expect(value).to_contain_text("2.1")
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 90)
    expect(reading).not_to_contain_text("earlier")
    page.mouse.move(0, 0)
    assert before > 200
    assert 0 < ink(page, 0.8, 0.95) < 150
    assert ink(page, 0.1, 0.7) > 200


def test_state_that_came_back_is_marked(stage: Stage) -> None:
    """Snapshots, rewinds and retries stand on the axis and in the record; a snapshot's mark opens it."""
    stage.metrics(0, 2000)
    stage.took(3, 1000, label="before")
    stage.feed.push(type="rewound", snapshot=3, step=1000, from_step=1990, values={"lr": 0.1})
    stage.metrics(1010, 1500)
    stage.feed.push(type="attempt", incarnation=2, left=1, reason="the process was killed (SIGKILL)", delay=1)
    stage.took(4, 1400)
    origin = {"run": "otter", "snapshot": 4, "relation": "retry"}
    stage.feed.push(type="resumed", origin=origin, step=1400)
    page = stage.open()

    page.get_by_role("group", name="Marks on loss").focus()
    tip = page.locator(".mark-tip")
    page.keyboard.press("ArrowLeft")
    expect(tip).to_contain_text("snapshot 4: scheduled")
    expect(tip).to_contain_text(
        "started again from snapshot 4, step 1,400\nthe process was killed", use_inner_text=True
    )
    page.keyboard.press("ArrowLeft")
    expect(tip).to_contain_text("rewound from step 1,990 to step 1,000 (snapshot 3)")
    expect(tip).to_contain_text("snapshot 3 “before”")
    page.keyboard.press("Enter")
    expect(page.get_by_role("tab", name="Snapshots")).to_have_attribute("aria-selected", "true")
    expect(stage.item(3).locator(".snap-head")).to_be_focused()
    expect(page.locator(".snap-detail")).to_be_visible()
    page.get_by_role("tab", name="Events").click()
    for text in (
        "rewound from step 1,990",
        "started again",
        "snapshot 3",
        "start number 2 after 1 s; 1 more may follow",
    ):
        expect(page.locator(".event", has_text=text).first).to_be_visible()


def test_what_must_not_be_overlooked_is_a_banner(stage: Stage) -> None:
    """A failed snapshot until one succeeds; what the run did by itself, and what did not come back, until dismissed."""
    origin = {"run": "quiet-otter", "snapshot": 3, "relation": "resume"}
    stage.feed.push(type="resumed", origin=origin, step=5, notes=["snapshot 9 is damaged and was left out"])
    stage.feed.push(type="rewound", snapshot=3, step=5, from_step=9, automatic=True, reason="loss is nan at step 9")
    stage.feed.push(type="attempt", incarnation=2, left=3, reason="the process was killed (SIGKILL)")
    stage.feed.push(type="snapshot-failed", cause="every", message="no space left on device", step=8)
    page = stage.open()

    failed = page.get_by_role("alert", name="A snapshot could not be saved")
    expect(failed).to_contain_text("no space left on device")
    expect(page.get_by_role("alert", name="The run went back by itself")).to_contain_text("loss is nan at step 9")
    expect(page.get_by_role("alert", name="The run was started again")).to_contain_text("killed (SIGKILL)")
    resumed = page.get_by_role("note", name="Resumed from quiet-otter, snapshot 3")
    expect(resumed).to_contain_text("snapshot 9 is damaged and was left out")
    resumed.get_by_role("button", name="Dismiss").click()
    expect(resumed).to_have_count(0)
    stage.feed.push(type="snapshot-failed", cause="every", message="still none", step=9)
    expect(failed).to_contain_text("still none")
    failed.get_by_role("button", name="Dismiss").click()
    stage.feed.push(type="snapshot-failed", cause="every", message="none yet", step=10)
    stage.took(4, 10)
    stage.feed.push(type="snapshot-failed", cause="every", message="again", step=11)
    expect(failed).to_contain_text("again")
    stage.took(5, 12)
    expect(failed).to_have_count(0)
    page.reload()
    expect(page.get_by_role("alert", name="The run was started again")).to_be_visible()
    expect(resumed).to_have_count(0)


def test_relatives_are_named_and_compared_in_one_click(stage: Stage) -> None:
    """The parent and the forks are linked; a click lays a relative's curves below, and stands in the address."""
    parent, child = Feed("quiet-fox"), Feed("brave-elk")
    steps = list(range(0, 4000, 10))
    parent.metrics = {"loss": {"steps": steps, "times": steps, "values": [3.0] * len(steps)}}
    child.record["origin"] = {"run": "otter", "snapshot": 4, "relation": "fork", "step": 1500}
    stage.server.feeds |= {"quiet-fox": parent, "brave-elk": child}
    stage.feed.record["origin"] = {"run": "quiet-fox", "snapshot": 3, "relation": "fork", "step": 1000}
    stage.metrics(1000, 2000)
    page = stage.open()

    family = page.get_by_role("region", name="Relatives of this run")
    expect(family).to_contain_text("forked from quiet-fox at snapshot 3, step 1,000")
    expect(family.get_by_role("link", name="brave-elk")).to_have_attribute("href", "/r/brave-elk")
    family.get_by_role("button", name="Compare with quiet-fox").click()
    assert page.url.endswith("/r/otter?compare=quiet-fox")
    legend = page.locator(".legend")
    expect(legend).to_contain_text("quiet-fox")
    expect(legend).not_to_contain_text("reading")
    box = page.locator(".u-over").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 90)
    expect(page.locator(".chart-step")).to_contain_text("· quiet-fox 3")
    page.reload()
    expect(legend).to_contain_text("quiet-fox")
    page.get_by_role("button", name="stop comparing").click()
    expect(legend).to_have_count(0)
    assert page.url.endswith("/r/otter")

    page.goto(f"{stage.server.url}/runs")
    expect(page.locator(".runs tr", has_text="brave-elk")).to_contain_text(
        "forked from otter at snapshot 4, step 1,500"
    )


def test_nothing_is_cut_off_or_nameless(stage: Stage) -> None:
    """At every width the page scrolls in one direction only, and every control has a name."""
    stage.feed.live = {"step": 2000, "values": {"optimizer.lr": 0.1}, "fields": FIELDS}
    stage.feed.detail = {"types": {"n" * 90: "x"}, "arrays": {}, "plain": {"n" * 90: [["p" * 200, "v" * 200]]}}
    stage.feed.record["origin"] = {"run": "quiet-fox" * 5, "snapshot": 3, "relation": "fork", "step": 1000}
    stage.metrics(0, 2000)
    stage.took(3, 1000, label="l" * 190, metrics={"m" * 60: 1.0, "loss": 2.0})
    stage.took(4, 1500)
    stage.feed.push(type="snapshot-failed", cause="every", message="/a" * 200, step=8)
    page = stage.snapshots()

    for button in ("Rewind", "Fork"):
        stage.item(4).get_by_role("button", name=button).click()
        expect(page.locator(".snap-form")).to_be_visible()
        assert page.evaluate(NAMELESS) == []
        for width in (360, 620, 768, 1000, 1440):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            for row in page.locator(".snap-line, .snap-form, .tabs, .snap-ways, .buttons").all():
                box = row.bounding_box()
                assert box, width
                assert box["x"] + box["width"] <= width, (width, box)
    stage.item(4).locator(".snap-head").click()
    page.locator(".snap-value summary").first.click()
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.evaluate(NAMELESS) == []


def test_many_snapshots_stay_quick_to_show(stage: Stage) -> None:
    """Only the newest fifty are listed; the others when asked for, and when a mark points to one."""
    stage.metrics(0, 3000)
    for number in range(1, 121):
        stage.took(number, number * 20)
    page = stage.snapshots()

    expect(page.locator(".snap")).to_have_count(50)
    page.get_by_role("button", name="Earlier ones (70)").click()
    expect(page.locator(".snap")).to_have_count(100)
    page.locator(".timeline circle").first.dispatch_event("click")
    expect(page.locator(".snap")).to_have_count(120)
    expect(page.locator(".snap-head").last).to_be_focused()
