from _struct import pack

FORMAT = "<h"


def encode(values: list[int]) -> bytes:
    return b"".join(pack(FORMAT, value) for value in values)
