"""Which integers of a kernel surely fit a machine word.

Python integers never overflow, those of a kernel do.  Sizes, loop indices and what the caller
passes are small; sums and products of small integers are followed as long as they stay in
range.  Whatever is carried around a loop is not known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from stagec.ir.core import Apply, Block, Const, For, If, Operand, Value, While
from stagec.ir.function import Function
from stagec.ir.lowering import LARGEST, SMALL
from stagec.ir.types import ArrayType
from stagec.ir.walk import operands, regions, statements
from stagec.ops.arithmetic import add, multiply, negative, pow_, subtract
from stagec.ops.extent import CHECKS, PLACES
from stagec.ops.rounding import py_max, py_min

LINEAR = {add, subtract, multiply, negative}
GROWING = {*LINEAR, pow_}  # the ops whose results may be larger than their operands


def small_integers(fn: Function) -> set[Value]:
    """The integers whose size is known to be below `LARGEST`."""
    found = _Sizes(only_checked(fn.body))
    for param in fn.params:
        found.most[param] = SMALL
    found.block(fn.body)
    return set(found.most)


def only_checked(block: Block) -> set[Value]:
    """The integers that are used for nothing but to be checked as indices."""
    checked: set[Operand] = set()
    other: set[Operand] = set(block.results)
    for stmt in statements(block):
        is_check = isinstance(stmt, Apply) and stmt.op in CHECKS
        (checked if is_check else other).update(operands(stmt)[: 1 if is_check else None])
        for region in regions(stmt):
            other.update(region.results)
    return {v for v in checked - other if isinstance(v, Value)}


@dataclass(slots=True)
class _Sizes:
    """The largest absolute value that an integer may have, where one is known.

    What is in `checked` is only compared to lengths.  The sum of a machine word and a small
    number that does not fit a word wraps around, to an integer that is no index either.
    """

    checked: set[Value]
    most: dict[Value, int] = field(default_factory=dict[Value, int])

    def of(self, operand: Operand) -> int | None:
        """The bound of an operand."""
        if isinstance(operand, Const):
            return abs(operand.value) if isinstance(operand.value, int) else None
        return self.most.get(operand) if isinstance(operand, Value) else None

    def note(self, value: Value, bound: int | None) -> None:
        """Note the bound if it is one."""
        if bound is not None and bound < LARGEST:
            self.most[value] = bound

    def block(self, block: Block) -> None:
        """Go through the statements."""
        for stmt in block.stmts:
            match stmt:
                case Apply():
                    self.apply(stmt)
                case If(then=then, orelse=orelse, outs=outs):
                    self.block(then)
                    self.block(orelse)
                    for out, a, b in zip(outs, then.results, orelse.results, strict=True):
                        bounds = (self.of(a), self.of(b))
                        if None not in bounds:
                            self.note(out, max(bounds))  # type: ignore[type-var]
                case For(body=body):
                    bounds = (self.of(stmt.lo), self.of(stmt.hi), self.of(stmt.step))
                    if None not in bounds:
                        self.note(body.params[0], sum(bounds))  # type: ignore[arg-type]
                    self.block(body)
                case While(cond=cond, body=body):
                    self.block(cond)
                    self.block(body)
                case _:
                    pass

    def apply(self, stmt: Apply) -> None:
        """Note the bound of an op's result."""
        out = stmt.outs[0] if len(stmt.outs) == 1 else None
        if out is None or not isinstance(out.type, ArrayType) or out.type.dtype.kind != "i":
            return
        if out.type.size is not None or stmt.op in PLACES:
            self.note(out, SMALL)
        elif stmt.op in (py_min, py_max):
            bounds = [self.of(a) for a in stmt.args]
            if None not in bounds:
                self.note(out, max(bounds))  # type: ignore[type-var]
        elif stmt.op in LINEAR:
            bounds = [self.of(a) for a in stmt.args]
            if (
                stmt.op in (add, subtract)
                and out in self.checked
                and any(b is not None and b <= SMALL for b in bounds)
            ):
                self.note(out, LARGEST - 1)
            elif None not in bounds:
                total = math.prod if stmt.op is multiply else sum
                self.note(out, total(bounds))  # type: ignore[arg-type]
