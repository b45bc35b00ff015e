"""One function per route of the table: from a checked `Call` to an answer."""

__all__ = ()
