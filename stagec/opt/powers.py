"""Powers whose exponent is a whole number that may be negative, as compiled code needs them.

    x[i] ** -2  ->  1.0 / x[i] ** 2
    x[i] ** n   ->  x[i] ** float(n)

A power of a NumPy number is infinite where one of a Python number raises.  Numba multiplies for
a whole exponent, and divides by what comes out as Python does: it raises at zero, and LLVM
vectorises no loop that may raise.
"""

from __future__ import annotations

from dataclasses import replace

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Block, Const, Operand, Stmt, Value, operand_of
from stagec.ir.function import Function
from stagec.ir.rebuild import map_operands, map_regions
from stagec.ir.types import ArrayType
from stagec.ir.walk import rename
from stagec.ops.arithmetic import Handle, divide, pow_, power
from stagec.ops.cast import astype, to_python
from stagec.ops.index_bounds import Indices


def powers(fn: Function) -> Function:
    """The function with powers that do not raise in its kernels."""
    functions = tuple(map(powers, fn.functions))
    body = _Powers(Indices.of(fn)).block(fn.body) if fn.kernel else fn.body
    return replace(fn, body=body, functions=functions)


class _Powers:
    """Goes through a kernel in order; `names` are what other powers take the place of."""

    def __init__(self, indices: Indices) -> None:
        self._indices = indices
        self._names: dict[Value, Operand] = {}

    def block(self, block: Block) -> Block:
        """The block with other powers."""
        builder = Builder()
        with self._indices.scope(block):
            for stmt in block.stmts:
                self._indices.note(stmt)
                stmt = map_operands(stmt, lambda v: rename(v, self._names))
                if not self._changed(builder, stmt):
                    builder.append(map_regions(stmt, self.block))
        return builder.block(block.params, [rename(r, self._names) for r in block.results])

    def _changed(self, builder: Builder, stmt: Stmt) -> bool:
        """Whether the statement is such a power; what takes its place is added then."""
        if not isinstance(stmt, Apply) or stmt.op not in (pow_, power) or not _of_numpy(stmt):
            return False
        exponent = stmt.args[1]
        facts = self._indices.facts
        if facts.holds(facts.of(exponent)):
            return False
        builder.loc = stmt.loc
        base, by = Handle(builder, stmt.args[0]), Handle(builder, exponent)
        if isinstance(exponent, Const):
            lower = base if exponent.value == -1 else stmt.op(base, -int(exponent.value))
            made = divide(1.0, lower)
        elif exponent.type.weak:  # type: ignore[union-attr]
            made = stmt.op(base, to_python(by, kind="float"))
        else:
            made = stmt.op(base, astype(by, dtype=stmt.out.type.dtype))  # type: ignore[union-attr]
        self._names[stmt.out] = operand_of(made)
        return True


def _of_numpy(stmt: Apply) -> bool:
    """Whether it is a floating-point number of NumPy's with a whole number as the exponent."""
    types = [v.type for v in (*stmt.args, stmt.out)]
    if not all(isinstance(t, ArrayType) and not t.rank for t in types):
        return False
    _, exponent, out = types
    whole = exponent.dtype.kind in "iu"  # type: ignore[union-attr]
    return whole and out.kind == "np" and out.dtype.kind == "f"  # type: ignore[union-attr]
