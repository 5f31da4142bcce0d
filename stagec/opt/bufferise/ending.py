"""The end of a function: results that must be new, and parameters that must be written to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stagec.ir.alias import Atom, Memory, depth
from stagec.ir.core import Value
from stagec.ir.function import Function
from stagec.opt.bufferise.plan import Copy, CopyResult, Shared, WriteBack
from stagec.opt.bufferise.state import State


@dataclass(slots=True)
class Ending:
    """What is done after the last statement, and what each result may share then."""

    steps: list[CopyResult | WriteBack]
    shares: tuple[Shared, ...]


def end(fn: Function, state: State, params: Sequence[Memory]) -> Ending:
    """Make results new that must be, then write to parameters what they must end as."""
    results = _Results(fn, state, params)
    for k, required in enumerate(results.required):
        if required and (reason := results.shared(k)):
            results.copy((k,), reason)
    # a copy may part a result from the parameter that it was the memory of
    while (pair := results.unwritten()) is not None:
        results.write(*pair)
    return Ending(results.steps, results.shares())


class _Results:
    """The results and their memory, as the steps change them."""

    def __init__(self, fn: Function, state: State, params: Sequence[Memory]) -> None:
        self.fn = fn
        self.state = state
        self.params = params
        self.steps: list[CopyResult | WriteBack] = []
        self.objects: list[object] = list(fn.results)
        self.memories = [state.of(r) for r in fn.results]
        finals = {result for _, result in fn.mutated}
        self.required = [
            k < len(fn.fresh)
            and fn.fresh[k]
            and k not in finals
            and depth(result.type) is not None
            for k, result in enumerate(fn.results)
        ]

    def shared(self, k: int) -> str:
        """Why the result is not yet memory of its own; empty if it is."""
        around = self.state.around(self.memories[k].all)
        for atom in sorted(around, key=lambda a: a.name):
            if atom.param or atom.fixed:
                return f"the result must not share memory with {atom.name or 'a parameter'}"
        for j, other in enumerate(self.memories):
            # a later result that must be new is copied in its turn
            if j != k and not (j > k and self.required[j]) and not around.isdisjoint(other.all):
                return "two results must not share memory"
        return ""

    def copy(self, positions: tuple[int, ...], reason: str) -> None:
        """Copy a result, which stands at all these positions."""
        result = self.fn.results[positions[0]]
        name = result.hint if isinstance(result, Value) else ""
        self.steps.append(CopyResult(positions, Copy(None, name, reason, False)))
        copied = object()
        for k in positions:
            self.objects[k] = copied
            self.memories[k] = Memory()

    def unwritten(self) -> tuple[int, int] | None:
        """A (parameter, result) pair where the result is not surely the parameter itself."""
        for param, result in self.fn.mutated:
            if self.memories[result].identity is not self.fn.params[param]:
                return param, result
        return None

    def write(self, param: int, result: int) -> None:
        """Write a result to a parameter, after copying what else is in its memory."""
        target = self.params[param]
        around = self.state.around(target.own)
        stored = self.objects[result]
        for j, memory in enumerate(self.memories):
            if self.objects[j] is not stored and not around.isdisjoint(memory.all):
                name = self.fn.params[param].hint or "a parameter"
                self.copy(self.standing(j), f"{name} is written to at the end")
        positions = self.standing(result)
        self.steps.append(WriteBack(param, result, positions))
        written = object()
        for k in positions:
            self.objects[k] = written
            self.memories[k] = Memory(target.own, target.content, self.fn.params[param])

    def standing(self, k: int) -> tuple[int, ...]:
        """The positions of the results that are the same object and may stay so."""
        done = {
            r
            for p, r in self.fn.mutated
            if r != k and self.memories[r].identity is self.fn.params[p]
        }
        return tuple(
            j
            for j, other in enumerate(self.objects)
            if other is self.objects[k] and j not in done and (j == k or not self.required[j])
        )

    def shares(self) -> tuple[Shared, ...]:
        """What each result may share."""
        return tuple(self._share(self.state.around(m.all)) for m in self.memories)

    def _share(self, around: set[Atom]) -> Shared:
        params = (p for p, m in enumerate(self.params) if not around.isdisjoint(m.all))
        return Shared(frozenset(params), any(a.fixed and not a.param for a in around))
