"""What the parts of the store have in common."""

from livespark.store.sqlite.readers import Readers
from livespark.store.sqlite.writer import Writer

__all__ = ("Part",)


class Part:
    """Some of the store's methods, over its one writer and its readers."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers
