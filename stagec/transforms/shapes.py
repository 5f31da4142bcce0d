"""Where the shape of a forward value can be had in a backward pass.

Ops that read only the shape of an operand (`Op.shapes`) get another value of the same shape, if
possible one that is there anyway: a parameter of the function before an intermediate result,
the array that an element was written to before the result of the write.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from stagec.ir.build import Builder
from stagec.ir.core import (
    Apply,
    Block,
    Const,
    For,
    Operand,
    Structured,
    Value,
    While,
    const,
)
from stagec.ir.path import Arg
from stagec.ir.types import ArrayType, Dim, Shape, Size, Symbol, Type, rank_of, same, same_shape
from stagec.ir.walk import regions
from stagec.ops.creation import zeros, zeros_like
from stagec.ops.extent import extent


@dataclass(slots=True)
class Shapes:
    """What is known about the shapes of a function's values."""

    params: tuple[Value, ...]
    producers: dict[Value, Apply] = field(default_factory=dict[Value, Apply])
    overwritten: dict[Value, Value] = field(default_factory=dict[Value, Value])

    @classmethod
    def of(cls, block: Block, later: bool = True) -> Shapes:
        """The shapes of the block and of all blocks nested in it.

        `later` allows a value to stand for one before it: right in a backward pass only.
        """
        found = cls(tuple(p for p in block.params if rank_of(p.type)))
        found._collect(block)
        if not later:
            found.overwritten.clear()
        return found

    def _collect(self, block: Block) -> None:
        own = set(block.params)
        for stmt in block.stmts:
            pairs: list[tuple[Operand, Value]] = []
            match stmt:
                case Apply(op=op, args=args, outs=outs):
                    self.producers.update(dict.fromkeys(outs, stmt))
                    if op.overwrites is not None:
                        pairs = [(args[op.overwrites], outs[0])]
                case For(init=init, carry=carry) | While(init=init, carry=carry):
                    pairs = list(zip(init, carry, strict=True))
                case _:
                    pass
            for old, new in pairs:
                if isinstance(old, Value) and old in own and known_same(old.type, new.type):
                    self.overwritten[old] = new
            own.update(stmt.outs)
            for region in regions(stmt):
                self._collect(region)

    def latest(self, value: Value) -> Value:
        """The value, or what was made of it last in its place if the shape is the same."""
        while value in self.overwritten:
            value = self.overwritten[value]
        return value

    def witness(self, builder: Builder, operand: Operand) -> Operand:
        """A value of the same shape that costs less to keep."""
        if not isinstance(operand, Value) or not rank_of(operand.type):
            return operand
        for param in self.params:
            if known_same(param.type, operand.type):
                return param
        stmt = self.producers.get(operand)
        if stmt is None:
            return operand
        if stmt.op.overwrites is not None and operand is stmt.outs[0]:
            return self.witness(builder, stmt.args[stmt.op.overwrites])
        for arg in _same_shaped(stmt, operand):
            return self.witness(builder, arg)
        if "path" in stmt.kwargs:
            source = self.witness(builder, stmt.args[0])
            if source in self.params and source is not stmt.args[0]:
                return builder.add(stmt.op, (source, *stmt.args[1:]), stmt.kwargs)[0]
        return operand

    def sizes(self, builder: Builder, type: ArrayType) -> list[Operand] | None:
        """The sizes of arrays of the type, if the parameters tell them."""
        found: list[Operand] = []
        for dim in type.shape:
            if isinstance(dim, int):
                found.append(const(dim))
                continue
            place = next(
                (
                    (p, axis)
                    for p in self.params
                    for axis, d in enumerate(_shape(p.type))
                    if same(d, dim)
                ),
                None,
            )
            if place is None:
                return None
            found.append(builder.add(extent, place[:1], {"axis": place[1]})[0])
        return found

    def settle(self, builder: Builder, start: int) -> None:
        """Give the statements from number `start` on operands that cost less to keep."""
        stmts = builder.stmts[start:]
        del builder.stmts[start:]
        for stmt in stmts:
            if isinstance(stmt, Apply) and stmt.op.shapes:
                args = tuple(
                    self.witness(builder, a) if k in stmt.op.shapes else a
                    for k, a in enumerate(stmt.args)
                )
                stmt = replace(stmt, args=args)
            builder.append(stmt)


def zeros_of_shape(builder: Builder, shapes: Shapes, value: Value) -> Value:
    """Zeros in the shape and dtype of the array `value`."""
    assert isinstance(value.type, ArrayType)
    dtype = value.type.dtype
    like = shapes.witness(builder, value)
    if like in shapes.params:
        return builder.add(zeros_like, (like,), {"dtype": dtype})[0]
    sizes = shapes.sizes(builder, value.type)
    if sizes is not None:
        plan, args = planned(sizes)
        return builder.add(zeros, args, {"shape": plan, "dtype": dtype})[0]
    if like is value:
        like = shapes.latest(value)
    return builder.add(zeros_like, (like,), {"dtype": dtype})[0]


def planned(
    sizes: Sequence[Operand], first: int = 0
) -> tuple[tuple[int | Arg, ...], tuple[Operand, ...]]:
    """Sizes as a shape attribute, and the operands (from number `first` on) it refers to."""
    plan: list[int | Arg] = []
    args: list[Operand] = []
    for size in sizes:
        if isinstance(size, Const):
            plan.append(size.value)
        else:
            plan.append(Arg(first + len(args)))
            args.append(size)
    return tuple(plan), tuple(args)


def _shape(type: Type) -> Shape:
    return type.shape if isinstance(type, ArrayType) else ()


def known_same(a: Type, b: Type) -> bool:
    """Whether the two are arrays of surely the same shape."""
    if not (isinstance(a, ArrayType) and isinstance(b, ArrayType)):
        return False
    return same_shape(a.shape, b.shape)


def _same_shaped(stmt: Apply, result: Operand) -> Iterable[Operand]:
    """The operands that surely have the shape of this result."""
    out = result.type
    arrays = [a for a in stmt.args if rank_of(a.type)]
    found = [a for a in arrays if known_same(a.type, out)]
    if (
        not found
        and pointwise(stmt)
        and len(arrays) == 1
        and rank_of(arrays[0].type) == rank_of(out)
    ):
        return arrays
    return found


def axes_of(stmt: Apply, result: Value) -> list[tuple[Operand, int]] | None:
    """For each axis of a result the operand, and its axis, that is as long; None: not known."""
    places: dict[Dim, tuple[Operand, int]] = {}
    types: list[Type] = []
    for n, arg in enumerate(stmt.args):
        names = [
            Size(((Symbol(f"__axis{n}_{k}", unit=True), 1),)) for k in range(rank_of(arg.type))
        ]
        places |= {name: (arg, k) for k, name in enumerate(names)}
        types.append(replace(arg.type, shape=tuple(names)) if names else arg.type)  # type: ignore[type-var]
    found = stmt.op.infer(*types, **stmt.kwargs)
    kind = (found if isinstance(found, tuple) else (found,))[stmt.outs.index(result)]
    lengths = [places.get(d) for d in _shape(kind)]
    return [p for p in lengths if p is not None] if all(lengths) else None


def pointwise(stmt: Apply) -> bool:
    """Whether each element of the result is computed from one of each operand."""
    return not isinstance(stmt.op.scalar, Structured) and not stmt.op.shapes and not stmt.attrs
