"""The reload in the Studio, in a real browser: what was edited, what became of it, and the ways on."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.unit.studio.chromium import chromium
from tests.unit.studio.feed import Feed
from tests.unit.studio.stand_in import StandIn

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

BEGIN: Final = """
sessionStorage.setItem("livespark-token", "secret");
window.violations = [];
document.addEventListener("securitypolicyviolation", ({violatedDirective, blockedURI}) =>
  window.violations.push([violatedDirective, blockedURI]));
"""
NAMELESS: Final = """
[...document.querySelectorAll("button, a, input, summary, [tabindex]")]
  .filter((element) => element.checkVisibility({visibilityProperty: true}))
  .filter((element) => !(element.ariaLabel || element.innerText?.trim() || element.labels?.length || element.title))
  .map((element) => element.outerHTML)
"""
HOSTILE: Final = "<img src=x onerror=alert(1)>"
DIFF: Final = """--- model.py
+++ model.py
@@ -29,3 +29,4 @@ class Net(nn.Module):
     def forward(self, x):
-        return self.out(x)
+        x = torch.relu(x)
+        return self.out(x)
\x20
"""
SYNTAX: Final = {
    "type": "IndentationError",
    "message": "unexpected indent (model.py, line 31)",
    "traceback": '  File "/project/model.py", line 31\n    return x (\n             ^\nIndentationError: unexpected\n',
    "frames": [{"file": "/project/model.py", "line": 31, "function": "<module>", "source": "return x ("}],
}
RAISED: Final = {
    "type": "ZeroDivisionError",
    "message": "division by zero",
    "traceback": "Traceback (most recent call last): …",
    "frames": [{"file": "/project/train.py", "line": 12, "function": "step", "source": "1 / 0", "locals": {"x": "0"}}],
}


@dataclass
class Stage:
    """A page on a run that the test tells what happens."""

    server: StandIn
    feed: Feed
    page: Page
    troubles: list[str] = field(default_factory=list)

    def reloaded(self, **more: Any) -> None:
        plain = {"outcome": "applied", "kind": "soft", "step": 1200, "seconds": 0.0082}
        files = [{"path": "model.py", "before": "h1", "after": "h2", "diff": DIFF}]
        self.feed.push(type="reloaded", **(plain | {"changed": ["model.Net.forward"], "files": files} | more))

    def open(self, feed: Feed | None = None) -> Page:
        self.feed = self.server.feeds["otter"] = feed or self.feed
        self.page.goto(f"{self.server.url}/r/otter")
        return self.page

    def code(self) -> Page:
        self.open().get_by_role("tab", name="Code").click()
        return self.page

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


def metrics(feed: Feed) -> None:
    steps = list(range(0, 3001, 10))
    values = [1 / (step + 100) for step in steps]
    feed.push(type="metrics", steps=steps, times=[1.0 * step for step in steps], series={"loss": values})


def click_at(page: Page, part: float) -> None:
    """Clicks into the chart, this part of its width from the left."""
    page.evaluate("scrollTo(0, 0)")
    box = page.locator(".u-over").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] * part + 2, box["y"] + 60)


def test_an_empty_code_panel_says_what_to_do(stage: Stage) -> None:
    """Before the first edit the panel says how to make one, and lists the files that run."""
    page = stage.code()

    expect(page.get_by_text("Save a file, and its change appears here")).to_be_visible()
    expect(page.get_by_role("button", name="train.py from the start")).to_be_visible()


def test_reloads_are_listed_newest_first_and_open_as_diffs(stage: Stage) -> None:
    """Every reload tells its outcome in a word, kind, step, names and lines; opened by keyboard it shows its diff."""
    stage.reloaded()
    stage.reloaded(outcome="refused", kind=None, step=1300, message="class Net: the bases have changed")
    stage.reloaded(outcome="undone", kind="hard", step=1400, error=RAISED, changed=[f"train.f{n}" for n in range(9)])
    stage.reloaded(kind="hard", step=1500, seconds=1.25)
    page = stage.code()

    heads = page.locator(".reload-head")
    expect(heads).to_have_count(4)
    expect(page.locator(".outcome")).to_have_text(["applied", "undone", "refused", "applied"])
    expect(heads.last).to_contain_text("model.Net.forward")
    for words in ("soft", "+2", "−1", "at step 1,200", "8 ms"):
        expect(heads.last).to_contain_text(words)
    expect(heads.nth(1)).to_contain_text("train.f0, train.f1, train.f2 and 6 more")

    heads.last.focus()
    page.keyboard.press("Enter")
    expect(heads.last).to_have_attribute("aria-expanded", "true")
    diff = page.get_by_role("region", name="Changes of model.py")
    rows = diff.locator("tr:not(.diff-where)")
    assert [row.inner_text().split("\t") for row in rows.all()] == [
        ["29", "29", "", "    def forward(self, x):"],
        ["30", "", "−", "        return self.out(x)"],
        ["", "30", "+", "        x = torch.relu(x)"],
        ["", "31", "+", "        return self.out(x)"],
        ["31", "32", "", ""],
    ]
    expect(diff).to_contain_text("class Net(nn.Module):")
    heads.nth(1).click()
    expect(page.locator(".reload-details").filter(has_text="ZeroDivisionError")).to_contain_text("train.f8")
    expect(page.locator(".diff")).to_have_count(2)
    heads.last.click()
    expect(page.locator(".diff")).to_have_count(1)
    expect(heads.last).to_have_attribute("aria-expanded", "false")


def test_what_is_reloaded_while_somebody_watches_is_said(stage: Stage) -> None:
    """Kind, step and names, for a while; reloads from before the page was opened are none of this."""
    stage.reloaded(step=1000)
    page = stage.code()
    expect(page.locator(".reload-head")).to_have_count(1)
    expect(page.locator(".state .pill")).to_have_text("running")
    toast = page.locator(".toast")
    expect(toast).to_have_text("")

    stage.reloaded(kind="hard", step=1300)
    expect(toast).to_have_text("reloaded (hard) at step 1,300: model.Net.forward")
    stage.reloaded(outcome="refused", kind=None, error=SYNTAX)
    expect(page.get_by_role("alert", name="The edit was not taken")).to_be_visible()
    expect(toast).to_have_text("")


def test_a_refused_edit_is_a_banner_until_the_next_reload(stage: Stage) -> None:
    """File, line, what, and the caret below the place; another refusal replaces it, an applied one ends it."""
    page = stage.open()
    stage.reloaded(outcome="refused", kind=None, error=SYNTAX)

    banner = page.get_by_role("alert", name="The edit was not taken")
    expect(banner).to_contain_text("model.py:31 unexpected indent")
    expect(banner.locator("pre")).to_have_text("return x (\n         ^", use_inner_text=True)
    assert "mono" in banner.locator("pre").evaluate("element => getComputedStyle(element).fontFamily")
    stage.reloaded(outcome="refused", kind=None, message="class Net: the bases have changed; restart")
    expect(banner).to_contain_text("the bases have changed; restart")
    expect(banner).not_to_contain_text("unexpected indent")
    banner.get_by_role("button", name="What was edited").click()
    expect(page.get_by_role("tab", name="Code")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("region", name="Changes of model.py")).to_be_in_viewport()
    stage.reloaded()
    expect(banner).to_have_count(0)


def test_an_undone_edit_is_a_banner_that_can_be_dismissed(stage: Stage) -> None:
    """It shows the error and the diff; dismissed, it stays away when the page is loaded again."""
    stage.reloaded(outcome="undone", kind="hard", error=RAISED)
    page = stage.open()

    banner = page.get_by_role("alert", name="The edit was taken back")
    expect(banner).to_contain_text("The edit of model.Net.forward was taken back at step 1,200")
    expect(banner).to_contain_text("ZeroDivisionError: division by zero")
    expect(banner.locator(".added")).to_have_count(2)
    banner.get_by_role("button", name="Dismiss").click()
    expect(banner).to_have_count(0)
    page.reload()
    page.get_by_role("tab", name="Code").click()
    expect(page.locator(".reload-head")).to_have_count(1)
    expect(banner).to_have_count(0)
    stage.reloaded(outcome="undone", kind="hard", error=RAISED)
    expect(banner).to_be_visible()


def test_a_held_run_goes_on_by_reload_or_without_the_item(stage: Stage) -> None:
    """Both buttons send their command; the answer is shown where answers are; saving is named as the other way."""
    feed = Feed("otter", "held")
    feed.record["error"] = RAISED
    page = stage.open(feed)

    cause = page.get_by_role("alert", name="What went wrong")
    expect(cause).to_contain_text("Saving a corrected file continues")
    value = {"kind": "soft", "changed": ["model.Net.forward"]}
    feed.answer = {"outcome": "applied", "step": 2010, "value": value}
    cause.get_by_role("button", name="Reload", exact=True).click()
    toast = page.locator(".toast")
    expect(toast).to_have_text("reloaded (soft) at step 2,010: model.Net.forward")
    feed.answer = {"outcome": "refused", "message": "nothing was interrupted"}
    cause.get_by_role("button", name="Skip the item and reload").click()
    expect(toast).to_have_text("not reloaded: nothing was interrupted")
    assert stage.commands() == [{"kind": "reload"}, {"kind": "reload", "skip": True}]


def test_reloads_are_marks_on_the_charts_that_open_their_diff(stage: Stage) -> None:
    """By keyboard and by mouse; refused ones are no marks; what was asked at the same step is told with it."""
    metrics(stage.feed)
    stage.reloaded(step=1000)
    stage.reloaded(step=1500, outcome="refused", kind=None)
    stage.reloaded(step=2000, outcome="undone", kind="hard", changed=["train.step"])
    stage.reloaded(step=2500)
    stage.feed.push(type="commanded", id="a", number=1, actor="ada", command={"kind": "set", "values": {"lr": 0.1}})
    stage.feed.push(type="answered", id="a", number=1, answer={"outcome": "applied", "step": 2500})
    page = stage.open()

    plot = page.get_by_role("group", name="Marks on loss")
    tip = page.locator(".mark-tip")
    plot.focus()
    page.keyboard.press("ArrowLeft")
    expect(tip).to_contain_text("reload (soft): model.Net.forward")
    expect(tip).to_contain_text("lr = 0.1")
    page.keyboard.press("ArrowLeft")
    expect(tip).to_contain_text("reload, undone (hard): train.step")
    page.keyboard.press("ArrowLeft")
    expect(tip).to_contain_text("at step 1,000")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_role("tab", name="Code")).to_have_attribute("aria-selected", "true")
    opened = page.locator(".reload-head[aria-expanded=true]")
    expect(opened).to_have_count(1)
    expect(opened).to_contain_text("undone")
    expect(opened).to_be_focused()

    click_at(page, 1500 / 3000)
    click_at(page, 1000 / 3000)
    expect(opened).to_have_count(2)
    expect(opened.last).to_contain_text("at step 1,000")


def test_the_files_of_any_step_can_be_read(stage: Stage) -> None:
    """Listed for now or for a step; read with line numbers; the versions of a diff, too; a lost text is said."""
    text = "".join(f"line_{number} = {number}\n" for number in range(1, 401))
    stage.feed.texts |= {"h2": text}
    stage.feed.files.append({"path": "sub/model.py", "hash": "h2", "seq": 9, "step": 500, "size": len(text)})
    stage.feed.push(type="source", path="train.py", hash="h1")
    stage.reloaded()
    page = stage.code()

    page.get_by_role("button", name="sub/model.py since step 500").click()
    reader = page.get_by_role("region", name="Text of sub/model.py")
    expect(reader.locator(".text-lines")).to_have_text(text, use_inner_text=True)
    numbers = reader.locator(".text-numbers").inner_text().split("\n")
    assert numbers == [str(number) for number in range(1, 401)]
    heights = "element => [...element.children].map(child => child.getBoundingClientRect().height)"
    left, right = reader.evaluate(heights)
    assert left == pytest.approx(right, abs=25)

    page.get_by_label("as they ran at step").fill("1300")
    with page.expect_response(lambda response: response.url.endswith("/api/runs/otter/code?step=1300")):
        page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="now")).to_be_visible()

    stage.feed.texts.pop("h1")
    page.locator(".reload-head").click()
    page.get_by_role("button", name="model.py before").click()
    expect(page.locator(".reader")).to_contain_text("this version's text is not kept")


def test_hostile_code_stays_text(stage: Stage) -> None:
    """Markup in paths, names, messages, sources and diffs is shown as it is written."""
    diff = f"--- a\n+++ a\n@@ -1 +1 @@ {HOSTILE}\n-{HOSTILE}\n+<script>alert(2)</script>\n"
    error = SYNTAX | {"message": HOSTILE, "traceback": f"{HOSTILE}\n^\n"}
    files = [{"path": HOSTILE, "before": "h1", "after": "../../h2", "diff": diff}]
    stage.feed.files = [{"path": HOSTILE, "hash": "h1", "seq": 1, "step": 1, "size": 9}]
    stage.feed.texts["h1"] = f"{HOSTILE}\n"
    metrics(stage.feed)
    stage.reloaded(changed=[HOSTILE], files=files)
    stage.reloaded(outcome="undone", changed=[HOSTILE], files=files, error=RAISED | {"message": HOSTILE})
    stage.reloaded(outcome="refused", kind=None, files=files, message=HOSTILE, error=error, changed=[HOSTILE])
    page = stage.code()

    expect(page.get_by_role("alert", name="The edit was not taken")).to_contain_text(HOSTILE)
    for head in page.locator(".reload-head").all():
        head.click()
    expect(page.locator(".line-text", has_text="<script>alert(2)</script>")).to_have_count(3)
    page.locator(".file").click()
    expect(page.locator(".text-lines")).to_have_text(HOSTILE)
    page.get_by_role("button", name="after").first.click()
    expect(page.locator(".reader")).to_contain_text("not kept")
    page.locator(".plot").first.focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".mark-tip")).to_contain_text(HOSTILE)
    assert page.evaluate("document.images.length") == 0
    assert page.evaluate("document.querySelectorAll('script').length") == 2


def test_nothing_is_cut_off_or_nameless(stage: Stage) -> None:
    """At every width the page scrolls in one direction only, long lines wrap, and every control has a name."""
    stage.reloaded(changed=["package.module.Class.a_rather_long_method_name_" + "x" * 60])
    long = "@@ -1 +1 @@\n-" + "a" * 300 + "\n+" + "b " * 300 + "\n"
    stage.reloaded(outcome="undone", kind="hard", files=[{"path": "p/" * 40 + "m.py", "diff": long}], error=RAISED)
    page = stage.code()
    for head in page.locator(".reload-head").all():
        head.click()
    page.locator(".file").click()
    expect(page.locator(".text-lines")).to_be_visible()

    for width in (360, 620, 768, 1000, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for row in page.locator(".reload-head, .diff-lines, .edit").all():
            box = row.bounding_box()
            assert box, width
            assert box["x"] + box["width"] <= width, (width, box)
    assert page.evaluate(NAMELESS) == []


def test_many_reloads_stay_quick_to_show(stage: Stage) -> None:
    """Only the newest hundred are listed; the others come when asked for, and when a mark points to one."""
    metrics(stage.feed)
    for number in range(250):
        stage.reloaded(step=number * 10, changed=[f"model.f{number}"])
    page = stage.code()

    expect(page.locator(".reload-head")).to_have_count(100)
    page.get_by_role("button", name="Earlier ones (150)").click()
    expect(page.locator(".reload-head")).to_have_count(200)
    page.get_by_role("tab", name="Log").click()
    page.locator(".plot").first.focus()
    for _ in range(250):
        page.keyboard.press("ArrowLeft")
    expect(page.locator(".mark-tip")).to_contain_text("model.f0")
    page.keyboard.press("Enter")
    expect(page.locator(".reload-head[aria-expanded=true]")).to_contain_text("model.f0")
    expect(page.locator(".reload-head")).to_have_count(250)
