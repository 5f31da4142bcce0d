"""Whether every index of a kernel surely lies inside of its array.

Loop indices and what is computed from them are followed as affine expressions of sizes; what is
proven need not be checked at run time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from stagec.ir.alias import path_of
from stagec.ir.core import Apply, Block, Const, For, If, Operand, Value, While
from stagec.ir.function import Function
from stagec.ir.lowering import is_integer
from stagec.ir.origins import Origins
from stagec.ir.path import Arg, Index, NewAxis, Slice
from stagec.ir.types import ArrayType, Dim, Size, Symbol, affine, at_least, size
from stagec.ops.arithmetic import add, multiply, negative, subtract
from stagec.ops.creation import empty
from stagec.ops.extent import extent
from stagec.ops.rounding import py_max


def in_bounds(fn: Function) -> bool:
    """Whether no index of the kernel needs to be checked."""
    given = {
        s
        for p in fn.params
        if isinstance(p.type, ArrayType) and p.type.size is not None and not p.type.rank
        for s, _ in p.type.size.terms
    }
    return _Indices(given, Origins.of_block(fn.body)).block(fn.body)


@dataclass(slots=True)
class _Indices:
    """What is known of integers; `given` are the symbols that need not be sizes.

    `least` are lower bounds of integers of which more is not known, `lengths` those of the
    lengths of arrays that the kernel makes.
    """

    given: set[Symbol]
    origins: Origins
    exact: dict[Value, Dim] = field(default_factory=dict[Value, Dim])
    least: dict[Operand, Dim] = field(default_factory=dict[Operand, Dim])
    lengths: dict[Operand, tuple[Dim, ...]] = field(
        default_factory=dict[Operand, tuple[Dim, ...]]
    )
    ranges: dict[Symbol, tuple[Dim, Dim]] = field(default_factory=dict[Symbol, tuple[Dim, Dim]])

    def of(self, operand: Operand) -> Dim:
        """The integer as an expression: a symbol of its own if it is not known."""
        if not isinstance(operand, Value):
            value = operand.value if isinstance(operand, Const) else None
            return value if isinstance(value, int) else None
        if self.exact.get(operand) is None and is_integer(operand.type):
            symbol = Symbol(f"#{len(self.given)}", True)
            self.given.add(symbol)
            self.exact[operand] = size(symbol)
        return self.exact.get(operand)

    def block(self, block: Block) -> bool:
        """Whether all indices of the block are known to be inside."""
        for stmt in block.stmts:
            match stmt:
                case Apply():
                    if not self.apply(stmt):
                        return False
                case If(then=then, orelse=orelse):
                    if not (self.block(then) and self.block(orelse)):
                        return False
                case For(body=body):
                    self.index(stmt)
                    if not self.block(body):
                        return False
                case While(cond=cond, body=body):
                    if not (self.block(cond) and self.block(body)):
                        return False
                case _:
                    return False
        return True

    def index(self, stmt: For) -> None:
        """Note the range of a loop index."""
        lo, hi, step = self.of(stmt.lo), self.of(stmt.hi), self.of(stmt.step)
        if not isinstance(step, int) or step == 0:
            return
        symbol = Symbol(f"@{len(self.ranges)}", True)
        first, last = (lo, affine((hi, 1), const=-1)) if step > 0 else (
            affine((hi, 1), const=1), lo)  # fmt: skip
        self.ranges[symbol] = first, last
        self.exact[stmt.body.params[0]] = size(symbol)

    def apply(self, stmt: Apply) -> bool:
        """Whether the op's index is inside; notes its result."""
        if stmt.op is extent:
            array = stmt.args[0].type
            assert isinstance(array, ArrayType)
            self.exact[stmt.outs[0]] = array.shape[stmt.kwargs["axis"]]
        elif stmt.op in (add, subtract):
            parts = [(self.of(a), f) for a, f in zip(stmt.args, _signs(stmt), strict=True)]
            self.exact[stmt.outs[0]] = affine(*parts)
        elif stmt.op is negative:
            self.exact[stmt.outs[0]] = affine((self.of(stmt.args[0]), -1))
        elif stmt.op is multiply:
            a, b = map(self.of, stmt.args)
            if isinstance(b, int):
                a, b = b, a
            self.exact[stmt.outs[0]] = affine((b, a)) if isinstance(a, int) else None
        elif stmt.op is py_max:
            numbers = [self.of(a) for a in stmt.args]
            self.least[stmt.outs[0]] = next((n for n in numbers if isinstance(n, Size)), None)
        elif stmt.op is empty:
            self.lengths[stmt.outs[0]] = tuple(
                self.least.get(at := stmt.args[n.position]) or self.of(at)
                if isinstance(n, Arg)
                else n
                for n in stmt.kwargs["shape"]
            )
        path = path_of(stmt)
        if path is None:
            return True
        base = stmt.args[0].type
        first = 1 if stmt.op.overwrites is None else 2
        return (
            len(path) <= 1
            and isinstance(base, ArrayType)
            and all(
                self.inside(
                    s,
                    self.lengths.get(self.origins.first(stmt.args[0]), base.shape),
                    stmt.args[first:],
                )
                for s in path
            )
        )

    def inside(
        self, step: object, lengths: tuple[Dim, ...], index: tuple[Operand, ...]
    ) -> bool:
        """Whether an index selects what is there."""
        if not isinstance(step, Index):
            return True
        axis = 0
        for item in step.items:
            if isinstance(item, NewAxis):
                continue
            dim = lengths[axis]
            axis += 1
            if isinstance(item, Slice):
                continue
            at: Dim = self.of(index[item.position]) if isinstance(item, Arg) else item
            if isinstance(at, int) and at < 0:
                at = affine((dim, 1), const=at)
            if not (self.holds(at) and self.holds(affine((dim, 1), (at, -1), const=-1))):
                return False
        return True

    def holds(self, expression: Dim) -> bool:
        """Whether the expression is surely not negative."""
        for symbol in reversed(self.ranges):
            if not isinstance(expression, Size):
                break
            factor = dict(expression.terms).get(symbol, 0)
            if factor:
                low, high = self.ranges[symbol]
                end = low if factor > 0 else high
                expression = affine((expression, 1), (size(symbol), -factor), (end, factor))
        if isinstance(expression, Size) and any(s in self.given for s, _ in expression.terms):
            return False
        least = at_least(expression)
        return least is not None and least >= 0


def _signs(stmt: Apply) -> tuple[int, int]:
    return (1, -1) if stmt.op is subtract else (1, 1)
