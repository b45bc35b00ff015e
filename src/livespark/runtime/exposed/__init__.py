"""Exposed values, edits and functions: the part of the runtime that looks into a script's objects.

`exposed.Exposed` is its face; `declared` is what scripts write. Nothing is imported here: a
detached script needs `declared` only.
"""

__all__ = ()
