"""What else happens to loops on their way into another process: exceptions, other settings, the script's own seeds."""

import random
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from livespark.errors import SparkReloadError
from livespark.runtime.core import Core
from livespark.runtime.loop import Loops
from livespark.runtime.places import Place
from livespark.runtime.reload.generators import Generators, capture
from livespark.runtime.snapshots.standing import put_back, record
from tests.unit.reload.test_reload_workers import no_worker_is_left as no_worker_is_left  # the fixture
from tests.unit.snapshots import standing_script
from tests.unit.snapshots.standing_loaders import MAKE, Numbers, plain
from tests.unit.snapshots.standing_script import Watched, interrupted, undisturbed
from tests.unit.snapshots.test_standing_loops import copy_of_record
from tests.unit.snapshots.test_standing_loops import recorded as recorded  # the fixture

_NUMBERS: Any = list(range(12))


def test_nested_loops_ended_loops_and_several_of_one_key() -> None:
    """Each loop is found again by its key and by how many of that key came before."""

    def run(core: Watched) -> None:
        loop = Loops(core).loop
        for outer in loop("outer", iter("ab")):
            for first in loop("inner", [1, 2]):
                core.trace.append((outer, "first", first))
            for second in loop("inner", iter([3, 4, 5])):
                core.trace.append((outer, "second", second))
                if second == 4:
                    break
        core.trace.append("end")

    whole = Watched(-1)
    run(whole)
    for look_at in range(1, 8):
        before, after = Watched(look_at), Watched(-1)
        with pytest.raises(SparkReloadError):
            run(before)
        assert before.taken
        after.go_on(copy_of_record(before.taken), [])
        run(after)
        assert before.trace + after.trace == whole.trace


def test_unfinished_items_are_done_again_or_left_out() -> None:
    """After an exception the record says so; whoever puts it back can skip the item."""
    core = Watched(-1)

    def run() -> None:
        for item in Loops(core).loop("n", iter("abcd")):
            if item == "b":
                raise ValueError("the test")

    with pytest.raises(ValueError, match="the test"):
        run()
    state = record(core.levels[0].scope)
    for skips, expected in ((False, ["b", "c", "d"]), (True, ["c", "d"])):
        other = Watched(-1)
        put_back(other.levels[0].scope, copy_of_record(state))
        if skips:
            other.levels[0].scope.skip_unfinished()
        assert list(Loops(other).loop("n", iter("abcd"))) == expected


def test_more_items_can_be_left_out() -> None:
    """A loop that is moved on skips batches of its loader without fetching them."""
    taken = interrupted("workers", 2).taken
    assert taken
    core = Watched(-1)
    core.go_on(copy_of_record(taken), [])
    assert core.place
    core.place.index += 2
    standing_script.script(core, MAKE["workers"])
    first = [row[1] for row in core.trace if len(row) > 2 and row[0] == 0]
    assert [[item[:2] for item in batch] for batch in first] == [
        [item[:2] for item in row[1]] for row in undisturbed("workers")[4:5]
    ]


def test_another_batch_size_is_told() -> None:
    """The item in hand comes again, and then what follows after as many batches of the new size."""
    core, other, notes = Core(lambda: None), Core(lambda: None), list[str]()
    items = Loops(core).loop("n", DataLoader(_NUMBERS, 2))
    next(items), next(items)
    put_back(other.levels[0].scope, record(core.levels[0].scope), notes.append)
    rest = [batch.tolist() for batch in Loops(other).loop("n", DataLoader(_NUMBERS, 4))]
    assert rest == [[2, 3], [8, 9, 10, 11]]
    assert "another size" in notes[0]


def test_another_number_of_workers_is_told() -> None:
    """The same batches come; random numbers drawn in the workers are others."""
    taken, notes = interrupted("workers", 3).taken, list[str]()
    assert taken
    core = Core(lambda: None)
    put_back(core.levels[0].scope, {**taken["loops"], "loops": taken["loops"]["loops"][0]["loops"]}, notes.append)
    rest = list(Loops(core).loop("batch", DataLoader(Numbers(), 3, shuffle=True, collate_fn=plain)))
    expected = [row[1] for row in undisturbed("workers")[3:5]]
    assert [[item[0] for item in batch] for batch in rest] == [[item[0] for item in batch] for batch in expected]
    assert "another number" in notes[0]


def test_a_loop_that_the_guard_took_back_is_recorded_with_the_items_ahead() -> None:
    """They have been drawn from the loader, and come again from memory: in the other process from the record."""
    torch.manual_seed(4)
    core, other = Core(lambda: None), Core(lambda: None)
    loader: DataLoader[Any] = DataLoader(_NUMBERS, 2, shuffle=True)
    items = Loops(core).loop("n", loader)
    given = [next(items).tolist() for _ in range(2)]
    place = Place(core.levels[0].scope)
    given += [next(items).tolist() for _ in range(2)]
    core.levels[0].rerun()
    place.put_back()
    place.let_go()
    again = Loops(core).loop("n", loader)
    assert [next(again).tolist(), next(again).tolist()] == given[1:3]
    put_back(other.levels[0].scope, record(core.levels[0].scope))
    rest = [batch.tolist() for batch in Loops(other).loop("n", DataLoader(_NUMBERS, 2, shuffle=True))]
    assert rest[:2] == given[2:]
    assert sorted(number for batch in given[:2] + rest for number in batch) == list(range(12))


def test_a_generator_that_the_script_seeds_for_each_epoch_is_left_to_it() -> None:
    """What was recorded of it does not replace what the script has done about it since."""

    def run(core: Watched) -> None:
        loop, generator = Loops(core).loop, torch.Generator()
        loader: DataLoader[Any] = DataLoader(_NUMBERS, 4, shuffle=True, generator=generator)
        for epoch in loop("epoch", range(4)):
            generator.manual_seed(epoch // 2)
            for batch in loop("batch", loader):
                core.trace.append(batch.tolist())

    whole = Watched(-1)
    run(whole)
    for look_at in range(5, 13):
        before, after = Watched(look_at), Watched(-1)
        with pytest.raises(SparkReloadError):
            run(before)
        assert before.taken
        after.go_on(copy_of_record(before.taken), [])
        run(after)
        assert before.trace + after.trace == whole.trace


@pytest.mark.parametrize("kind", [np.random.MT19937, np.random.PCG64])
def test_generators_are_plain_data_that_another_process_takes(kind: Any) -> None:
    """Also where the script had put another bit generator into NumPy's global one's place."""
    numpy: Any = np.random
    former = numpy.get_bit_generator()
    try:
        numpy.set_bit_generator(kind(5))
        state = copy_of_record(capture().state())
        expected = random.random(), np.random.rand(), torch.rand(()).item()
        numpy.set_bit_generator(former)
        Generators.of(state).restore()
        assert (random.random(), np.random.rand(), torch.rand(()).item()) == expected
        with pytest.raises(ValueError, match="no bit generator 'rand'"):
            Generators.of({**state, "numpy": {**state["numpy"], "bit_generator": "rand"}}).restore()
    finally:
        numpy.set_bit_generator(former)
