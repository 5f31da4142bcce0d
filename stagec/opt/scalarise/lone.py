"""What is broadcast if it has length 1, as only the run time knows: both ways, in a branch.

    a[j:] = b[i:k]          if len(b[i:k]) == 1: a[j:] = b[i:k][0]
                      ->    else: a[j:] = b[i:k]  (as long, or it raises)

Loops over elements have to know which element they read.  So it is with `b[i:k] * w`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from stagec.ir.alias import path_of
from stagec.ir.build import Builder
from stagec.ir.core import Apply, Block, If, Operand, Value, operand_of
from stagec.ir.path import Index
from stagec.ir.types import ArrayType, Shape, may_be_one, same, same_shape
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
from stagec.opt.scalarise.groups import pointwise
from stagec.opt.scalarise.views import Views


def both_ways(block: Block, views: Views) -> Block:
    """The block with a branch wherever it depends on one length what is broadcast."""
    return expanded(block, lambda stmt: _rule(stmt, views))


def _rule(stmt: Apply, views: Views) -> Callable[..., Any] | None:
    if stmt.op is unbroadcast:
        ct, like = (a.type for a in stmt.args)
        axis = _unclear(like, ct.shape) if isinstance(ct, ArrayType) else None
        return None if axis is None else _Sum(stmt, axis)
    if stmt.op.overwrites is None:
        return _elementwise(stmt)
    view = None if path_of(stmt) is None else views.of(stmt)
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
    found = [
        k
        for k, (d, w) in enumerate(zip(kind.shape, wide, strict=True))
        if not same(d, w) and (may_be_one(d) or may_be_one(w))
    ]
    if len(found) != 1 or kind.shape[found[0]] == 1 or None in (*kind.shape, *wide):
        return None
    return found[0]


def _elementwise(stmt: Apply) -> _Pointwise | None:
    """How an op on elements is written that has one operand which may be broadcast."""
    wide = stmt.out.type
    if not isinstance(wide, ArrayType) or len(stmt.outs) != 1 or stmt.op.shapes:
        return None
    found = ((k, _unclear(a.type, wide.shape)) for k, a in enumerate(stmt.args))
    places = [(k, axis) for k, axis in found if axis is not None]
    full = (
        k
        for k, a in enumerate(stmt.args)
        if isinstance(a.type, ArrayType) and same_shape(a.type.shape, wide.shape)
    )
    like = next(full, None)
    if len(places) != 1 or like is None:
        return None
    ((position, axis),) = places
    args = list(stmt.args)
    args[position] = Value(replace(wide, dtype=args[position].type.dtype))  # type: ignore[union-attr]
    whole = pointwise(replace(stmt, args=tuple(args)))
    return _Pointwise(stmt, position, axis, like) if whole else None


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
            return written(inner, _first(inner, value, self.axis))

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
class _Pointwise:
    """An op on elements, whose operand at `position` may be broadcast along the axis to the
    shape of that at `like`.
    """

    stmt: Apply
    position: int
    axis: int
    like: int

    def __call__(self, *args: Handle, **attrs: Any) -> Value:
        builder, given, wide = args[0].builder, args[self.position], args[self.like]
        lengths = [
            builder.add(extent, (a.operand,), {"axis": self.axis})[0] for a in (given, wide)
        ]

        def computed(inner: Builder, value: Any) -> Operand:
            operands = [a.operand for a in args]
            operands[self.position] = operand_of(value)
            outs = (Value(self.stmt.out.type, self.stmt.out.hint),)
            inner.append(replace(self.stmt, args=tuple(operands), outs=outs, loc=builder.loc))
            return outs[0]

        def alone(inner: Builder) -> Operand:
            return computed(inner, _first(inner, given, self.axis))

        def as_given(inner: Builder) -> Operand:
            inner.add(agree, lengths, {})
            like = Handle(inner, wide.operand)
            return computed(inner, as_long(Handle(inner, given.operand), like))

        return branch(builder, lengths[0], alone, as_given, self.stmt.out)


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


def _first(builder: Builder, value: Handle, axis: int) -> Any:
    """The first element along the axis, which stays."""
    first = read_at(Handle(builder, value.operand), (Index((*(FULL,) * axis, 0)),))
    return expand_dims(first, axes=(axis,))


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
