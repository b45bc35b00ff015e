import asyncio


async def f(x):
    await asyncio.sleep(0)
    return x + 1


def make():
    return None


def probe(kept):
    return asyncio.run(f(1))
