"""The Studio in a real browser, on real runs."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.stage import Stage, eventually
from tests.unit.studio.chromium import chromium

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", ({violatedDirective, blockedURI, sourceFile}) =>
  window.violations.push([violatedDirective, blockedURI, sourceFile]));
"""
NAMELESS = """
[...document.querySelectorAll("button, a, input, select, textarea, summary, [tabindex], canvas[role=img]")]
  .filter((element) => element.checkVisibility({visibilityProperty: true}))
  .filter((element) => !(element.ariaLabel || element.innerText?.trim() || element.labels?.length || element.title))
  .map((element) => element.outerHTML)
"""
HOSTILE = "<img src=x onerror=alert(1)>"
SCRIPT = f"""
    import time
    from dataclasses import dataclass
    from typing import Annotated, Literal

    import livespark as spark


    @dataclass
    class State:
        rate: Annotated[float, spark.Slider(0.0, 1.0)] = 0.5
        patience: int = 3
        eager: bool = False
        note: str = {HOSTILE!r}


    state = State()


    def scaled(factor: float, times: int = 2, how: Literal["up", "down"] = "up") -> dict:
        \"\"\"The rate, scaled.\"\"\"
        return {{"result": state.rate * factor * times, "how": how}}


    spark.expose(state=state, scaled=scaled)
    print({HOSTILE!r})
    for step in spark.loop("step", range(10**9)):
        spark.log({{"loss": 1 / (step + 1), "rate/<b>": state.rate, "odd": float("nan") if step % 50 < 5 else step}})
        time.sleep(0.002)
"""


class Studio:
    """A browser context in which nothing may go wrong unnoticed."""

    def __init__(self, browser: Browser, **options: Any) -> None:
        self.context: BrowserContext = browser.new_context(**options)
        self.context.add_init_script(WATCH)
        self.troubles: list[str] = []

    def open(self, address: str) -> Page:
        page = self.context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("dialog", lambda dialog: self.troubles.append(f"dialog: {dialog.message}"))
        page.goto(address)
        return page

    def check(self, page: Page) -> None:
        """No script error, no alert, nothing that the content security policy had to stop."""
        assert self.troubles == []
        assert page.evaluate("window.violations") == []


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def studio(browser: Browser) -> Iterator[Studio]:
    studio = Studio(browser)
    yield studio
    studio.context.close()


def started(stage: Stage, source: str) -> str:
    """Run a script under `livespark dev`; -> the address that signs the browser in."""
    stage.write("train.py", source)
    printed = stage.dev("train.py").text
    found = re.search(r"http://\S+#code=\S+", printed)
    assert found, printed
    return found.group()


def state(page: Page, word: str) -> None:
    expect(page.locator(".state .pill")).to_have_text(word, timeout=60_000)


def step(page: Page) -> int:
    return int(page.locator(".figure-step dd").inner_text().replace(",", "").replace("–", "0"))


def row(page: Page, label: str) -> Any:
    return page.locator(".row", has=page.get_by_text(label, exact=True))


def test_a_run_in_the_hand(stage: Stage, studio: Studio) -> None:
    """Sign-in by code, chart moving, pause, edits, a call, resume, stop; nothing breaks the security policy."""
    page = studio.open(started(stage, SCRIPT))

    state(page, "running")
    assert "#" not in page.url
    assert page.evaluate("document.cookie") == ""
    loss = page.locator("figure", has_text="loss").locator(".chart-value")
    first, seen = loss.inner_text(), step(page)
    expect(loss).not_to_have_text(first)
    eventually(lambda: step(page) > seen, "the step to grow")
    expect(page.locator(".log-line", has_text=HOSTILE)).to_be_visible()
    expect(page.get_by_label("state.note")).to_have_value(HOSTILE)

    page.keyboard.press(" ")
    state(page, "paused")

    slider = page.get_by_label("state.rate", exact=True)
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(row(page, "rate").locator(".verdict")).to_contain_text("applied at step")
    expect(page.get_by_label("state.rate, as a number")).to_have_value("0.501")
    stood = step(page)
    page.get_by_label("state.patience").fill("7")
    page.keyboard.press("Enter")
    expect(row(page, "patience").locator(".verdict")).to_contain_text("applied at step")
    page.get_by_label("state.eager").click()
    expect(page.get_by_label("state.eager")).to_have_attribute("aria-checked", "true")
    page.get_by_label("state.rate, as a number").fill("nan")
    page.keyboard.press("Enter")
    expect(row(page, "rate").locator(".verdict")).to_contain_text("refused: ")
    expect(page.get_by_label("state.rate, as a number")).to_have_value("0.501")
    expect(row(page, "patience").locator("input")).to_have_value("7")

    page.get_by_label("Run scaled").click()
    expect(page.get_by_text("is needed", exact=True)).to_be_visible()
    page.get_by_label("factor of scaled").fill("10")
    page.get_by_label("how of scaled").select_option("down")
    page.get_by_label("Run scaled").click()
    expect(page.locator(".result")).to_contain_text("10.02")
    expect(page.locator(".result")).to_contain_text("down")
    assert step(page) == stood

    page.get_by_role("button", name="Resume").click()
    state(page, "running")
    eventually(lambda: step(page) > stood, "the step to grow again")
    page.get_by_role("tab", name="Events").click()
    expect(page.locator(".event", has_text="state.patience = 7")).to_contain_text("applied at step")
    expect(page.locator(".event", has_text="NaN")).to_contain_text("refused")

    page.get_by_role("button", name="Stop the run").click()
    page.get_by_role("button", name="Press again").click()
    state(page, "stopped")
    expect(page.get_by_role("button", name="Pause")).to_have_count(0)
    studio.check(page)


def test_who_is_let_in(stage: Stage, studio: Studio, browser: Browser) -> None:
    """A spent code lets nobody in; another tab of the signed-in browser needs none; the list shows the run."""
    address = started(stage, SCRIPT)
    signed_in = studio.open(address)
    state(signed_in, "running")

    stranger = Studio(browser)
    outside = stranger.open(address)
    expect(outside.get_by_role("heading", name="This browser is not signed in")).to_be_visible()
    expect(outside.locator("code")).to_be_visible()
    expect(outside.get_by_text("The link did not work")).to_be_visible()
    stranger.check(outside)
    stranger.context.close()

    listing = studio.open(address.split("/r/")[0])
    link = listing.get_by_role("link", name=stage.run_id())
    expect(link).to_be_visible()
    link.click()
    state(listing, "running")

    missing = studio.open(f"{address.split('/r/')[0]}/r/no-such-run")
    expect(missing.get_by_role("heading", name="Nothing to show")).to_be_visible()
    for page in (signed_in, listing, missing):
        studio.check(page)


def test_a_held_run_shows_why(stage: Stage, studio: Studio) -> None:
    """An exception shows its frames with their locals; saving a corrected file goes on."""
    source = """
        import time
        import livespark as spark

        def ratio(good, bad):
            return good / bad

        total = spark.persist("total", lambda: {"kept": 41})
        spark.expose(total=total)
        ratio(97, 0)
        for _ in spark.loop("wait", range(10**9)):
            time.sleep(0.01)
    """
    page = studio.open(started(stage, source))

    state(page, "held")
    cause = page.locator(".cause")
    expect(cause).to_contain_text("ZeroDivisionError")
    expect(cause.locator(".locals").first).to_contain_text("97")
    expect(page.get_by_role("button", name="Pause")).to_be_disabled()
    page.get_by_label("total.kept").fill("42")
    page.keyboard.press("Enter")
    expect(row(page, "kept").locator(".verdict")).to_contain_text("applied")

    stage.write("train.py", source.replace("ratio(97, 0)", "ratio(97, 1)"))
    state(page, "running")
    expect(cause).to_have_count(0)
    expect(page.get_by_label("total.kept")).to_have_value("42")
    studio.check(page)


def test_the_server_comes_back(stage: Stage, studio: Studio) -> None:
    """While the server is gone the page says so; when it is back, the page goes on by itself, without a hole."""
    page = studio.open(started(stage, SCRIPT))
    state(page, "running")
    eventually(lambda: step(page) > 50, "some steps")

    stage.kill_server()
    toast = page.locator(".toast")
    expect(toast).to_have_class(re.compile("shown"))
    expect(toast).to_contain_text("Connection lost")
    stage.livespark("ps").wait()

    expect(toast).not_to_have_class(re.compile("shown"), timeout=30_000)
    seen = step(page)
    eventually(lambda: step(page) > seen, "the step to grow again")
    studio.check(page)


def test_nothing_is_cut_off(stage: Stage, studio: Studio) -> None:
    """At every width the page scrolls in one direction only, and the header's buttons can be reached."""
    page = studio.open(started(stage, SCRIPT))
    state(page, "running")
    expect(page.locator("canvas").first).to_be_visible()

    for width in (360, 620, 768, 1000, 1440, 2560):
        page.set_viewport_size({"width": width, "height": 800})
        expect(page.locator("canvas").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for name in ("Pause", "Reload", "Stop the run"):
            box = page.get_by_role("button", name=name).bounding_box()
            assert box, (name, width)
            assert 0 <= box["x"] <= width - box["width"], (name, width)
    studio.check(page)


def test_everything_has_a_name(stage: Stage, studio: Studio) -> None:
    """Every control that can be focused has a name for screen readers, and focus can be seen."""
    page = studio.open(started(stage, SCRIPT))
    state(page, "running")
    page.get_by_role("button", name="arguments").click()

    nameless = page.evaluate(NAMELESS)
    assert nameless == []
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    studio.check(page)
