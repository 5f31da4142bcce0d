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

MOST = 2  # axes of one array: each of them doubles the code


def both_ways(block: Block, views: Views) -> Block:
    """The block with a branch wherever it depends on one length what is broadcast."""
    return expanded(block, lambda stmt: _rule(stmt, views))


def _rule(stmt: Apply, views: Views) -> Callable[..., Any] | None:
    if stmt.op is unbroadcast:
        ct, like = (a.type for a in stmt.args)
        axes = _unclear(like, ct.shape) if isinstance(ct, ArrayType) else ()
        return _Sum(stmt, axes) if axes else None
    if stmt.op.overwrites is None:
        return _elementwise(stmt)
    view = None if path_of(stmt) is None else views.of(stmt)
    if view is None:
        return None
    _, value, *_ = stmt.args
    axes = _unclear(value.type, view.shape)
    return _Write(stmt, axes[0], views, view.shape) if len(axes) == 1 else None


def _unclear(kind: object, wide: Shape) -> tuple[int, ...]:
    """The axes of an array of this type of which it is not known if they are broadcast; along
    all others it is as long.  None, if that can be said of it.
    """
    if not isinstance(kind, ArrayType) or kind.rank != len(wide):
        return ()
    found = tuple(
        k
        for k, (d, w) in enumerate(zip(kind.shape, wide, strict=True))
        if not same(d, w) and (may_be_one(d) or may_be_one(w))
    )
    known = None not in (*kind.shape, *wide) and all(kind.shape[k] != 1 for k in found)
    return found if known and len(found) <= MOST else ()


def _elementwise(stmt: Apply) -> _Pointwise | None:
    """How an op on elements is written that has one operand which may be broadcast."""
    if len(stmt.outs) != 1 or stmt.op.shapes:
        return None
    wide = stmt.out.type
    if not isinstance(wide, ArrayType):
        return None
    found = ((k, _unclear(a.type, wide.shape)) for k, a in enumerate(stmt.args))
    places = [(k, axes) for k, axes in found if axes]
    full = (
        k
        for k, a in enumerate(stmt.args)
        if isinstance(a.type, ArrayType) and same_shape(a.type.shape, wide.shape)
    )
    like = next(full, None)
    if len(places) != 1 or like is None:
        return None
    ((position, axes),) = places
    args = list(stmt.args)
    args[position] = Value(replace(wide, dtype=args[position].type.dtype))  # type: ignore[union-attr]
    whole = pointwise(replace(stmt, args=tuple(args)))
    return _Pointwise(stmt, position, axes, like) if whole else None


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
class _Pointwise:
    """An op on elements, whose operand at `position` may be broadcast along the axes to the
    shape of that at `like`.
    """

    stmt: Apply
    position: int
    axes: tuple[int, ...]
    like: int

    def __call__(self, *args: Handle, **attrs: Any) -> Operand:
        given, wide = args[self.position], args[self.like]

        def computed(inner: Builder, alone: tuple[int, ...]) -> Operand:
            operands = [a.operand for a in args]
            operands[self.position] = operand_of(self.exact(inner, given, wide, alone))
            outs = (Value(self.stmt.out.type, self.stmt.out.hint),)
            inner.append(replace(self.stmt, args=tuple(operands), outs=outs, loc=inner.loc))
            return outs[0]

        operands = given.operand, wide.operand
        return _branches(given.builder, operands, self.axes, computed, self.stmt.out)

    def exact(self, inner: Builder, given: Handle, wide: Handle, alone: tuple[int, ...]) -> Any:
        """The operand, one long along the axes `alone`, and as long as the other elsewhere."""
        rank = len(self.stmt.out.type.shape)  # type: ignore[union-attr]
        at = (Index(tuple(0 if k in alone else FULL for k in range(rank))),)
        one, other = (Handle(inner, a.operand) for a in (given, wide))
        if len(alone) < rank:
            parts = (read_at(a, at) if alone else a for a in (one, other))
            one = as_long(*parts)
        else:
            one = read_at(one, at)
        return expand_dims(one, axes=alone) if alone else one


@dataclass(frozen=True, slots=True)
class _Sum:
    """A sum over what was broadcast."""

    stmt: Apply
    axes: tuple[int, ...]

    def __call__(self, ct: Handle, like: Handle) -> Operand:
        def summed(inner: Builder, alone: tuple[int, ...]) -> Operand:
            total = found = Handle(inner, ct.operand)
            if alone:
                total = sum_(found, axes=alone, keepdims=True)
            given = as_long(total, Handle(inner, like.operand))
            return operand_of(given if alone else copy(given))

        operands = like.operand, ct.operand
        return _branches(ct.builder, operands, self.axes, summed, self.stmt.out)


def _branches(
    builder: Builder,
    operands: tuple[Operand, Operand],
    axes: tuple[int, ...],
    use: Callable[[Builder, tuple[int, ...]], Operand],
    like: Value,
    alone: tuple[int, ...] = (),
) -> Operand:
    """What `use` gives, told the axes along which the first of the operands has length 1, and
    not that of the second; axes are compared one after another.
    """
    if not axes:
        return use(builder, alone)
    axis, *others = axes
    lengths = [builder.add(extent, (a,), {"axis": axis})[0] for a in operands]

    def further(inner: Builder, alone: tuple[int, ...]) -> Operand:
        return _branches(inner, operands, tuple(others), use, like, alone)

    def as_given(inner: Builder) -> Operand:
        inner.add(agree, lengths, {})
        return further(inner, alone)

    return branch(
        builder, lengths[0], lambda inner: further(inner, (*alone, axis)), as_given, like
    )


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
