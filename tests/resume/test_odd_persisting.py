"""What is persisted late, now and then, within another one, in another order, or not at all any more."""

from pathlib import Path
from textwrap import dedent

import pytest

from livespark.protocol.snapshots import Snapshotting
from tests.resume.alone import Nursery
from tests.resume.odd import BOTH, END, REWIND, SNAPSHOT, STOP, Odd

_UNASKED = "the snapshot also holds the persisted value {!r}, which the script has not asked for yet"


def test_what_is_not_asked_for_is_told(tmp_path: Path, nursery: Nursery) -> None:
    odd = Odd(
        tmp_path,
        nursery,
        """
        one = spark.persist("one", lambda: [0])
        other = spark.persist("other", lambda: [0])
        for item in spark.loop("item", range(5)):
            orders.pass_begins()
            one[0] += 1
            print(item, one, flush=True)
        """,
    )
    odd.run((3, STOP), policy=END)
    odd.edit('other = spark.persist("other", lambda: [0])\n', "")
    assert odd.resume() == ["3 [4]", "4 [5]"]
    assert odd.notices == [
        "the snapshot also holds the persisted value 'other', which the script has not asked for yet"
    ]


def test_fresh(tmp_path: Path, nursery: Nursery) -> None:
    odd = Odd(
        tmp_path,
        nursery,
        """
        print(spark.has_persisted("one"), spark.has_persisted("other"))
        one = spark.persist("one", lambda: [0])
        other = spark.persist("other", lambda: [0])
        for item in spark.loop("item", range(4)):
            orders.pass_begins()
            one[0] += 1
            other[0] += 1
            print(item, one, other, flush=True)
        """,
    )
    odd.run((3, STOP), policy=END)
    assert odd.resume(fresh=["one"]) == ["False True", "3 [1] [4]"]
    assert odd.notices == []


_LATE = """
    def make() -> list[int]:
        inner = spark.persist("inner", lambda: [100])
        inner[0] += 1
        return [0]

    early = spark.persist("early", make)
    late = None
    for item in spark.loop("item", range(8)):
        orders.pass_begins()
        early[0] += 1
        if item >= 2:
            late = spark.persist("late", lambda: [random.random()])
            late.append(item)
        inner = spark.persist("inner", lambda: [100])
        inner[0] += 1
        print(item, early, inner, late, flush=True)
"""


@pytest.mark.parametrize("at", [1, 3])
def test_persisting_late_conditionally_and_nested(tmp_path: Path, nursery: Nursery, at: int) -> None:
    (tmp_path / "whole").mkdir()
    whole = Odd(tmp_path / "whole", nursery, "random.seed(1)\n" + dedent(_LATE)).run()
    odd = Odd(tmp_path, nursery, "random.seed(1)\n" + dedent(_LATE))
    assert odd.run((at, STOP), policy=END) == whole[:at]
    assert odd.resume() == whole[at:]
    assert [notice for notice in odd.notices if "'late'" not in notice] == []


@BOTH
def test_going_back_before_something_was_persisted(tmp_path: Path, nursery: Nursery, policy: Snapshotting) -> None:
    (tmp_path / "whole").mkdir()
    whole = Odd(tmp_path / "whole", nursery, "random.seed(1)\n" + dedent(_LATE)).run()
    odd = Odd(tmp_path, nursery, "random.seed(1)\n" + dedent(_LATE))
    lines = odd.run((1, SNAPSHOT), (3, SNAPSHOT), (4, {"kind": "rewind", "snapshot": 1}), (8, REWIND), policy=policy)
    assert lines == [*whole[:4], *whole[1:5], *whole[3:]]


_NOW_AND_THEN = """
    def make() -> dict:
        return {"seen": [], "big": torch.zeros(30_000), "small": torch.zeros(3), "pickled": re.compile("a")}

    state = spark.persist("state", lambda: {"step": 0})
    for item in spark.loop("item", range(8)):
        number = orders.pass_begins()
        state["step"] += 1
        if item in (1, 6):
            best = spark.persist("best", make)
            best["seen"].append(item)
            best["big"] += 1
            best["small"] += 2
            print(item, best["seen"], float(best["big"].sum()), float(best["small"].sum()), best["pickled"], flush=True)
"""


def test_what_is_asked_for_now_and_then_is_not_lost_between(tmp_path: Path, nursery: Nursery) -> None:
    """Stopped, resumed, stopped and resumed, before it is asked for again; the first snapshot is gone by then."""
    odd = Odd(tmp_path, nursery, _NOW_AND_THEN)
    whole = odd.run()
    assert odd.run((3, STOP), policy=END) == whole[:1]
    assert odd.resume((1, STOP), policy=END) == []
    odd.alone.snapshots.remove([1])
    odd.alone.snapshots.collect()
    assert odd.resume((1, STOP), policy=END) == []
    assert odd.resume() == whole[1:]
    assert odd.notices == [_UNASKED.format("best")]


@BOTH
def test_going_back_to_before_it_is_asked_for(tmp_path: Path, nursery: Nursery, policy: Snapshotting) -> None:
    odd = Odd(tmp_path, nursery, _NOW_AND_THEN)
    whole = odd.run()
    odd.run((3, STOP), policy=END)
    assert odd.resume((1, SNAPSHOT), (5, REWIND), policy=policy) == [*whole[1:], *whole[1:]]


def test_another_order(tmp_path: Path, nursery: Nursery) -> None:
    first, second = 'one = spark.persist("one", lambda: [0])\n', 'other = spark.persist("other", lambda: [one])\n'
    odd = Odd(
        tmp_path,
        nursery,
        f"""\
{first}{second}
for item in spark.loop("item", range(4)):
    orders.pass_begins()
    one[0] += 1
    print(item, one, other, flush=True)
""",
    )
    odd.run((2, STOP), policy=END)
    odd.edit(first + second, 'other = spark.persist("other", lambda: [one])\n'.replace("[one]", "[[7]]") + first)
    assert odd.resume()[0].startswith("2 [3]")


def test_clearing_before_it_is_made(tmp_path: Path, nursery: Nursery) -> None:
    odd = Odd(
        tmp_path,
        nursery,
        """
        if orders.passes == 0 and CLEAR:
            print(spark.has_persisted("one"), spark.clear_persisted("one"), spark.has_persisted("one"))
        one = spark.persist("one", lambda: [0])
        for item in spark.loop("item", range(4)):
            orders.pass_begins()
            one[0] += 1
            print(item, one, flush=True)
        """.replace("CLEAR", "spark.has_persisted('one')"),
    )
    odd.run((2, STOP), policy=END)
    assert odd.resume() == ["True True False", "2 [1]", "3 [2]"]
    assert odd.notices == []


def test_what_does_not_fit_comes_back_when_the_script_is_mended(tmp_path: Path, nursery: Nursery) -> None:
    odd = Odd(
        tmp_path,
        nursery,
        """
        state = spark.persist("state", lambda: {"step": 0})
        sizes = spark.persist("sizes", lambda: torch.zeros(3))
        for item in spark.loop("item", range(4)):
            orders.pass_begins()
            sizes += 1
            print(item, sizes.tolist(), flush=True)
        """,
    )
    odd.run((2, STOP), policy=END)
    odd.edit("torch.zeros(3)", '{"old": 1}')
    mend = (
        """file = pathlib.Path(__file__); file.write_text(file.read_text().replace('{"old": 1}', "torch.zeros(3)"))"""
    )
    odd.edit("state = spark", f"{mend}\nstate = spark")
    lines = odd.resume(("held", {"kind": "reload"}), ("idle", STOP), stay=True)
    assert lines[-2:] == ["2 [3.0, 3.0, 3.0]", "3 [4.0, 4.0, 4.0]"]
