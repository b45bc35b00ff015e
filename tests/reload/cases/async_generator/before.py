import asyncio


async def numbers():
    yield 1


async def collect():
    return [x async for x in numbers()]


def make():
    return None


def probe(kept):
    return asyncio.run(collect())
