"""What is broadcast if it has length 1, as only the run time knows: both ways, in a branch.

    a[j:] = b[i:k]          if len(b[i:k]) == 1: a[j:] = b[i:k][0]
                      ->    else: a[j:] = b[i:k]  (as long, or it raises)

Loops over elements have to know which element they read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from stagec.ir.alias import path_of
from stagec.ir.build import Builder
from stagec.ir.core import Apply, Block, If, Operand, Value, operand_of
from stagec.ir.path import Index
from stagec.ir.types import ArrayType, Shape, may_be_one, same
from stagec.ops.arithmetic import Handle
from stagec.ops.as_long import as_long
from stagec.ops.axes import expand_dims
from stagec.ops.broadcast import sum_, unbroadcast
from stagec.ops.comparison import equal
from stagec.ops.copying import copy
from stagec.ops.effects import agree
from stagec.ops.expansion import expanded
from stagec.ops.extent import extent
from stagec.ops.indexing import read, read_at
from stagec.ops.paths import FULL
from stagec.opt.scalarise.views import Views


def both_ways(block: Block, views: Views) -> Block:
    """The block with a branch wherever it depends on one length what is broadcast."""
    return expanded(block, lambda stmt: _rule(stmt, views))


def _rule(stmt: Apply, views: Views) -> Callable[..., Any] | None:
    if stmt.op is unbroadcast:
        ct, like = (a.type for a in stmt.args)
        axis = _unclear(like, ct.shape) if isinstance(ct, ArrayType) else None
        return None if axis is None else _Sum(stmt, axis)
    view = None if stmt.op.overwrites is None or path_of(stmt) is None else views.of(stmt)
    if view is None:
        return None
    _, value, *_ = stmt.args
    axis = _unclear(value.type, view.shape)
    return None if axis is None else _Write(stmt, axis, views, view.shape)


def _unclear(kind: object, wide: Shape) -> int | None:
    """The only axis of an array of this type of which it is not known if it is broadcast; along
    all others it is as long.
    """
    if not isinstance(kind, ArrayType) or not kind.rank or kind.rank != len(wide):
        return None
    dims = [*zip(kind.shape, wide, strict=True)]
    found = [k for k, (d, w) in enumerate(dims) if not same(d, w)]
    if len(found) != 1 or None in (*kind.shape, *wide):
        return None
    d, w = dims[found[0]]
    return found[0] if d != 1 and (may_be_one(d) or may_be_one(w)) else None


@dataclass(frozen=True, slots=True)
class _Write:
    """A write of the second operand to a part of the first."""

    stmt: Apply
    axis: int
    views: Views
    shape: Shape

    def __call__(self, base: Handle, value: Handle, *index: Handle, **attrs: Any) -> Value:
        builder = base.builder
        part = self.part(builder, base, index)
        (length,) = builder.add(extent, (value.operand,), {"axis": self.axis})
        (wide,) = builder.add(extent, (part,), {"axis": self.axis})

        def written(inner: Builder, given: Handle) -> Operand:
            outs = (Value(self.stmt.out.type, self.stmt.out.hint),)
            args = (base.operand, given.operand, *(i.operand for i in index))
            inner.append(replace(self.stmt, args=args, outs=outs, loc=builder.loc))
            self.views.found[outs[0]] = self.views.found[self.stmt.out]
            return outs[0]

        def alone(inner: Builder) -> Operand:
            at = (Index((*(FULL,) * self.axis, 0)),)
            first = read_at(Handle(inner, value.operand), at)
            return written(inner, expand_dims(first, axes=(self.axis,)))

        def as_given(inner: Builder) -> Operand:
            inner.add(agree, (length, wide), {})
            return written(inner, as_long(Handle(inner, value.operand), Handle(inner, part)))

        return branch(builder, length, alone, as_given, self.stmt.out)

    def part(self, builder: Builder, base: Handle, index: tuple[Handle, ...]) -> Value:
        """The part that is written to, for its lengths."""
        kind = base.type
        assert isinstance(kind, ArrayType)
        out = Value(ArrayType(kind.dtype, self.shape))
        attrs = (*self.stmt.attrs, ("view", True))
        args = (base.operand, *(i.operand for i in index))
        builder.append(Apply(read, args, attrs, (out,), builder.loc))
        self.views.found[out] = self.views.found[self.stmt.out]
        return out


@dataclass(frozen=True, slots=True)
class _Sum:
    """A sum over what was broadcast."""

    stmt: Apply
    axis: int

    def __call__(self, ct: Handle, like: Handle) -> Value:
        builder = ct.builder
        (length,) = builder.add(extent, (like.operand,), {"axis": self.axis})
        (wide,) = builder.add(extent, (ct.operand,), {"axis": self.axis})

        def alone(inner: Builder) -> Operand:
            total = sum_(Handle(inner, ct.operand), axes=(self.axis,), keepdims=True)
            return operand_of(as_long(total, Handle(inner, like.operand)))

        def as_given(inner: Builder) -> Operand:
            inner.add(agree, (length, wide), {})
            given = as_long(Handle(inner, ct.operand), Handle(inner, like.operand))
            return operand_of(copy(given))

        return branch(builder, length, alone, as_given, self.stmt.out)


def branch(
    builder: Builder,
    length: Operand,
    alone: Callable[[Builder], Operand],
    as_given: Callable[[Builder], Operand],
    like: Value,
) -> Value:
    """What `alone` gives if the length is 1, and else what `as_given` does."""
    one = operand_of(equal(Handle(builder, length), 1))
    then, orelse = builder.nested(), builder.nested()
    blocks = [
        Block((), tuple(inner.stmts), (result,))
        for inner, result in ((then, alone(then)), (orelse, as_given(orelse)))
    ]
    out = Value(like.type, like.hint)
    builder.append(If(one, blocks[0], blocks[1], (out,), builder.loc))
    return out
