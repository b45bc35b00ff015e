"""A run's live document as the service keeps it: merged from the worker's deltas, handed on to whoever watches."""

import msgspec

from livespark.protocol.live import LiveDelta, LiveDoc, merge

__all__ = ("LiveState", "combined", "full_delta")


class LiveState:
    """Mutable state: `doc`, whether the worker's deltas have a base here, and whether the store holds something
    older."""

    def __init__(self) -> None:
        self.doc: LiveDoc | None = None
        self._based = False
        self._unsaved = False

    def restore(self, doc: LiveDoc | None) -> None:
        """Take what the store has, unless the worker was faster."""
        if self.doc is None:
            self.doc = doc

    def rebase(self) -> None:
        """The worker has connected anew: its next delta must be a full one."""
        self._based = False

    def take(self, delta: LiveDelta) -> bool:
        """Merge `delta`; False when it has no base here and a full one is needed."""
        if not delta.full and not (self._based and self.doc is not None and delta.version > self.doc.version):
            return False
        self.doc = self.doc or LiveDoc()
        merge(self.doc, delta)
        self._based = self._unsaved = True
        return True

    def unsaved(self) -> LiveDoc | None:
        """The document, if it has changed since it was last asked for here."""
        changed, self._unsaved = self._unsaved, False
        return self.doc if changed else None


def full_delta(doc: LiveDoc | None) -> LiveDelta:
    """The delta that makes any document equal to `doc`."""
    doc = doc or LiveDoc()
    return LiveDelta(
        version=doc.version,
        full=True,
        step=doc.step,
        values=dict(doc.values),
        fields=doc.fields,
        functions=doc.functions,
        loops=doc.loops,
        memory=doc.memory,
        steps_per_second=doc.steps_per_second,
    )


def combined(first: LiveDelta, second: LiveDelta) -> LiveDelta | None:
    """One delta with the effect of both, order of the values included; None where there is none such.

    A path that is dropped and comes back goes to the end; one delta can't say that.
    """
    step = first.step if second.step is None else second.step
    if second.full:
        return msgspec.structs.replace(second, step=step)
    if not second.values.keys().isdisjoint(first.dropped):
        return None
    dropped = set(second.dropped)
    values = {path: node for path, node in first.values.items() if path not in dropped} | second.values
    gone = [path for path in first.dropped if path not in dropped] + second.dropped
    return LiveDelta(
        version=second.version,
        full=first.full,
        step=step,
        values=values,
        dropped=[] if first.full else gone,
        fields=first.fields if second.fields is None else second.fields,
        functions=first.functions if second.functions is None else second.functions,
        loops=first.loops if second.loops is None else second.loops,
        memory=first.memory if second.memory is None else second.memory,
        steps_per_second=second.steps_per_second,
    )
