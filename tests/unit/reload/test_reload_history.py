"""The diffs that go on record."""

import time
from difflib import unified_diff

from hypothesis import given
from hypothesis import strategies as st

from livespark.runtime.reload.compiling import compile_text
from livespark.runtime.reload.history import describe_change

LINES = st.lists(st.sampled_from(["a\n", "b\n", "c = 1\n", "d\n", "e\n"]), max_size=40)


def diff(old: str, new: str) -> str:
    return describe_change("m.py", compile_text("/m.py", old), compile_text("/m.py", new)).diff


@given(LINES, LINES)
def test_a_diff_is_what_python_makes_of_it(old: list[str], new: list[str]) -> None:
    """Line by line, with its ranges."""
    assert diff("".join(old), "".join(new)) == "".join(unified_diff(old, new, "a/m.py", "b/m.py"))


def test_a_diff_of_a_huge_rewritten_file_is_made_in_bounded_time() -> None:
    """Every second of a hundred thousand lines is another one: what is not found in time is shown as replaced."""
    old, new = ("".join(f"def f{n}():\n    return {n + more}\n" for n in range(25_000)) for more in (0, 1))
    old_code, new_code = compile_text("/m.py", old), compile_text("/m.py", new)
    begun = time.thread_time()
    found = describe_change("m.py", old_code, new_code).diff
    assert time.thread_time() - begun < 5
    assert found.startswith("--- a/m.py\n+++ b/m.py\n@@ -1,50000 +1,50000 @@\n def f0():\n-    return 0\n")
    assert found.endswith("... the diff goes on ...\n")
