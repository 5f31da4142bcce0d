"""Random functions full of views, writes, carries that change places, branches and lists.

Everything is small and of few types, so that values get mixed up as much as possible.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from stagec.ir.build import Builder
from stagec.ir.core import Block, Call, For, If, Operand, Stmt, Value, While, const
from stagec.ir.function import Function
from stagec.ir.path import Arg, Index, Path, Slice, Transpose
from stagec.ir.types import BOOL, FLOAT, INT, ArrayType, ListType, Type
from stagec.ops import arithmetic, comparison, copying, indexing, lists
from stagec.ops.broadcast import broadcast_like

LONG = ArrayType(np.dtype(float), (4,))
SHORT = ArrayType(np.dtype(float), (2,))
MATRIX = ArrayType(np.dtype(float), (4, 4))
BAG = ListType(LONG)
CARRIED: tuple[Type, ...] = (LONG, LONG, LONG, MATRIX, BAG, SHORT)
TYPES: tuple[Type, ...] = (LONG, LONG, MATRIX, BAG, SHORT, FLOAT, BOOL)
HALVES = (Slice(None, 2), Slice(2, None), Slice(None, None, 2), Slice(1, None, 2), Slice(1, 3))


def random_function(seed: int) -> Function:
    """A function of a seed; it takes arrays, a list and numbers."""
    return _Generator(seed).function()


def arguments(fn: Function, seed: int) -> tuple[Any, ...]:
    """Arguments for the function."""
    draw = random.Random(seed)
    return tuple(_argument(p.type, draw) for p in fn.params)


def _argument(type: Type, draw: random.Random) -> Any:
    if isinstance(type, ListType):
        return [_argument(type.element, draw) for _ in range(3)]
    assert isinstance(type, ArrayType)
    if type.kind == "py":
        return draw.random() < 0.5 if type.dtype.kind == "b" else float(draw.randrange(1, 9))
    return np.array([draw.randrange(1, 99) for _ in range(_size(type))], float).reshape(
        [d for d in type.shape if isinstance(d, int)]
    )


def _size(type: ArrayType) -> int:
    return int(np.prod([d for d in type.shape if isinstance(d, int)]))


class _Generator:
    """Builds one function; `scope` are the values that may be used."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.scope: list[Value] = []
        self.budget = self.draw.randrange(4, 30)
        self.callee: Function | None = None

    def function(self) -> Function:
        if self.draw.random() < 0.3:
            self.callee = self.residual()
        params = [Value(t, f"p{k}") for k, t in enumerate(TYPES)]
        self.scope = list(params)
        builder = Builder()
        self.statements(builder, 3)
        results: list[Operand] = [self.any(self.draw.choice(CARRIED)) for _ in range(3)]
        mutated: list[tuple[int, int]] = []
        for k, param in enumerate(params[:5]):
            if self.draw.random() < 0.4:
                mutated.append((k, len(results)))
                results.append(self.any(param.type))
        finals = {r for _, r in mutated}
        fresh = tuple(self.draw.random() < 0.5 and k not in finals for k in range(len(results)))
        functions = () if self.callee is None else (self.callee,)
        body = builder.block(params, results)
        return Function("f", body, tuple(mutated), fresh, functions)

    def residual(self) -> Function:
        """A function that writes to its first parameter and may return its second."""
        builder = Builder()
        params = [Value(t, f"q{k}") for k, t in enumerate(TYPES)]
        self.scope = list(params)
        budget, self.budget = self.budget, 4
        self.statements(builder, 1)
        self.budget = budget
        results: list[Operand] = [self.any(LONG) for _ in range(3)]
        fresh = (False, self.draw.random() < 0.5, self.draw.random() < 0.5)
        return Function("g", builder.block(params, results), ((0, 0),), fresh)

    # --- values ------------------------------------------------------------------------------

    def any(self, type: Type) -> Value:
        """A value of the type, mostly a late one."""
        found = [v for v in self.scope if v.type == type]
        if self.draw.random() < 0.6:
            found = found[-4:]
        return self.draw.choice(found)

    def emit(self, builder: Builder, op: Any, args: tuple[Any, ...], **attrs: Any) -> None:
        operands = [a if isinstance(a, Value) else const(a) for a in args]
        self.scope += builder.add(op, operands, attrs, f"v{len(self.scope)}")

    # --- statements --------------------------------------------------------------------------

    def statements(self, builder: Builder, depth: int) -> None:
        for _ in range(self.draw.randrange(1, 8)):
            self.budget -= 1
            if self.budget <= 0:
                return
            kinds = [
                self.write,
                self.write,
                self.write,
                self.view,
                self.view,
                self.fresh,
                self.bag,
            ]
            if depth and self.draw.random() < 0.4:
                self.draw.choice((self.branch, self.loop, self.loop, self.repeat))(
                    builder, depth
                )
            elif self.callee is not None and self.draw.random() < 0.1:
                self.call(builder)
            else:
                self.draw.choice(kinds)(builder)

    def call(self, builder: Builder) -> None:
        assert self.callee is not None
        outs = tuple(Value(LONG, f"c{k}") for k in range(3))
        builder.append(Call(self.callee.name, tuple(map(self.any, TYPES)), outs))
        self.scope += outs

    def fresh(self, builder: Builder) -> None:
        type = self.draw.choice((LONG, LONG, SHORT, MATRIX))
        match self.draw.randrange(4):
            case 0:
                self.emit(builder, arithmetic.add, (self.any(type), self.any(type)))
            case 1:
                self.emit(builder, arithmetic.multiply, (self.any(type), 0.5))
            case 2:
                self.emit(builder, copying.copy, (self.any(type),))
            case _:
                self.emit(builder, broadcast_like, (self.any(LONG), self.any(MATRIX)))

    def path(self, type: Type) -> tuple[Type, Path]:
        """A path from a value of the type, and what it leads to."""
        half = Index((self.draw.choice(HALVES),))
        row = Index((self.draw.randrange(-4, 4),))
        turned = Index((Slice(None, None, -1),))
        if type == MATRIX:
            column = Index((Slice(), self.draw.randrange(4)))
            paths: tuple[tuple[Type, Path], ...] = (
                (LONG, (row,)),
                (LONG, (column,)),
                (MATRIX, (Transpose((1, 0)),)),
                (LONG, (Transpose((1, 0)), row)),
                (MATRIX, (turned,)),
            )
            return self.draw.choice(paths)
        if type == LONG:
            return self.draw.choice(
                ((SHORT, (half,)), (LONG, (turned,)), (SHORT, (turned, half)))
            )
        return SHORT, (turned,)

    def view(self, builder: Builder) -> None:
        type = self.draw.choice((LONG, LONG, MATRIX, MATRIX, SHORT))
        _, path = self.path(type)
        self.emit(builder, indexing.read, (self.any(type),), path=path)

    def write(self, builder: Builder) -> None:
        type = self.draw.choice((LONG, LONG, LONG, MATRIX, SHORT))
        op = self.draw.choice((indexing.update, indexing.accumulate))
        target, path = self.path(type)
        if self.draw.random() < 0.2:
            target, path = type, ()
        value = self.any(target) if self.draw.random() < 0.6 else self.draw.random()
        if self.draw.random() < 0.2 and type == LONG:
            index = Value(INT, "i")
            index = next((v for v in self.scope if v.type == INT), None)
            if index is not None:
                self.emit(builder, op, (self.any(type), 2.5, index), path=(Index((Arg(0),)),))
                return
        self.emit(builder, op, (self.any(type), value), path=path)

    def bag(self, builder: Builder) -> None:
        bag = self.any(BAG)
        match self.draw.randrange(7):
            case 0:
                self.emit(
                    builder, lists.list_new, (self.any(LONG), self.any(LONG)), element=LONG
                )
            case 1:
                self.emit(builder, lists.list_append, (bag, self.any(LONG)))
            case 2:
                self.emit(builder, lists.list_get, (bag, 0))
            case 3:
                self.emit(builder, lists.list_get, (bag, -1))
            case 4:
                self.emit(builder, lists.list_set, (bag, 0, self.any(LONG)))
            case 5:
                self.emit(builder, lists.list_add, (bag, -1, self.any(LONG)))
            case _:
                self.emit(builder, lists.list_append, (bag, self.any(LONG)))
                self.emit(builder, lists.list_pop, (self.scope[-1],))

    def nested(self, depth: int, params: tuple[Value, ...], types: list[Type]) -> Block:
        """A block with results of the types."""
        scope = list(self.scope)
        self.scope += params
        builder = Builder()
        self.statements(builder, depth - 1)
        results: list[Operand] = [self.any(t) for t in types]
        if self.draw.random() < 0.5:
            carried = [p for p in params if p.type in types]
            same = [k for k, t in enumerate(types) if t == LONG]
            swapped = [p for p in carried if p.type == LONG]
            self.draw.shuffle(swapped)
            for k, p in zip(same, swapped, strict=False):
                results[k] = p
        self.scope = scope
        return builder.block(params, results)

    def types(self) -> list[Type]:
        return [self.draw.choice(CARRIED) for _ in range(self.draw.randrange(1, 5))]

    def finish(self, builder: Builder, stmt: Stmt) -> None:
        builder.append(stmt)
        self.scope += stmt.outs

    def branch(self, builder: Builder, depth: int) -> None:
        types = self.types()
        then, orelse = (self.nested(depth, (), types) for _ in range(2))
        outs = tuple(Value(t, f"j{k}") for k, t in enumerate(types))
        self.finish(builder, If(self.any(BOOL), then, orelse, outs))

    def carried(self, types: list[Type]) -> tuple[tuple[Value, ...], tuple[Value, ...]]:
        params = tuple(Value(t, f"u{k}") for k, t in enumerate(types))
        return params, tuple(Value(t, f"o{k}") for k, t in enumerate(types))

    def loop(self, builder: Builder, depth: int) -> None:
        types = self.types()
        init = tuple(map(self.any, types))
        params, outs = self.carried(types)
        body = self.nested(depth, (Value(INT, "i"), *params), types)
        bounds = (const(0), const(self.draw.randrange(0, 4)), const(1))
        reverse = self.draw.random() < 0.3
        self.finish(builder, For(*bounds, init, body, outs, reverse=reverse))

    def repeat(self, builder: Builder, depth: int) -> None:
        """A `while` loop that counts in its first carry; its condition may look at arrays."""
        types = self.types()
        init = (const(0), *map(self.any, types))
        params, outs = self.carried(types)
        inner = Builder()
        count = Value(INT, "n")
        scope = list(self.scope)
        self.scope += (hidden := tuple(Value(p.type, p.hint) for p in params))
        if self.draw.random() < 0.5:
            self.write(inner)
        (less,) = inner.add(comparison.less, (count, const(self.draw.randrange(3))), {})
        cond = inner.block((count, *hidden), (less,))
        self.scope = scope
        count = Value(INT, "n")
        body = self.nested(depth, (count, *params), types)
        after = Builder(list(body.stmts))
        (raised,) = after.add(arithmetic.add, (count, const(1)), {})
        body = after.block(body.params, (raised, *body.results))
        self.finish(builder, While(init, cond, body, (Value(INT, "n"), *outs)))
