"""Batching: a function of several inputs at once, along a further axis.

What does not depend on a batched parameter is computed once, as before.  Branches and loops
are taken by all elements of the batch together, so what decides about them must be the same for
all; it always is in tangents and cotangents, whose control flow is that of the primal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

from stagec.ir.build import Builder
from stagec.ir.core import (
    Apply,
    Block,
    Call,
    Effect,
    For,
    If,
    Operand,
    Stmt,
    Undef,
    Value,
    While,
    operand_of,
)
from stagec.ir.function import Function
from stagec.ir.types import ArrayType, Dim, ListType, Type
from stagec.ops.arithmetic import Handle
from stagec.ops.axes import move_axis
from stagec.ops.broadcast import stretch
from stagec.ops.cast import fit_dtype
from stagec.ops.last_axes import stretch_last
from stagec.ops.list_batches import list_stretch
from stagec.transforms.naming import named


class Unbatchable(Exception):
    """The function does something that a batch cannot do together; the text says what."""


def batch(
    fn: Function, which: Sequence[int], size: Dim, last: bool = False, lists: bool = True
) -> tuple[Function, tuple[bool, ...]]:
    """`fn` with a further axis of length `size` on each parameter number `which`.

    It is the first axis, or the last: NumPy is best at the first, where operations are on
    whole arrays of each element, loops at the last, where an element is one of many side by
    side.  The flags say which results have it.  Without `lists` none may get that axis: a list
    holds something of every trip of a loop.

    Raises
    ------
    Unbatchable : where the elements of a batch may go different ways, or an op cannot.
    """
    chosen = [fn.params[k] for k in which]
    wide = {p: Value(widened(p.type, size, last), p.hint) for p in chosen}
    names: dict[Value, Operand] = dict(wide)
    like = wide[chosen[0]]
    state = _Batch(Builder(), like, size, last, lists, names, set(wide.values()))
    state.run(fn.body)
    results = [state.get(r) for r in fn.body.results]
    params = tuple(wide.get(p, p) for p in fn.params)
    body = named(state.builder.block(params, results), state.hints)
    flags = tuple(r in state.wide for r in results)
    return replace(fn, name=f"{fn.name}_batch", body=body), flags


def widened(type: Type, size: Dim, last: bool) -> Type:
    """The type with a further axis of length `size`; elements of a list have it first."""
    match type:
        case ListType(element):
            return ListType(widened(element, size, False))
        case ArrayType():
            shape = (*type.shape, size) if last else (size, *type.shape)
            return ArrayType(type.dtype, shape)
        case _:
            raise Unbatchable(f"a batch of {type}")


@dataclass(slots=True)
class _Batch:
    """Copies the statements of a block; `names` maps its values to those of the copy.

    `wide` are the values of the copy that have the batch axis, which `like` has too.
    """

    builder: Builder
    like: Value
    size: Dim
    last: bool
    lists: bool
    names: dict[Value, Operand]
    wide: set[Operand]
    hints: dict[Value, str] = field(default_factory=dict[Value, str])

    def run(self, block: Block) -> None:
        """Append the statements of the block."""
        for stmt in block.stmts:
            self.builder.loc = stmt.loc
            self._stmt(stmt)

    def get(self, operand: Operand) -> Operand:
        """What stands for the operand in the copy."""
        return self.names.get(operand, operand) if isinstance(operand, Value) else operand

    def _all(self, operands: Iterable[Operand]) -> tuple[Operand, ...]:
        return tuple(map(self.get, operands))

    def _alike(self, what: str, *operands: Operand) -> None:
        if any(self.get(o) in self.wide for o in operands):
            raise Unbatchable(f"{what} that differs between the elements of a batch")

    def _set(self, value: Value, wide: Operand) -> None:
        if isinstance(wide, Value) and value.hint:
            self.hints.setdefault(wide, value.hint)
        self.names[value] = wide
        self.wide.add(wide)

    def _widened(self, operand: Operand) -> Operand:
        """The operand of the copy with the batch axis."""
        if operand in self.wide:
            return operand
        if isinstance(operand, Undef):
            return Undef(widened(operand.type, self.size, self.last))
        handle, like = Handle(self.builder, operand), Handle(self.builder, self.like)
        if isinstance(operand.type, ListType):
            self._listed()
            front = move_axis(like, like.ndim - 1, 0) if self.last else like
            return operand_of(list_stretch(handle, front))
        return operand_of(stretch_last(handle, like) if self.last else stretch(handle, like))

    def _listed(self) -> None:
        if not self.lists:
            raise Unbatchable("a list of a large batch")

    def _nested(self) -> _Batch:
        return replace(self, builder=self.builder.nested(), names=dict(self.names))

    def _stmt(self, stmt: Stmt) -> None:
        match stmt:
            case Apply():
                self._apply(stmt)
            case Call(args=args):
                self._alike("an argument of a recursive function", *args)
                self.builder.append(replace(stmt, args=self._all(args)))
            case If():
                self._branch(stmt)
            case For() | While():
                self._loop(stmt)
            case _:
                assert_never(stmt)

    def _apply(self, stmt: Apply) -> None:
        args = self._all(stmt.args)
        if not any(a in self.wide for a in args):
            self.builder.append(replace(stmt, args=args))
            return
        if stmt.op.batch is None or stmt.op.effect is not Effect.NONE:
            raise Unbatchable(f"{stmt.op.name} of a batch")
        try:
            found = self._applied(stmt, tuple(Handle(self.builder, a) for a in args))
        except TypeError as error:
            raise Unbatchable(str(error)) from None
        for value, (part, wide) in zip(stmt.outs, found, strict=True):
            if not wide:
                self.names[value] = operand_of(part)
                continue
            if isinstance(value.type, ArrayType):
                # a batch of Python numbers is not weak
                part = fit_dtype(part, value.type.dtype)
            self._set(value, operand_of(part))

    def _applied(self, stmt: Apply, args: tuple[Handle, ...]) -> list[tuple[Any, bool]]:
        """The results of an op on a batch, and whether they have the batch axis."""
        op, wide = stmt.op, tuple(a.operand in self.wide for a in args)
        assert op.batch is not None
        if self.last and op.batch_last is not None:
            found = op.batch_last(args, wide, **stmt.kwargs)
            if found is not None:
                return [(found, True)]
        axes = tuple(self._axis(a) if w else None for a, w in zip(args, wide, strict=True))
        found, where = op.batch(args, axes, **stmt.kwargs)
        parts: tuple[Any, ...] = (found,) if len(stmt.outs) == 1 else tuple(found)
        each: Any = where
        several = isinstance(where, tuple)
        places: list[int | None] = list(each) if several else [each] * len(parts)
        return [
            (p, False) if axis is None else (self._moved(p, axis), True)
            for p, axis in zip(parts, places, strict=True)
        ]

    def _axis(self, x: Handle) -> int:
        """The batch axis; that of the elements of a list is always the first."""
        return x.ndim - 1 if self.last and isinstance(x.type, ArrayType) else 0

    def _moved(self, x: Any, axis: int) -> Any:
        """A result with its batch axis where the batch has it."""
        if isinstance(x.type, ListType):
            self._listed()
            return x
        return move_axis(x, axis, x.ndim - 1 if self.last else 0)

    def _branch(self, stmt: If) -> None:
        self._alike("a condition", stmt.cond)
        sides = [self._nested(), self._nested()]
        for side, block in zip(sides, (stmt.then, stmt.orelse), strict=True):
            side.run(block)
        found = [
            side._all(block.results)
            for side, block in zip(sides, (stmt.then, stmt.orelse), strict=True)
        ]
        flags = [a in self.wide or b in self.wide for a, b in zip(*found, strict=True)]
        blocks = [
            side.builder.block((), side._ends(own, flags))
            for side, own in zip(sides, found, strict=True)
        ]
        outs = self._outs(stmt.outs, flags)
        self.builder.append(
            replace(stmt, cond=self.get(stmt.cond), then=blocks[0], orelse=blocks[1], outs=outs)
        )

    def _ends(self, results: Sequence[Operand], flags: Sequence[bool]) -> list[Operand]:
        return [self._widened(r) if f else r for r, f in zip(results, flags, strict=True)]

    def _outs(self, outs: Sequence[Value], flags: Sequence[bool]) -> tuple[Value, ...]:
        """What the values `outs` are in the copy: wide ones where the flag says so."""
        made: list[Value] = []
        for value, flag in zip(outs, flags, strict=True):
            wide = widened(value.type, self.size, self.last) if flag else value.type
            new = Value(wide, value.hint) if flag else value
            if flag:
                self._set(value, new)
            made.append(new)
        return tuple(made)

    def _loop(self, stmt: For | While) -> None:
        if isinstance(stmt, For):
            self._alike("a number of trips", stmt.lo, stmt.hi, stmt.step)
        head = len(stmt.body.params) - len(stmt.carry)
        inits = self._all(stmt.init)
        flags = [i in self.wide for i in inits]
        while True:
            inner = self._nested()
            params = inner._outs(stmt.body.params[head:], flags)
            inner.run(stmt.body)
            ends = inner._all(stmt.body.results[: len(flags)])
            found = [f or e in self.wide for f, e in zip(flags, ends, strict=True)]
            if found == flags:
                break
            flags = found
        rest = inner._all(stmt.body.results[len(flags) :])
        if any(r in self.wide for r in rest):
            raise Unbatchable("a loop whose end differs between the elements of a batch")
        body = inner.builder.block(
            (*stmt.body.params[:head], *params), (*inner._ends(ends, flags), *rest)
        )
        init = tuple(self._ends(inits, flags))
        loop = replace(stmt, init=init, body=body, carry=self._outs(stmt.carry, flags))
        if isinstance(loop, While):
            loop = replace(loop, cond=self._condition(loop.cond, flags))
        else:
            bounds = self._all((loop.lo, loop.hi, loop.step))
            loop = replace(loop, lo=bounds[0], hi=bounds[1], step=bounds[2])
        self.builder.append(loop)

    def _condition(self, cond: Block, flags: Sequence[bool]) -> Block:
        inner = self._nested()
        params = inner._outs(cond.params, flags)
        inner.run(cond)
        results = inner._all(cond.results)
        if any(r in self.wide for r in results):
            raise Unbatchable("a loop whose end differs between the elements of a batch")
        return inner.builder.block(params, results)
