"""A number that is stored where another is stored before anything reads it is not stored.

    L[i, j] = t                          L[i, j] = t / L[j, j]
    L[i, j] = t / L[j, j]         ->

What is read in between has to be other elements for sure, and is read from the array before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

from stagec.ir.chains import mentioned
from stagec.ir.core import Apply, Block, Operand, Value
from stagec.ir.function import Function
from stagec.ir.types import ArrayType
from stagec.ir.walk import statements, substitute
from stagec.ops.extent import extent
from stagec.ops.index_bounds import Indices
from stagec.ops.indexing import read, update
from stagec.opt.elements import is_element
from stagec.opt.places import apart, where_of

Uses = Mapping[Operand, list[Apply]]


def overwrites(fn: Function) -> Function:
    """The function without such stores; `dce` drops what is left of them."""
    functions = tuple(map(overwrites, fn.functions))
    pairs = dict(_pairs(fn.body))
    if not pairs:
        return replace(fn, functions=functions)
    facts = Indices.learned(fn)
    uses = _uses(fn.body)
    counts = Counter(mentioned(fn.body))
    instead: dict[Value, Operand] = {}
    for first, second in pairs.items():
        others = [s for s in uses.get(first.out, []) if s is not second]
        if counts[first.out] == len(others) + 1 and all(
            s.op is extent or (s.op is read and _elsewhere(facts, first, s)) for s in others
        ):
            instead[first.out] = instead.get(_array(first), _array(first))
    return replace(fn, body=substitute(fn.body, instead), functions=functions)


def _elsewhere(facts: Indices, store: Apply, other: Apply) -> bool:
    """Whether both are about single elements, and these surely are two."""
    return (
        is_element(store)
        and is_element(other)
        and apart(facts, where_of(store), where_of(other))
    )


def _array(store: Apply) -> Value:
    """What the store writes to."""
    array = store.args[0]
    assert isinstance(array, Value)
    return array


def _pairs(body: Block) -> Iterator[tuple[Apply, Apply]]:
    """Stores of numbers, each with the next store to the same place in its block."""
    stores: dict[Operand, Apply] = {}
    for stmt in statements(body):
        if not isinstance(stmt, Apply) or stmt.op is not update:
            continue
        first = stores.get(stmt.args[0])
        if first is not None and where_of(first) == where_of(stmt):
            yield first, stmt
        kind = stmt.args[1].type
        # what has axes might not fit, which NumPy tells
        if isinstance(stmt.args[0], Value) and isinstance(kind, ArrayType) and not kind.rank:
            stores[stmt.out] = stmt


def _uses(body: Block) -> Uses:
    """The ops that use an array alone, or read it or write to it."""
    found: dict[Operand, list[Apply]] = {}
    for stmt in statements(body):
        if isinstance(stmt, Apply) and stmt.op in (read, update, extent):
            found.setdefault(stmt.args[0], []).append(stmt)
    return found
