"""What is wrong with a snapshot, as exceptions whose text is a sentence for people."""

from collections.abc import Iterator
from contextlib import contextmanager

from livespark.errors import LivesparkError

__all__ = ("Damaged", "Oversized", "about")


class Damaged(LivesparkError):
    """The snapshot is missing, not as it was written, or not to be trusted."""


class Oversized(LivesparkError):
    """The snapshot's manifest is larger or deeper than what could be read again. Nothing was written."""


@contextmanager
def about(what: str) -> Iterator[None]:
    """Have what is found wrong inside, or fails on the disk, begin with `what` can't be used."""
    try:
        yield
    except Damaged as error:
        raise Damaged(f"{what} can't be used: {error}") from None
    except OSError as error:
        raise Damaged(f"{what} can't be used: {error.strerror or error}") from None
