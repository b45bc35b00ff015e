"""Readable names for runs."""

import random
from typing import Final

from livespark.protocol.ids import Epoch, RunId

__all__ = ("ADJECTIVES", "NOUNS", "new_epoch", "wish")

_ADJECTIVES: Final = """
    amber bold brave bright brisk calm clear clever cool crisp deep eager early fair fast fine fleet fond free fresh
    gentle glad golden good grand green happy hardy honest humble jolly keen kind late light lively loyal lucid
    lucky mellow merry mild misty modest neat nimble noble patient plain proud quick quiet rapid ready royal sharp
    shy silent silver smooth snug soft solid steady still strong subtle sunny swift tidy tiny true vivid warm wide
    wise witty young
"""

_NOUNS: Final = """
    badger beaver bison bittern buzzard cedar comet condor coral crane cricket curlew cypress dipper dolphin dove
    dune eagle egret elk falcon fern finch fjord fox gannet gecko glacier grouse gull harbor hare harrier hawk hazel
    heath heron hornbill ibex ibis island jackdaw jay kestrel kite koala lagoon lark linden linnet lynx magpie maple
    marlin marten meadow merlin newt orca oriole osprey otter owl panda pelican petrel pine plover puffin quail
    raven reef river robin seal sparrow spruce stork swallow swan teal tern thrush tiger trout walrus willow wolf
    wren
"""

ADJECTIVES: Final = tuple(_ADJECTIVES.split())
NOUNS: Final = tuple(_NOUNS.split())


def wish(source: random.Random) -> RunId:
    """A name to try, such as `quiet-otter`; the store makes it unique."""
    return RunId(f"{source.choice(ADJECTIVES)}-{source.choice(NOUNS)}")


def new_epoch(source: random.Random) -> Epoch:
    return Epoch(f"{source.getrandbits(32):08x}")
