"""Bufferisation: functional writes made in place, with the fewest copies.

In the graph a write returns a new array.  `bufferise` returns the same graph with `copy`
statements added such that every op that `overwrites` an operand may really do so.
"""

from __future__ import annotations

from dataclasses import replace

from stagec.ir.core import Call
from stagec.ir.function import Function
from stagec.ir.walk import statements
from stagec.opt.bufferise.analysis import Callee, analyse
from stagec.opt.bufferise.anew import made_anew
from stagec.opt.bufferise.nested import kinds_of
from stagec.opt.bufferise.plan import Copy as Copy
from stagec.opt.bufferise.rewrite import rewritten


def bufferise(fn: Function) -> tuple[Function, tuple[Copy, ...]]:
    """The function whose writes may happen in place, and the copies that this took."""
    named = _named(fn)
    callees: dict[str, Callee] = {
        f.name: Callee(f.mutated, f.fresh, None) for f in named.values()
    }
    done: dict[str, Function] = {}
    copies: list[Copy] = []
    kinds = kinds_of(named.values())
    for inner in _callees_first(fn, named):
        plan = analyse(inner, callees, kinds)
        while (anew := made_anew(inner, plan)) is not inner:
            inner, plan = anew, analyse(anew, callees, kinds)
        callees[inner.name] = Callee(inner.mutated, inner.fresh, plan.shares)
        done[inner.name], made = rewritten(inner, plan)
        copies += made
    return _reassembled(fn, done), tuple(copies)


def _named(fn: Function) -> dict[str, Function]:
    found = {fn.name: fn}
    for inner in fn.functions:
        found |= _named(inner)
    return found


def _callees_first(fn: Function, named: dict[str, Function]) -> list[Function]:
    """All the functions; each after those it calls, as far as calls are not recursive."""
    order: dict[str, Function] = {}
    entered: set[str] = set()
    pending = [(fn, False), *((f, False) for f in named.values())]
    while pending:
        inner, left = pending.pop()
        if left:
            order[inner.name] = inner
        elif inner.name not in entered:
            entered.add(inner.name)
            pending.append((inner, True))
            pending += [
                (named[s.function], False)
                for s in statements(inner.body)
                if isinstance(s, Call) and s.function in named
            ]
    return list(order.values())


def _reassembled(fn: Function, done: dict[str, Function]) -> Function:
    functions = tuple(_reassembled(inner, done) for inner in fn.functions)
    return replace(done[fn.name], functions=functions)
