"""Names for lengths that only the run time knows, so that equal ones are seen to be equal.

The slices `a[:j]` and `b[:j]` of arrays of one length have one length themselves, whatever `j`
is; so has everything that is computed from them element by element.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import assert_never

from stagec.ir.alias import path_of
from stagec.ir.core import Apply, Block, Call, Const, For, If, Operand, Stmt, Value, While
from stagec.ir.function import Function
from stagec.ir.lowering import is_integer
from stagec.ir.path import Arg, Index, NewAxis, Slice
from stagec.ir.rebuild import map_operands, map_regions
from stagec.ir.types import ArrayType, Dim, Size, Symbol, Type, affine, size
from stagec.ir.walk import defined, rename
from stagec.ops.index_facts import IndexFacts, given_sizes


def lengths(fn: Function) -> Function:
    """The function with a symbol for each length that only the run time knows."""
    namer = _namer(fn.body, indexed=False)
    inner = tuple(map(lengths, fn.functions))
    return replace(fn, body=namer.block(fn.body, {}), functions=inner)


def with_lengths(block: Block) -> tuple[Block, Mapping[Symbol, Operand]]:
    """The block with a length for each unknown one, and the loop indices that they hold.

    Loop indices have symbols of their own here, so that lengths may depend on them.
    """
    namer = _namer(block, indexed=True)
    names: dict[Value, Operand] = {}
    found = namer.block(block, names)
    indices = {s: rename(v, names) for s, v in namer.facts.values.items()}
    return found, indices


def _namer(block: Block, indexed: bool) -> _Namer:
    types = (v.type for v in defined(block) if isinstance(v.type, ArrayType))
    dims = (d for t in types for d in (*t.shape, t.size) if isinstance(d, Size))
    taken = {symbol.name for d in dims for symbol, _ in d.terms}
    return _Namer(IndexFacts(given_sizes(block.params), "index"), indexed, taken)


@dataclass(slots=True)
class _Namer:
    """The symbols so far, by what they are the lengths of."""

    facts: IndexFacts
    indexed: bool
    taken: set[str]
    known: dict[Hashable, Symbol] = field(default_factory=dict[Hashable, Symbol])

    def symbol(self, key: Hashable) -> Dim:
        """The length with this key."""
        if key not in self.known:
            names = (f"__length{n}" for n in count(len(self.known)))
            name = next(n for n in names if n not in self.taken)
            self.taken.add(name)
            self.known[key] = Symbol(name, unit=True)
        return size(self.known[key])

    def block(self, block: Block, names: dict[Value, Operand]) -> Block:
        """The block with values of more precise types; `names` says which for which."""
        params = tuple(self.counted(self.named(p, {}, names), names) for p in block.params)
        stmts = tuple(self.stmt(s, names) for s in block.stmts)
        return Block(params, stmts, tuple(rename(r, names) for r in block.results))

    def stmt(self, stmt: Stmt, names: dict[Value, Operand]) -> Stmt:
        """The statement with a symbol for each length of its results that is not known."""
        stmt = map_operands(stmt, lambda v: rename(v, names))
        if isinstance(stmt, For) and self.indexed:
            self.facts.index(stmt)
        stmt = map_regions(stmt, lambda b: self.block(b, names))
        match stmt:
            case Apply():
                self.facts.note(stmt)
                return replace(stmt, outs=self.results(stmt, names))
            case Call() | If():
                return replace(stmt, outs=tuple(self.named(v, {}, names) for v in stmt.outs))
            case For() | While():
                carry = tuple(self.named(v, {}, names) for v in stmt.carry)
                return replace(stmt, carry=carry)
            case _:
                assert_never(stmt)

    def results(self, stmt: Apply, names: dict[Value, Operand]) -> tuple[Value, ...]:
        """The results of an op, whose operands may be known better than before."""
        if not any(isinstance(o.type, ArrayType) and o.type.rank for o in stmt.outs):
            return tuple(self.counted(o, names) for o in stmt.outs)
        found = stmt.op.infer(*(a.type for a in stmt.args), **stmt.kwargs)
        types = found if isinstance(found, tuple) else (found,)
        lengths = self.lengths(stmt)
        return tuple(
            self.named(out, lengths, names, type)
            for out, type in zip(stmt.outs, types, strict=True)
        )

    def counted(self, value: Value, names: dict[Value, Operand]) -> Value:
        """The value with what is known of an integer that is never negative as its size."""
        if not (self.indexed and is_integer(value.type)) or value.type.size is not None:  # type: ignore[union-attr]
            return value
        found = self.facts.of(value)
        if not isinstance(found, Size) or not self.facts.natural(found):
            return value
        made = names[value] = Value(replace(value.type, size=found), value.hint)  # type: ignore[type-var]
        return made

    def named(
        self,
        value: Value,
        lengths: dict[int, Dim],
        names: dict[Value, Operand],
        type: Type | None = None,
    ) -> Value:
        """The value with a symbol for each length that neither its type nor `type` tells."""
        kind = value.type
        if not isinstance(kind, ArrayType):
            return value
        better = type.shape if isinstance(type, ArrayType) else kind.shape
        shape = [
            b if a is None or (b is not None and isinstance(a, Size)) else a
            for a, b in zip(kind.shape, better, strict=True)
        ]
        full = tuple(
            lengths.get(k, self.symbol((value, k))) if d is None else d
            for k, d in enumerate(shape)
        )
        if full == kind.shape:
            return value
        made = names[value] = Value(replace(kind, shape=full), value.hint)
        return made

    def lengths(self, stmt: Apply) -> dict[int, Dim]:
        """The lengths of a slice between staged bounds, by axis of the result."""
        path = path_of(stmt)
        if stmt.op.overwrites is not None or path is None or len(path) != 1:
            return {}
        base, (step,) = stmt.args[0].type, path
        if not isinstance(step, Index) or not isinstance(base, ArrayType):
            return {}
        found: dict[int, Dim] = {}
        axis = at = 0
        for item in step.items:
            if isinstance(item, Slice) and base.shape[axis] is not None:
                found[at] = self.length(item, base.shape[axis], stmt.args[1:])
            if isinstance(item, Arg) and _moves_axes(stmt.args[1 + item.position]):
                return {}
            at += isinstance(item, Slice | NewAxis)
            axis += not isinstance(item, NewAxis)
        return found

    def length(self, item: Slice, dim: Dim, index: tuple[Operand, ...]) -> Dim:
        """The length of a slice of an axis of length `dim`."""
        start = 0 if item.start is None else self.bound(item.start, index)
        stop = dim if item.stop is None else self.bound(item.stop, index)
        found = affine((stop, 1), (start, -1))
        inside = (start, affine((dim, 1), (stop, -1)))
        whole = item.step in (None, 1) and all(map(self.facts.holds, inside))
        if whole and self.facts.natural(found):
            return found
        parts = (item.start, item.stop, item.step)
        return self.symbol((dim, *(_key(p, index) for p in parts)))

    def bound(self, part: int | Arg, index: tuple[Operand, ...]) -> Dim:
        """A bound of a slice as an expression."""
        return self.facts.of(index[part.position]) if isinstance(part, Arg) else part


def _moves_axes(index: Operand) -> bool:
    return (
        not isinstance(index.type, ArrayType)
        or bool(index.type.rank)
        or (index.type.dtype.kind == "b")
    )


def _key(part: int | Arg | None, index: tuple[Operand, ...]) -> Hashable:
    """What the bound of a slice is: equal keys are equal at run time."""
    if not isinstance(part, Arg):
        return part
    operand = index[part.position]
    return operand.key if isinstance(operand, Const) else operand
