"""What is stored where a mask says so, as loops over the mask.

    x[m] = 2.0 * y[m] + 1.0  ->  for i in range(len(m)):
                                     if m[i]: x[i] = 2.0 * y[i] + 1.0

Such a loop can be one with the loops around it, and what the mask selects is in no array of its
own.  Only elements that are selected are computed, so nothing else can warn or fail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from stagec.ir.build import Builder
from stagec.ir.core import (
    LIBRARY,
    Apply,
    Block,
    Effect,
    For,
    If,
    Operand,
    Structured,
    Value,
    const,
)
from stagec.ir.function import Function
from stagec.ir.lowering import fits, kernel_source
from stagec.ir.path import Arg, Index
from stagec.ir.rebuild import map_regions
from stagec.ir.types import BOOL, INT, ArrayType, rank_of, same
from stagec.ops.extent import extent
from stagec.ops.indexing import accumulate, read, update
from stagec.opt.elements import read_element, write_element
from stagec.opt.scalarise.groups import element as element_type

BY_MASK = (Index((Arg(0),)),)


def masked(fn: Function) -> Function:
    """The function with loops where masks say what is stored."""
    functions = tuple(map(masked, fn.functions))
    return replace(fn, body=_block(Builder(), False, fn.body), functions=functions)


def _block(outer: Builder, looped: bool, block: Block) -> Block:
    builder = outer.nested()
    for stmt in block.stmts:
        builder.loc = stmt.loc
        store = _Store.of(stmt, builder) if isinstance(stmt, Apply) else None
        if store is None or not (looped or store.worth()):
            inside = looped or not isinstance(stmt, If)
            builder.append(map_regions(stmt, partial(_block, builder, inside)))
        elif not store.loop(builder):
            builder.append(stmt)
    return builder.block(block.params, block.results)


@dataclass(slots=True)
class _Store:
    """A write to the elements that a mask selects.

    Attributes
    ----------
    mask : the mask, of the shape of the array.
    before : what computed the operands.
    """

    stmt: Apply
    mask: Operand
    before: Builder
    elements: dict[Operand, Operand] = field(default_factory=dict["Operand", "Operand"])

    @classmethod
    def of(cls, stmt: Apply, before: Builder) -> _Store | None:
        """The store; None if it is none that a loop can make."""
        if stmt.op not in (update, accumulate) or len(stmt.args) != 3:
            return None
        found = cls(stmt, stmt.args[2], before)
        array, value = stmt.args[0].type, stmt.args[1].type
        if not found.selects(stmt.args[0], stmt.kwargs["path"]):
            return None
        assert isinstance(array, ArrayType)
        if not isinstance(value, ArrayType) or not fits(value):
            return None
        kind = {"b": bool, "i": int, "f": float, "c": complex}[value.dtype.kind]
        given = kind() if value.weak else value.dtype
        # what does not fit is refused, or not, even where the mask selects nothing
        return found if np.result_type(array.dtype, given) == array.dtype else None

    def selects(self, array: Operand, path: object) -> bool:
        """Whether the path selects elements of the array by the mask."""
        kind, mask = array.type, self.mask.type
        return (
            path == BY_MASK
            and isinstance(kind, ArrayType)
            and isinstance(mask, ArrayType)
            and mask.dtype == BOOL.dtype
            and kind.rank == mask.rank > 0
            and fits(kind)
            and all(map(same, kind.shape, mask.shape))
        )

    def worth(self) -> bool:
        """Whether other loops may give the mask."""
        made = self.before.producer(self.mask)
        return made is not None and made.op.scalar is not LIBRARY

    def loop(self, builder: Builder) -> bool:
        """Add the loops; False if it is not known how to compute one element."""
        assert isinstance(self.mask.type, ArrayType)
        made = builder.nested()
        lengths = [
            const(d) if isinstance(d, int) else made.add(extent, (self.mask,), {"axis": k})[0]
            for k, d in enumerate(self.mask.type.shape)
        ]
        done = self.nest(made, self.stmt.args[0], lengths, (), self.stmt.out)
        for stmt in made.stmts if done else ():
            builder.append(stmt)
        return done

    def nest(
        self, builder: Builder, array: Operand, lengths: Sequence[Operand],
        at: tuple[Value, ...], out: Value,
    ) -> bool:  # fmt: skip
        """Add the loops inside of those with the indices `at`, if that can be done."""
        index, param = Value(INT, "i"), Value(array.type, out.hint)
        body, now, result = builder.nested(), (*at, index), Value(array.type, out.hint)
        if len(now) < len(lengths):
            done = self.nest(body, param, lengths, now, result)
        else:
            done = self.branch(body, param, now, result)
        block = body.block((index, param), (result,))
        builder.append(
            For(const(0), lengths[len(at)], const(1), (array,), block, (out,), loc=builder.loc)
        )
        return done

    def branch(self, body: Builder, array: Value, at: tuple[Value, ...], out: Value) -> bool:
        """Add what one trip does, if that can be computed."""
        chosen = self.at(body, self.mask, array, at)
        then = body.nested()
        value = self.element(then, self.stmt.args[1], array, at)
        if value is None:
            return False
        made = write_element(then, array, value, at, out.hint, self.stmt.op)
        body.append(
            If(chosen, then.block((), (made,)), Block((), (), (array,)), (out,), body.loc)
        )
        return True

    def at(
        self, builder: Builder, given: Operand, array: Value, at: tuple[Value, ...]
    ) -> Value:
        """The element of an array from before the loops: a trip changes none but its own."""
        base = array if given == self.stmt.args[0] else given
        return read_element(builder, base, at)

    def element(
        self, builder: Builder, value: Operand, array: Value, at: tuple[Value, ...]
    ) -> Operand | None:
        """What is stored in one element; None if it is not known how to compute it."""
        if not rank_of(value.type):
            return value
        if value in self.elements:
            return self.elements[value]
        made = self.before.producer(value)
        if made is None or not fits(made.out.type):
            return None
        if made.op is read:
            if made.args[1:] != (self.mask,) or not self.selects(
                made.args[0], made.kwargs["path"]
            ):
                return None
            found: Operand | None = self.at(builder, made.args[0], array, at)
        else:
            found = self.computed(builder, made, array, at)
        if found is not None:
            self.elements[value] = found
        return found

    def computed(
        self, builder: Builder, made: Apply, array: Value, at: tuple[Value, ...]
    ) -> Operand | None:
        """One element of what an op computes element by element."""
        op = made.op
        if (
            op.effect is not Effect.NONE
            or op.overwrites is not None
            or op.aliased(made.kwargs) is not None
            or isinstance(op.scalar, Structured)
            or op.shapes
        ):
            return None
        args = [self.element(builder, a, array, at) for a in made.args]
        if None in args:
            return None
        given = [a for a in args if a is not None]
        if op.exceptions(given, made.kwargs):
            return None
        (found,) = builder.add(op, given, made.kwargs)
        (stmt,) = (s for s in builder.stmts if found in s.outs)
        assert isinstance(stmt, Apply)
        assert isinstance(made.out.type, ArrayType)
        same = found.type == element_type(made.out.type)
        return found if same and kernel_source(stmt) is not None else None
