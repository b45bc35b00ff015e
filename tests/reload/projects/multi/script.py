"""Trains nothing, step by step, with a package that is put together as such packages are."""

import stepping

import livespark as spark
from engine import Model, encode
from engine.callbacks import REGISTRY
from engine.config import Config


def main() -> None:
    model = spark.persist("model", lambda: Model(Config()))
    while True:
        seen = {"loss": model.loss(2), "size": len(encode(model.loss(2))), "config": repr(model.config)}
        for name, callback in sorted(REGISTRY.items()):
            seen[name] = callback(model)
        stepping.report(seen)
        spark.checkpoint()


if __name__ == "__main__":
    main()
