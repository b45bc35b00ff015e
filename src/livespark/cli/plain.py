"""What runs say of themselves, such that it can't steer a terminal. No I/O.

Paths, messages, diffs and sources come from whoever has written the run's code; a terminal takes some characters as
orders, or shows what follows them in another order. What a script prints is its own affair and passes as it is.
"""

import re
from typing import Final

__all__ = ("plain",)

_ORDERS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    """`text` with all but ordinary characters, tabs and ends of lines as Python writes them: `\\x1b`."""
    return _ORDERS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
