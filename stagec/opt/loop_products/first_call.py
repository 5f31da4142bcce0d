"""Integers as they were at the first call, computed from the lengths of its arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stagec.ir.asked import computed
from stagec.ir.build import exact
from stagec.ir.core import Apply, Const, For, Operand, Value
from stagec.ir.function import Function
from stagec.ir.lowering import is_integer
from stagec.ir.origins import Origins
from stagec.ir.path import Arg
from stagec.ir.types import ArrayType, Symbol, measured_by
from stagec.ir.walk import statements
from stagec.ops.extent import extent
from stagec.ops.filling import MADE


@dataclass(slots=True)
class FirstCall:
    """What is known of the first call.

    Attributes
    ----------
    lengths : how long symbols were.
    origins : which array each array is a later version of.
    makers : what makes each value.
    known : the integers that were asked for.
    """

    lengths: Mapping[Symbol, int]
    origins: Origins
    makers: Mapping[Value, Apply]
    known: dict[Value, int | None] = field(default_factory=dict["Value", "int | None"])

    @classmethod
    def of(cls, fn: Function) -> FirstCall:
        """What is known of the first call of the function."""
        applied = (s for s in statements(fn.body) if isinstance(s, Apply))
        makers = {out: s for s in applied for out in s.outs}
        return cls(dict(fn.lengths), Origins.of_block(fn.body), makers)

    def trips(self, loop: For) -> int:
        """How many trips the loop made; 1 if that is not known."""
        low, high = self.integer(loop.lo), self.integer(loop.hi)
        return 1 if low is None or high is None else max(high - low, 0)

    def integer(self, operand: Operand) -> int | None:
        """What the integer was; None if that is not known."""
        if isinstance(operand, Const):
            return operand.value if isinstance(operand.value, int) else None
        if not isinstance(operand, Value) or not is_integer(operand.type):
            return None
        if operand not in self.known:
            self.known[operand] = None  # what is computed from itself is not known
            self.known[operand] = self._integer(operand)
        return self.known[operand]

    def _integer(self, value: Value) -> int | None:
        found = measured_by(exact(value), self.lengths)
        stmt = self.makers.get(value)
        if found is not None or stmt is None:
            return found
        if stmt.op is extent:
            return self.length(stmt.args[0], stmt.kwargs["axis"])
        numbers = [n for a in stmt.args if (n := self.integer(a)) is not None]
        if stmt.op.measure is None or len(numbers) < len(stmt.args):
            return None
        try:
            return computed(lambda *n: int(stmt.op.value(*n, **stmt.kwargs)), tuple(numbers))
        except ArithmeticError:
            return None

    def length(self, array: Operand, axis: int) -> int | None:
        """How long the axis of the array was; None if that is not known."""
        assert isinstance(array.type, ArrayType)
        found = measured_by(array.type.shape[axis], self.lengths)
        maker = self.makers.get(self.origins.first(array))  # type: ignore[arg-type]
        if found is not None or maker is None or maker.op not in MADE:
            return found
        size = maker.kwargs["shape"][axis]
        return self.integer(maker.args[size.position]) if isinstance(size, Arg) else size

    def shape(self, array: Operand) -> tuple[int, ...] | None:
        """The shape of the array as its type tells it; None if that does not."""
        assert isinstance(array.type, ArrayType)
        found = [measured_by(dim, self.lengths) for dim in array.type.shape]
        return None if None in found else tuple(n for n in found if n is not None)
