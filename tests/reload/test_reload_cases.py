"""Each case and variant in a live worker: what a step sees after the edit, and what is told about it."""

import re
from pathlib import Path

import pytest

from tests.reload.case import Case, Project, cases
from tests.reload.live import Live, Nursery, Reloaded

ALL = [pytest.param(case, variant, id=f"{case.name}[{variant}]") for case in cases() for variant in case.variants]


@pytest.mark.parametrize(("case", "variant"), ALL)
def test_an_edit_does_what_its_case_says(
    case: Case, variant: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The run sees the new code or, where that can't be, goes on with all of the old."""
    nursery: Nursery = request.getfixturevalue("torch_nursery" if case.torch else "nursery")
    project = Project(case, variant, tmp_path)
    project.lay_out()
    with nursery.worker(tmp_path) as live:
        assert live.seen() == case.seen_before
        project.edit()
        reloaded, seen = _outcome(live, case, variant)
        assert reloaded["outcome"] in case.outcomes, live.told
        assert seen == case.seen_after, live.told
        assert live.step() == case.seen_after
    _check_words(case, variant, reloaded)


def _outcome(live: Live, case: Case, variant: str) -> tuple[Reloaded, object]:
    """The reload that the case is about: two files saved together may be noticed one after the other, and what is
    applied between two steps may be undone by the next one."""
    reloaded, seen = live.reloaded()
    while not _is_last(reloaded, case, variant):
        reloaded, seen = live.reloaded(len(live.reloads))
    return reloaded, seen


def _is_last(reloaded: Reloaded, case: Case, variant: str) -> bool:
    if case.expect != "follows":
        return bool(reloaded["outcome"] != "applied")
    return bool(variant.endswith("soft") or reloaded["outcome"] != "applied" or reloaded["kind"] == "hard")


def _check_words(case: Case, variant: str, reloaded: Reloaded) -> None:
    if case.expect == "follows":
        assert reloaded["kind"] == ("hard" if variant.endswith("hard") else case.kind), reloaded
        assert reloaded["changed"], reloaded
        assert reloaded["files"], reloaded
    else:
        words = " ".join([reloaded.get("message", ""), str(reloaded.get("error", ""))])
        assert re.search(case.sentence, words), reloaded
