"""Copies of tensors in host memory: exact, shared with the snapshot before, in memory that is used again."""

import weakref
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from livespark.runtime.snapshots.host import HostCopies

_LARGE = 8192
"""So many float32 are worth sharing."""


def _copied(*tensors: torch.Tensor, before: HostCopies | None = None) -> tuple[HostCopies, list[torch.Tensor]]:
    copies = HostCopies(before)
    made = [copies.copy(tensor) for tensor in tensors]
    copies.wait()
    return copies, made


def _bits(tensor: torch.Tensor) -> bytes:
    return tensor.detach().resolve_conj().resolve_neg().contiguous().view(-1).view(torch.uint8).numpy().tobytes()


_KINDS: dict[str, Callable[[], torch.Tensor]] = {
    "parameter": lambda: torch.nn.Parameter(torch.randn(3, 4)),
    "attached": lambda: torch.randn(3, 4, requires_grad=True) * 2,
    "scalar": lambda: torch.tensor(1.5),
    "empty": lambda: torch.empty(0, 3),
    "bool": lambda: torch.tensor([True, False, True]),
    "bf16": lambda: torch.randn(5).bfloat16(),
    "fp8": lambda: torch.randn(5).to(torch.float8_e4m3fn),
    "complex": lambda: torch.randn(3, dtype=torch.complex64),
    "conjugated": lambda: torch.randn(3, dtype=torch.complex64).conj(),
    "negated": lambda: torch.randn(3, dtype=torch.complex64).conj().imag,
    "transposed": lambda: torch.randn(3, 4).T,
    "sliced": lambda: torch.randn(6, 6)[1::2, ::3],
    "channels last": lambda: torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
    "expanded": lambda: torch.randn(1, 3).expand(4, 3),
    "special": lambda: torch.tensor([float("nan"), -0.0, float("inf")]),
}


@pytest.mark.parametrize("kind", sorted(_KINDS))
def test_a_copy_has_the_same_bits_and_nothing_else(kind: str) -> None:
    """On the host, in C order, without a graph, in memory of its own."""
    tensor = _KINDS[kind]()
    _, (copy,) = _copied(tensor)
    assert (copy.shape, copy.dtype, copy.requires_grad, copy.device.type) == (tensor.shape, tensor.dtype, False, "cpu")
    assert copy.is_contiguous()
    assert _bits(copy) == _bits(tensor)
    assert not tensor.numel() or copy.data_ptr() != tensor.data_ptr()


def test_one_piece_of_memory_is_copied_once() -> None:
    """Whatever the names for it; a view of other shape, or with its numbers negated, is something else."""
    tensor = torch.randn(2, 3, dtype=torch.complex64)
    copies, (one, same, flat, conjugated) = _copied(tensor, tensor.detach(), tensor.view(-1), tensor.conj())
    assert one is same
    assert copies.size == copies.total == 3 * tensor.nbytes
    assert torch.equal(flat, tensor.view(-1))
    assert torch.equal(conjugated, tensor.conj().resolve_conj())


def test_what_a_state_dict_makes_on_the_fly_is_not_mixed_up() -> None:
    """The second of two passing tensors gets the address of the first."""
    copies = HostCopies()
    made = [copies.copy(torch.full((1000,), float(number))) for number in range(50)]
    assert [copy[0].item() for copy in made] == list(range(50))


def test_what_was_copied_may_go() -> None:
    """Gradients, and what a `state_dict` has made, are not kept alive by their copies."""
    passing = torch.ones(3, requires_grad=True) * 2
    gone = weakref.ref(passing)
    copies, _ = _copied(passing)
    del passing
    assert gone() is None
    assert copies.total == 12


def test_what_has_not_changed_is_shared() -> None:
    """No new memory, also for odd numbers of bytes and numbers that are not equal to themselves."""
    frozen = torch.full((_LARGE,), float("nan"))
    odd = torch.zeros(3 * _LARGE + 3, dtype=torch.uint8)
    moving = torch.zeros(_LARGE)
    first, before = _copied(frozen, odd, moving)
    moving.add_(1)
    second, after = _copied(frozen, odd, moving, before=first)
    assert [one is other for one, other in zip(before, after, strict=True)] == [True, True, False]
    assert (second.size, second.total) == (moving.nbytes, first.total)
    assert (before[2][0].item(), after[2][0].item()) == (0, 1)


@pytest.mark.parametrize("place", [0, 1, _LARGE // 2 + 1, _LARGE - 1])
@pytest.mark.parametrize("value", [1.0, -0.0])
def test_a_single_changed_bit_is_seen(place: int, value: float) -> None:
    """Wherever it is; minus zero, too."""
    tensor = torch.zeros(_LARGE)
    first, _ = _copied(tensor)
    tensor[place] = value
    _, (copy,) = _copied(tensor, before=first)
    assert _bits(copy) == _bits(tensor)


def test_the_last_byte_counts() -> None:
    """Sizes need not be multiples of what is compared at once."""
    tensor = torch.zeros(3 * _LARGE + 3, dtype=torch.uint8)
    first, _ = _copied(tensor)
    tensor[-1] = 1
    _, (copy,) = _copied(tensor, before=first)
    assert copy[-1] == 1


def test_released_memory_is_used_again() -> None:
    """And only when the last one that needs it has let go."""
    tensor = torch.zeros(_LARGE)
    first, (copy,) = _copied(tensor)
    place = copy.data_ptr()
    first.hold()
    first.release()
    tensor.add_(1)
    second, (held,) = _copied(tensor, before=first)
    assert held.data_ptr() != place
    first.release()
    tensor.add_(1)
    _, (again,) = _copied(tensor, before=second)
    assert again.data_ptr() == place
    assert again[0].item() == 2
    assert held[0].item() == 1


def test_a_shared_copy_lives_as_long_as_one_of_its_snapshots() -> None:
    """In whatever order they go."""
    tensor = torch.zeros(_LARGE)
    first, (copy,) = _copied(tensor)
    second, (shared,) = _copied(tensor, before=first)
    first.release()
    tensor.add_(1)
    third, (other,) = _copied(tensor, before=second)
    assert shared is copy
    assert other is not copy
    assert copy[0].item() == 0
    second.release()
    tensor.add_(1)
    _, (again,) = _copied(tensor, before=third)
    assert again is copy


def test_released_copies_are_still_shared_if_nothing_has_changed() -> None:
    """Without snapshots in memory, there still is no copying of what stays as it is."""
    tensors = [torch.full((_LARGE,), float(number)) for number in range(4)]
    first, before = _copied(*tensors)
    first.release()
    second, after = _copied(*tensors, before=first)
    assert all(one is other for one, other in zip(before, after, strict=True))
    assert second.size == 0
    second.release()
    tensors[2].add_(7)
    _, last = _copied(*tensors, before=second)
    assert [copy[0].item() for copy in last] == [0, 1, 9, 3]
    assert last[2] is before[2]


def test_no_more_idle_memory_than_one_snapshot() -> None:
    """What is beyond that is freed."""
    before: HostCopies | None = None
    taken = []
    for number in range(5):
        before, _ = _copied(*[torch.full((_LARGE + number,), float(each)) for each in range(3)], before=before)
        taken.append(before)
    for copies in taken:
        copies.release()
        idle = [kept for waiting in copies._idle._waiting.values() for kept in waiting if not kept.users]
        assert copies._idle.size == sum(kept.tensor.nbytes for kept in idle) <= copies.total


def test_device_copies_are_complete_after_waiting() -> None:
    """The way of tensors whose copies are queued: never compared, used again all the same."""
    tensor = torch.zeros(_LARGE)
    first = HostCopies(late=lambda tensor: True)
    place = first.copy(tensor).data_ptr()
    first.wait()
    second = HostCopies(first, late=lambda tensor: True)
    assert second.copy(tensor).data_ptr() != place
    second.wait()
    first.release()
    third = HostCopies(second, late=lambda tensor: True)
    assert third.copy(tensor.add_(3)).data_ptr() == place
    third.wait()
    assert third.copy(tensor)[0].item() == 3


def test_within_inference_mode_no_inference_tensor_is_left_for_later() -> None:
    """A snapshot may be taken there, and the next one elsewhere."""
    with torch.inference_mode():
        tensor = torch.zeros(_LARGE)
        first, (copy,) = _copied(tensor)
    first.release()
    _, (again,) = _copied(torch.ones(_LARGE), before=first)
    assert again is copy
    assert again[0].item() == 1


def test_what_is_frozen_leaves_nothing_behind() -> None:
    """However often it is shared, released and shared again."""
    frozen = torch.zeros(_LARGE)
    copies, _ = _copied(frozen)
    for _ in range(20):
        copies.release()
        copies, _ = _copied(frozen, before=copies)
    assert [len(waiting) for waiting in copies._idle._waiting.values()] == [1]
    assert copies._idle.size == 0


_ACTION = st.one_of(
    st.tuples(st.just("change"), st.integers(0, 3)),
    st.tuples(st.just("take"), st.booleans()),
    st.tuples(st.just("release"), st.integers(0, 3)),
)


@settings(max_examples=200, deadline=None)
@given(actions=st.lists(_ACTION, max_size=30))
def test_held_copies_never_change(actions: list[tuple[str, int]]) -> None:
    """Whatever is changed, taken and released, in whatever order."""
    tensors = [torch.full((_LARGE // 2,), float(number), dtype=torch.float64) for number in range(4)]
    held: list[tuple[HostCopies, list[torch.Tensor], list[float]]] = []
    before: HostCopies | None = None
    for action, number in actions:
        if action == "change":
            tensors[number].add_(10)
        elif action == "take":
            before, made = _copied(*tensors, before=before)
            held.append((before, made, [float(tensor[-1]) for tensor in tensors]))
            if number:
                before.hold()
                before.release()
        elif number < len(held):
            held.pop(number)[0].release()
        for _, made, expected in held:
            assert [copy.unique().tolist() for copy in made] == [[each] for each in expected]


def test_more_than_the_free_memory_is_not_taken() -> None:
    """A snapshot that fails is told; a machine without memory kills the run."""
    copies = HostCopies(free=lambda: 100_000_000)
    copies.copy(torch.zeros(20_000_000))
    with pytest.raises(MemoryError, match=r"more than the 0\.1 GB"):
        copies.copy(torch.zeros(20_000_000, dtype=torch.int32))
